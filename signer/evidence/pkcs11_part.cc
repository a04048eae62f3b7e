// SPDX-License-Identifier: Apache-2.0

#include "evidence/pkcs11_part.h"

#include <algorithm>
#include <utility>

#include "base/hex.h"
#include "evidence/strict_object.h"

namespace signer::evidence {

namespace {

constexpr std::size_t kMechanismsMax = 512;
constexpr std::size_t kObjectsMax = 256;
constexpr std::size_t kValidationsMax = 8;
constexpr std::size_t kVariablesMax = 256;
constexpr std::size_t kTriesMax = 512;

const jose::Json& member_or_nothing(StrictObject& object, std::string_view name) {
  static const jose::Json kNothing = jose::Json::object();
  const jose::Json* const member = object.require(name);
  return member == nullptr ? kNothing : *member;
}

Pkcs11Library read_library(const jose::Json& value, Fault& fault) {
  StrictObject object(value, "library", fault);
  Pkcs11Library library;
  library.path = object.text("path", kPathBytesMax);
  library.sha256 = object.text("sha256");
  library.manufacturer = object.text("manufacturer");
  library.description = object.text("description");
  library.version = object.text("version");
  library.cryptoki = object.text("cryptoki");
  object.nothing_else();
  if (!library.sha256.empty() && (library.sha256.size() != 64 || !from_hex(library.sha256))) {
    fault.note("library.sha256", "no SHA-256 in hexadecimal");
  }
  return library;
}

Pkcs11Slot read_slot(const jose::Json& value, Fault& fault) {
  StrictObject object(value, "slot", fault);
  Pkcs11Slot slot;
  slot.description = object.text("description");
  slot.manufacturer = object.text("manufacturer");
  slot.flags = object.number("flags");
  slot.hardware = object.text("hardware");
  slot.firmware = object.text("firmware");
  object.nothing_else();
  return slot;
}

Pkcs11Token read_token(const jose::Json& value, Fault& fault) {
  StrictObject object(value, "token", fault);
  Pkcs11Token token;
  token.label = object.text("label");
  token.manufacturer = object.text("manufacturer");
  token.model = object.text("model");
  token.serial = object.text("serial");
  token.flags = object.number("flags");
  token.hardware = object.text("hardware");
  token.firmware = object.text("firmware");
  object.nothing_else();
  return token;
}

Pkcs11Mechanism read_mechanism(const jose::Json& value, const std::string& place, Fault& fault) {
  StrictObject object(value, place, fault);
  Pkcs11Mechanism mechanism;
  mechanism.name = object.text("name");
  mechanism.type = object.number("type");
  mechanism.flags = object.number("flags");
  static_cast<void>(object.number("min"));
  static_cast<void>(object.number("max"));
  object.nothing_else();
  if (mechanism.name.empty()) fault.note(place, "a mechanism without a name");
  return mechanism;
}

Pkcs11Object read_object(const jose::Json& value, const std::string& place, Fault& fault) {
  StrictObject object(value, place, fault);
  Pkcs11Object other;
  const jose::Json* const name = object.require("class");
  if (name == nullptr || !name->is_number_unsigned()) static_cast<void>(object.text("class"));
  if (const jose::Json* const list = object.require("attributes")) {
    other.attributes = AttributeList::read(*list, place + ".attributes", AttributeList::Types::kOfKeys, fault);
  }
  other.same_modulus = object.boolean("same_modulus");
  object.nothing_else();
  return other;
}

Pkcs11Throwaway read_throwaway(const jose::Json& value, Fault& fault) {
  StrictObject object(value, "throwaway", fault);
  Pkcs11Throwaway throwaway;
  throwaway.rv = object.text("rv");
  if (const jose::Json* const list = object.find("attributes")) {
    throwaway.attributes = AttributeList::read(*list, "throwaway.attributes", AttributeList::Types::kOfKeys, fault);
  }
  object.nothing_else();
  return throwaway;
}

std::optional<AttributeList> list_if_there(StrictObject& object, std::string_view name, Fault& fault) {
  const jose::Json* const list = object.find(name);
  if (list == nullptr) return std::nullopt;
  return AttributeList::read(*list, object.place_of(name), AttributeList::Types::kOfKeys, fault);
}

Pkcs11Try read_try(const jose::Json& value, const std::string& place, Fault& fault) {
  StrictObject object(value, place, fault);
  Pkcs11Try one;
  one.probe = object.text("probe");
  one.target = object.text("target");
  one.call = object.text("call");
  one.rv = object.text("rv");
  one.mechanism = object.text_if_there("mechanism");
  one.attribute = object.text_if_there("attribute");
  if (object.find("length") != nullptr) one.length = object.number("length");
  one.before = list_if_there(object, "before", fault);
  one.after = list_if_there(object, "after", fault);
  object.nothing_else();
  if (!one.rv.starts_with("CKR_")) fault.note(place, "rv is no name of a return value");
  return one;
}

// Reads the array's elements with `read_one(element, place, fault)`.
template <class ReadOne>
auto read_each(const jose::Json* array, const std::string& place, Fault& fault, const ReadOne& read_one) {
  std::vector<decltype(read_one(*array, place, fault))> all;
  for (std::size_t i = 0; array != nullptr && i < array->size() && !fault; ++i) {
    all.push_back(read_one((*array)[i], place + "[" + std::to_string(i) + "]", fault));
  }
  return all;
}

void read_keys(StrictObject& object, Pkcs11Part& part, Fault& fault) {
  if (const jose::Json* const list = object.require("private_key")) {
    part.private_key = AttributeList::read(*list, "private_key", AttributeList::Types::kOfKeys, fault);
  }
  part.public_key = list_if_there(object, "public_key", fault);
  part.same_id = object.number("same_id");
  part.objects = read_each(object.array("objects", kObjectsMax), "objects", fault, read_object);
  if (object.find("objects_more") != nullptr) {
    part.objects_more = object.number("objects_more");
  } else if (part.objects.size() == kObjectsMax) {
    fault.note("objects_more", "missing, and there may be more objects");
  }
  if (object.find("validation") == nullptr) return;
  part.validations = 0;
  const auto lists = read_each(object.array("validation", kValidationsMax), "validation", fault,
                               [](const jose::Json& list, const std::string& place, Fault& noted) {
                                 return AttributeList::read(list, place, AttributeList::Types::kAny, noted);
                               });
  part.validations = lists.size();
}

void read_token_part(StrictObject& object, Pkcs11Part& part, Fault& fault) {
  const auto one = from_hex(object.text("ulong"));
  const auto form = one ? UlongForm::of_one(*one) : std::nullopt;
  if (form) {
    part.ulong = *form;
  } else {
    fault.note("ulong", "not the number 1 in 4 or 8 bytes");
  }
  part.library = read_library(member_or_nothing(object, "library"), fault);
  if (object.find("environment") != nullptr) {
    part.environment = read_each(object.array("environment", kVariablesMax), "environment", fault,
                                 [](const jose::Json& name, const std::string& place, Fault& noted) {
                                   const auto* const text = name.get_ptr<const jose::Json::string_t*>();
                                   if (text == nullptr || text->size() > kTextBytesMax)
                                     noted.note(place, "no name of a variable");
                                   return text == nullptr ? std::string() : *text;
                                 });
  }
  part.slot = read_slot(member_or_nothing(object, "slot"), fault);
  part.token = read_token(member_or_nothing(object, "token"), fault);
  part.mechanisms = read_each(object.array("mechanisms", kMechanismsMax), "mechanisms", fault, read_mechanism);
}

void read_tries(StrictObject& object, Pkcs11Part& part, Fault& fault) {
  const std::string asked = object.text("probes");
  if (asked == "full") {
    part.probes = ProbesAsked::kFull;
  } else if (asked == "read-only") {
    part.probes = ProbesAsked::kReadOnly;
  } else if (asked != "none") {
    fault.note("probes", "neither none nor read-only nor full");
  }
  if (const jose::Json* const throwaway = object.find("throwaway")) part.throwaway = read_throwaway(*throwaway, fault);
  part.tried = read_each(object.array("tried", kTriesMax), "tried", fault, read_try);
}

}  // namespace

const Pkcs11Mechanism* Pkcs11Part::mechanism(std::uint64_t type) const noexcept {
  const auto at = std::ranges::find(mechanisms, type, &Pkcs11Mechanism::type);
  return at == mechanisms.end() ? nullptr : &*at;
}

Result<Pkcs11Part> read_pkcs11_part(const jose::Json& value) {
  Fault fault;
  Pkcs11Part part;
  StrictObject object(value, "pkcs11", fault);
  read_token_part(object, part, fault);
  read_keys(object, part, fault);
  read_tries(object, part, fault);
  object.nothing_else();
  if (fault) return fail(ErrorCode::kInvalidRequest, fault.text());
  return part;
}

}  // namespace signer::evidence

// SPDX-License-Identifier: Apache-2.0

#include "evidence/attribute_list.h"

#include <algorithm>
#include <limits>

#include "base/hex.h"
#include "evidence/cryptoki.h"

namespace signer::evidence {

namespace {

constexpr std::size_t kAttributesMax = 64;
constexpr std::size_t kValueBytesMax = 8192;

Attribute read_attribute(const jose::Json& one, const std::string& place, AttributeList::Types types, Fault& fault) {
  StrictObject object(one, place, fault);
  Attribute attribute;
  const std::string name = object.text("name");
  attribute.type = object.number("type");
  const std::string value = object.text_if_there("value", 2 * kValueBytesMax);
  attribute.rv = object.text_if_there("rv");
  const bool has_value = object.find("value") != nullptr;
  object.nothing_else();
  if (has_value == (object.find("rv") != nullptr)) fault.note(place, "neither a value alone nor a return value alone");
  if (!has_value && !attribute.rv.starts_with("CKR_")) fault.note(place, "rv is no name of a return value");
  if (has_value) {
    attribute.value = from_hex(value);
    if (!attribute.value) fault.note(place, "a value that is no lower-case hexadecimal");
  }
  if (types == AttributeList::Types::kOfKeys) {
    const std::string_view known = cryptoki::attribute_name(attribute.type);
    if (known.empty()) fault.note(place, "an attribute that evidence does not have: " + name);
    if (known != name) fault.note(place, "the name and the number of the attribute do not fit: " + name);
  }
  return attribute;
}

}  // namespace

std::optional<UlongForm> UlongForm::of_one(ByteView one) {
  if (one.size() != 4 && one.size() != 8) return std::nullopt;
  UlongForm form;
  form.size_ = one.size();
  form.little_endian_ = one.front() == 1;
  if (form.read(one) != 1U) return std::nullopt;
  return form;
}

std::optional<std::uint64_t> UlongForm::read(ByteView value) const {
  if (value.size() != size_) return std::nullopt;
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < size_; ++i) number = number << 8U | value[little_endian_ ? size_ - 1 - i : i];
  return number;
}

std::optional<std::vector<std::uint64_t>> UlongForm::read_several(ByteView values) const {
  if (values.size() % size_ != 0) return std::nullopt;
  std::vector<std::uint64_t> numbers;
  for (std::size_t at = 0; at < values.size(); at += size_) numbers.push_back(*read(values.subspan(at, size_)));
  return numbers;
}

std::uint64_t UlongForm::unavailable() const noexcept {
  return size_ == 4 ? std::numeric_limits<std::uint32_t>::max() : std::numeric_limits<std::uint64_t>::max();
}

AttributeList AttributeList::read(const jose::Json& list, std::string_view place, Types types, Fault& fault) {
  AttributeList read;
  if (!list.is_array() || list.size() > kAttributesMax) {
    fault.note(place, "no attribute list of at most 64 attributes");
    return read;
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    read.attributes_.push_back(
        read_attribute(list[i], std::string(place) + "[" + std::to_string(i) + "]", types, fault));
  }
  std::ranges::sort(read.attributes_, {}, &Attribute::type);
  if (std::ranges::adjacent_find(read.attributes_, {}, &Attribute::type) != read.attributes_.end()) {
    fault.note(place, "an attribute twice");
  }
  return read;
}

const Attribute* AttributeList::find(std::uint64_t type) const noexcept {
  const auto at = std::ranges::find(attributes_, type, &Attribute::type);
  return at == attributes_.end() ? nullptr : &*at;
}

const Bytes* AttributeList::value(std::uint64_t type) const noexcept {
  const Attribute* const attribute = find(type);
  return attribute != nullptr && attribute->value ? &*attribute->value : nullptr;
}

std::optional<bool> AttributeList::flag(std::uint64_t type) const noexcept {
  const Bytes* const bytes = value(type);
  if (bytes == nullptr || bytes->size() != 1 || bytes->front() > 1) return std::nullopt;
  return bytes->front() == 1;
}

}  // namespace signer::evidence

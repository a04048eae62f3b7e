// SPDX-License-Identifier: Apache-2.0

#include "evidence/strict_object.h"

#include <algorithm>
#include <utility>

#include "evidence/verdict.h"

namespace signer::evidence {

void Fault::note(std::string_view place, std::string_view what) {
  if (text_.empty()) text_ = shown(std::string(place) + ": " + std::string(what));
}

StrictObject::StrictObject(const jose::Json& value, std::string place, Fault& fault)
    : value_(value), place_(std::move(place)), fault_(fault) {
  if (!value_.is_object()) fault_.note(place_, "no JSON object");
}

std::string StrictObject::place_of(std::string_view name) const {
  return place_ + "." + std::string(name);
}

const jose::Json* StrictObject::find(std::string_view name) {
  if (!value_.is_object()) return nullptr;
  known_.emplace_back(name);
  const auto at = value_.find(known_.back());
  return at == value_.end() ? nullptr : &*at;
}

const jose::Json* StrictObject::require(std::string_view name) {
  const jose::Json* const member = find(name);
  if (member == nullptr) fault_.note(place_of(name), "missing");
  return member;
}

std::string StrictObject::text(std::string_view name, std::size_t bytes_max) {
  return require(name) == nullptr ? std::string() : text_if_there(name, bytes_max);
}

std::string StrictObject::text_if_there(std::string_view name, std::size_t bytes_max) {
  const jose::Json* const member = find(name);
  if (member == nullptr) return {};
  const auto* const text = member->get_ptr<const jose::Json::string_t*>();
  if (text == nullptr) {
    fault_.note(place_of(name), "no text");
    return {};
  }
  if (text->size() > bytes_max) {
    fault_.note(place_of(name), "a text of more than " + std::to_string(bytes_max) + " bytes");
    return {};
  }
  return *text;
}

std::uint64_t StrictObject::number(std::string_view name) {
  const jose::Json* const member = require(name);
  if (member == nullptr) return 0;
  const auto number = member->is_number_integer() ? jose::json_integer(*member) : std::nullopt;
  if (number && *number >= 0) return static_cast<std::uint64_t>(*number);
  fault_.note(place_of(name), "no whole number from 0 on");
  return 0;
}

bool StrictObject::boolean(std::string_view name) {
  const jose::Json* const member = require(name);
  if (member == nullptr) return false;
  const auto* const value = member->get_ptr<const jose::Json::boolean_t*>();
  if (value != nullptr) return *value;
  fault_.note(place_of(name), "neither true nor false");
  return false;
}

const jose::Json* StrictObject::array(std::string_view name, std::size_t size_max) {
  const jose::Json* const member = require(name);
  if (member == nullptr) return nullptr;
  if (member->is_array() && member->size() <= size_max) return member;
  fault_.note(place_of(name), "no array of at most " + std::to_string(size_max) + " elements");
  return nullptr;
}

void StrictObject::nothing_else() {
  if (!value_.is_object()) return;
  for (const auto& [name, ignored] : value_.items()) {
    if (std::ranges::find(known_, name) == known_.end()) {
      fault_.note(place_, "an unknown member: " + shown(name.substr(0, 64)));
    }
  }
}

}  // namespace signer::evidence

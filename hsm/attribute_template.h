// SPDX-License-Identifier: Apache-2.0
//
// What is asked of a token for a new key, and what its key must read back as.
#pragma once

#include <array>
#include <cstring>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "hsm/key_store.h"

namespace signer::hsm {

// When a token refuses the template, what to leave out next.  SENSITIVE and EXTRACTABLE go last (some tokens refuse the
// mere mention and always do the right thing); whoever makes a key judges the outcome all the same.
enum class Leniency { kNone, kMechanisms, kModifiable, kRareFlags, kUsage, kAll };
inline constexpr std::array kLeniencies{Leniency::kNone,      Leniency::kMechanisms, Leniency::kModifiable,
                                        Leniency::kRareFlags, Leniency::kUsage,      Leniency::kAll};
inline constexpr Leniency kRequired = static_cast<Leniency>(99);

// A CK_ATTRIBUTE array that owns its values and leaves out those that the leniency allows to be absent.
class Template {
 public:
  explicit Template(Leniency leniency) : leniency_(leniency) {}

  void bytes(CK_ATTRIBUTE_TYPE type, ByteView value, Leniency droppable = kRequired) {
    if (leniency_ >= droppable) return;
    values_.emplace_back(value.begin(), value.end());
    attributes_.push_back({type, values_.back().data(), values_.back().size()});
  }

  void flag(CK_ATTRIBUTE_TYPE type, CK_BBOOL value, Leniency droppable = kRequired) {
    bytes(type, ByteView(&value, 1), droppable);
  }

  void number(CK_ATTRIBUTE_TYPE type, CK_ULONG value, Leniency droppable = kRequired) {
    std::array<std::uint8_t, sizeof value> raw{};
    std::memcpy(raw.data(), &value, sizeof value);
    bytes(type, raw, droppable);
  }

  [[nodiscard]] CK_ATTRIBUTE* data() noexcept { return attributes_.data(); }

  [[nodiscard]] CK_ULONG size() const noexcept { return attributes_.size(); }

 private:
  Leniency leniency_;
  std::deque<Bytes> values_;  // a deque: the attributes point into it
  std::vector<CK_ATTRIBUTE> attributes_;
};

// A CKA_ALLOWED_MECHANISMS value.
[[nodiscard]] Bytes raw_bytes(const std::vector<CK_MECHANISM_TYPE>& mechanisms);

struct Requirement {
  CK_ATTRIBUTE_TYPE type;
  bool value;
  bool may_be_absent;  // roles some tokens do not have; never the attributes that keep the key in
};

// " CKA_SENSITIVE=0 CKA_LOCAL=-" for each that the object does not meet ("-" is "not reported"); empty if it meets all.
[[nodiscard]] channel::HostResult<std::string> flag_faults(const Session& session, CK_OBJECT_HANDLE object,
                                                           std::span<const Requirement> requirements);

}  // namespace signer::hsm

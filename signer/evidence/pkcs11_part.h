// SPDX-License-Identifier: Apache-2.0
//
// The member `pkcs11` of a statement as values (docs/evidence-format.md §3): its form is right, nothing is judged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evidence/attribute_list.h"
#include "jose/json.h"
#include "signer/result.h"

namespace signer::evidence {

struct Pkcs11Library {
  std::string path;
  std::string sha256;
  std::string manufacturer;
  std::string description;
  std::string version;
  std::string cryptoki;
};

struct Pkcs11Slot {
  std::string description;
  std::string manufacturer;
  std::uint64_t flags = 0;
  std::string hardware;
  std::string firmware;
};

struct Pkcs11Token {
  std::string label;
  std::string manufacturer;
  std::string model;
  std::string serial;
  std::uint64_t flags = 0;
  std::string hardware;
  std::string firmware;
};

struct Pkcs11Mechanism {
  std::string name;
  std::uint64_t type = 0;
  std::uint64_t flags = 0;
};

// A key beside the pair.  Its class is what CKA_CLASS says.
struct Pkcs11Object {
  AttributeList attributes;
  bool same_modulus = false;
};

enum class ProbesAsked { kNone, kReadOnly, kFull };

struct Pkcs11Throwaway {
  std::string rv;
  AttributeList attributes;
};

// One thing that was tried.
struct Pkcs11Try {
  std::string probe;
  std::string target;
  std::string call;
  std::string rv;
  std::string mechanism;  // empty: none
  std::string attribute;  // the same
  std::optional<std::uint64_t> length;
  std::optional<AttributeList> before;
  std::optional<AttributeList> after;
};

struct Pkcs11Part {
  UlongForm ulong;
  Pkcs11Library library;
  std::optional<std::vector<std::string>> environment;
  Pkcs11Slot slot;
  Pkcs11Token token;
  std::vector<Pkcs11Mechanism> mechanisms;
  AttributeList private_key;
  std::optional<AttributeList> public_key;
  std::uint64_t same_id = 0;
  std::vector<Pkcs11Object> objects;
  std::uint64_t objects_more = 0;
  std::optional<std::size_t> validations;  // how many CKO_VALIDATION objects
  ProbesAsked probes = ProbesAsked::kNone;
  std::optional<Pkcs11Throwaway> throwaway;
  std::vector<Pkcs11Try> tried;

  // Null if the token does not list it.
  [[nodiscard]] const Pkcs11Mechanism* mechanism(std::uint64_t type) const noexcept;
};

// kInvalidRequest, naming the place, for a missing or unknown member, a wrong type, or what is too long.
[[nodiscard]] Result<Pkcs11Part> read_pkcs11_part(const jose::Json& value);

}  // namespace signer::evidence

// SPDX-License-Identifier: Apache-2.0
//
// The member `pkcs11` of a bundle as a host writes it for a good key in a good token, to be spoilt one thing at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/verdict.h"
#include "jose/json.h"
#include "jose/public_key.h"

namespace signer::test {

using jose::Json;

// An RSA key of 2048 bits in form alone: nothing is signed with it.
[[nodiscard]] const jose::PublicKey& made_up_key();

// Everything that docs/evidence-format.md §3 asks for, with `probes` full.
[[nodiscard]] Json good_pkcs11(const jose::PublicKey& key);

// The same with no tries and few mechanisms: some 3,000 bytes.
[[nodiscard]] Json small_pkcs11(const jose::PublicKey& key);

[[nodiscard]] Json flag_of(std::string_view name, std::uint64_t type, bool value);
[[nodiscard]] Json number_of(std::string_view name, std::uint64_t type, std::uint64_t value);
[[nodiscard]] Json bytes_of_attribute(std::string_view name, std::uint64_t type, std::string_view hex);

// The element of an attribute list; aborts if there is none.
[[nodiscard]] Json& attribute(Json& list, std::string_view name);

void set_flag(Json& list, std::string_view name, bool value);

// What the token answers for an attribute that it does not have.
void make_absent(Json& list, std::string_view name);
void remove_attribute(Json& list, std::string_view name);

// The tries of one probe: with this mechanism or attribute, or all.
[[nodiscard]] std::vector<Json*> tries(Json& part, std::string_view probe, std::string_view subject = "");
void remove_tries(Json& part, std::string_view probe, std::string_view subject = "");

// A key beside the pair.
[[nodiscard]] Json other_object(std::uint64_t object_class, bool same_modulus);

// The finding of the check with that name; nothing if there is none.
[[nodiscard]] std::optional<evidence::Finding> finding_of(const evidence::Judgement& judgement, std::string_view name);

// Names of all kBad checks, with a blank between.
[[nodiscard]] std::string bad_checks(const evidence::Judgement& judgement);

}  // namespace signer::test

// SPDX-License-Identifier: Apache-2.0
//
// A profile of the configuration with what it refers to: read once, when the configuration is.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "config/config.h"
#include "jose/certificate_chain.h"
#include "jose/jwe.h"

namespace signer::policy {

// Where a profile's files come from.
struct Files {
  // The text of the key set of a recipient.
  std::function<Result<std::string>(const config::Recipient& recipient)> key_set;
  // The PEM text of a chain.  Nothing: the profile does without, so that its tokens have no x5c.
  std::function<Result<std::optional<std::string>>(const std::string& path)> certificates;
  // What pairwise pseudonyms are made with.
  std::function<Result<Secret>(const std::string& source)> secret;
};

// The files of this machine: a key set or certificates of at most 1 MiB, with read_file()'s errors and never nothing; a
// secret as read_secret_file() wants it, 32 to 256 bytes.
[[nodiscard]] Files system_files();

// HMAC-SHA-256 (RFC 2104, FIPS 198-1), whoever computes it: a token, or signerd with the secret of a file.
using PairwiseMac = std::array<std::uint8_t, 32>;

// What stands in `sub` for an internal id: BASE64URL(HMAC-SHA-256(secret, sector || 0x00 || id)), the first 22
// characters, which are 132 bits (OpenID Connect Core §8.1).
[[nodiscard]] std::string pseudonym_of(const PairwiseMac& mac);

// Immutable; shared by the requests that were judged by it.
class Profile {
 public:
  // kInvalidRequest, without a place in the file, if the recipient's key, the secret or the certificates cannot be had.
  [[nodiscard]] static Result<std::shared_ptr<const Profile>> prepare(const config::Profile& written,
                                                                      const config::Config& config, const Files& files);

  [[nodiscard]] const config::Profile& settings() const noexcept { return settings_; }

  // config::profile_sha256 of the settings.
  [[nodiscard]] const std::string& sha256() const noexcept { return sha256_; }

  // Null: nothing is encrypted.
  [[nodiscard]] const jose::JweRecipient* recipient() const noexcept { return recipient_ ? &*recipient_ : nullptr; }

  // The whole token is encrypted, and not claims alone.
  [[nodiscard]] bool encrypts_token() const noexcept { return recipient_ && settings_.encrypt_claims.empty(); }

  // Whether the claims that are signed can differ from those that are sent in more than what is set.
  [[nodiscard]] bool rewrites_claims() const noexcept { return recipient_ || settings_.pairwise; }

  // Null: the header has no x5c.
  [[nodiscard]] const jose::CertificateChain* certificate_chain() const noexcept {
    return certificate_chain_ ? &*certificate_chain_ : nullptr;
  }

  // The HMAC key in a token that makes this profile's pseudonyms; null: none does.
  [[nodiscard]] const std::string* pairwise_key() const noexcept {
    return settings_.pairwise && !settings_.pairwise->secret_key.empty() ? &settings_.pairwise->secret_key : nullptr;
  }

  // What the pseudonym for an internal id is the MAC of: sector || 0x00 || id.
  [[nodiscard]] std::string pairwise_message(std::string_view id) const;

  // The MAC under the secret of the file.  Nothing if OpenSSL has no memory.
  [[nodiscard]] std::optional<PairwiseMac> pairwise_mac(std::string_view message) const;

 private:
  Profile() = default;

  config::Profile settings_;
  std::string sha256_;
  std::optional<jose::JweRecipient> recipient_;
  std::optional<jose::CertificateChain> certificate_chain_;
  Secret pairwise_secret_;
};

}  // namespace signer::policy

// SPDX-License-Identifier: Apache-2.0

#include "policy/profile.h"

#include <openssl/hmac.h>

#include <algorithm>

#include "base/file.h"
#include "base/secret_file.h"
#include "jose/base64url.h"

namespace signer::policy {

namespace {

constexpr std::size_t kTextBytesMax = 1024UL * 1024;
constexpr std::size_t kSecretBytesMin = 32;
constexpr std::size_t kSecretBytesMax = 256;
constexpr std::size_t kPseudonymChars = 22;

Result<jose::JweRecipient> load_recipient(const config::Recipient& recipient, const Files& files) {
  SIGNER_ASSIGN_OR_RETURN(const std::string text, files.key_set(recipient));
  auto found = jose::JweRecipient::from_jwks(
      text, recipient.kid.empty() ? std::nullopt : std::optional<std::string>(recipient.kid));
  if (!found) return fail(ErrorCode::kInvalidRequest, recipient.jwks_file + ": " + found.error().text);
  return found;
}

// Nothing: the profile does without.
Result<std::optional<jose::CertificateChain>> load_certificates(const std::string& path, const Files& files) {
  SIGNER_ASSIGN_OR_RETURN(const auto text, files.certificates(path));
  if (!text) return std::optional<jose::CertificateChain>();
  auto chain = jose::read_certificate_chain(*text);
  if (!chain) return fail(ErrorCode::kInvalidRequest, path + ": " + chain.error().text);
  return std::optional<jose::CertificateChain>(*std::move(chain));
}

Result<Secret> load_secret(const std::string& source, const Files& files) {
  SIGNER_ASSIGN_OR_RETURN(Secret secret, files.secret(source));
  if (secret.reveal().size() < kSecretBytesMin) {
    return fail(ErrorCode::kInvalidRequest,
                source + ": holds less than 32 bytes; make one with: openssl rand -base64 48 -out FILE");
  }
  return secret;
}

}  // namespace

Files system_files() {
  return {[](const config::Recipient& recipient) { return read_file(recipient.jwks_file, kTextBytesMax); },
          [](const std::string& path) -> Result<std::optional<std::string>> {
            SIGNER_ASSIGN_OR_RETURN(std::string text, read_file(path, kTextBytesMax));
            return std::optional<std::string>(std::move(text));
          },
          [](const std::string& source) -> Result<Secret> {
            SIGNER_ASSIGN_OR_RETURN(SecretFile file, read_secret_file(source, kSecretBytesMax));
            return std::move(file.secret);
          }};
}

Result<std::shared_ptr<const Profile>> Profile::prepare(const config::Profile& written, const config::Config& config,
                                                        const Files& files) {
  std::shared_ptr<Profile> profile(new Profile());
  profile->settings_ = written;
  profile->sha256_ = config::profile_sha256(written);
  const auto recipient = std::ranges::find(config.recipients, written.encrypt_to, &config::Recipient::name);
  if (recipient != config.recipients.end()) {
    SIGNER_ASSIGN_OR_RETURN(profile->recipient_, load_recipient(*recipient, files));
  }
  if (!written.certificate_chain.empty()) {
    SIGNER_ASSIGN_OR_RETURN(profile->certificate_chain_, load_certificates(written.certificate_chain, files));
  }
  if (written.pairwise && profile->pairwise_key() == nullptr) {
    SIGNER_ASSIGN_OR_RETURN(profile->pairwise_secret_, load_secret(written.pairwise->secret_file, files));
  }
  return std::shared_ptr<const Profile>(std::move(profile));
}

std::string pseudonym_of(const PairwiseMac& mac) {
  return jose::base64url_encode(mac).substr(0, kPseudonymChars);
}

std::string Profile::pairwise_message(std::string_view id) const {
  return settings_.pairwise.value_or(config::Pairwise{}).sector + '\0' + std::string(id);
}

std::optional<PairwiseMac> Profile::pairwise_mac(std::string_view message) const {
  const std::string_view secret = pairwise_secret_.reveal();
  PairwiseMac mac{};
  unsigned size = 0;
  const auto message_bytes = bytes_of(message);
  if (::HMAC(::EVP_sha256(), secret.data(), static_cast<int>(secret.size()), message_bytes.data(), message_bytes.size(),
             mac.data(), &size) == nullptr) {
    return std::nullopt;
  }
  return mac;
}

}  // namespace signer::policy

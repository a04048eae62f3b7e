// SPDX-License-Identifier: Apache-2.0
//
// Certificates as manufacturers and organisations issue them, made with OpenSSL on the spot.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <optional>
#include <string>

#include "jose/evp_key.h"
#include "jose/public_key.h"
#include "signer/bytes.h"

namespace signer::evidence::test {

inline constexpr std::int64_t kNow = 1'750'000'000;
inline constexpr std::int64_t kDay = 86'400;

// What is said of the one to whom a certificate is issued.
struct CertificateWords {
  std::string common_name;
  bool is_authority = false;
  std::optional<std::string> usage;         // extended key usages, as OpenSSL's configuration spells them
  std::optional<std::string> manufacturer;  // of a TPM: a critical alternative name of the TCG's form
  std::int64_t not_before = kNow - kDay;
  std::int64_t not_after = kNow + kDay;
  const EVP_MD* hash = ::EVP_sha256();
};

// Somebody with a P-256 key who issues certificates.
class Authority {
 public:
  // A root.
  explicit Authority(const std::string& common_name);

  // One whom another certified.
  Authority(const std::string& common_name, const Authority& issuer);

  // DER.
  [[nodiscard]] const Bytes& certificate() const { return certificate_; }

  // DER.  The numbers need not be a key that anybody has.
  [[nodiscard]] Bytes issue(const jose::PublicKey& key, const CertificateWords& words) const;

 private:
  Bytes sign(EVP_PKEY* key, const CertificateWords& words, const std::string& issuer_name) const;

  std::string common_name_;
  jose::KeyPtr key_;
  Bytes certificate_;
};

// OpenSSL's key of numbers that need not be sound.
[[nodiscard]] jose::KeyPtr openssl_key(const jose::PublicKey& numbers);

// "-----BEGIN CERTIFICATE-----", 64 characters a line.
[[nodiscard]] std::string pem_of(ByteView der, const std::string& label = "CERTIFICATE");

}  // namespace signer::evidence::test

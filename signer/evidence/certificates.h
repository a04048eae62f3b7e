// SPDX-License-Identifier: Apache-2.0
//
// X.509 certificates (RFC 5280) that evidence carries or that its judge trusts: read with limits, and followed to a
// root that was given.  Nothing of the machine is trusted and nothing is fetched: no system roots, no network, and no
// revocation lists, which nobody gave.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jose/public_key.h"
#include "signer/bytes.h"
#include "signer/result.h"

namespace signer::evidence {

inline constexpr std::size_t kCertificateBytesMax = 16UL * 1024;
inline constexpr std::size_t kBundledCertificatesMax = 8;               // in one place of a bundle
inline constexpr std::size_t kCertificateFileBytesMax = 2048UL * 1024;  // of roots that an auditor keeps
inline constexpr std::size_t kTrustedCertificatesMax = 1024;

// Extended key usages (TCG EK Credential Profile §3.2.16, and of attestation keys).
inline constexpr std::string_view kEndorsementKeyUsage = "2.23.133.8.1";
inline constexpr std::string_view kAttestationKeyUsage = "2.23.133.8.3";

// One certificate that was read.  Whether anybody signed it is not known.  Move-only; may be read by many threads.
class Certificate {
 public:
  // kInvalidRequest for more than kCertificateBytesMax, for what OpenSSL cannot read and for bytes behind the end.
  [[nodiscard]] static Result<Certificate> read(ByteView der);

  // The numbers of an RSA or P-256 key, in the form of jose::PublicKey (RS256 and ES256 stand for the kind of key);
  // nothing for any other key.
  [[nodiscard]] std::optional<jose::PublicKey> key() const;

  // RFC 5280 §4.2.1.12, dotted numbers; nothing if the certificate does not limit its usage.
  [[nodiscard]] std::optional<std::vector<std::string>> usages() const;

  // TCG EK Credential Profile §3.2.9: the attribute 2.23.133.2.1 of a directory name in the subject's alternative
  // names, "id:49465800" for one; nothing if there is none.
  [[nodiscard]] std::optional<std::string> tpm_manufacturer() const;

  // The extension, dotted numbers, that gives the certificate a meaning of its own which is not known here: one that is
  // critical and that OpenSSL does not know, or one of YubiHSM and YubiKey (1.3.6.1.4.1.41482.4 and below); nothing if
  // there is none.
  [[nodiscard]] std::optional<std::string> unknown_extension() const;

  // RFC 2253, as OpenSSL writes it: may be empty, may be long, and is what a stranger chose.
  [[nodiscard]] std::string subject() const;

  [[nodiscard]] X509* get() const noexcept { return certificate_.get(); }

 private:
  struct Free {
    void operator()(X509* certificate) const noexcept;
  };

  explicit Certificate(X509* certificate) noexcept : certificate_(certificate) {}

  std::unique_ptr<X509, Free> certificate_;
};

// The certificates of a file, as DER, in its order: PEM blocks "CERTIFICATE" with any text around them, or one DER
// certificate.  kInvalidRequest, with what is wrong, if there is none, if there are more than `count_max`, if one
// cannot be read, if there is a block of another kind (a private key), or for more than kCertificateFileBytesMax.
[[nodiscard]] Result<std::vector<Bytes>> read_certificates(ByteView file,
                                                           std::size_t count_max = kTrustedCertificatesMax);

// Whether something that is not white space stands behind the last PEM block.
[[nodiscard]] bool has_more_behind_pem(ByteView file) noexcept;

// Whether the bytes claim to be PEM.
[[nodiscard]] bool is_pem(ByteView file) noexcept;

// Follows `leaf` to one of the roots, which must be self-signed, and returns that root's subject.  All are DER;
// `between` may help and is believed no more than its issuers; what of it or of the roots cannot be read is left out.
// Each must be valid at `now` (seconds since 1970) and signed with at least 112 bits of security (no SHA-1, RSA from
// 2,048 bits).  Purposes are not looked at: that is usages().  kDenied with the reason that OpenSSL gives if there is
// no such chain, kInternal if OpenSSL fails.
[[nodiscard]] Result<std::string> follow_chain(const Certificate& leaf, const std::vector<Bytes>& between,
                                               const std::vector<Bytes>& roots, std::int64_t now);

}  // namespace signer::evidence

// SPDX-License-Identifier: Apache-2.0

#include "hsm/signature.h"

#include <algorithm>
#include <array>

#include "hsm/ckr.h"
#include "jose/hash.h"

namespace signer::hsm {

using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;

namespace {

constexpr std::size_t kEs256Bytes = 64;

// RFC 8017 §9.2 note 1: DER of DigestInfo for SHA-256, up to the digest.
constexpr std::array<std::uint8_t, 19> kDigestInfoPrefix{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                                         0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

// DigestInfo || SHA-256 in one buffer: CKM_RSA_PKCS signs all of it, CKM_ECDSA its tail.
using HashedInput = std::array<std::uint8_t, kDigestInfoPrefix.size() + sizeof(jose::Sha256Digest)>;

HashedInput hashed_input(std::string_view input) {
  HashedInput out{};
  const auto tail = std::ranges::copy(kDigestInfoPrefix, out.begin()).out;
  std::ranges::copy(jose::sha256(bytes_of(input)), tail);
  return out;
}

HostResult<bool> can_sign(const CK_FUNCTION_LIST& api, CK_SLOT_ID slot, CK_MECHANISM_TYPE type) {
  CK_MECHANISM_INFO info{};
  const CK_RV rv = api.C_GetMechanismInfo(slot, type, &info);
  if (host_status(rv) == HostStatus::kUnavailable) return fail(host_error("C_GetMechanismInfo", "", rv));
  return rv == CKR_OK && (info.flags & CKF_SIGN) != 0;
}

}  // namespace

HostResult<Mechanisms> offered_mechanisms(const CK_FUNCTION_LIST& api, CK_SLOT_ID slot) {
  Mechanisms mechanisms;
  for (const CK_MECHANISM_TYPE type : {CKM_SHA256_RSA_PKCS, CKM_RSA_PKCS}) {
    if (mechanisms.rs256) break;
    SIGNER_ASSIGN_OR_RETURN(const bool offered, can_sign(api, slot, type));
    if (offered) mechanisms.rs256 = type;
  }
  SIGNER_ASSIGN_OR_RETURN(const bool ecdsa, can_sign(api, slot, CKM_ECDSA));
  if (ecdsa) mechanisms.es256 = CKM_ECDSA;
  SIGNER_ASSIGN_OR_RETURN(mechanisms.hmac, can_sign(api, slot, CKM_SHA256_HMAC));
  return mechanisms;
}

HostResult<Bytes> make_signature(const Session& session, const StoredKey& key, const Mechanisms& mechanisms,
                                 std::string_view signing_input) {
  const bool rsa = key.public_key.algorithm == Algorithm::kRs256;
  const auto type = rsa ? mechanisms.rs256 : mechanisms.es256;
  if (!type) {
    return host_failure(HostStatus::kUnsupported, std::string("hsm: the token offers no mechanism for ") +
                                                      std::string(to_string(key.public_key.algorithm)));
  }
  HashedInput hashed{};
  ByteView data = bytes_of(signing_input);
  if (*type != CKM_SHA256_RSA_PKCS) {
    hashed = hashed_input(signing_input);
    data = rsa ? ByteView(hashed) : ByteView(hashed).subspan(kDigestInfoPrefix.size());
  }
  Bytes signature(rsa ? key.public_key.modulus.size() : kEs256Bytes);
  CK_ULONG size = signature.size();
  CK_MECHANISM mechanism{*type, nullptr, 0};
  CK_RV rv = session.api().C_SignInit(session.handle(), &mechanism, key.private_key);
  if (rv != CKR_OK) return fail(host_error("C_SignInit", "", rv));
  rv = session.api().C_Sign(session.handle(), read_only(data), data.size(), signature.data(), &size);
  if (rv != CKR_OK) return fail(host_error("C_Sign", "", rv));
  if (size != signature.size()) {
    return host_failure(HostStatus::kUnavailable, "hsm: C_Sign gave " + std::to_string(size) + " bytes instead of " +
                                                      std::to_string(signature.size()));
  }
  return signature;
}

}  // namespace signer::hsm

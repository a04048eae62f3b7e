// SPDX-License-Identifier: Apache-2.0

#include "hsm/csr/request.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

#include "base/freer.h"
#include "jose/base64url.h"
#include "jose/json.h"
#include "jose/public_key.h"

namespace signer::p11 {

using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;

namespace {

constexpr std::size_t kCoordinateBytes = 32;  // P-256

using RequestPtr = std::unique_ptr<X509_REQ, Freer<&::X509_REQ_free>>;
using BioPtr = std::unique_ptr<BIO, Freer<&::BIO_free>>;

Failure<channel::HostError> broken(const std::string& step) {
  ::ERR_clear_error();
  return host_failure(HostStatus::kUnsupported, "request: " + step + " failed in OpenSSL; report this as a fault");
}

HostResult<RequestPtr> sign(const TokenKey& key, const X509_NAME& subject) {
  RequestPtr request(::X509_REQ_new());
  if (!request || ::X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      ::X509_REQ_set_subject_name(request.get(), const_cast<X509_NAME*>(&subject)) != 1 ||
      ::X509_REQ_set_pubkey(request.get(), key.get()) != 1) {
    return broken("building it");
  }
  ::ERR_clear_error();
  if (::X509_REQ_sign(request.get(), key.get(), ::EVP_sha256()) <= 0) return fail(TokenKey::signing_error());
  return request;
}

// A number of the key, big-endian without leading zeroes.
Bytes number_of(const EVP_PKEY& key, const char* name) {
  BIGNUM* value = nullptr;
  if (::EVP_PKEY_get_bn_param(&key, name, &value) != 1) return {};
  Bytes bytes(static_cast<std::size_t>(BN_num_bytes(value)));
  ::BN_bn2bin(value, bytes.data());
  ::BN_free(value);
  return bytes;
}

// The public key as OpenSSL's own, without libp11 behind it.
std::unique_ptr<EVP_PKEY, Freer<&::EVP_PKEY_free>> own_copy(const EVP_PKEY& key) {
  unsigned char* der = nullptr;
  const int size = ::i2d_PUBKEY(&key, &der);
  if (size <= 0) return nullptr;
  const unsigned char* next = der;
  std::unique_ptr<EVP_PKEY, Freer<&::EVP_PKEY_free>> copy(::d2i_PUBKEY(nullptr, &next, size));
  ::OPENSSL_free(der);
  return copy;
}

// Empty for a key of another kind than the daemon has.
std::string thumbprint_of(const EVP_PKEY& key) {
  const auto copy = own_copy(key);
  if (!copy) return "";
  jose::PublicKey known;
  if (::EVP_PKEY_get_base_id(copy.get()) == EVP_PKEY_RSA) {
    known.modulus = number_of(*copy, OSSL_PKEY_PARAM_RSA_N);
    known.exponent = number_of(*copy, OSSL_PKEY_PARAM_RSA_E);
  } else {
    known.algorithm = Algorithm::kEs256;
    known.x = number_of(*copy, OSSL_PKEY_PARAM_EC_PUB_X);
    known.y = number_of(*copy, OSSL_PKEY_PARAM_EC_PUB_Y);
    for (Bytes* coordinate : {&known.x, &known.y}) {
      if (coordinate->size() < kCoordinateBytes) {
        coordinate->insert(coordinate->begin(), kCoordinateBytes - coordinate->size(), std::uint8_t{0});
      }
    }
  }
  return jose::check_shape(known) ? jose::thumbprint(known) : std::string();
}

// A copy that has only what the encoding has: its public key is OpenSSL's own, without libp11 behind it.
RequestPtr read_back(const X509_REQ& request) {
  unsigned char* der = nullptr;
  const int size = ::i2d_X509_REQ(&request, &der);
  if (size <= 0) return nullptr;
  const unsigned char* next = der;
  RequestPtr copy(::d2i_X509_REQ(nullptr, &next, size));
  ::OPENSSL_free(der);
  return copy;
}

bool is_evidence(std::string_view input) {
  const std::size_t dot = input.find('.');
  if (dot == std::string_view::npos || input.find('.', dot + 1) != std::string_view::npos) return false;
  const auto text = jose::base64url_decode(input.substr(0, dot));
  const auto header = text ? jose::parse_json_object(text_of(*text)) : fail(ErrorCode::kInvalidRequest, "");
  return header && header->contains("typ") && (*header)["typ"] == "signer-evidence";
}

}  // namespace

HostResult<std::string> sign_again(const TokenKey& key, std::string_view input, const std::string& kid) {
  if (!is_evidence(input)) {
    return host_failure(HostStatus::kInvalid,
                        "sign: not the signing input of an evidence bundle, and nothing else is signed here");
  }
  if (thumbprint_of(*key.get()) != kid) {
    return host_failure(
        HostStatus::kMismatch,
        "sign: the token's key under this CKA_ID is not the one that is published as " + kid + "; nothing was signed");
  }
  SIGNER_ASSIGN_OR_RETURN(const Bytes signature, key.sign(bytes_of(input)));
  return jose::base64url_encode(signature);
}

HostResult<std::string> make_request(const TokenKey& key, const X509_NAME& subject, const std::string& kid) {
  if (thumbprint_of(*key.get()) != kid) {
    return host_failure(HostStatus::kMismatch,
                        "request: the token's key under this CKA_ID is not the one that is published as " + kid +
                            "; nothing was signed, see how its metadata and the token came apart");
  }
  SIGNER_ASSIGN_OR_RETURN(const RequestPtr request, sign(key, subject));
  const RequestPtr copy = read_back(*request);
  if (!copy) return broken("reading it back");
  if (thumbprint_of(*::X509_REQ_get0_pubkey(copy.get())) != kid) return broken("keeping the key");
  // RFC 2986 §3: the signature is the proof that whoever asks has the private key.  libp11 takes 65537 for the exponent
  // of a key that does not state one, and a token may return garbage: both end here.
  if (::X509_REQ_verify(copy.get(), ::X509_REQ_get0_pubkey(copy.get())) != 1) {
    ::ERR_clear_error();
    return host_failure(HostStatus::kMismatch,
                        "request: its signature does not verify with its own public key; nothing was printed, and the "
                        "token should not be trusted until it is known why");
  }
  const BioPtr bio(::BIO_new(::BIO_s_mem()));
  if (!bio || ::PEM_write_bio_X509_REQ(bio.get(), copy.get()) != 1) return broken("writing PEM");
  const char* text = nullptr;
  const long size = ::BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

}  // namespace signer::p11

// SPDX-License-Identifier: Apache-2.0

#include "hsm/csr/request.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace signer::p11 {

using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;

namespace {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* p) const noexcept {
    Free(p);
  }
};
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

}  // namespace

HostResult<std::string> make_request(const TokenKey& key, const X509_NAME& subject) {
  SIGNER_ASSIGN_OR_RETURN(const RequestPtr request, sign(key, subject));
  const RequestPtr copy = read_back(*request);
  if (!copy) return broken("reading it back");
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

// SPDX-License-Identifier: Apache-2.0

#include "evidence/certificates.h"

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <array>
#include <utility>

#include "base/freer.h"
#include "jose/openssl.h"
#include "verify/load_key.h"

namespace signer::evidence {

namespace {

constexpr std::string_view kPemBegin = "-----BEGIN ";
constexpr std::string_view kPemEnd = "-----END CERTIFICATE-----";
constexpr std::string_view kPemLabel = "CERTIFICATE";
constexpr const char* kManufacturerAttribute = "2.23.133.2.1";
constexpr std::string_view kYubicoAttestation = "1.3.6.1.4.1.41482.4.";
constexpr int kSecurityLevel = 2;  // 112 bits
constexpr int kChainDepthMax = 8;
constexpr std::size_t kCoordinateSize = 32;

using StorePtr = std::unique_ptr<X509_STORE, Freer<&::X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, Freer<&::X509_STORE_CTX_free>>;
using UsagesPtr = std::unique_ptr<EXTENDED_KEY_USAGE, Freer<&::EXTENDED_KEY_USAGE_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Freer<&::GENERAL_NAMES_free>>;

struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const noexcept { sk_X509_free(stack); }  // the certificates are others'
};

using StackPtr = std::unique_ptr<STACK_OF(X509), FreeStack>;

struct FreeOpenssl {
  void operator()(void* memory) const noexcept { ::OPENSSL_free(memory); }
};

Failure<Error> no_certificates(std::string text) {
  return fail(ErrorCode::kInvalidRequest, std::move(text));
}

Failure<Error> chain_failed(const char* call) {
  return fail(ErrorCode::kInternal, std::string(call) + " failed");
}

std::string dotted_numbers(const ASN1_OBJECT* object) {
  std::array<char, 128> text{};
  const int size = ::OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 1);
  return size > 0 && static_cast<std::size_t>(size) < text.size() ? std::string(text.data()) : std::string();
}

// An attribute of a distinguished name as UTF-8.
std::optional<std::string> name_attribute(const X509_NAME* name, const char* wanted) {
  for (int i = 0; i < ::X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = ::X509_NAME_get_entry(name, i);
    if (dotted_numbers(::X509_NAME_ENTRY_get_object(entry)) != wanted) continue;
    unsigned char* raw = nullptr;
    const int size = ::ASN1_STRING_to_UTF8(&raw, ::X509_NAME_ENTRY_get_data(entry));
    const std::unique_ptr<unsigned char, FreeOpenssl> text(raw);
    if (size < 0) return std::nullopt;
    return std::string(text_of(ByteView(raw, static_cast<std::size_t>(size))));
  }
  return std::nullopt;
}

std::vector<Certificate> all_that_can_be_read(const std::vector<Bytes>& certificates) {
  std::vector<Certificate> read;
  for (const Bytes& der : certificates) {
    if (auto one = Certificate::read(der)) read.push_back(*std::move(one));
  }
  return read;
}

Result<StorePtr> store_of(const std::vector<Certificate>& roots, std::int64_t now) {
  StorePtr store(::X509_STORE_new());
  if (store == nullptr) return chain_failed("X509_STORE_new");
  for (const Certificate& root : roots) {
    if (::X509_STORE_add_cert(store.get(), root.get()) != 1) return chain_failed("X509_STORE_add_cert");
  }
  X509_VERIFY_PARAM* rules = ::X509_STORE_get0_param(store.get());
  ::X509_VERIFY_PARAM_set_time(rules, static_cast<time_t>(now));
  ::X509_VERIFY_PARAM_set_depth(rules, kChainDepthMax);
  ::X509_VERIFY_PARAM_set_auth_level(rules, kSecurityLevel);
  if (::X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_ANY) != 1) {
    return chain_failed("X509_VERIFY_PARAM_set_purpose");
  }
  return store;
}

// One PEM block; nothing behind the last.
Result<std::optional<Bytes>> next_certificate_block(BIO* text) {
  char* raw_name = nullptr;
  char* raw_header = nullptr;
  unsigned char* raw_data = nullptr;
  long size = 0;
  const int outcome = ::PEM_read_bio(text, &raw_name, &raw_header, &raw_data, &size);
  const std::unique_ptr<char, FreeOpenssl> name(raw_name);
  const std::unique_ptr<char, FreeOpenssl> header(raw_header);
  const std::unique_ptr<unsigned char, FreeOpenssl> data(raw_data);
  if (outcome != 1) {
    if (ERR_GET_REASON(::ERR_peek_last_error()) == PEM_R_NO_START_LINE) return std::optional<Bytes>();
    return no_certificates("a PEM block that cannot be read");
  }
  if (name.get() != kPemLabel || *header != '\0') return no_certificates("a PEM block that is no certificate");
  return std::optional(Bytes(raw_data, raw_data + size));
}

}  // namespace

void Certificate::Free::operator()(X509* certificate) const noexcept {
  ::X509_free(certificate);
}

Result<Certificate> Certificate::read(ByteView der) {
  const jose::QuietErrors quiet;
  if (der.empty() || der.size() > kCertificateBytesMax) return no_certificates("a certificate of no possible size");
  const unsigned char* at = der.data();
  Certificate read(::d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (read.get() == nullptr) return no_certificates("a certificate that cannot be read");
  if (at != der.data() + der.size()) return no_certificates("bytes behind the end of a certificate");
  return read;
}

std::optional<jose::PublicKey> Certificate::key() const {
  const jose::QuietErrors quiet;
  const EVP_PKEY* held = ::X509_get0_pubkey(get());
  if (held == nullptr) return std::nullopt;
  jose::PublicKey key;
  if (::EVP_PKEY_is_a(held, "RSA") == 1) {
    key.modulus = verify::number_of(held, OSSL_PKEY_PARAM_RSA_N, 1);
    key.exponent = verify::number_of(held, OSSL_PKEY_PARAM_RSA_E, 1);
    return key;
  }
  std::array<char, 32> group{};
  if (::EVP_PKEY_is_a(held, "EC") != 1 || ::EVP_PKEY_get_group_name(held, group.data(), group.size(), nullptr) != 1 ||
      std::string_view(group.data()) != "prime256v1") {
    return std::nullopt;
  }
  key.algorithm = Algorithm::kEs256;
  key.x = verify::number_of(held, OSSL_PKEY_PARAM_EC_PUB_X, kCoordinateSize);
  key.y = verify::number_of(held, OSSL_PKEY_PARAM_EC_PUB_Y, kCoordinateSize);
  return key;
}

std::optional<std::vector<std::string>> Certificate::usages() const {
  const jose::QuietErrors quiet;
  if (::X509_get_ext_by_NID(get(), NID_ext_key_usage, -1) < 0) return std::nullopt;
  std::vector<std::string>
      found;  // stays empty, and so allows nothing, if the extension cannot be read or is there twice
  const UsagesPtr usages(
      static_cast<EXTENDED_KEY_USAGE*>(::X509_get_ext_d2i(get(), NID_ext_key_usage, nullptr, nullptr)));
  for (int i = 0; usages != nullptr && i < sk_ASN1_OBJECT_num(usages.get()); ++i) {
    found.push_back(dotted_numbers(sk_ASN1_OBJECT_value(usages.get(), i)));
  }
  return found;
}

std::optional<std::string> Certificate::tpm_manufacturer() const {
  const jose::QuietErrors quiet;
  const NamesPtr names(static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int kind = 0;
    const void* value = ::GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &kind);
    if (kind != GEN_DIRNAME) continue;
    if (auto found = name_attribute(static_cast<const X509_NAME*>(value), kManufacturerAttribute)) return found;
  }
  return std::nullopt;
}

std::optional<std::string> Certificate::unknown_extension() const {
  const jose::QuietErrors quiet;
  for (int i = 0; i < ::X509_get_ext_count(get()); ++i) {
    X509_EXTENSION* extension = ::X509_get_ext(get(), i);
    std::string name = dotted_numbers(::X509_EXTENSION_get_object(extension));
    const bool unknown = ::X509_EXTENSION_get_critical(extension) == 1 && ::X509_supported_extension(extension) == 0;
    if (unknown || name.starts_with(kYubicoAttestation)) return name;
  }
  return std::nullopt;
}

std::string Certificate::subject() const {
  const jose::QuietErrors quiet;
  const jose::BioPtr memory(::BIO_new(::BIO_s_mem()));
  if (memory == nullptr || ::X509_NAME_print_ex(memory.get(), ::X509_get_subject_name(get()), 0, XN_FLAG_RFC2253) < 0) {
    return {};
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

bool has_more_behind_pem(ByteView file) noexcept {
  const std::string_view text = text_of(file);
  const std::size_t end = text.rfind(kPemEnd);
  return end == std::string_view::npos ||
         text.find_first_not_of(" \t\r\n", end + kPemEnd.size()) != std::string_view::npos;
}

bool is_pem(ByteView file) noexcept {
  return text_of(file).find(kPemBegin) != std::string_view::npos;
}

Result<std::vector<Bytes>> read_certificates(ByteView file, std::size_t count_max) {
  const jose::QuietErrors quiet;
  std::vector<Bytes> found;
  if (file.size() > kCertificateFileBytesMax) return no_certificates("more bytes than certificates can have here");
  if (!is_pem(file)) {
    SIGNER_RETURN_IF_ERROR(Certificate::read(file));
    found.emplace_back(file.begin(), file.end());
    return found;
  }
  const jose::BioPtr text(::BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
  if (text == nullptr) return chain_failed("BIO_new_mem_buf");
  while (true) {
    SIGNER_ASSIGN_OR_RETURN(std::optional<Bytes> der, next_certificate_block(text.get()));
    if (!der) break;
    SIGNER_RETURN_IF_ERROR(Certificate::read(*der));
    if (found.size() == count_max) return no_certificates("more than " + std::to_string(count_max) + " certificates");
    found.push_back(*std::move(der));
  }
  if (found.empty()) return no_certificates("no certificate");
  return found;
}

Result<std::string> follow_chain(const Certificate& leaf, const std::vector<Bytes>& between,
                                 const std::vector<Bytes>& roots, std::int64_t now) {
  const jose::QuietErrors quiet;
  const std::vector<Certificate> anchors = all_that_can_be_read(roots);
  const std::vector<Certificate> helpers = all_that_can_be_read(between);
  SIGNER_ASSIGN_OR_RETURN(const StorePtr store, store_of(anchors, now));
  const StackPtr untrusted(sk_X509_new_null());
  if (untrusted == nullptr) return chain_failed("sk_X509_new_null");
  for (const Certificate& one : helpers) {
    if (sk_X509_push(untrusted.get(), one.get()) <= 0) return chain_failed("sk_X509_push");
  }
  const StoreContextPtr context(::X509_STORE_CTX_new());
  if (context == nullptr || ::X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), untrusted.get()) != 1) {
    return chain_failed("X509_STORE_CTX_init");
  }
  if (::X509_verify_cert(context.get()) != 1) {
    const int reason = ::X509_STORE_CTX_get_error(context.get());
    return fail(ErrorCode::kDenied, ::X509_verify_cert_error_string(reason));
  }
  const STACK_OF(X509)* chain = ::X509_STORE_CTX_get0_chain(context.get());
  X509* root = sk_X509_value(chain, sk_X509_num(chain) - 1);
  for (const Certificate& anchor : anchors) {
    if (::X509_cmp(anchor.get(), root) == 0) return anchor.subject();
  }
  return chain_failed("X509_STORE_CTX_get0_chain");
}

}  // namespace signer::evidence

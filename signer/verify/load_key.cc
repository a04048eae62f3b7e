// SPDX-License-Identifier: Apache-2.0

#include "verify/load_key.h"

#include <openssl/core_names.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "jose/algorithms.h"
#include "jose/openssl.h"
#include "verify/ed25519_point.h"
#include "verify/pem.h"

namespace signer::verify {

namespace {

using jose::AlgorithmRow;
using jose::BignumPtr;
using jose::BioPtr;
using jose::BuilderPtr;
using jose::ParamsPtr;
using jose::QuietErrors;
using jose::Scheme;

Failure<Error> openssl_failed(std::string_view call) {
  return fail(ErrorCode::kInternal, "verification key: " + std::string(call) + " failed");
}

Failure<Error> refused(std::string_view why) {
  return fail(ErrorCode::kInvalidRequest, "verification key: " + std::string(why));
}

const char* group_name(const AlgorithmRow& row) {
  return row.algorithm == Algorithm::kEs384 ? "secp384r1" : "prime256v1";
}

Result<ParamsPtr> ec_params(const AlgorithmRow& row, const jose::PublicKey& key) {
  Bytes point{0x04};  // SEC 1 §2.3.3, uncompressed
  point.insert(point.end(), key.x.begin(), key.x.end());
  point.insert(point.end(), key.y.begin(), key.y.end());
  const BuilderPtr builder(::OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      ::OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group_name(row), 0) != 1 ||
      ::OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
    return fail(ErrorCode::kInternal, "OSSL_PARAM_BLD_push failed");
  }
  // The builder keeps a reference to the point, so the parameters are made here.
  return ParamsPtr(::OSSL_PARAM_BLD_to_param(builder.get()));
}

Result<KeyPtr> load_ec(const AlgorithmRow& row, const jose::PublicKey& key) {
  SIGNER_ASSIGN_OR_RETURN(const ParamsPtr params, ec_params(row, key));
  // The numbers are whole by now, so a refusal here means a point that is not on the curve.
  SIGNER_ASSIGN_OR_RETURN(KeyPtr loaded, jose::key_of_params("EC", EVP_PKEY_PUBLIC_KEY, params.get()));
  SIGNER_RETURN_IF_ERROR(jose::check_public_part(loaded.get()));
  return loaded;
}

Result<KeyPtr> load_ed25519(const jose::PublicKey& key) {
  if (!is_acceptable_ed25519_point(key.x)) {
    return refused("Ed25519 point not on the curve, of small order or not in canonical form");
  }
  KeyPtr loaded(::EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, key.x.data(), key.x.size()));
  if (loaded == nullptr) return openssl_failed("EVP_PKEY_new_raw_public_key_ex");
  return loaded;
}

}  // namespace

Bytes number_of(const EVP_PKEY* key, const char* name, std::size_t size_min) {
  BIGNUM* raw = nullptr;
  if (::EVP_PKEY_get_bn_param(key, name, &raw) != 1) return {};
  const BignumPtr number(raw);
  Bytes bytes(std::max(size_min, static_cast<std::size_t>(BN_num_bytes(number.get()))));
  ::BN_bn2binpad(number.get(), bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

Result<KeyPtr> load_key(const jose::PublicKey& key, jose::RsaLimit limit) {
  SIGNER_RETURN_IF_ERROR(jose::check_shape(key, limit));
  const AlgorithmRow& row = *jose::find_algorithm(key.algorithm);  // check_shape knew it
  const QuietErrors quiet;
  if (row.scheme == Scheme::kEddsa) return load_ed25519(key);
  auto loaded = row.scheme == Scheme::kEcdsa ? load_ec(row, key) : jose::load_rsa_key(key);
  if (!loaded) return fail(loaded.error().code, "verification key: " + loaded.error().text);
  return loaded;
}

Result<jose::PublicKey> numbers_from_pem(std::string_view pem, Algorithm algorithm) {
  const AlgorithmRow* row = jose::find_algorithm(algorithm);
  if (row == nullptr) return refused("an unknown algorithm");
  if (pem.size() > kPemBytesMax) return refused("PEM text larger than " + std::to_string(kPemBytesMax) + " bytes");
  if (!is_one_pem_block(pem, "PUBLIC KEY")) {
    return refused("not one PEM block \"PUBLIC KEY\"; make one with: openssl pkey -pubin -pubout");
  }
  const QuietErrors quiet;
  const BioPtr text(::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (text == nullptr) return openssl_failed("BIO_new_mem_buf");
  const KeyPtr read(::PEM_read_bio_PUBKEY(text.get(), nullptr, &no_password, nullptr));
  if (read == nullptr) return refused("PEM_read_bio_PUBKEY refused the text");

  jose::PublicKey key;
  key.algorithm = algorithm;
  const char* const type = row->scheme == Scheme::kEddsa ? "ED25519" : row->scheme == Scheme::kEcdsa ? "EC" : "RSA";
  if (::EVP_PKEY_is_a(read.get(), type) != 1) {
    return refused("the PEM block holds no key for " + std::string(row->name));
  }
  if (row->scheme == Scheme::kEddsa) {
    key.x.resize(row->coordinate_bytes);
    std::size_t size = key.x.size();
    if (::EVP_PKEY_get_raw_public_key(read.get(), key.x.data(), &size) != 1) return refused("no raw public key");
    return key;
  }
  if (row->scheme == Scheme::kEcdsa) {
    std::array<char, 64> group{};
    if (::EVP_PKEY_get_utf8_string_param(read.get(), OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(), nullptr) !=
            1 ||
        std::string_view(group.data()) != group_name(*row)) {
      return refused("the PEM block holds a key on another curve than " + std::string(row->crv));
    }
    key.x = number_of(read.get(), OSSL_PKEY_PARAM_EC_PUB_X, row->coordinate_bytes);
    key.y = number_of(read.get(), OSSL_PKEY_PARAM_EC_PUB_Y, row->coordinate_bytes);
    return key;
  }
  key.modulus = number_of(read.get(), OSSL_PKEY_PARAM_RSA_N, 1);
  key.exponent = number_of(read.get(), OSSL_PKEY_PARAM_RSA_E, 1);
  return key;
}

}  // namespace signer::verify

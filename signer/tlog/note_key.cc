// SPDX-License-Identifier: Apache-2.0

#include "tlog/note_key.h"

#include <openssl/x509.h>

#include <algorithm>
#include <utility>

#include "base/hex.h"
#include "jose/base64url.h"
#include "jose/evp_key.h"
#include "jose/hash.h"
#include "jose/openssl.h"
#include "tlog/text.h"

namespace signer::tlog {

namespace {

// Everything of a P-256 SubjectPublicKeyInfo (RFC 5480) before its two coordinates: the uncompressed form alone, so
// that a key has one id.
constexpr std::array<std::uint8_t, 27> kP256Prefix = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                                      0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                                      0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
constexpr std::size_t kP256KeyBytes = kP256Prefix.size() + 64;
constexpr std::size_t kEd25519KeyBytes = 32;
constexpr std::size_t kVkeyBytesMax = 4096;

Failure<Error> bad_key(std::string_view why) {
  return fail(ErrorCode::kInvalidRequest, "note key: " + std::string(why));
}

// nullptr if the bytes are no key of that type.  OpenSSL refuses a point that is not on P-256; it takes any 32 bytes
// for an Ed25519 key.
jose::KeyPtr load_note_key(NoteKeyType type, ByteView bytes) {
  const jose::QuietErrors quiet;
  if (type == NoteKeyType::kEd25519) {
    if (bytes.size() != kEd25519KeyBytes) return nullptr;
    return jose::KeyPtr(::EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, bytes.data(), bytes.size()));
  }
  if (bytes.size() != kP256KeyBytes || !std::ranges::equal(bytes.first(kP256Prefix.size()), kP256Prefix))
    return nullptr;
  const std::uint8_t* at = bytes.data();
  return jose::KeyPtr(::d2i_PUBKEY(nullptr, &at, static_cast<long>(bytes.size())));
}

NoteKeyId note_key_id(std::string_view name, NoteKeyType type, ByteView key) {
  jose::Sha256Digest digest{};
  if (type == NoteKeyType::kEcdsa) {
    digest = jose::sha256(key);
  } else {
    const std::string head = std::string(name) + '\n' + static_cast<char>(type);
    digest = jose::sha256(bytes_of(head), key);
  }
  NoteKeyId id{};
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

}  // namespace

bool is_key_name(std::string_view name) noexcept {
  return !name.empty() && is_note_text(name) && is_without_spaces(name) && name.find('+') == std::string_view::npos;
}

NoteKey::NoteKey(std::string name, NoteKeyType type, Bytes key)
    : name_(std::move(name)), type_(type), id_(note_key_id(name_, type, key)), key_(std::move(key)) {}

Result<NoteKey> NoteKey::of_bytes(std::string_view name, NoteKeyType type, Bytes key) {
  if (!is_key_name(name)) return bad_key("the name is empty or holds a space, a '+' or a control character");
  if (load_note_key(type, key) == nullptr) return bad_key("no P-256 or Ed25519 public key");
  return NoteKey(std::string(name), type, std::move(key));
}

Result<NoteKey> NoteKey::parse(std::string_view vkey) {
  if (vkey.size() > kVkeyBytesMax) return bad_key("longer than " + std::to_string(kVkeyBytesMax) + " bytes");
  const std::size_t id_at = vkey.find('+') + 1;
  const std::size_t key_at = vkey.find('+', id_at) + 1;
  if (id_at == 0 || key_at == 0) return bad_key("not of the form <name>+<id>+<key>");
  const auto id = from_hex(vkey.substr(id_at, key_at - 1 - id_at));
  if (!id || id->size() != NoteKeyId{}.size()) return bad_key("the id is not of 8 lower-case hexadecimal digits");
  auto bytes = jose::base64_decode(vkey.substr(key_at));
  if (!bytes || bytes->empty()) return bad_key("the key is not base64");
  const NoteKeyType type{bytes->front()};
  if (type != NoteKeyType::kEd25519 && type != NoteKeyType::kEcdsa) return bad_key("of an unknown signature type");
  bytes->erase(bytes->begin());
  SIGNER_ASSIGN_OR_RETURN(NoteKey key, of_bytes(vkey.substr(0, id_at - 1), type, *std::move(bytes)));
  if (!std::ranges::equal(key.id_, *id)) return bad_key("the id is not the key's");
  return key;
}

Result<NoteKey> NoteKey::make(std::string_view name, const jose::PublicKey& key) {
  SIGNER_RETURN_IF_ERROR(jose::check_shape(key));
  if (key.algorithm == Algorithm::kEd25519) return of_bytes(name, NoteKeyType::kEd25519, key.x);
  if (key.algorithm != Algorithm::kEs256) return bad_key("neither of P-256 nor of Ed25519");
  Bytes info(kP256Prefix.begin(), kP256Prefix.end());
  info.insert(info.end(), key.x.begin(), key.x.end());
  info.insert(info.end(), key.y.begin(), key.y.end());
  return of_bytes(name, NoteKeyType::kEcdsa, std::move(info));
}

std::string NoteKey::to_vkey() const {
  Bytes typed = {static_cast<std::uint8_t>(type_)};
  typed.insert(typed.end(), key_.begin(), key_.end());
  return name_ + "+" + to_hex(id_) + "+" + jose::base64_encode(typed);
}

bool NoteKey::verify(std::string_view text, ByteView signature) const noexcept {
  const jose::QuietErrors quiet;
  const jose::KeyPtr key = load_note_key(type_, key_);
  const jose::HashContextPtr context(::EVP_MD_CTX_new());
  const char* const hash = type_ == NoteKeyType::kEcdsa ? "SHA256" : nullptr;
  const ByteView bytes = bytes_of(text);
  return key != nullptr && context != nullptr &&
         ::EVP_DigestVerifyInit_ex(context.get(), nullptr, hash, nullptr, nullptr, key.get(), nullptr) == 1 &&
         ::EVP_DigestVerify(context.get(), signature.data(), signature.size(), bytes.data(), bytes.size()) == 1;
}

}  // namespace signer::tlog

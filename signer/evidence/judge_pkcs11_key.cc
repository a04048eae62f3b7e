// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <span>

#include "base/hex.h"
#include "evidence/cryptoki.h"
#include "evidence/judge_pkcs11_parts.h"

namespace signer::evidence {

namespace {

constexpr std::array<std::uint8_t, 3> kUsualExponent{0x01, 0x00, 0x01};
constexpr std::array<std::uint8_t, 10> kP256Parameters{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr unsigned kRsaBitsMin = 2048;

struct FlagRule {
  std::uint64_t type;
  bool wanted;
  Finding otherwise;  // kInformation: either value will do, and `good` says what it means
  Finding absent;
  std::string_view good;
  std::string_view wrong;
};

// The first eight are those that signerd asks every token to read back before it uses a key: without them nobody, the
// token included, says that the key cannot leave.
constexpr std::array<FlagRule, 18> kPrivateRules{{
    {cryptoki::kSensitive, true, Finding::kBad, Finding::kBad, "the key's value is never shown in plain",
     "the key's value can be read in plain"},
    {cryptoki::kAlwaysSensitive, true, Finding::kBad, Finding::kBad,
     "its value was never shown in plain, since it was made",
     "it could be read before, or came from outside: a copy may exist"},
    {cryptoki::kExtractable, false, Finding::kBad, Finding::kBad, "the key cannot be wrapped and taken out",
     "the key can be wrapped and taken out"},
    {cryptoki::kNeverExtractable, true, Finding::kBad, Finding::kBad, "it could never be wrapped and taken out",
     "it could be taken out before, or came from outside: a copy may exist"},
    {cryptoki::kLocal, true, Finding::kBad, Finding::kBad, "the key was made in this token",
     "the key was not made in this token (NSS says so of every key)"},
    {cryptoki::kPrivate, true, Finding::kBad, Finding::kBad, "nobody uses the key without a login",
     "the key can be used without a login"},
    {cryptoki::kToken, true, Finding::kBad, Finding::kBad, "the key lives in the token",
     "the key is gone with its session: it is not the one that signs"},
    {cryptoki::kSign, true, Finding::kBad, Finding::kBad, "the key may sign", "the key may not sign"},
    {cryptoki::kDecrypt, false, Finding::kBad, Finding::kNotReported, "the key may not decrypt",
     "the key may decrypt: whoever uses it so can be asked to be an oracle for it"},
    {cryptoki::kUnwrap, false, Finding::kBad, Finding::kNotReported, "the key may not unwrap other keys",
     "the key may unwrap others, which brings keys of strangers into the token"},
    {cryptoki::kSignRecover, false, Finding::kBad, Finding::kNotReported, "the key may not sign bare data",
     "the key may sign bare data: that is a decryption"},
    {cryptoki::kDerive, false, Finding::kBad, Finding::kNotReported, "no other keys may be derived from it",
     "other keys may be derived from it, and those can leave"},
    {cryptoki::kModifiable, false, Finding::kWarning, Finding::kNotReported, "what the key may do stays as it is",
     "the key's user may give it other uses later"},
    {cryptoki::kCopyable, false, Finding::kWarning, Finding::kNotReported, "the key cannot be copied in the token",
     "the key can be copied in the token, with other uses"},
    {cryptoki::kWrapWithTrusted, true, Finding::kInformation, Finding::kNotReported,
     "matters only for a key that can be taken out", ""},
    {cryptoki::kAlwaysAuthenticate, false, Finding::kInformation, Finding::kNotReported,
     "whether each signature asks for the PIN", ""},
    {cryptoki::kDestroyable, false, Finding::kInformation, Finding::kNotReported, "whether the key can be deleted", ""},
    {cryptoki::kTrusted, false, Finding::kInformation, Finding::kNotReported, "meant for wrapping keys", ""},
}};

constexpr std::array<FlagRule, 2> kPublicRules{{
    {cryptoki::kWrap, false, Finding::kWarning, Finding::kNotReported, "the public key wraps nothing",
     "the public key may wrap others"},
    {cryptoki::kEncrypt, false, Finding::kWarning, Finding::kNotReported, "the public key encrypts nothing",
     "the public key may encrypt"},
}};

std::string name_in(std::string_view place, std::uint64_t type) {
  return std::string(place) + "." + std::string(cryptoki::attribute_name(type));
}

std::string why_absent(const AttributeList& list, std::uint64_t type) {
  const Attribute* const attribute = list.find(type);
  return attribute == nullptr ? "not in the evidence" : shown(attribute->rv);
}

void judge_flags(const AttributeList& list, std::string_view place, std::span<const FlagRule> rules,
                 Judgement& judgement) {
  for (const FlagRule& rule : rules) {
    const std::string name = name_in(place, rule.type);
    const Bytes* const value = list.value(rule.type);
    if (value == nullptr) {
      judgement.add(name, rule.absent, why_absent(list, rule.type),
                    rule.absent == Finding::kBad
                        ? "not reported, and without it the token does not claim to keep the key"
                        : "not reported");
      continue;
    }
    const auto flag = list.flag(rule.type);
    if (!flag) {
      judgement.add(name, Finding::kBad, shown(to_hex(*value)), "neither CK_TRUE nor CK_FALSE");
    } else if (rule.otherwise == Finding::kInformation || *flag == rule.wanted) {
      judgement.add(name, rule.otherwise == Finding::kInformation ? Finding::kInformation : Finding::kGood,
                    *flag ? "1" : "0", std::string(rule.good));
    } else {
      judgement.add(name, rule.otherwise, *flag ? "1" : "0", std::string(rule.wrong));
    }
  }
}

// What a CK_ULONG must be.
void judge_number(const Pkcs11Part& part, const AttributeList& list, std::string_view place, std::uint64_t type,
                  std::uint64_t wanted, std::string_view meaning, Judgement& judgement) {
  const Bytes* const value = list.value(type);
  if (value == nullptr) {
    judgement.add(name_in(place, type), Finding::kNotReported, why_absent(list, type), "not reported");
    return;
  }
  const bool right = part.ulong.read(*value) == wanted;
  judgement.add(name_in(place, type), right ? Finding::kGood : Finding::kBad, shown(to_hex(*value)),
                (right ? "" : "not ") + std::string(meaning));
}

void judge_generator(const Pkcs11Part& part, bool is_rsa, Judgement& judgement) {
  const std::string name = name_in("attribute", cryptoki::kKeyGenMechanism);
  const Bytes* const value = part.private_key.value(cryptoki::kKeyGenMechanism);
  if (value == nullptr) {
    judgement.add(name, Finding::kNotReported, why_absent(part.private_key, cryptoki::kKeyGenMechanism),
                  "the token does not say how the key was made");
    return;
  }
  const auto mechanism = part.ulong.read(*value);
  const bool right =
      mechanism && (is_rsa ? mechanism == cryptoki::kRsaPkcsKeyPairGen || mechanism == cryptoki::kRsaX931KeyPairGen
                           : mechanism == cryptoki::kEcKeyPairGen);
  judgement.add(name, right ? Finding::kGood : Finding::kBad, shown(to_hex(*value)),
                right ? "the token made the key pair itself"
                : mechanism == part.ulong.unavailable()
                    ? "the token does not know how the key was made: it came from outside"
                    : "this is no way to make such a key pair");
}

void judge_mechanisms(const Pkcs11Part& part, bool is_rsa, Judgement& judgement) {
  const std::string name = name_in("attribute", cryptoki::kAllowedMechanisms);
  const Bytes* const value = part.private_key.value(cryptoki::kAllowedMechanisms);
  if (value == nullptr) {
    judgement.add(name, Finding::kNotReported, why_absent(part.private_key, cryptoki::kAllowedMechanisms),
                  "not reported: the key signs with whatever the token offers");
    return;
  }
  const auto allowed = part.ulong.read_several(*value);
  if (!allowed) {
    judgement.add(name, Finding::kBad, shown(to_hex(*value)), "no list of mechanisms");
    return;
  }
  const bool narrow = !allowed->empty() && std::ranges::all_of(*allowed, [is_rsa](std::uint64_t mechanism) {
    return is_rsa ? mechanism == cryptoki::kSha256RsaPkcs
                  : mechanism == cryptoki::kEcdsa || mechanism == cryptoki::kEcdsaSha256;
  });
  const bool usual = !allowed->empty() && std::ranges::all_of(*allowed, [](std::uint64_t mechanism) {
    return mechanism == cryptoki::kSha256RsaPkcs || mechanism == cryptoki::kRsaPkcs;
  });
  judgement.add(name, narrow ? Finding::kGood : Finding::kWarning, allowed->empty() ? "empty" : shown(to_hex(*value)),
                narrow  ? "the key signs in this one way alone"
                : usual ? "whoever has the PIN may have a hash signed that the token did not make (mechanism_lock)"
                        : "whoever has the PIN may use the key in other ways, raw RSA perhaps among them");
}

Bytes without_zeros(Bytes number) {
  number.erase(number.begin(), std::ranges::find_if(number, [](std::uint8_t byte) { return byte != 0; }));
  return number;
}

// CKA_EC_POINT: the uncompressed point, bare or in a DER OCTET STRING.
bool is_point_of(ByteView value, const jose::PublicKey& key) {
  if (value.size() == 67 && value[0] == 0x04 && value[1] == 0x41) value = value.subspan(2);
  return value.size() == 65 && value[0] == 0x04 && std::ranges::equal(value.subspan(1, 32), key.x) &&
         std::ranges::equal(value.subspan(33), key.y);
}

bool is_same(std::uint64_t type, const Bytes& value, const jose::PublicKey& key) {
  switch (type) {
    case cryptoki::kModulus:
      return without_zeros(value) == key.modulus;
    case cryptoki::kPublicExponent:
      return without_zeros(value) == key.exponent;
    case cryptoki::kEcParams:
      return std::ranges::equal(value, kP256Parameters);
    default:
      return is_point_of(value, key);
  }
}

// Whether the list has the number; a wrong one is kBad.
bool judge_same(const AttributeList& list, std::string_view place, std::uint64_t type, const jose::PublicKey& key,
                Judgement& judgement) {
  const Bytes* const value = list.value(type);
  if (value == nullptr) {
    judgement.add(name_in(place, type), Finding::kNotReported, why_absent(list, type), "not reported");
    return false;
  }
  const bool same = is_same(type, *value, key);
  judgement.add(name_in(place, type), same ? Finding::kGood : Finding::kBad, std::to_string(value->size()) + " bytes",
                same ? "that of the published key" : "not that of the published key: this is another key");
  return true;
}

void judge_size(const jose::PublicKey& key, Judgement& judgement) {
  const std::size_t bits = key.modulus.empty() ? 0 : key.modulus.size() * 8 - (key.modulus.front() < 0x80 ? 1 : 0);
  judgement.add(
      "key.bits", bits >= kRsaBitsMin ? Finding::kGood : Finding::kBad, std::to_string(bits),
      bits >= kRsaBitsMin ? "long enough" : "fewer than 2048 bits: the key can be computed from its public half");
  const bool usual = std::ranges::equal(key.exponent, kUsualExponent);
  judgement.add("key.exponent", usual ? Finding::kGood : Finding::kBad, shown(to_hex(key.exponent)),
                usual ? "65537" : "not 65537, which signerd asks for");
}

void judge_numbers(const Pkcs11Part& part, const jose::PublicKey& key, bool is_rsa, Judgement& judgement) {
  if (is_rsa) judge_size(key, judgement);
  const std::uint64_t name = is_rsa ? cryptoki::kModulus : cryptoki::kEcPoint;
  const std::uint64_t other = is_rsa ? cryptoki::kPublicExponent : cryptoki::kEcParams;
  bool named = judge_same(part.private_key, "attribute", name, key, judgement);
  judge_same(part.private_key, "attribute", other, key, judgement);
  if (part.public_key) {
    named = judge_same(*part.public_key, "public", name, key, judgement) || named;
    judge_same(*part.public_key, "public", other, key, judgement);
  }
  if (!named) {
    judgement.add("key.numbers", Finding::kBad, "-", "the token does not say which public key these attributes are of");
  }
}

void judge_names(const Pkcs11Part& part, Judgement& judgement) {
  for (const std::uint64_t type : {cryptoki::kId, cryptoki::kLabel}) {
    const Bytes* const value = part.private_key.value(type);
    if (value == nullptr) {
      judgement.add(name_in("attribute", type), Finding::kNotReported, why_absent(part.private_key, type),
                    "not reported");
      continue;
    }
    judgement.add(name_in("attribute", type), Finding::kInformation,
                  shown(type == cryptoki::kId ? to_hex(*value) : std::string(text_of(*value))),
                  type == cryptoki::kId ? "where the token keeps the key" : "what the token calls the key");
  }
  const Bytes* const id = part.private_key.value(cryptoki::kId);
  const Bytes* const other = part.public_key ? part.public_key->value(cryptoki::kId) : nullptr;
  if (id != nullptr && other != nullptr && *id != *other) {
    judgement.add("public.CKA_ID", Finding::kBad, shown(to_hex(*other)),
                  "the two keys are no pair: their CKA_ID differ");
  }
  judgement.add("key.same_id", part.same_id == 1 ? Finding::kGood : Finding::kBad, std::to_string(part.same_id),
                part.same_id == 1
                    ? "there is one private key under this CKA_ID"
                    : "there is not exactly one private key under this CKA_ID: which one signs is not known");
}

}  // namespace

void judge_key_attributes(const Pkcs11Part& part, const jose::PublicKey& key, Judgement& judgement) {
  const bool is_rsa = key.algorithm == Algorithm::kRs256;
  const std::uint64_t key_type = is_rsa ? cryptoki::kRsaKeyType : cryptoki::kEcKeyType;
  judge_numbers(part, key, is_rsa, judgement);
  judge_names(part, judgement);
  judge_number(part, part.private_key, "attribute", cryptoki::kClass, cryptoki::kPrivateKeyClass, "a private key",
               judgement);
  judge_number(part, part.private_key, "attribute", cryptoki::kKeyType, key_type, "of the published key's type",
               judgement);
  judge_flags(part.private_key, "attribute", kPrivateRules, judgement);
  judge_generator(part, is_rsa, judgement);
  judge_mechanisms(part, is_rsa, judgement);
  if (!part.public_key) {
    judgement.add("public", Finding::kNotReported, "-", "the token shows no public key under this CKA_ID");
    return;
  }
  judge_number(part, *part.public_key, "public", cryptoki::kClass, cryptoki::kPublicKeyClass, "a public key",
               judgement);
  judge_number(part, *part.public_key, "public", cryptoki::kKeyType, key_type, "of the published key's type",
               judgement);
  judge_flags(*part.public_key, "public", kPublicRules, judgement);
}

}  // namespace signer::evidence

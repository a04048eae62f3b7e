// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/evidence/model_pkcs11.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/hex.h"

namespace signer::test {

namespace {

std::string ulong_hex(std::uint64_t value) {
  Bytes bytes(8);
  for (std::uint8_t& byte : bytes) {
    byte = static_cast<std::uint8_t>(value & 0xffU);
    value >>= 8U;
  }
  return to_hex(bytes);
}

Json mechanism(std::string_view name, std::uint64_t type, std::uint64_t flags) {
  return {{"name", name}, {"type", type}, {"flags", flags}, {"min", 16}, {"max", 4096}};
}

Json private_key(const jose::PublicKey& key, bool in_token) {
  return Json::array({number_of("CKA_CLASS", 0, 3),
                      number_of("CKA_KEY_TYPE", 0x100, 0),
                      flag_of("CKA_TOKEN", 1, in_token),
                      flag_of("CKA_PRIVATE", 2, true),
                      flag_of("CKA_SENSITIVE", 0x103, true),
                      flag_of("CKA_ALWAYS_SENSITIVE", 0x165, true),
                      flag_of("CKA_EXTRACTABLE", 0x162, false),
                      flag_of("CKA_NEVER_EXTRACTABLE", 0x164, true),
                      flag_of("CKA_LOCAL", 0x163, true),
                      number_of("CKA_KEY_GEN_MECHANISM", 0x166, 0),
                      flag_of("CKA_SIGN", 0x108, true),
                      flag_of("CKA_SIGN_RECOVER", 0x109, false),
                      flag_of("CKA_DECRYPT", 0x105, false),
                      flag_of("CKA_UNWRAP", 0x107, false),
                      flag_of("CKA_DERIVE", 0x10c, false),
                      flag_of("CKA_MODIFIABLE", 0x170, false),
                      flag_of("CKA_COPYABLE", 0x171, false),
                      flag_of("CKA_DESTROYABLE", 0x172, true),
                      flag_of("CKA_WRAP_WITH_TRUSTED", 0x210, false),
                      flag_of("CKA_ALWAYS_AUTHENTICATE", 0x202, false),
                      {{"name", "CKA_TRUSTED"}, {"type", 0x86}, {"rv", "CKR_ATTRIBUTE_TYPE_INVALID"}},
                      bytes_of_attribute("CKA_ALLOWED_MECHANISMS", 0x40000600, ulong_hex(0x40)),
                      bytes_of_attribute("CKA_ID", 0x102, "a901f8b2"),
                      bytes_of_attribute("CKA_LABEL", 3, to_hex(bytes_of("issuer"))),
                      bytes_of_attribute("CKA_MODULUS", 0x120, to_hex(key.modulus)),
                      bytes_of_attribute("CKA_PUBLIC_EXPONENT", 0x122, to_hex(key.exponent))});
}

Json public_key(const jose::PublicKey& key) {
  return Json::array({number_of("CKA_CLASS", 0, 2), number_of("CKA_KEY_TYPE", 0x100, 0), flag_of("CKA_TOKEN", 1, true),
                      flag_of("CKA_VERIFY", 0x10a, true), flag_of("CKA_ENCRYPT", 0x104, false),
                      flag_of("CKA_WRAP", 0x106, false), bytes_of_attribute("CKA_ID", 0x102, "a901f8b2"),
                      bytes_of_attribute("CKA_MODULUS", 0x120, to_hex(key.modulus)),
                      bytes_of_attribute("CKA_PUBLIC_EXPONENT", 0x122, to_hex(key.exponent))});
}

Json one_try(std::string_view probe, std::string_view target, std::string_view call, std::string_view rv) {
  return {{"probe", probe}, {"target", target}, {"call", call}, {"rv", rv}};
}

void add_reads(std::string_view probe, std::string_view target, Json& tried) {
  for (const char* name :
       {"CKA_PRIVATE_EXPONENT", "CKA_PRIME_1", "CKA_PRIME_2", "CKA_EXPONENT_1", "CKA_EXPONENT_2", "CKA_COEFFICIENT"}) {
    Json one = one_try(probe, target, "C_GetAttributeValue", "CKR_ATTRIBUTE_SENSITIVE");
    one["attribute"] = name;
    one["length"] = 0;
    tried.push_back(one);
  }
}

void add_mechanisms(std::string_view probe, std::string_view target, std::string_view call, std::string_view rv,
                    const std::vector<const char*>& mechanisms, Json& tried) {
  for (const char* name : mechanisms) {
    Json one = one_try(probe, target, call, rv);
    one["mechanism"] = name;
    tried.push_back(one);
  }
}

Json tries_on_key() {
  Json tried = Json::array();
  add_reads("read", "key", tried);
  tried.push_back(one_try("read-mixed", "key", "C_GetAttributeValue", "CKR_ATTRIBUTE_SENSITIVE"));
  tried.back()["length"] = 0;
  add_mechanisms("wrap", "key", "C_WrapKey", "CKR_KEY_UNEXTRACTABLE",
                 {"CKM_AES_KEY_WRAP", "CKM_AES_CBC", "CKM_AES_CBC_PAD"}, tried);
  add_mechanisms("wrap-public", "key", "C_WrapKey", "CKR_KEY_UNEXTRACTABLE", {"CKM_RSA_PKCS", "CKM_RSA_PKCS_OAEP"},
                 tried);
  add_mechanisms("derive", "key", "C_DeriveKey", "CKR_KEY_FUNCTION_NOT_PERMITTED", {"CKM_XOR_BASE_AND_DATA"}, tried);
  add_mechanisms("decrypt", "key", "C_DecryptInit", "CKR_KEY_FUNCTION_NOT_PERMITTED",
                 {"CKM_RSA_PKCS", "CKM_RSA_PKCS_OAEP"}, tried);
  add_mechanisms("unwrap", "key", "C_UnwrapKey", "CKR_KEY_FUNCTION_NOT_PERMITTED", {"CKM_RSA_PKCS"}, tried);
  add_mechanisms("sign-recover", "key", "C_SignRecoverInit", "CKR_KEY_FUNCTION_NOT_PERMITTED", {"CKM_RSA_PKCS"}, tried);
  add_mechanisms("sign-raw", "key", "C_SignInit", "CKR_MECHANISM_INVALID", {"CKM_RSA_X_509"}, tried);
  add_mechanisms("sign-other", "key", "C_SignInit", "CKR_MECHANISM_INVALID", {"CKM_SHA1_RSA_PKCS"}, tried);
  add_mechanisms("digest-key", "key", "C_DigestKey", "CKR_KEY_INDIGESTIBLE", {"CKM_SHA256"}, tried);
  tried.push_back(one_try("operation-state", "key", "C_GetOperationState", "CKR_STATE_UNSAVEABLE"));
  tried.back()["length"] = 0;
  return tried;
}

void add_tries_on_throwaway(const Json& attributes, Json& tried) {
  for (const char* name : {"CKA_SENSITIVE", "CKA_EXTRACTABLE", "CKA_PRIVATE", "CKA_ALWAYS_SENSITIVE",
                           "CKA_NEVER_EXTRACTABLE", "CKA_LOCAL", "CKA_DECRYPT", "CKA_UNWRAP", "CKA_DERIVE"}) {
    Json one = one_try("set-attribute", "throwaway", "C_SetAttributeValue", "CKR_ACTION_PROHIBITED");
    one["attribute"] = name;
    one["before"] = attributes;
    one["after"] = attributes;
    tried.push_back(one);
  }
  for (const char* name : {"CKA_EXTRACTABLE", "CKA_SENSITIVE", "CKA_PRIVATE", "CKA_DECRYPT"}) {
    Json one = one_try("copy", "throwaway", "C_CopyObject", "CKR_ACTION_PROHIBITED");
    one["attribute"] = name;
    tried.push_back(one);
  }
  add_reads("throwaway-read", "throwaway", tried);
  add_mechanisms("throwaway-wrap", "throwaway", "C_WrapKey", "CKR_KEY_UNEXTRACTABLE",
                 {"CKM_AES_KEY_WRAP", "CKM_AES_CBC", "CKM_AES_CBC_PAD"}, tried);
}

bool is_about(const Json& one, std::string_view probe, std::string_view subject) {
  return one.at("probe") == probe &&
         (subject.empty() || one.value("mechanism", "") == subject || one.value("attribute", "") == subject);
}

}  // namespace

Json flag_of(std::string_view name, std::uint64_t type, bool value) {
  return bytes_of_attribute(name, type, value ? "01" : "00");
}

Json number_of(std::string_view name, std::uint64_t type, std::uint64_t value) {
  return bytes_of_attribute(name, type, ulong_hex(value));
}

Json bytes_of_attribute(std::string_view name, std::uint64_t type, std::string_view hex) {
  return {{"name", name}, {"type", type}, {"value", hex}};
}

static jose::PublicKey make_up_key() {
  jose::PublicKey key;
  key.modulus.assign(256, 0xa5);
  key.exponent = {1, 0, 1};
  return key;
}

const jose::PublicKey& made_up_key() {
  static const jose::PublicKey kKey = make_up_key();
  return kKey;
}

Json small_pkcs11(const jose::PublicKey& key) {
  return {{"ulong", "0100000000000000"},
          {"library",
           {{"path", "/opt/example/libexample.so"},
            {"sha256", std::string(64, 'a')},
            {"manufacturer", "Example Hardware"},
            {"description", "Example HSM PKCS#11"},
            {"version", "7.1"},
            {"cryptoki", "2.40"}}},
          {"environment", Json::array()},
          {"slot",
           {{"description", "Example HSM 1"},
            {"manufacturer", "Example Hardware"},
            {"flags", 5},
            {"hardware", "1.0"},
            {"firmware", "7.1"}}},
          {"token",
           {{"label", "main"},
            {"manufacturer", "Example Hardware"},
            {"model", "EX-1"},
            {"serial", "0042"},
            {"flags", 0x42d},
            {"hardware", "1.0"},
            {"firmware", "7.1"}}},
          {"mechanisms", Json::array({mechanism("CKM_RSA_PKCS_KEY_PAIR_GEN", 0, 0x10001),
                                      mechanism("CKM_SHA256_RSA_PKCS", 0x40, 0x2801)})},
          {"private_key", private_key(key, true)},
          {"public_key", public_key(key)},
          {"same_id", 1},
          {"objects", Json::array()},
          {"objects_more", 0},
          {"validation", Json::array()},
          {"probes", "none"},
          {"tried", Json::array()}};
}

Json good_pkcs11(const jose::PublicKey& key) {
  Json part = small_pkcs11(key);
  for (const Json& one : {mechanism("CKM_RSA_PKCS", 1, 0x62b01), mechanism("CKM_RSA_X_509", 3, 0x2b01),
                          mechanism("CKM_RSA_PKCS_OAEP", 9, 0x60301), mechanism("CKM_SHA1_RSA_PKCS", 6, 0x2801),
                          mechanism("CKM_SHA256", 0x250, 0x400), mechanism("CKM_AES_CBC", 0x1082, 0x300),
                          mechanism("CKM_AES_CBC_PAD", 0x1085, 0x60300), mechanism("CKM_AES_KEY_WRAP", 0x2109, 0x60000),
                          mechanism("CKM_XOR_BASE_AND_DATA", 0x364, 0x80000)}) {
    part["mechanisms"].push_back(one);
  }
  part["probes"] = "full";
  jose::PublicKey other = key;
  other.modulus.back() = static_cast<std::uint8_t>(other.modulus.back() ^ 2U);
  part["throwaway"] = {{"rv", "CKR_OK"}, {"attributes", private_key(other, false)}};
  part["tried"] = tries_on_key();
  add_tries_on_throwaway(part["throwaway"]["attributes"], part["tried"]);
  return part;
}

Json& attribute(Json& list, std::string_view name) {
  const auto at = std::ranges::find_if(list, [name](const Json& one) { return one.at("name") == name; });
  if (at == list.end()) std::abort();
  return *at;
}

void set_flag(Json& list, std::string_view name, bool value) {
  attribute(list, name)["value"] = value ? "01" : "00";
}

void make_absent(Json& list, std::string_view name) {
  attribute(list, name).erase("value");
  attribute(list, name)["rv"] = "CKR_ATTRIBUTE_TYPE_INVALID";
}

void remove_attribute(Json& list, std::string_view name) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].at("name") == name) return list.erase(i);
  }
  std::abort();
}

std::vector<Json*> tries(Json& part, std::string_view probe, std::string_view subject) {
  std::vector<Json*> found;
  for (Json& one : part.at("tried")) {
    if (is_about(one, probe, subject)) found.push_back(&one);
  }
  if (found.empty()) std::abort();
  return found;
}

void remove_tries(Json& part, std::string_view probe, std::string_view subject) {
  Json left = Json::array();
  for (const Json& one : part.at("tried")) {
    if (!is_about(one, probe, subject)) left.push_back(one);
  }
  if (left.size() == part.at("tried").size()) std::abort();
  part["tried"] = left;
}

Json other_object(std::uint64_t object_class, bool same_modulus) {
  return {{"class", object_class == 2   ? "CKO_PUBLIC_KEY"
                    : object_class == 3 ? "CKO_PRIVATE_KEY"
                                        : "CKO_SECRET_KEY"},
          {"attributes", Json::array({number_of("CKA_CLASS", 0, object_class), flag_of("CKA_SENSITIVE", 0x103, true),
                                      flag_of("CKA_EXTRACTABLE", 0x162, false), flag_of("CKA_WRAP", 0x106, false),
                                      flag_of("CKA_UNWRAP", 0x107, false), flag_of("CKA_DECRYPT", 0x105, false),
                                      bytes_of_attribute("CKA_LABEL", 3, to_hex(bytes_of("other")))})},
          {"same_modulus", same_modulus}};
}

std::optional<evidence::Finding> finding_of(const evidence::Judgement& judgement, std::string_view name) {
  const auto at = std::ranges::find(judgement.checks, name, &evidence::Check::name);
  if (at == judgement.checks.end()) return std::nullopt;
  return at->finding;
}

std::string bad_checks(const evidence::Judgement& judgement) {
  std::string names;
  for (const evidence::Check& check : judgement.checks) {
    if (check.finding == evidence::Finding::kBad) names += (names.empty() ? "" : " ") + check.name;
  }
  return names;
}

}  // namespace signer::test

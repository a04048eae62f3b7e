// SPDX-License-Identifier: Apache-2.0
//
// Does to the key pairs of a token what no program of ours can: makes one that may be copied, copies it.
//   key-pair-tool MODULE PIN-FILE make CKA_ID          RSA-2048; prints the modulus
//   key-pair-tool MODULE PIN-FILE copy CKA_ID CKA_ID   the private key, under the second id
//   key-pair-tool MODULE PIN-FILE destroy CKA_ID       the private key
// Ids and numbers are in hexadecimal digits.  On the one initialised token that the module shows.

#include <cstdio>
#include <string>
#include <vector>

#include "base/hex.h"
#include "hsm/key_store.h"
#include "hsm/module.h"
#include "tests/support/tool_session.h"

namespace signer::test {

namespace {

using namespace signer::hsm;

constexpr int kToolFailed = 1;
constexpr int kToolUsage = 2;

// As signer-hsm makes one, but for CKA_COPYABLE and CKA_MODIFIABLE, without which SoftHSM2 gives no copy another id.
bool generate_pair(const Session& session, const Bytes& id) {
  CK_MECHANISM mechanism{CKM_RSA_PKCS_KEY_PAIR_GEN, nullptr, 0};
  CK_BBOOL yes = CK_TRUE;
  CK_BBOOL no = CK_FALSE;
  CK_ULONG bits = 2048;
  Bytes exponent{1, 0, 1};
  CK_ATTRIBUTE public_part[] = {{CKA_TOKEN, &yes, sizeof yes},
                                {CKA_PRIVATE, &no, sizeof no},
                                {CKA_ID, read_only(ByteView(id)), id.size()},
                                {CKA_VERIFY, &yes, sizeof yes},
                                {CKA_ENCRYPT, &no, sizeof no},
                                {CKA_WRAP, &no, sizeof no},
                                {CKA_MODULUS_BITS, &bits, sizeof bits},
                                {CKA_PUBLIC_EXPONENT, exponent.data(), exponent.size()}};
  CK_MECHANISM_TYPE allowed[] = {CKM_SHA256_RSA_PKCS, CKM_RSA_PKCS};
  CK_ATTRIBUTE private_part[] = {{CKA_TOKEN, &yes, sizeof yes},
                                 {CKA_PRIVATE, &yes, sizeof yes},
                                 {CKA_ID, read_only(ByteView(id)), id.size()},
                                 {CKA_SENSITIVE, &yes, sizeof yes},
                                 {CKA_EXTRACTABLE, &no, sizeof no},
                                 {CKA_SIGN, &yes, sizeof yes},
                                 {CKA_DECRYPT, &no, sizeof no},
                                 {CKA_UNWRAP, &no, sizeof no},
                                 {CKA_SIGN_RECOVER, &no, sizeof no},
                                 {CKA_DERIVE, &no, sizeof no},
                                 {CKA_MODIFIABLE, &yes, sizeof yes},
                                 {CKA_COPYABLE, &yes, sizeof yes},
                                 {CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed}};
  CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
  CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
  if (session.api().C_GenerateKeyPair(session.handle(), &mechanism, public_part, std::size(public_part), private_part,
                                      std::size(private_part), &public_key, &private_key) != CKR_OK) {
    return false;
  }
  const auto made = find_key(session, id);
  if (made) std::printf("%s", to_hex(made->public_key.modulus).c_str());
  return made.has_value();
}

bool copy_key(const Session& session, CK_OBJECT_HANDLE key, const Bytes& id) {
  CK_ATTRIBUTE other[] = {{CKA_ID, read_only(ByteView(id)), id.size()}};
  CK_OBJECT_HANDLE copy = CK_INVALID_HANDLE;
  return session.api().C_CopyObject(session.handle(), key, other, std::size(other), &copy) == CKR_OK;
}

int act(const std::vector<std::string>& arguments) {
  if (arguments.size() < 4) return kToolUsage;
  const auto id = from_hex(arguments[3]);
  auto module = Module::load(arguments[0]);
  if (!id || !module || !(*module)->initialize()) return kToolUsage;
  Session session;
  if (!enter_token(**module, arguments[1], session)) return kToolFailed;
  const std::string& command = arguments[2];
  if (command == "make") return generate_pair(session, *id) ? 0 : kToolFailed;
  const auto keys = find_objects(session, CKO_PRIVATE_KEY, *id);
  if (!keys || keys->size() != 1) return kToolFailed;
  if (command == "destroy")
    return session.api().C_DestroyObject(session.handle(), keys->front()) == CKR_OK ? 0 : kToolFailed;
  const auto other = from_hex(arguments.size() > 4 ? arguments[4] : "");
  return command == "copy" && other && copy_key(session, keys->front(), *other) ? 0 : kToolFailed;
}

}  // namespace

}  // namespace signer::test

int main(int argc, char** argv) {
  return signer::test::act(std::vector<std::string>(argv + 1, argv + argc));
}

// SPDX-License-Identifier: Apache-2.0
//
// Does to the secret keys of a token what no program of ours can: puts one in from outside, takes one out.
//   secret-key-tool MODULE PIN-FILE import CKA_ID VALUE [extractable]
//   secret-key-tool MODULE PIN-FILE destroy CKA_ID
//   secret-key-tool MODULE PIN-FILE count CKA_ID        prints how many there are
// Ids and values are in hexadecimal digits.  On the one initialised token that the module shows.

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

constexpr int kFailed = 1;
constexpr int kUsage = 2;

bool import(const Session& session, const Bytes& id, const Bytes& value, bool may_leave) {
  CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
  CK_KEY_TYPE type = CKK_GENERIC_SECRET;
  CK_BBOOL yes = CK_TRUE;
  CK_BBOOL extractable = may_leave ? CK_TRUE : CK_FALSE;
  CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &object_class, sizeof object_class},
                               {CKA_KEY_TYPE, &type, sizeof type},
                               {CKA_TOKEN, &yes, sizeof yes},
                               {CKA_PRIVATE, &yes, sizeof yes},
                               {CKA_SENSITIVE, &yes, sizeof yes},
                               {CKA_EXTRACTABLE, &extractable, sizeof extractable},
                               {CKA_SIGN, &yes, sizeof yes},
                               {CKA_ID, read_only(ByteView(id)), id.size()},
                               {CKA_VALUE, read_only(ByteView(value)), value.size()}};
  CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
  return session.api().C_CreateObject(session.handle(), attributes, std::size(attributes), &key) == CKR_OK;
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() < 4) return kUsage;
  const auto id = from_hex(arguments[3]);
  auto module = Module::load(arguments[0]);
  if (!id || !module || !(*module)->initialize()) return kUsage;
  Session session;
  if (!enter_token(**module, arguments[1], session)) return kFailed;
  const std::string& command = arguments[2];
  if (command == "import" && arguments.size() >= 5) {
    const auto value = from_hex(arguments[4]);
    return value && import(session, *id, *value, arguments.size() > 5) ? 0 : kFailed;
  }
  const auto keys = find_objects(session, CKO_SECRET_KEY, *id);
  if (!keys) return kFailed;
  if (command == "count") std::printf("%zu\n", keys->size());
  if (command != "destroy") return 0;
  for (const CK_OBJECT_HANDLE key : *keys) {
    if (session.api().C_DestroyObject(session.handle(), key) != CKR_OK) return kFailed;
  }
  return keys->empty() ? kFailed : 0;
}

}  // namespace

}  // namespace signer::test

int main(int argc, char** argv) {
  return signer::test::run(std::vector<std::string>(argv + 1, argv + argc));
}

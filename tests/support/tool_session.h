// SPDX-License-Identifier: Apache-2.0
//
// How the tools that meddle with a test's token get into it: the one initialised token of a module, with its PIN.
#pragma once

#include <fstream>
#include <string>

#include "hsm/module.h"
#include "hsm/session_pool.h"
#include "hsm/token_select.h"

namespace signer::test {

// False if there is no such token, or it does not let us in.
[[nodiscard]] inline bool enter_token(const hsm::Module& module, const std::string& pin_file, hsm::Session& session) {
  std::string pin;
  std::getline(std::ifstream(pin_file), pin);
  const auto tokens = hsm::list_tokens(module.api());
  if (!tokens) return false;
  for (const hsm::SlotToken& token : *tokens) {
    if ((token.token_info.flags & CKF_TOKEN_INITIALIZED) == 0) continue;
    return hsm::Session::open(module.api(), token.slot, session) == CKR_OK &&
           module.api().C_Login(session.handle(), CKU_USER, hsm::read_only(pin), pin.size()) == CKR_OK;
  }
  return false;
}

}  // namespace signer::test

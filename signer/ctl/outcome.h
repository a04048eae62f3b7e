// SPDX-License-Identifier: Apache-2.0
//
// What a command has to say, as a value: main() prints it, the tests read it.
#pragma once

#include <string>

#include "signer/client.h"
#include "signer/result.h"

namespace signer::ctl {

enum class Exit : int {
  kYes = 0,          // done, or the answer is yes
  kNo = 1,           // refused, or the answer is no
  kUsage = 2,        // the question could not be asked: wrong arguments, unreadable file
  kUnavailable = 3,  // signerd or the token does not answer now
};

struct Outcome {
  Exit exit = Exit::kYes;
  std::string out;  // for stdout
  std::string err;  // for stderr
};

// What every command knows.
struct Context {
  std::string socket = "/run/signer/signer.sock";
  bool json = false;
  int timeout_seconds = 0;  // 0: the command's own
  int input_fd = 0;
  int output_fd = 1;  // for what is too much for an Outcome
};

// `signerctl: <text>`, or one line of JSON {"error":{"code","detail"}} with --json; on stderr either way.
[[nodiscard]] Outcome failed(const Context& context, Exit exit, const Error& error);

// The same with what signerd said besides: the request's id, when to try again.
[[nodiscard]] Outcome failed(const Context& context, const ClientError& error);

[[nodiscard]] Exit exit_of(const ClientError& error) noexcept;

// What to do about a refusal, docs/protocol.md §3, in plain words.
[[nodiscard]] const char* advice(ErrorCode code) noexcept;

}  // namespace signer::ctl

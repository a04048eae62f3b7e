// SPDX-License-Identifier: Apache-2.0
//
// Runs the programs that may load a token's module.  signerctl itself never does, and never reads a PIN.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "ctl/outcome.h"
#include "jose/json.h"
#include "signer/result.h"

namespace signer::ctl {

// `given` if it is not empty, else `name` beside this program, else in the libexec directory.  Never from PATH.
// kNotFound if there is no such program.
[[nodiscard]] Result<std::string> find_helper(const std::string& given, const std::string& name);

struct HelperRun {
  std::string program;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;                // added to ours
  std::chrono::milliseconds time_max = std::chrono::minutes(2);  // a token that formats itself takes seconds
};

struct HelperReply {
  int status = 0;  // its exit status; 128 + n if signal n ended it
  std::string out;
  std::string err;
};

// Runs it to its end: stdin is empty, stdout and stderr are returned, no other descriptor is passed on.
// Warnings of one that succeeds go to our stderr too.
// kDeadlineExceeded, and it is killed, after time_max; kInternal if it does not start or prints more than 1 MiB.
[[nodiscard]] Result<HelperReply> run_helper(const HelperRun& run);

// Finds the program `name` (find_helper), runs it and reads the JSON that it printed; else what its end means.
struct HelperQuestion {
  std::string name;
  std::string given;  // the program, if it is elsewhere
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;
};

[[nodiscard]] Result<jose::Json, Outcome> ask_helper(const Context& context, const HelperQuestion& question);

// What the end of the program `name` means, if it is not 0: kNo if it refused (1) or its PIN was refused (77), kUsage
// for 2, else kUnavailable; with what it said on stderr.
[[nodiscard]] Outcome helper_failed(const Context& context, const std::string& name, const HelperReply& reply);

}  // namespace signer::ctl

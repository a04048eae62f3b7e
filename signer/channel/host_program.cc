// SPDX-License-Identifier: Apache-2.0

#include "channel/host_program.h"

#include <unistd.h>

#include <cstdio>
#include <exception>

#include "base/log.h"
#include "base/process.h"
#include "channel/host_service.h"

namespace signer::channel {

namespace {

constexpr int kExitNo = 1;
constexpr int kExitUnavailable = 3;

}  // namespace

int report(const HostResult<jose::Json>& result) {
  if (result) {
    std::puts(result->dump(2, ' ', false, jose::Json::error_handler_t::replace).c_str());
    return kExitOk;
  }
  std::fprintf(stderr, "signer-%s\n", result.error().text.c_str());
  switch (result.error().status) {
    case HostStatus::kPinRefused:
      return kExitPinRefused;
    case HostStatus::kUnavailable:
      return kExitUnavailable;
    default:
      return kExitNo;
  }
}

void run_host_program(const char* name, int (*run)(int argc, char** argv), int argc, char** argv) {
  harden_process();
  log::start(name, log::Level::kInfo);
  int status = kExitNo;
  try {
    status = run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
  }
  std::fflush(nullptr);
  ::_exit(status);
}

}  // namespace signer::channel

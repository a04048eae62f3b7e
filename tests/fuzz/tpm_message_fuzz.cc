// SPDX-License-Identifier: Apache-2.0
// Target functions: tpm::read_command, tpm::find_fault, tpm::classify, tpm::describe.
//
// The first byte is the length of a command, which follows; the rest is a response.  A command or response that passes
// has one length, and its parts lie where a second reader (tests/support/tpm_wire.h) finds them.  The response's code
// and the first four bytes are codes with a name and an answer.
#include <algorithm>
#include <memory>

#include "fuzz/fuzz.h"
#include "tests/support/tpm_wire.h"
#include "tpm/message.h"
#include "tpm/return_code.h"

namespace signer::fuzz {
namespace {

using namespace signer::tpm;

// In a heap block of exactly that size, so that a sanitizer sees a read beyond it.
template <class Judge>
auto on_copy(ByteView bytes, std::size_t size, Judge judge) {
  const auto exact = std::make_unique<std::uint8_t[]>(size);
  std::copy_n(bytes.begin(), std::min(size, bytes.size()), exact.get());
  return judge(ByteView(exact.get(), size));
}

void check_command(ByteView command) {
  const auto header = read_command(command);
  if (!header) return;
  require(command.size() >= kMessageHeaderBytes, "a command has a header");
  require(test::claimed_size(command) == command.size(), "a command has the size that it states");
  require(test::code_of(command) == header->code, "its code is the one in the header");
  require(header->tag == test::kTagSessions || header->tag == test::kTagNoSessions, "its tag is a command's");
  for (const std::size_t size : {command.size() - 1, command.size() + 1}) {
    require(!on_copy(command, size, read_command), "a command has one length");
  }
}

// One to three times a nonce, attributes and an HMAC, to the last byte.
bool are_sessions(ByteView rest) {
  for (int count = 0; count < 3; ++count) {
    for (const std::size_t attributes : {1U, 0U}) {
      const std::size_t size = 2UL + test::number_at<std::uint16_t>(rest, 0).value_or(0) + attributes;
      if (size > rest.size()) return false;
      rest = rest.subspan(size);
    }
    if (rest.empty()) return true;
  }
  return false;
}

void check_response(const CommandHeader& command, ByteView response) {
  const auto fault_of = [&command](ByteView bytes) { return find_fault(command, bytes); };
  if (const auto fault = fault_of(response)) {
    require(!fault->empty(), "a refusal says what is wrong");
    return;
  }
  require(response.size() >= kMessageHeaderBytes && response.size() <= kMessageBytesMax, "a response has a size");
  require(test::claimed_size(response) == response.size(), "a response has the size that it states");
  for (const std::size_t size : {response.size() - 1, response.size() + 1}) {
    require(on_copy(response, size, fault_of).has_value(), "a response has one length");
  }
  if (test::code_of(response) != 0) {
    require(response.size() == kMessageHeaderBytes, "an error is a header alone");
    return;
  }
  require(test::number_at<std::uint16_t>(response, 0) == command.tag, "success has the command's tag");
  if (!is_allowed(command.code) || command.tag == test::kTagNoSessions) return;
  const auto area = test::parameter_area(command.code, response);
  require(area.has_value(), "its parameters lie inside it");
  require(are_sessions(response.subspan(area->offset + area->size)), "and behind them the answers of its sessions");
}

void check_code(std::uint32_t code) {
  const ReturnCode judged = classify(code);
  require(judged.code == code && !judged.name.empty(), "every code has a name");
  require((judged.action == Action::kDone) == (code == 0), "zero alone is success");
  require(judged.number <= 15 && (judged.number == 0 || judged.subject != Subject::kNone), "a number has a subject");
  const bool ours = judged.layer != Layer::kTpm && judged.layer != Layer::kResourceManager;
  require(!ours || judged.action == Action::kDiscardContext, "what is not the TPM's costs the context");
  require(judged.alarm == (judged.action == Action::kLockout || code == 0x7001b), "an alarm has two reasons");
  const std::string text = describe(code, "Esys_Sign");
  require(text == describe(judged, "Esys_Sign"), "one code has one text");
  require(text.starts_with("Esys_Sign: " + judged.name + " (0x"), "which names call and code");
}

}  // namespace
}  // namespace signer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signer;
  if (size == 0) return 0;
  const ByteView rest = ByteView(data, size).subspan(1);
  const std::size_t cut = std::min<std::size_t>(data[0], rest.size());
  const ByteView command = rest.first(cut);
  const ByteView response = rest.subspan(cut);
  fuzz::check_command(command);
  const tpm::CommandHeader sign{test::kTagSessions, test::cc::kSign};
  fuzz::check_response(tpm::read_command(command).value_or(sign), response);
  fuzz::check_code(test::code_of(response));
  fuzz::check_code(test::number_at<std::uint32_t>(rest, 0).value_or(0));
  return 0;
}

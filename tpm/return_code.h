// SPDX-License-Identifier: Apache-2.0
//
// The one place where a TSS2_RC becomes a name and what to do about it.  Pure, and free of tss2 headers, so that tests
// and fuzzers can walk it (TPM 2.0 Part 2 §6.6; TCG TSS 2.0 Overview §4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace signer::tpm {

// Who made a code.
enum class Layer : std::uint8_t {
  kTpm,              // the TPM itself, or whoever sits on its bus: response codes are not authenticated
  kResourceManager,  // a resource manager in the TPM's own format: the kernel's answers 0xb0143 to unknown commands
  kEsys,             // the library's bookkeeping, and its check of response HMACs
  kSys,
  kMu,     // the library's (un)marshalling
  kTcti,   // the transport: the socket or device failed
  kOther,  // FAPI, the resource manager of user space itself, a layer that nobody has assigned
};

// What a format-1 code complains of.
enum class Subject : std::uint8_t { kNone, kHandle, kParameter, kSession };

// What the driver is to do.  "Once" means once for a request: a code that comes again is the request's answer.  No
// action may rest on one code alone where something would be lost for good: an attacker on the bus can send any code.
enum class Action : std::uint8_t {
  kDone,           // It worked.
  kBackOff,        // The TPM is busy: the same command again after a pause, within the request's deadline.
  kRetryOnce,      // The command was cancelled underway: the same command again, once, at once.
  kFlushSessions,  // No room for sessions: flush our own, start a new one, once; never on to a password instead.
  kReopenContext,  // No room for objects: close transport and context (which flushes what is ours), reopen, once.
  kRebuild,        // The TPM was reset, what was loaded is gone: new context, compare the key's Name again, once.
  kKeyGone,        // Nothing under the handle, or a blob of another TPM: persist the blob again if the parent's Name is
                   // still the pinned one; if that fails stop the key, loudly.  Metadata and blob stay.
  kLockout,        // Dictionary attack lockout: never again, alarm; our keys are exempt, so something is wrong.
  kAuthRefused,    // Wrong auth value, or a command that was changed on the way: new context and session, once, then
                   // fail closed.  Never a loop: with a key that is not exempt each try counts towards lockout.
  kDead,           // Failure mode until the next power cycle: report; do not try again.
  kNotReady,       // No Startup yet, or in the middle of a firmware upgrade: not ours to mend; try again later.
  kDiscardContext,  // Not the TPM's code: the context is unusable; a new transport and context, the command once more.
  kRefused,         // The TPM understood the command and will refuse it again: the request's own fault.
};

struct ReturnCode {
  std::uint32_t code = 0;
  Layer layer = Layer::kTpm;
  std::string name;  // "TPM_RC_SIZE", "TSS2_TCTI_RC_IO_ERROR"; "TPM_RC_0x94f" for what no standard names
  Subject subject = Subject::kNone;
  unsigned number = 0;  // of the subject: 1 to 7, of parameters 1 to 15; 0 if the TPM did not say
  Action action = Action::kRefused;
  bool alarm = false;  // also tell the operator: lockout, or a response whose HMAC is not the TPM's
};

// Total: every 32-bit number has an answer.
[[nodiscard]] ReturnCode classify(std::uint32_t code);

// "Esys_Sign: TPM_RC_SIZE (0x1d5), parameter 1": for log and terminal.
[[nodiscard]] std::string describe(const ReturnCode& code, std::string_view call);
[[nodiscard]] std::string describe(std::uint32_t code, std::string_view call);

}  // namespace signer::tpm

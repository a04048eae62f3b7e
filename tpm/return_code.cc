// SPDX-License-Identifier: Apache-2.0

#include "tpm/return_code.h"

#include <array>
#include <cstddef>
#include <cstdio>
#include <span>

namespace signer::tpm {

namespace {

struct Named {
  std::string_view name;
  std::uint32_t code;
  Action action;
};

// Format 0 (TPM 2.0 Part 2 §6.6.3, tables of RC_VER1 and RC_WARN).
constexpr Named kFormat0[] = {
    {"SUCCESS", 0x000, Action::kDone},
    {"BAD_TAG", 0x01e, Action::kDiscardContext},  // what a TPM 1.2 says
    {"INITIALIZE", 0x100, Action::kNotReady},
    {"FAILURE", 0x101, Action::kDead},
    {"SEQUENCE", 0x103, Action::kRefused},
    {"PRIVATE", 0x10b, Action::kRefused},
    {"HMAC", 0x119, Action::kRefused},
    {"DISABLED", 0x120, Action::kRefused},
    {"EXCLUSIVE", 0x121, Action::kRefused},
    {"AUTH_TYPE", 0x124, Action::kRefused},
    {"AUTH_MISSING", 0x125, Action::kRefused},
    {"POLICY", 0x126, Action::kRefused},
    {"PCR", 0x127, Action::kRefused},
    {"PCR_CHANGED", 0x128, Action::kRefused},
    {"UPGRADE", 0x12d, Action::kNotReady},
    {"TOO_MANY_CONTEXTS", 0x12e, Action::kRefused},
    {"AUTH_UNAVAILABLE", 0x12f, Action::kRefused},
    {"REBOOT", 0x130, Action::kNotReady},
    {"UNBALANCED", 0x131, Action::kRefused},
    {"COMMAND_SIZE", 0x142, Action::kRefused},
    {"COMMAND_CODE", 0x143, Action::kRefused},
    {"AUTHSIZE", 0x144, Action::kRefused},
    {"AUTH_CONTEXT", 0x145, Action::kRefused},
    {"NV_RANGE", 0x146, Action::kRefused},
    {"NV_SIZE", 0x147, Action::kRefused},
    {"NV_LOCKED", 0x148, Action::kRefused},
    {"NV_AUTHORIZATION", 0x149, Action::kRefused},
    {"NV_UNINITIALIZED", 0x14a, Action::kRefused},
    {"NV_SPACE", 0x14b, Action::kRefused},
    {"NV_DEFINED", 0x14c, Action::kRefused},
    {"BAD_CONTEXT", 0x150, Action::kRefused},
    {"CPHASH", 0x151, Action::kRefused},
    {"PARENT", 0x152, Action::kRefused},
    {"NEEDS_TEST", 0x153, Action::kNotReady},
    {"NO_RESULT", 0x154, Action::kRefused},
    {"SENSITIVE", 0x155, Action::kRefused},
    {"CONTEXT_GAP", 0x901, Action::kFlushSessions},
    {"OBJECT_MEMORY", 0x902, Action::kReopenContext},
    {"SESSION_MEMORY", 0x903, Action::kFlushSessions},
    {"MEMORY", 0x904, Action::kReopenContext},  // shared by objects and sessions
    {"SESSION_HANDLES", 0x905, Action::kFlushSessions},
    {"OBJECT_HANDLES", 0x906, Action::kReopenContext},
    {"LOCALITY", 0x907, Action::kRefused},
    {"YIELDED", 0x908, Action::kBackOff},
    {"CANCELED", 0x909, Action::kRetryOnce},
    {"TESTING", 0x90a, Action::kBackOff},
    {"REFERENCE_H0", 0x910, Action::kRebuild},
    {"REFERENCE_H1", 0x911, Action::kRebuild},
    {"REFERENCE_H2", 0x912, Action::kRebuild},
    {"REFERENCE_H3", 0x913, Action::kRebuild},
    {"REFERENCE_H4", 0x914, Action::kRebuild},
    {"REFERENCE_H5", 0x915, Action::kRebuild},
    {"REFERENCE_H6", 0x916, Action::kRebuild},
    {"REFERENCE_S0", 0x918, Action::kRebuild},
    {"REFERENCE_S1", 0x919, Action::kRebuild},
    {"REFERENCE_S2", 0x91a, Action::kRebuild},
    {"REFERENCE_S3", 0x91b, Action::kRebuild},
    {"REFERENCE_S4", 0x91c, Action::kRebuild},
    {"REFERENCE_S5", 0x91d, Action::kRebuild},
    {"REFERENCE_S6", 0x91e, Action::kRebuild},
    {"NV_RATE", 0x920, Action::kBackOff},
    {"LOCKOUT", 0x921, Action::kLockout},
    {"RETRY", 0x922, Action::kBackOff},
    {"NV_UNAVAILABLE", 0x923, Action::kBackOff},
};

constexpr std::uint32_t kFormat1Handle = 0x08b;

// Format 1 (TPM 2.0 Part 2 §6.6.3, table of RC_FMT1), without subject and number.
constexpr Named kFormat1[] = {
    {"ASYMMETRIC", 0x081, Action::kRefused},
    {"ATTRIBUTES", 0x082, Action::kRefused},
    {"HASH", 0x083, Action::kRefused},
    {"VALUE", 0x084, Action::kRefused},
    {"HIERARCHY", 0x085, Action::kRefused},
    {"KEY_SIZE", 0x087, Action::kRefused},
    {"MGF", 0x088, Action::kRefused},
    {"MODE", 0x089, Action::kRefused},
    {"TYPE", 0x08a, Action::kRefused},
    {"HANDLE", kFormat1Handle, Action::kKeyGone},
    {"KDF", 0x08c, Action::kRefused},
    {"RANGE", 0x08d, Action::kRefused},
    {"AUTH_FAIL", 0x08e, Action::kAuthRefused},
    {"NONCE", 0x08f, Action::kAuthRefused},  // the session and we no longer agree, as after a forged error
    {"PP", 0x090, Action::kRefused},
    {"SCHEME", 0x092, Action::kRefused},
    {"SIZE", 0x095, Action::kRefused},
    {"SYMMETRIC", 0x096, Action::kRefused},
    {"TAG", 0x097, Action::kRefused},
    {"SELECTOR", 0x098, Action::kRefused},
    {"INSUFFICIENT", 0x09a, Action::kRefused},
    {"SIGNATURE", 0x09b, Action::kRefused},
    {"KEY", 0x09c, Action::kRefused},
    {"POLICY_FAIL", 0x09d, Action::kRefused},
    {"INTEGRITY", 0x09f, Action::kKeyGone},  // a blob that another TPM made, or this one before TPM2_Clear
    {"TICKET", 0x0a0, Action::kRefused},
    {"RESERVED_BITS", 0x0a1, Action::kRefused},
    {"BAD_AUTH", 0x0a2, Action::kAuthRefused},
    {"EXPIRED", 0x0a3, Action::kRefused},
    {"POLICY_CC", 0x0a4, Action::kRefused},
    {"BINDING", 0x0a5, Action::kRefused},
    {"CURVE", 0x0a6, Action::kRefused},
    {"ECC_POINT", 0x0a7, Action::kRefused},
};

// Base codes 1 to 27, in order; higher ones are FAPI's (TCG TSS 2.0 Overview §4).
constexpr std::string_view kBaseNames[] = {
    "GENERAL_FAILURE",
    "NOT_IMPLEMENTED",
    "BAD_CONTEXT",
    "ABI_MISMATCH",
    "BAD_REFERENCE",
    "INSUFFICIENT_BUFFER",
    "BAD_SEQUENCE",
    "NO_CONNECTION",
    "TRY_AGAIN",
    "IO_ERROR",
    "BAD_VALUE",
    "NOT_PERMITTED",
    "INVALID_SESSIONS",
    "NO_DECRYPT_PARAM",
    "NO_ENCRYPT_PARAM",
    "BAD_SIZE",
    "MALFORMED_RESPONSE",
    "INSUFFICIENT_CONTEXT",
    "INSUFFICIENT_RESPONSE",
    "INCOMPATIBLE_TCTI",
    "NOT_SUPPORTED",
    "BAD_TCTI_STRUCTURE",
    "MEMORY",
    "BAD_TR",
    "MULTIPLE_DECRYPT_SESSIONS",
    "MULTIPLE_ENCRYPT_SESSIONS",
    "RSP_AUTH_FAILED",
};

constexpr std::uint32_t kRspAuthFailed = 0x7001b;

std::string hex(std::uint32_t code) {
  std::array<char, 12> text{};
  std::snprintf(text.data(), text.size(), "0x%03x", code);
  return text.data();
}

const Named* find(std::span<const Named> table, std::uint32_t code) {
  for (const Named& named : table) {
    if (named.code == code) return &named;
  }
  return nullptr;
}

// Format 1: bits 0 to 5 the error, bit 6 a parameter; bits 8 to 11 the parameter's number, or, if it is none, bit 11 a
// session and bits 8 to 10 the number of session or handle (TPM 2.0 Part 2 §6.6.2).
void read_format1(std::uint32_t bits, ReturnCode& code) {
  const std::uint32_t number = (bits >> 8U) & 0xfU;
  if ((bits & 0x40U) != 0) {
    code.subject = Subject::kParameter;
    code.number = number;
  } else if (number != 0) {
    code.subject = (number & 8U) != 0 ? Subject::kSession : Subject::kHandle;
    code.number = number & 7U;
  }
  const Named* named = find(kFormat1, bits & 0xbfU);
  code.name = "TPM_RC_" + (named == nullptr ? hex(bits) : std::string(named->name));
  if (named == nullptr) return;
  code.action = named->action;
  // Only a handle of the handle area names a key.  A session that is no session is stale; a parameter was ours.
  if (named->code == kFormat1Handle && code.subject == Subject::kSession) code.action = Action::kRebuild;
  if (named->code == kFormat1Handle && code.subject == Subject::kParameter) code.action = Action::kRefused;
}

// Format 0: bit 8 set in all but those of TPM 1.2, bit 9 reserved, bit 10 a vendor's code, bit 11 a warning.
void read_format0(std::uint32_t bits, ReturnCode& code) {
  if (const Named* named = find(kFormat0, bits)) {
    code.name = "TPM_RC_" + std::string(named->name);
    code.action = named->action;
    return;
  }
  code.name = "TPM_RC_" + hex(bits);
  // Nothing that speaks TPM 2.0 sends these: what answers is not one, or lost its place in the stream.
  if ((bits & 0x100U) == 0 || (bits & 0x200U) != 0) code.action = Action::kDiscardContext;
}

void read_tpm(std::uint32_t bits, ReturnCode& code) {
  // Bits that Part 2 §6.6.2 has reserved; or success, which no resource manager reports in its own layer.
  if (bits > 0xfffU || (bits == 0 && code.layer != Layer::kTpm)) {
    code.name = "TPM_RC_" + hex(bits);
    code.action = Action::kDiscardContext;
  } else if ((bits & 0x80U) != 0) {
    read_format1(bits, code);
  } else {
    read_format0(bits, code);
  }
  code.alarm = code.action == Action::kLockout;
}

struct LayerRow {
  std::uint32_t number;
  Layer layer;
  std::string_view prefix;
};

constexpr LayerRow kLayers[] = {
    {6, Layer::kOther, "TSS2_FAPI_RC_"}, {7, Layer::kEsys, "TSS2_ESYS_RC_"},  {8, Layer::kSys, "TSS2_SYS_RC_"},
    {9, Layer::kMu, "TSS2_MU_RC_"},      {10, Layer::kTcti, "TSS2_TCTI_RC_"}, {11, Layer::kOther, "TSS2_RESMGR_RC_"},
};

void read_library(std::uint32_t whole, ReturnCode& code) {
  code.layer = Layer::kOther;
  code.action = Action::kDiscardContext;
  code.alarm = whole == kRspAuthFailed;
  const std::uint32_t base = whole & 0xffffU;
  for (const LayerRow& row : kLayers) {
    if (row.number != whole >> 16U) continue;
    code.layer = row.layer;
    const bool known = base >= 1 && base <= std::size(kBaseNames);
    code.name = std::string(row.prefix) + (known ? std::string(kBaseNames[base - 1]) : hex(base));
    return;
  }
  code.name = "TSS2_RC_" + hex(whole);
}

}  // namespace

ReturnCode classify(std::uint32_t code) {
  constexpr std::uint32_t kTpmLayer = 0;
  constexpr std::uint32_t kResourceManagerLayer = 11;  // base codes of the TSS, below 0x80; the kernel sends the TPM's
  constexpr std::uint32_t kResourceManagerTpmLayer = 12;
  ReturnCode result;
  result.code = code;
  const std::uint32_t layer = code >> 16U;  // with the reserved top byte: 0x01000922 is nobody's RETRY
  const std::uint32_t bits = code & 0xffffU;
  if (layer == kTpmLayer) {
    read_tpm(bits, result);
  } else if (layer == kResourceManagerTpmLayer || (layer == kResourceManagerLayer && bits >= 0x80)) {
    result.layer = Layer::kResourceManager;
    read_tpm(bits, result);
  } else {
    read_library(code, result);
  }
  return result;
}

std::string describe(const ReturnCode& code, std::string_view call) {
  std::string text = std::string(call) + ": " + code.name + " (" + hex(code.code) + ")";
  if (code.number == 0) return text;
  constexpr std::string_view kSubjects[] = {"", "handle", "parameter", "session"};
  return text + ", " + std::string(kSubjects[static_cast<std::size_t>(code.subject)]) + " " +
         std::to_string(code.number);
}

std::string describe(std::uint32_t code, std::string_view call) {
  return describe(classify(code), call);
}

}  // namespace signer::tpm

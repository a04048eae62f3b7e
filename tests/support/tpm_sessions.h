// SPDX-License-Identifier: Apache-2.0
//
// Sessions that others have in the TPM, and what a resource manager does with them: saves, loads and flushes.
#pragma once

#include <cstdint>

#include "tests/support/swtpm.h"

namespace signer::test {

inline constexpr std::uint32_t kContextGap = 0x901;  // TPM_RC_CONTEXT_GAP

// TPM2_StartAuthSession of an HMAC session that is neither salted nor bound.
[[nodiscard]] inline TpmCommand start_session() {
  return TpmCommand(cc::kStartAuthSession, {kNullHierarchy, kNullHierarchy})
      .sized(Bytes(16, 0x11))         // the caller's nonce
      .sized({})                      // no salt
      .number<std::uint8_t>(0)        // TPM_SE_HMAC
      .number<std::uint16_t>(0x0010)  // no symmetric algorithm
      .number<std::uint16_t>(0x000b);
}

// TPM2_ContextSave: the answer's parameters are the context, which begins with its number.  The TPM counts the saves.
[[nodiscard]] inline TpmCommand save_context(std::uint32_t handle) {
  return TpmCommand(cc::kContextSave, {handle});
}

[[nodiscard]] inline TpmCommand load_context(ByteView context) {
  return TpmCommand(cc::kContextLoad).raw(context);
}

// How many sessions, or transient objects, are loaded: those whose handles begin at `first`.
inline constexpr std::uint32_t kLoadedSessions = 0x02000000;
inline constexpr std::uint32_t kTransientObjects = 0x80000000;

[[nodiscard]] inline std::uint32_t count_loaded(const Swtpm& tpm, std::uint32_t first) {
  const TpmAnswer answer = tpm.run(TpmCommand(cc::kGetCapability)
                                       .number<std::uint32_t>(1)  // TPM_CAP_HANDLES
                                       .number(first)
                                       .number<std::uint32_t>(254));
  return number_at<std::uint32_t>(answer.parameters, 5).value_or(0xffffffff);  // behind moreData and capability
}

// A session that somebody started, saved and left alone.
struct IdleSession {
  std::uint32_t handle = 0;
  Bytes context;

  // Aborts the test, with a failure, if the TPM does not let us: then `context` is empty.
  [[nodiscard]] static IdleSession leave(const Swtpm& tpm) {
    IdleSession session;
    session.handle = tpm.run(start_session()).handle;
    session.context = tpm.run(save_context(session.handle)).parameters;
    return session;
  }

  // How many contexts of sessions the TPM had saved when it saved this one.
  [[nodiscard]] std::uint64_t number() const { return number_at<std::uint64_t>(context, 0).value_or(0); }

  // Whether the TPM still takes it back.
  [[nodiscard]] bool load(const Swtpm& tpm) const { return tpm.run(load_context(context)).handle == handle; }
};

}  // namespace signer::test

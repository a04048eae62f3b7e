// SPDX-License-Identifier: Apache-2.0

#include "hsm/login_latch.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <sstream>

#include "base/file.h"
#include "base/log.h"

namespace signer::hsm {

using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;

namespace {

constexpr const char* kNoAnswer = "no-answer-seen";

constexpr std::string_view kHeader = "signer-login-latch-1";
constexpr std::size_t kLatchBytesMax = 1024;

}  // namespace

HostResult<LoginLatch::State> LoginLatch::read() const {
  const auto content = read_file(path_, kLatchBytesMax);
  if (!content && content.error().code == ErrorCode::kNotFound) return State{};
  if (!content) return host_failure(HostStatus::kUnavailable, "hsm: login latch: " + content.error().text);
  std::istringstream in(*content);
  std::string header;
  std::string word;
  State state;
  in >> header >> word >> state.lost_attempts >> state.reason >> state.fingerprint.device >> state.fingerprint.inode >>
      state.fingerprint.size >> state.fingerprint.modified_ns >> state.fingerprint.changed_ns;
  if (!in || header != kHeader || (word != "attempting" && word != "refused")) {
    // Someone else's file or a damaged one: not knowing is no licence to try a PIN.
    return host_failure(HostStatus::kPinRefused,
                        "hsm: login latch " + path_ + ": unreadable; check the PIN, then remove this file");
  }
  state.refused = word == "refused";
  return state;
}

Result<void> LoginLatch::write(const State& state) const {
  std::ostringstream out;
  out << kHeader << '\n'
      << (state.refused ? "refused" : "attempting") << ' ' << state.lost_attempts << ' '
      << (state.reason.empty() ? "-" : state.reason) << '\n'
      << state.fingerprint.device << ' ' << state.fingerprint.inode << ' ' << state.fingerprint.size << ' '
      << state.fingerprint.modified_ns << ' ' << state.fingerprint.changed_ns << '\n';
  return write_file_atomically(path_, out.str(), 0600);
}

HostResult<void> LoginLatch::begin(const PinFingerprint& fingerprint) {
  if (path_.empty()) return host_failure(HostStatus::kInvalid, "hsm: no login latch file is configured");
  SIGNER_ASSIGN_OR_RETURN(State state, read());
  if (!(state.fingerprint == fingerprint)) state = State{};
  state.fingerprint = fingerprint;
  if (!state.refused && state.lost_attempts >= kLostAttemptsMax) {
    state.refused = true;
    state.reason = kNoAnswer;
    if (auto written = write(state); !written) log::error("hsm_latch_write_failed", {{"error", written.error().text}});
  }
  if (state.refused) {
    const std::string why = state.reason == kNoAnswer ? "two attempts with this PIN file got no clear answer"
                                                      : "the PIN was refused before (" + state.reason + ")";
    return host_failure(HostStatus::kPinRefused, "hsm: login not tried: " + why + "; correct the PIN file, or remove " +
                                                     path_ + " if the PIN is right");
  }
  lost_before_ = state.lost_attempts;
  ++state.lost_attempts;
  if (auto written = write(state); !written) {
    return host_failure(HostStatus::kUnavailable, "hsm: login not tried: latch: " + written.error().text);
  }
  return {};
}

void LoginLatch::answered_yes() {
  lost_before_ = 0;
  if (::unlink(path_.c_str()) == 0) {
    const std::filesystem::path directory = std::filesystem::path(path_).parent_path();
    if (auto synced = sync_directory(directory.empty() ? "." : directory); !synced) {
      log::warn("hsm_latch_sync_failed", {{"error", synced.error().text}});
    }
  } else if (errno != ENOENT) {
    log::error("hsm_latch_remove_failed", {{"path", path_}, {"error", errno_text(errno)}});
  }
}

void LoginLatch::answered_no(const PinFingerprint& fingerprint, std::string_view ckr) {
  const State state{.refused = true, .lost_attempts = 1, .reason = std::string(ckr), .fingerprint = fingerprint};
  // If this write fails the file still says "attempting", which refuses after kLostAttemptsMax.
  if (auto written = write(state); !written) log::error("hsm_latch_write_failed", {{"error", written.error().text}});
}

void LoginLatch::not_answered(const PinFingerprint& fingerprint) {
  if (lost_before_ == 0) return answered_yes();
  const State state{.refused = false, .lost_attempts = lost_before_, .reason = {}, .fingerprint = fingerprint};
  if (auto written = write(state); !written) log::error("hsm_latch_write_failed", {{"error", written.error().text}});
}

}  // namespace signer::hsm

// SPDX-License-Identifier: Apache-2.0

#include "hsm/login_latch.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iomanip>
#include <sstream>

#include "base/file.h"
#include "base/log.h"

namespace signer::hsm {

using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;

namespace {

constexpr const char* kNoAnswer = "no-answer-seen";

constexpr std::string_view kHeader = "signer-login-latch-2";

std::string directory_of(const std::string& path) {
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  return directory.empty() ? "." : directory.string();
}

// Held by whoever reads the latch to change it: a token host and `signerctl key csr` may meet there.
HostResult<UniqueFd> lock_directory_of(const std::string& path) {
  UniqueFd fd(::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  int locked = -1;
  while (fd.valid() && (locked = ::flock(fd.get(), LOCK_EX)) != 0 && errno == EINTR) {
  }
  if (locked == 0) return fd;
  return host_failure(HostStatus::kUnavailable, "hsm: login not tried: the latch's directory " + directory_of(path) +
                                                    ": " + errno_text(errno) +
                                                    "; make it usable for the user that signerd runs as");
}

// One word for one file, from wherever it was named.
std::string absolute(const std::string& pin_source) {
  std::error_code error;
  if (pin_source.empty() || pin_source.starts_with("credential:")) return pin_source;
  const auto path = std::filesystem::absolute(pin_source, error).lexically_normal();
  return error ? pin_source : path.string();
}

}  // namespace

LoginLatch::LoginLatch(std::string path, const std::string& pin_source)
    : path_(std::move(path)), pin_source_(absolute(pin_source)) {}

HostResult<LoginLatch::Entries> LoginLatch::read() const {
  const auto content = read_file(path_, kLatchBytesMax);
  if (!content && content.error().code == ErrorCode::kNotFound) return Entries{};
  if (!content && content.error().code != ErrorCode::kInvalidRequest)
    return host_failure(HostStatus::kUnavailable, "hsm: login latch: " + content.error().text);
  std::istringstream in(content ? *content : std::string());  // too long: not ours
  std::string header;
  std::getline(in, header);
  Entries entries;
  std::string word;
  while (header == kHeader && in >> word) {
    Entry entry;
    PinFingerprint& file = entry.fingerprint;
    in >> entry.lost_attempts >> entry.reason >> file.device >> file.inode >> file.size >> file.modified_ns >>
        file.changed_ns >> std::quoted(entry.pin_source);
    if (!in || (word != "attempting" && word != "refused")) {
      entries.clear();
      break;
    }
    entry.refused = word == "refused";
    entries.push_back(std::move(entry));
  }
  if (!entries.empty()) return entries;
  // Someone else's file or a damaged one: not knowing is no licence to try a PIN.
  return host_failure(HostStatus::kPinRefused,
                      "hsm: login latch " + path_ + ": unreadable; check the PIN, then remove this file");
}

Result<void> LoginLatch::write(const Entries& entries) const {
  std::ostringstream out;
  out << kHeader << '\n';
  for (const Entry& entry : entries) {
    const PinFingerprint& file = entry.fingerprint;
    out << (entry.refused ? "refused" : "attempting") << ' ' << entry.lost_attempts << ' '
        << (entry.reason.empty() ? "-" : entry.reason) << ' ' << file.device << ' ' << file.inode << ' ' << file.size
        << ' ' << file.modified_ns << ' ' << file.changed_ns << ' ' << std::quoted(entry.pin_source) << '\n';
  }
  return write_file_atomically(path_, out.str(), 0600);
}

HostResult<void> LoginLatch::keep(Entries entries, Entry entry) const {
  entry.pin_source = pin_source_;
  std::erase_if(entries, [&](const Entry& known) { return known.pin_source == pin_source_; });
  entries.push_back(std::move(entry));
  if (entries.size() > kEntriesMax) entries.erase(entries.begin());
  if (auto written = write(entries); !written) {
    return host_failure(HostStatus::kUnavailable,
                        "hsm: login not tried: latch: " + written.error().text +
                            "; make its directory writable for the user that signerd runs as");
  }
  return {};
}

void LoginLatch::keep_or_log(Entry entry) const {
  const auto kept = [&]() -> HostResult<void> {
    SIGNER_ASSIGN_OR_RETURN(Entries entries, read());
    return keep(std::move(entries), std::move(entry));
  }();
  if (!kept) log::error("hsm_latch_write_failed", {{"error", kept.error().text}});
}

HostResult<void> LoginLatch::begin(const PinFingerprint& fingerprint) {
  if (path_.empty()) return host_failure(HostStatus::kInvalid, "hsm: no login latch file is configured");
  unlock();
  SIGNER_ASSIGN_OR_RETURN(lock_, lock_directory_of(path_));
  auto begun = begin_locked(fingerprint);
  if (!begun) unlock();
  return begun;
}

// Not by closing alone: a module may have forked a process that has the descriptor too.
void LoginLatch::unlock() {
  if (lock_.valid()) ::flock(lock_.get(), LOCK_UN);
  lock_.reset();
}

HostResult<void> LoginLatch::begin_locked(const PinFingerprint& fingerprint) {
  SIGNER_ASSIGN_OR_RETURN(Entries entries, read());
  Entry entry;
  entry.fingerprint = fingerprint;
  for (const Entry& known : entries) {
    // A file may be named in several ways; credentials have no fingerprint.
    const bool same_source = known.pin_source == pin_source_;
    const bool same_file = known.fingerprint == fingerprint && (same_source || !(fingerprint == PinFingerprint{}));
    if (same_file && (same_source || known.refused || known.lost_attempts > entry.lost_attempts)) entry = known;
    if (entry.refused) break;
  }
  if (!entry.refused && entry.lost_attempts >= kLostAttemptsMax) {
    entry.refused = true;
    entry.reason = kNoAnswer;
    if (auto kept = keep(entries, entry); !kept) log::error("hsm_latch_write_failed", {{"error", kept.error().text}});
  }
  if (entry.refused) {
    const std::string why = entry.reason == kNoAnswer ? "two attempts with this PIN file got no clear answer"
                                                      : "the PIN was refused before (" + entry.reason + ")";
    return host_failure(HostStatus::kPinRefused, "hsm: login not tried: " + why + "; correct the PIN file, or remove " +
                                                     path_ + " if the PIN is right");
  }
  lost_before_ = entry.lost_attempts;
  ++entry.lost_attempts;
  return keep(std::move(entries), std::move(entry));
}

void LoginLatch::answered_yes() {
  lost_before_ = 0;
  forget();
  unlock();
}

void LoginLatch::forget() const {
  auto entries = read();
  if (!entries) return log::error("hsm_latch_remove_failed", {{"error", entries.error().text}});
  std::erase_if(*entries, [&](const Entry& known) { return known.pin_source == pin_source_; });
  if (!entries->empty()) {
    if (auto written = write(*entries); !written) {
      log::error("hsm_latch_write_failed", {{"error", written.error().text}});
    }
  } else if (::unlink(path_.c_str()) == 0) {
    if (auto synced = sync_directory(directory_of(path_)); !synced) {
      log::warn("hsm_latch_sync_failed", {{"error", synced.error().text}});
    }
  } else if (errno != ENOENT) {
    log::error("hsm_latch_remove_failed", {{"path", path_}, {"error", errno_text(errno)}});
  }
}

void LoginLatch::answered_no(const PinFingerprint& fingerprint, std::string_view ckr) {
  // If this write fails the file still says "attempting", which refuses after kLostAttemptsMax.
  keep_or_log(
      {.refused = true, .lost_attempts = 1, .reason = std::string(ckr), .fingerprint = fingerprint, .pin_source = {}});
  unlock();
}

void LoginLatch::not_answered(const PinFingerprint& fingerprint) {
  if (lost_before_ == 0) return answered_yes();
  keep_or_log(
      {.refused = false, .lost_attempts = lost_before_, .reason = {}, .fingerprint = fingerprint, .pin_source = {}});
  unlock();
}

void LoginLatch::no_answer_yet() {
  unlock();
}

}  // namespace signer::hsm

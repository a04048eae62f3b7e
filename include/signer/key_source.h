// SPDX-License-Identifier: Apache-2.0
//
// Public keys that change: a key set fetched anew when it grows old or when a token names a kid that it does not have.
// Where it comes from is the caller's: a file (from_file), a function of yours, or signer/jwks_http.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "signer/key_set.h"
#include "signer/result.h"

namespace signer {

/// When keys are fetched anew, and how old they may be.
struct KeySourceOptions {
  KeyRules rules;                            ///< for every set that is fetched
  std::chrono::seconds refresh_after{600};   ///< a set older than this is fetched anew by the next call that needs keys
  std::chrono::seconds stale_max{86'400};    ///< a set older than this is used no more; at least refresh_after
  std::chrono::seconds cooldown{30};         ///< from the end of a fetch to the next, whoever asks for it
  std::chrono::milliseconds wait_max{2000};  ///< how long a caller waits for a fetch that another thread makes

  /// Time that never goes back; std::chrono::steady_clock if empty.  For tests.
  std::function<std::chrono::steady_clock::time_point()> clock;

  /// For files, which cost little to read: refresh_after 10 s, cooldown 1 s, stale_max 24 h.
  [[nodiscard]] static KeySourceOptions for_file();
};

/// Durations below 0 count as 0, those above a century as a century.  Time is std::chrono::steady_clock, which does not
/// count while the machine is suspended.  A child of fork() must not use its parent's sources.
///
/// Safe to use from many threads.  It has no thread of its own: the call that finds the set too old fetches, one at a
/// time; all others go on with the set that is there.  The last good set stays until stale_max, whatever fails.
class KeySource {
 public:
  /// The text of a JWK Set.  Called from the thread that needs it, never twice at once; it must end in reasonable time.
  /// An exception counts as a failure.
  using Fetch = std::function<Result<std::string>()>;

  /// Nothing is fetched yet; call reload() at start to learn of mistakes at once.
  explicit KeySource(Fetch fetch, KeySourceOptions options = {});

  /// Reads at most KeySet::kJwksBytesMax bytes of the file each time.  Replace the file by rename, so that none is
  /// half.
  [[nodiscard]] static std::unique_ptr<KeySource> from_file(std::string path,
                                                            KeySourceOptions options = KeySourceOptions::for_file());

  KeySource(const KeySource&) = delete;
  KeySource& operator=(const KeySource&) = delete;
  ~KeySource();

  /// The set to verify with.  kInternal with the last failure if there is none younger than stale_max.
  [[nodiscard]] Result<KeySet> keys() noexcept;

  /// After kUnknownKey with `used`: the set to try again with, which is `used` itself if there is nothing newer.
  /// Fetches at most once a cooldown, so that made-up kids cannot cause a storm.
  [[nodiscard]] Result<KeySet> keys_newer_than(const KeySet& used) noexcept;

  /// Fetches now, whatever the age and the cooldown.  On failure, which the text tells, the old set stays.
  [[nodiscard]] Result<void> reload() noexcept;

  /// For health checks and metrics.
  struct Status {
    bool usable = false;          ///< keys() has a set
    std::chrono::seconds age{0};  ///< of the set, since it was fetched
    std::size_t keys = 0;         ///< in the set
    std::uint64_t fetches = 0;    ///< since the source was made, failures included
    std::uint64_t failures = 0;   ///< of these
    std::string last_failure;     ///< empty after a success
  };

  /// As of now; does not fetch.
  [[nodiscard]] Status status() const;

 private:
  struct State;

  std::unique_ptr<State> state_;
};

}  // namespace signer

// SPDX-License-Identifier: Apache-2.0
//
// What an attacker or a bad cable on the bus can do, between a client and a simulated TPM: real programs connect to it
// as to swtpm, and it delays, answers, changes, cuts, loses and counts what passes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/unique_fd.h"
#include "signer/bytes.h"
#include "tests/support/swtpm.h"
#include "tests/support/temporary_directory.h"

namespace signer::test {

inline constexpr std::uint32_t kEveryCommand = 0;
inline constexpr unsigned kAlways = std::numeric_limits<unsigned>::max();

// The commands that a rule is for, counted from when the rule was made.
struct When {
  std::uint32_t code = kEveryCommand;  // a TPM_CC
  unsigned skip = 0;                   // so many of them pass first
  unsigned times = kAlways;            // then so many are hit
};

enum class SizeField : std::uint8_t {
  kMessage,     // in the header: what the message claims to be
  kParameters,  // parameterSize, of responses to commands with sessions
};

enum class Moment : std::uint8_t {
  kBefore,  // the TPM never saw the command
  kAfter,   // the TPM has carried it out
};

// Commands are served one at a time, connection by connection, as swtpm does: while one is held up, so are all.  Rules
// can be made and dropped at any time, from any thread; those for the same command apply together, in the order hold,
// delay, drop before, answer, edit, forward, drop after, edit.  After a response whose bytes are not as many as its
// header claims the connection ends.  The Swtpm may be killed and restarted meanwhile and must outlive the interposer;
// while it is dead a connection is accepted and closed.
class TpmInterposer {
 public:
  using Rule = std::uint64_t;  // a rule's name, for hits() and drop_rule()

  // Changes a command or response of the command `code`; false if there was nothing to change.
  using Edit = std::function<bool(std::uint32_t code, Bytes& message)>;

  explicit TpmInterposer(const Swtpm& tpm);
  TpmInterposer(const TpmInterposer&) = delete;
  TpmInterposer& operator=(const TpmInterposer&) = delete;
  ~TpmInterposer();  // also lets go of what is held up

  [[nodiscard]] std::string path() const { return directory_ / "i"; }

  [[nodiscard]] std::string tcti() const { return "swtpm:path=" + path(); }

  Rule delay(When when, std::chrono::milliseconds time);

  // The response code instead of the TPM's, which does not see the command.
  Rule answer(When when, std::uint32_t code);

  Rule edit_command(When when, Edit edit);
  Rule edit_response(When when, Edit edit);

  // Another digest of the same size in TPM2_Sign.
  Rule swap_digest(Bytes digest, When when = {.code = cc::kSign});

  // Inverts bits of one byte of a successful response's parameters.  In TPM2_Sign's, the first byte of an RSA signature
  // is at 6.
  Rule corrupt(When when, std::size_t offset, std::uint8_t bits = 0x01);

  // The response ends after so many bytes; its header claims what it did.
  Rule truncate(When when, std::size_t size);

  // A size field of the response lies; the bytes stay.
  Rule claim_size(When when, SizeField field, std::uint32_t size);

  // The connection ends without a response.
  Rule drop(When when, Moment moment);

  // The command is held until release().
  Rule hold(When when);

  // Lets go of what is held and drops the rules that hold.
  void release();

  [[nodiscard]] bool holds() const;

  void drop_rule(Rule rule);
  void drop_rules();

  // How often a rule had an effect; 0 for one that never found what it was to change, or was dropped.
  [[nodiscard]] unsigned hits(Rule rule) const;

  // Commands that arrived with this code, or all; whether or not the TPM saw them.
  [[nodiscard]] unsigned count(std::uint32_t code = kEveryCommand) const;
  void forget_counts();

 private:
  enum class Effect : std::uint8_t { kHold, kDelay, kDropBefore, kAnswer, kEditCommand, kDropAfter, kEditResponse };

  struct Entry {
    Effect effect = Effect::kDelay;
    When when;
    std::chrono::milliseconds time{0};
    std::uint32_t code = 0;
    Edit edit = {};
    unsigned seen = 0;
    unsigned hits = 0;
  };

  // The rules that hit one command.
  using Plan = std::multimap<Effect, std::pair<Rule, Entry>>;

  Rule add(Entry entry);
  Plan plan_for(std::uint32_t code);
  void hit(Rule rule);
  void apply_edits(const Plan& plan, Effect effect, std::uint32_t code, Bytes& message);
  [[nodiscard]] bool wait(const Plan& plan);
  [[nodiscard]] Bytes exchange(Bytes command);
  [[nodiscard]] bool serve(int client, const Bytes& command);
  void serve_data();
  void serve_control();
  void pump(int client, int server) const;

  const std::string tpm_path_;
  TemporaryDirectory directory_;
  UniqueFd data_;
  UniqueFd control_;
  UniqueFd stop_;  // readable once the destructor runs
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Rule, Entry> rules_;
  std::map<std::uint32_t, unsigned> counts_;
  Rule last_rule_ = 0;
  bool holds_ = false;
  bool stopping_ = false;
  std::thread data_thread_;
  std::thread control_thread_;
};

}  // namespace signer::test

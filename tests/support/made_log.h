// SPDX-License-Identifier: Apache-2.0
//
// An audit log as docs/audit-format.md says, made line by line without the product's writer, its checkpoints signed by
// a software key: whole for those who read it, and a start for those who tamper with it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jose/json.h"
#include "tlog/frontier.h"
#include "tlog/note_key.h"

namespace signer::test {

class MadeLog {
 public:
  struct Segment {
    std::uint64_t first_index = 0;
    std::vector<std::string> lines;
  };

  static constexpr const char* kOrigin = "made.example/signer/00112233445566778899aabbccddeeff";

  // Begins the first segment.
  explicit MadeLog(std::string origin = kOrigin);

  // A record with these members; `event` must be among them.  index and prev are added, v and time unless given.
  void add(jose::Json members);

  // An `issue` record as signerd writes it, with numbers that depend on the index.
  void add_issue();

  // Signs the tree as it is and adds the checkpoint's record.
  void add_checkpoint();

  // As signed, without a record; nothing but the note.
  [[nodiscard]] std::string sign() const;

  void begin_segment();

  [[nodiscard]] std::uint64_t size() const { return tree_.size(); }

  [[nodiscard]] tlog::Hash root() const { return tree_.root(); }

  // The note of the last add_checkpoint().
  [[nodiscard]] const std::string& newest() const { return newest_; }

  [[nodiscard]] const std::vector<Segment>& segments() const { return segments_; }

  [[nodiscard]] std::string line(std::uint64_t index) const;

  // Writes the segments and the file `checkpoint`, if there is a checkpoint.
  void write(const std::filesystem::path& directory) const;

  // One key for all logs of an origin.
  [[nodiscard]] tlog::NoteKey key() const;

 private:
  std::string origin_;
  tlog::Frontier tree_;
  std::optional<tlog::Hash> previous_;
  std::vector<Segment> segments_;
  std::string newest_;
};

// The bytes of a segment file.
[[nodiscard]] std::string segment_text(const std::vector<std::string>& lines);

// The same, compressed as gzip does it.
[[nodiscard]] std::string gzip(std::string_view text);

// 2026-11-01T00:00:00Z and `index` seconds, in November.
[[nodiscard]] std::string made_time(std::uint64_t index);

}  // namespace signer::test

// SPDX-License-Identifier: Apache-2.0
// Target functions: audit::check_log (and audit::SegmentReader, audit::RecordView, audit::parse_segment_head below it).
//
// Whatever stands in a log's directory, the checker ends with a verdict; what it finds good is good by the format's own
// words, computed here another way; a line that it can read is the JSON that others read.
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "audit/check.h"
#include "audit/line.h"
#include "audit/record_view.h"
#include "base/file.h"
#include "fuzz/fuzz.h"
#include "jose/json.h"
#include "tlog/frontier.h"

namespace {

using signer::fuzz::require;
namespace audit = signer::audit;
namespace tlog = signer::tlog;
namespace jose = signer::jose;

// One directory for a process: gone when it ends well.
struct Directory {
  Directory() {
    const char* base = std::getenv("TMPDIR");
    std::string name = std::string(base != nullptr ? base : "/tmp") + "/signer-fuzz-XXXXXX";
    require(::mkdtemp(name.data()) != nullptr, "there is a temporary directory");
    path = name;
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }

  std::filesystem::path path;
};

void write(const std::filesystem::path& path, std::string_view content) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  require(file != nullptr && std::fwrite(content.data(), 1, content.size(), file) == content.size() &&
              std::fclose(file) == 0,
          "the temporary file is written");
}

// A line that is taken has no second meaning.
void compare_with_json(std::string_view line) {
  const auto record = audit::RecordView::parse(line);
  if (!record) return;
  const auto json = jose::parse_json_object(
      line, {.bytes_max = line.size(), .members_max = line.size(), .interoperable_numbers = false});
  require(json.has_value(), "a record is JSON");
  for (const auto& [name, value] : json->items()) {
    require(record->has(name), "every member is seen");
    if (value.is_string()) require(record->text(name) == value.get<std::string>(), "a text is what JSON says");
    if (value.is_number()) require(record->number(name) == value.get<std::int64_t>(), "a number is what JSON says");
    if (value.is_array()) require(record->texts(name).size() == value.size(), "a list is as long as JSON says");
  }
}

std::vector<std::string_view> lines_of(std::string_view segment) {
  std::vector<std::string_view> lines;
  segment = segment.substr(0, segment.find('\0'));
  for (std::size_t end = segment.find('\n'); end != std::string_view::npos; end = segment.find('\n')) {
    lines.push_back(segment.substr(0, end));
    segment.remove_prefix(end + 1);
  }
  return lines;
}

void require_good(const audit::Verdict& verdict, const std::vector<std::string_view>& lines) {
  require(verdict.size == lines.size(), "every line was looked at");
  tlog::Frontier tree;
  std::string previous;
  for (const std::string_view line : lines) {
    const auto json = jose::parse_json_object(line, {.bytes_max = line.size(), .members_max = line.size()});
    require(json.has_value() && (*json)["index"] == tree.size(), "every record is at its place");
    require(json->value("prev", "") == previous, "every record links to the one before");
    tree.append(tlog::leaf_hash(line));
    previous = tlog::to_base64(tlog::leaf_hash(line));
  }
  require(lines.empty() || verdict.root == tree.root(), "the root is that of the lines");
  require(verdict.covered <= lines.size(), "nothing is covered that is not there");
}

}  // namespace

// The input is a segment, and behind a byte 0xff the file `checkpoint`.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Directory directory;
  const std::string_view input = signer::text_of({data, size});
  const std::size_t end = input.find('\xff');
  const std::string_view segment = input.substr(0, end);
  write(directory.path / audit::segment_name(0), segment);
  std::filesystem::remove(directory.path / audit::kCheckpointFile);
  if (end != std::string_view::npos) write(directory.path / audit::kCheckpointFile, input.substr(end + 1));

  const std::vector<std::string_view> lines = lines_of(segment);
  for (const std::string_view line : lines) {
    compare_with_json(line);
    (void)audit::parse_segment_head(line);
  }
  const auto verdict = audit::check_log({directory.path, {}, {}});
  require(verdict.has_value(), "a directory with a segment gets a verdict");
  if (!verdict->finding) {
    require_good(*verdict, lines);
    return 0;
  }
  require(!verdict->finding->why.empty(), "a finding has words");
  const auto& records = verdict->finding->records;
  require(!records || records->first <= records->last, "a range has an order");
  require(!records || records->first <= lines.size(), "the first bad record is here, or the next");
  return 0;
}

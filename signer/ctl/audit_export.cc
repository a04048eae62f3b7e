// SPDX-License-Identifier: Apache-2.0
//
// `signerctl audit export`: what a collector has not got yet.

#include <unistd.h>

#include <cerrno>
#include <optional>

#include "audit/export.h"
#include "audit/line.h"
#include "audit/walk.h"
#include "base/file.h"
#include "ctl/audit.h"
#include "ctl/text.h"

namespace signer::ctl {

namespace {

constexpr std::size_t kCursorBytesMax = 4096;
constexpr std::size_t kBatchBytes = 1024UL * 1024;

// Where the last export ended, in a file of its own.
struct Cursor {
  std::string origin;
  std::uint64_t next = 0;
};

Result<std::optional<Cursor>> read_cursor(const std::string& path) {
  const auto text = read_file(path, kCursorBytesMax);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::optional<Cursor>();
  if (!text) return fail(text.error());
  const auto json = jose::parse_json_object(*text);
  if (!json || !json->contains("origin") || !(*json)["origin"].is_string() || !json->contains("next") ||
      !(*json)["next"].is_number_unsigned()) {
    return fail(ErrorCode::kInvalidRequest, "audit: " + path + " is no cursor of an export");
  }
  return std::optional(Cursor{(*json)["origin"].get<std::string>(), (*json)["next"].get<std::uint64_t>()});
}

Result<void> write_cursor(const std::string& path, const Cursor& cursor) {
  return write_file_atomically(path, machine({{"origin", cursor.origin}, {"next", cursor.next}}));
}

// Of the first segment that is here.
Result<Cursor> beginning_of(const std::string& directory) {
  SIGNER_ASSIGN_OR_RETURN(const auto files, audit::list_segments(directory));
  if (files.empty()) return fail(ErrorCode::kNotFound, "audit: " + directory + " holds no segment of a log");
  SIGNER_ASSIGN_OR_RETURN(audit::SegmentReader reader, audit::SegmentReader::open(files.front()));
  SIGNER_ASSIGN_OR_RETURN(const auto step, reader.next());
  if (step == audit::SegmentReader::Step::kEnd) return Cursor{"", files.front().first_index};
  if (step != audit::SegmentReader::Step::kLine) return fail(ErrorCode::kInvalidRequest, "audit: no segment");
  SIGNER_ASSIGN_OR_RETURN(const audit::SegmentHead head, audit::parse_segment_head(reader.line()));
  return Cursor{head.origin, files.front().first_index};
}

// Records on their way: each batch is written out, then the cursor.
class Shipment {
 public:
  Shipment(const Context& context, std::string path, Cursor cursor)
      : context_(context), path_(std::move(path)), cursor_(std::move(cursor)) {}

  // False if it cannot go on; failure() then says why.
  bool add(const audit::LogLine& line, audit::ExportFormat format) {
    batch_ += audit::exported(line, cursor_.origin, format);
    cursor_.next = line.index + 1;
    return batch_.size() < kBatchBytes || deliver();
  }

  bool deliver() {
    if (batch_.empty()) return true;
    std::string_view rest = batch_;
    while (!rest.empty()) {
      const ssize_t written = ::write(context_.output_fd, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        failure_ = Error{ErrorCode::kInternal, "audit: write the export: " + errno_text(errno)};
        return false;
      }
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
    batch_.clear();
    auto moved = write_cursor(path_, cursor_);
    if (!moved) failure_ = std::move(moved).error();
    return !failure_;
  }

  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

 private:
  const Context& context_;
  std::string path_;
  Cursor cursor_;
  std::string batch_;
  std::optional<Error> failure_;
};

}  // namespace

Outcome audit_export(const Context& context, const AuditOptions& options) {
  const auto format = audit::export_format(options.format);
  if (!format) return failed(context, Exit::kUsage, {ErrorCode::kInvalidRequest, "audit: no such format"});
  const auto beginning = beginning_of(options.directory);
  if (!beginning) return failed(context, Exit::kUsage, beginning.error());
  const auto left = read_cursor(options.cursor);
  if (!left) return failed(context, Exit::kUsage, left.error());
  const Cursor cursor = left->value_or(*beginning);
  if (cursor.origin != beginning->origin || cursor.next < beginning->next) {
    const std::string why = cursor.origin != beginning->origin
                                ? "the cursor is of another log"
                                : "records " + std::to_string(cursor.next) + " to " +
                                      std::to_string(beginning->next - 1) + " are not here any more";
    return failed(context, Exit::kNo, {ErrorCode::kInvalidRequest, "audit: " + why + "; remove it to begin anew"});
  }
  Shipment shipment(context, options.cursor, cursor);
  const auto walk = audit::walk_records(options.directory, cursor.next,
                                        [&](const audit::LogLine& line) { return shipment.add(line, *format); });
  if (!walk) return failed(context, Exit::kUsage, walk.error());
  if (!shipment.failure()) (void)shipment.deliver();
  if (shipment.failure()) return failed(context, Exit::kUsage, *shipment.failure());
  if (walk->bad_lines == 0) return {Exit::kYes, "", ""};
  const std::string why = "audit: " + std::to_string(walk->bad_lines) + " places are no records and were passed over";
  return failed(context, Exit::kNo, {ErrorCode::kInvalidRequest, why + "; audit verify says which"});
}

}  // namespace signer::ctl

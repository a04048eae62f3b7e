// SPDX-License-Identifier: Apache-2.0
//
// `signerctl audit export`: what a collector has not got yet.

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "audit/export.h"
#include "audit/line.h"
#include "audit/walk.h"
#include "base/file.h"
#include "base/unique_fd.h"
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
  std::string last;  // base64 of the leaf of the record before `next`; empty: none was exported
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
  const auto last = json->find("last");
  return std::optional(Cursor{(*json)["origin"].get<std::string>(), (*json)["next"].get<std::uint64_t>(),
                              last != json->end() && last->is_string() ? last->get<std::string>() : std::string()});
}

Result<void> write_cursor(const std::string& path, const Cursor& cursor) {
  return write_file_atomically(path,
                               machine({{"origin", cursor.origin}, {"next", cursor.next}, {"last", cursor.last}}));
}

// Of the first segment that is here.
Result<Cursor> beginning_of(const std::string& directory) {
  SIGNER_ASSIGN_OR_RETURN(const auto files, audit::list_segments(directory));
  if (files.empty()) return fail(ErrorCode::kNotFound, "audit: " + directory + " holds no segment of a log");
  SIGNER_ASSIGN_OR_RETURN(audit::SegmentReader reader, audit::SegmentReader::open(files.front()));
  SIGNER_ASSIGN_OR_RETURN(const auto step, reader.next());
  if (step == audit::SegmentReader::Step::kEnd) return Cursor{"", files.front().first_index, ""};
  if (step != audit::SegmentReader::Step::kLine) return fail(ErrorCode::kInvalidRequest, "audit: no segment");
  SIGNER_ASSIGN_OR_RETURN(const audit::SegmentHead head, audit::parse_segment_head(reader.line()));
  return Cursor{head.origin, files.front().first_index, ""};
}

// Where records go.
class Destination {
 public:
  // `to`: "-" for `output_fd`, or "unix:PATH".
  static Result<Destination> open(const std::string& to, int output_fd) {
    if (to == "-") return Destination(UniqueFd(), output_fd);
    constexpr std::string_view kUnix = "unix:";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = to.starts_with(kUnix) ? to.substr(kUnix.size()) : std::string();
    if (path.empty() || path.size() >= sizeof address.sun_path)
      return fail(ErrorCode::kInvalidRequest, "audit: --to must be - or unix:PATH");
    path.copy(static_cast<char*>(address.sun_path), path.size());
    UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const timeval patience{kPatience.count(), 0};
    if (!socket.valid() || ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      return fail(ErrorCode::kInternal, "audit: connect to " + path + ": " + errno_text(errno));
    }
    const int fd = socket.get();
    return Destination(std::move(socket), fd);
  }

  // As much at once as the destination takes as one: for a socket each record is a datagram of its own.
  [[nodiscard]] bool is_socket() const noexcept { return socket_.valid(); }

  // All of it, or a failure after which some of it may have arrived.
  Result<void> write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written =
          is_socket() ? ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) : ::write(fd_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return fail(ErrorCode::kInternal, "audit: write the export: " + errno_text(errno));
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }

 private:
  static constexpr std::chrono::seconds kPatience{10};

  Destination(UniqueFd socket, int fd) : socket_(std::move(socket)), fd_(fd) {}

  UniqueFd socket_;
  int fd_;
};

// Records on their way: each batch is written out, then the cursor.
class Shipment {
 public:
  Shipment(Destination destination, std::string path, Cursor cursor)
      : destination_(std::move(destination)), path_(std::move(path)), cursor_(std::move(cursor)) {}

  // False if it cannot go on; failure() then says why.
  bool add(const audit::LogLine& line, audit::ExportFormat format) {
    std::string text = audit::exported(line, cursor_.origin, format);
    bytes_ += text.size();
    if (destination_.is_socket() || batch_.empty()) {
      batch_.push_back(std::move(text));
    } else {
      batch_.back() += text;
    }
    cursor_.next = line.index + 1;
    cursor_.last = tlog::to_base64(tlog::leaf_hash(line.line));
    return bytes_ < kBatchBytes || deliver();
  }

  bool deliver() {
    if (batch_.empty()) return true;
    for (const std::string& text : batch_) {
      if (auto written = destination_.write(text); !written) {
        failure_ = std::move(written).error();
        return false;
      }
    }
    batch_.clear();
    bytes_ = 0;
    auto moved = write_cursor(path_, cursor_);
    if (!moved) failure_ = std::move(moved).error();
    return !failure_;
  }

  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

 private:
  Destination destination_;
  std::string path_;
  Cursor cursor_;
  std::vector<std::string> batch_;  // one text, or one for each datagram
  std::size_t bytes_ = 0;
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
  auto destination = Destination::open(options.destination, context.output_fd);
  if (!destination) return failed(context, Exit::kUsage, destination.error());
  Shipment shipment(*std::move(destination), options.cursor, cursor);
  // The last record that was exported must still be there: a log that was cut, or put back, gives its indexes anew.
  const bool again = !cursor.last.empty() && cursor.next > beginning->next;
  bool same = !again;
  const auto walk =
      audit::walk_records(options.directory, again ? cursor.next - 1 : cursor.next, [&](const audit::LogLine& line) {
        if (again && line.index + 1 == cursor.next) {
          same = tlog::to_base64(tlog::leaf_hash(line.line)) == cursor.last;
          return same;
        }
        return same && shipment.add(line, *format);
      });
  if (!walk) return failed(context, Exit::kUsage, walk.error());
  if (!same) {
    return failed(
        context, Exit::kNo,
        {ErrorCode::kInvalidRequest, "audit: record " + std::to_string(cursor.next - 1) +
                                         " is not the one that was exported: the log was cut or "
                                         "put back; audit verify tells, and without the cursor all is exported again"});
  }
  if (!shipment.failure()) (void)shipment.deliver();
  if (shipment.failure()) return failed(context, Exit::kUsage, *shipment.failure());
  if (walk->bad_lines == 0) return {Exit::kYes, "", ""};
  const std::string why = "audit: " + std::to_string(walk->bad_lines) + " places are no records and were passed over";
  return failed(context, Exit::kNo, {ErrorCode::kInvalidRequest, why + "; audit verify says which"});
}

}  // namespace signer::ctl

// SPDX-License-Identifier: Apache-2.0
//
// `signerctl audit export`.  Without these a collector could lack records and nobody would know.
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>

#include "audit/line.h"
#include "base/unique_fd.h"
#include "tests/unit/ctl/audit_command.h"

namespace signer::test {
namespace {

namespace fs = std::filesystem;

TEST_F(AuditCommand, ExportWritesWhatIsNewAndMovesItsCursorBehindIt) {
  const std::vector<std::string> command = {"export", directory(), "--cursor", own_ / "cursor"};
  std::string all;
  for (std::uint64_t index = 0; index < 11; ++index) all += log_.line(index) + "\n";
  EXPECT_EQ(audit(command).out, all);
  EXPECT_EQ(audit(command).out, "");
  log_.add_issue();
  log_.write(directory());
  EXPECT_EQ(audit(command).out, log_.line(11) + "\n");
  fs::remove(own_ / "cursor");
  EXPECT_EQ(audit(command).out, all + log_.line(11) + "\n") << "again from the beginning";
}

// A restored backup gives the indexes of what was exported to other records.
TEST_F(AuditCommand, ExportStopsIfTheRecordBeforeItsCursorIsAnotherOrGone) {
  const std::vector<std::string> command = {"export", directory(), "--cursor", own_ / "cursor"};
  ASSERT_EQ(audit(command).status, 0);
  const std::string segment = directory() + "/" + audit::segment_name(7);
  const std::string whole = read_text(segment);
  const std::size_t last_line = whole.rfind('\n', whole.size() - 2) + 1;
  std::string other = whole;
  const std::size_t digit = other.find("\"time\":\"", last_line) + 9;
  other[digit] = other[digit] == '2' ? '1' : '2';
  for (const std::string& changed : {whole.substr(0, last_line), other}) {
    write_text(segment, changed);
    const Finished stopped = audit(command);
    EXPECT_EQ(stopped.status, 1);
    EXPECT_NE(stopped.err.find("is not the one that was exported"), std::string::npos) << stopped.err;
    EXPECT_EQ(stopped.out, "");
  }
  write_text(segment, whole);
  EXPECT_EQ(audit(command).status, 0);
}

TEST_F(AuditCommand, ExportLeavesItsCursorIfNobodyTookWhatItWrote) {
  const std::string command = "'" SIGNERCTL_PROGRAM "' audit export '" + directory() + "' --cursor '" +
                              (own_ / "cursor") + "' >/dev/full; echo $?";
  EXPECT_EQ(run_program({"/bin/sh", "-c", command}).out, "2\n");
  EXPECT_FALSE(fs::exists(own_ / "cursor"));
}

// As /dev/log and the journal's socket take them.
TEST_F(AuditCommand, ExportSendsEachRecordAsADatagram) {
  const std::string path = own_ / "collector";
  const std::vector<std::string> command = {"export", directory(), "--cursor", own_ / "cursor", "--to", "unix:" + path};
  EXPECT_EQ(audit(command).status, 2) << "nobody listens";
  EXPECT_FALSE(fs::exists(own_ / "cursor"));
  const UniqueFd collector(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(collector.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const Finished sent = audit(command);  // the queue of a socket takes some before anybody reads
  ASSERT_EQ(sent.status, 0) << sent.err;
  EXPECT_EQ(sent.out, "");
  for (std::uint64_t index = 0; index < 11; ++index) {
    std::string datagram(8192, '\0');
    const ssize_t size = ::recv(collector.get(), datagram.data(), datagram.size(), MSG_DONTWAIT);
    ASSERT_GT(size, 0) << index;
    datagram.resize(static_cast<std::size_t>(size));
    EXPECT_EQ(datagram, log_.line(index) + "\n");
  }
  char more = 0;
  EXPECT_EQ(::recv(collector.get(), &more, 1, MSG_DONTWAIT), -1) << "nothing twice";
  EXPECT_EQ(audit({"export", directory(), "--cursor", own_ / "cursor", "--to", "tcp:x"}).status, 2);
}

TEST_F(AuditCommand, ExportRefusesACursorOfAnotherLogAndOneWhoseRecordsAreGone) {
  const auto with_cursor = [&](const std::string& text) {
    return audit({"export", directory(), "--cursor", own_.file("cursor", text)});
  };
  EXPECT_EQ(with_cursor(R"({"next":0,"origin":"elsewhere"})").status, 1);
  EXPECT_EQ(with_cursor("nonsense").status, 2);
  const std::string own = std::string(R"({"next":3,"origin":")") + MadeLog::kOrigin + "\"}";
  EXPECT_EQ(with_cursor(own).status, 0);
  fs::remove(directory() + "/" + audit::segment_name(0));
  const Finished gone = with_cursor(own);
  EXPECT_EQ(gone.status, 1);
  EXPECT_NE(gone.err.find("records 3 to 6 are not here any more"), std::string::npos) << gone.err;
  EXPECT_EQ(gone.out, "");
}

TEST_F(AuditCommand, ExportPassesOverWhatIsNoRecordAndSaysSo) {
  write_text(directory() + "/" + audit::segment_name(7), log_.line(7) + "\nnonsense\n" + log_.line(9) + "\n");
  const Finished exported = audit({"export", directory(), "--cursor", own_ / "cursor"});
  EXPECT_EQ(exported.status, 1);
  EXPECT_TRUE(exported.out.ends_with(log_.line(7) + "\n" + log_.line(9) + "\n"));
  EXPECT_NE(exported.err.find("1 places are no records"), std::string::npos) << exported.err;
}

}  // namespace
}  // namespace signer::test

// SPDX-License-Identifier: Apache-2.0
//
// Lines of segment files.  Without these a line could be lost or cut where a buffer ends, or a file that somebody made
// to harm the reader could take all memory.

#include "audit/segment_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "audit/line.h"
#include "tests/support/made_log.h"
#include "tests/support/process.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_directory.h"

namespace signer::test {
namespace {

using audit::SegmentReader;
using Step = SegmentReader::Step;

class Segments : public testing::Test {
 protected:
  struct Read {
    std::vector<std::string> lines;
    Step last = Step::kLine;
    SegmentReader::Tail tail;
  };

  [[nodiscard]] Read read(std::string_view content, bool compressed) const {
    const std::string path = directory_ / (audit::segment_name(0) + (compressed ? ".gz" : ""));
    write_text(path, compressed ? gzip(content) : std::string(content));
    return read({path, 0, compressed});
  }

  [[nodiscard]] static Read read(const audit::SegmentFile& file) {
    Read result;
    auto reader = SegmentReader::open(file);
    EXPECT_TRUE(reader) << reader.error().text;
    if (!reader) return result;
    std::uint64_t offset = 0;
    while (true) {
      const auto step = reader->next();
      EXPECT_TRUE(step) << step.error().text;
      if (!step || *step != Step::kLine) {
        result.last = step ? *step : Step::kDamaged;
        result.tail = reader->tail();
        return result;
      }
      EXPECT_EQ(reader->line_offset(), offset);
      offset += reader->line().size() + 1;
      result.lines.emplace_back(reader->line());
    }
  }

  TemporaryDirectory directory_;
};

TEST_F(Segments, GiveLinesOfEveryLengthWhereverABufferEnds) {
  SCOPED_TRACE("seed " + std::to_string(seed()));
  std::mt19937 random(seed());
  for (int round = 0; round < 10; ++round) {
    std::vector<std::string> lines;
    for (std::size_t bytes = 0; bytes < 1'500'000;) {
      const std::size_t sizes[] = {0, 1, random() % 600, random() % 600, random() % 65'536, audit::kLineBytesMax};
      lines.emplace_back(sizes[random() % std::size(sizes)], static_cast<char>('a' + random() % 26));
      bytes += lines.back().size();
    }
    for (const bool compressed : {false, true}) {
      const Read got = read(segment_text(lines), compressed);
      EXPECT_EQ(got.last, Step::kEnd);
      ASSERT_EQ(got.lines.size(), lines.size());
      EXPECT_TRUE(got.lines == lines);
      EXPECT_EQ(got.tail.torn_bytes + got.tail.zero_bytes + got.tail.stray_bytes, 0U);
    }
  }
}

TEST_F(Segments, EndAtTheFirstZeroByteAndCountWhatIsBehindIt) {
  for (const bool compressed : {false, true}) {
    const std::string zeroes(700'000, '\0');
    Read got = read("one\ntwo\n" + zeroes, compressed);
    EXPECT_EQ(got.lines, (std::vector<std::string>{"one", "two"}));
    EXPECT_EQ(got.tail.zero_bytes, 700'000U);
    EXPECT_EQ(got.tail.torn_bytes + got.tail.stray_bytes, 0U);
    got = read("one\ntw" + zeroes + "three\n", compressed);
    EXPECT_EQ(got.lines, (std::vector<std::string>{"one"}));
    EXPECT_EQ(got.tail.torn_bytes, 2U);
    EXPECT_EQ(got.tail.zero_bytes, 700'000U);
    EXPECT_EQ(got.tail.stray_bytes, 6U);
    got = read("one\ntwo", compressed);
    EXPECT_EQ(got.lines, (std::vector<std::string>{"one"}));
    EXPECT_EQ(got.tail.torn_bytes, 3U);
    got = read("", compressed);
    EXPECT_TRUE(got.lines.empty());
    EXPECT_EQ(got.last, Step::kEnd);
  }
}

TEST_F(Segments, EndAtALineThatIsTooLong) {
  for (const bool compressed : {false, true}) {
    EXPECT_EQ(read("one\n" + std::string(65'535, 'x') + "\n", compressed).lines.size(), 2U);
    for (const std::string& end : {std::string("\n"), std::string(), std::string(5'000'000, 'x')}) {
      const Read got = read("one\n" + std::string(65'536, 'x') + end, compressed);
      EXPECT_EQ(got.lines.size(), 1U);
      EXPECT_EQ(got.last, Step::kTooLong);
    }
  }
}

TEST_F(Segments, OfADamagedFileGiveTheLinesBeforeTheDamageOrNone) {
  std::vector<std::string> lines;
  for (int i = 0; i < 20'000; ++i) lines.push_back("line " + std::to_string(i));
  const std::string whole = gzip(segment_text(lines));
  const std::string path = directory_ / (audit::segment_name(0) + ".gz");
  for (std::size_t size = 1; size < whole.size(); size += 997) {
    write_text(path, whole.substr(0, size));
    const Read got = read({path, 0, true});
    EXPECT_EQ(got.last, Step::kDamaged) << size;
    ASSERT_LE(got.lines.size(), lines.size());
    EXPECT_TRUE(std::equal(got.lines.begin(), got.lines.end(), lines.begin())) << size;
  }
}

TEST_F(Segments, AreListedInOrderWithThePlainOneOfTwo) {
  for (const std::string& name :
       {audit::segment_name(20), audit::segment_name(0) + ".gz", audit::segment_name(3), audit::segment_name(3) + ".gz",
        std::string("00000000000000000007.torn"), std::string("checkpoint"), std::string("7.jsonl"),
        std::string(".jsonl"), std::string("0000000000000000000x.jsonl"), std::string("99999999999999999999.jsonl")})
    write_text(directory_ / name, "");
  const auto files = audit::list_segments(directory_.path());
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 3U);
  EXPECT_EQ((*files)[0].path.filename(), audit::segment_name(0) + ".gz");
  EXPECT_TRUE((*files)[0].compressed);
  EXPECT_EQ((*files)[1].path.filename(), audit::segment_name(3));
  EXPECT_EQ((*files)[2].first_index, 20U);
  EXPECT_FALSE(audit::list_segments(directory_ / "none"));
}

TEST_F(Segments, AreFoundIfTheyWereCompressedSinceTheyWereListed) {
  write_text(directory_ / audit::segment_name(0), "one\n");
  const auto files = audit::list_segments(directory_.path());
  ASSERT_TRUE(files && files->size() == 1);
  write_text(directory_ / (audit::segment_name(0) + ".gz"), gzip("one\n"));
  std::filesystem::remove(files->front().path);
  EXPECT_EQ(read(files->front()).lines, std::vector<std::string>{"one"});
  std::filesystem::remove(directory_ / (audit::segment_name(0) + ".gz"));
  const auto gone = SegmentReader::open(files->front());
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace signer::test

// SPDX-License-Identifier: Apache-2.0

#include "tests/support/made_log.h"

#include <zlib.h>

#include <array>
#include <cstdio>

#include "audit/line.h"
#include "tests/support/algorithm_key.h"
#include "tests/support/process.h"
#include "tlog/checkpoint.h"
#include "tlog/note.h"

namespace signer::test {

namespace {

const AlgorithmKey& checkpoint_key() {
  static const AlgorithmKey key(Algorithm::kEs256);
  return key;
}

}  // namespace

std::string made_time(std::uint64_t index) {
  std::array<char, 64> text{};
  const auto seconds = static_cast<unsigned>(index % 86400);
  std::snprintf(text.data(), text.size(), "2026-11-%02uT%02u:%02u:%02u.000000Z",
                static_cast<unsigned>(index / 86400) + 1, seconds / 3600, seconds / 60 % 60, seconds % 60);
  return text.data();
}

MadeLog::MadeLog(std::string origin) : origin_(std::move(origin)) {
  begin_segment();
}

void MadeLog::begin_segment() {
  segments_.push_back({tree_.size(), {}});
  jose::Json members = {{"event", "segment"}, {"origin", origin_}, {"tree", jose::Json::array()}};
  for (const tlog::Hash& hash : tree_.hashes()) members["tree"].push_back(tlog::to_base64(hash));
  add(std::move(members));
}

void MadeLog::add(jose::Json members) {
  if (!members.contains("v")) members["v"] = 2;
  members["index"] = tree_.size();
  if (!members.contains("time")) members["time"] = made_time(tree_.size());
  if (previous_) members["prev"] = tlog::to_base64(*previous_);
  const std::string line = members.dump();
  previous_ = tlog::leaf_hash(line);
  tree_.append(*previous_);
  segments_.back().lines.push_back(line);
}

void MadeLog::add_issue() {
  const std::uint64_t index = tree_.size();
  add({{"event", "issue"},
       {"req", "00000000000000" + std::to_string(10 + index % 90)},
       {"uid", 1000 + index % 3},
       {"gid", 1000},
       {"pid", 4711},
       {"unit", "portal.service"},
       {"grant", "portal"},
       {"key", "issuer"},
       {"kid", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
       {"profile", "access"},
       {"profile_sha256", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"},
       {"jti", "jti-" + std::to_string(index)},
       {"aud", {"https://api.example"}},
       {"exp", 1'800'000'000 + index},
       {"input_sha256", "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg"},
       {"latency_us", 40}});
}

std::string MadeLog::sign() const {
  const auto text = tlog::to_text(tlog::Checkpoint{origin_, tree_.size(), tree_.root(), {}});
  require(text.has_value());
  const auto signature = tlog::signature_of(key(), checkpoint_key().signature(*text));
  require(signature.has_value());
  const auto note = tlog::to_text(tlog::Note{*text, {*signature}});
  require(note.has_value());
  return *note;
}

void MadeLog::add_checkpoint() {
  newest_ = sign();
  add({{"event", "checkpoint"}, {"note", newest_}, {"size", tree_.size()}});
}

std::string MadeLog::line(std::uint64_t index) const {
  for (const Segment& segment : segments_) {
    if (index >= segment.first_index && index < segment.first_index + segment.lines.size())
      return segment.lines[index - segment.first_index];
  }
  return "";
}

void MadeLog::write(const std::filesystem::path& directory) const {
  for (const Segment& segment : segments_) {
    write_text(directory / audit::segment_name(segment.first_index), segment_text(segment.lines));
  }
  if (!newest_.empty()) write_text(directory / audit::kCheckpointFile, newest_);
}

tlog::NoteKey MadeLog::key() const {
  auto key = tlog::NoteKey::make(origin_, checkpoint_key().public_key());
  require(key.has_value());
  return *std::move(key);
}

std::string segment_text(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  require(::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string in(text);
  std::string out(::deflateBound(&stream, static_cast<uLong>(in.size())) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  require(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  require(::deflateEnd(&stream) == Z_OK);
  return out;
}

}  // namespace signer::test

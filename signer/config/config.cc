// SPDX-License-Identifier: Apache-2.0

#include "config/config.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/file.h"
#include "config/grant_table.h"
#include "config/reader.h"
#include "config/references.h"
#include "config/token_table.h"

namespace signer::config {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kFileBytesMax = 1024UL * 1024;
constexpr std::size_t kNameMax = 64;
constexpr std::size_t kSocketPathMax = 100;  // sun_path holds 107 and a temporary name needs the rest

bool plain_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kNameMax && std::all_of(name.begin(), name.end(), allowed) && name[0] != '.';
}

// Reads `name` and refuses one that is no plain word or that an earlier table of the kind has.
void read_name(TableReader& reader, std::string& name, std::set<std::string>& taken) {
  reader.text("name", name, true);
  if (name.empty()) return;
  if (!plain_name(name)) reader.problem("name", "must be 1 to 64 characters of a-z 0-9 . _ - and not begin with a dot");
  if (!taken.insert(name).second) reader.problem("name", "'" + name + "' is already in use; give it another name");
}

// Reads a duration that must be whole seconds, because claims and records count in seconds.
void read_seconds(TableReader& reader, std::string_view name, milliseconds minimum, milliseconds maximum,
                  std::optional<seconds>& target) {
  std::optional<milliseconds> value;
  reader.duration(name, minimum, maximum, value);
  if (!value) return;
  if (value->count() % 1000 != 0) return reader.problem(name, "must be whole seconds");
  target = std::chrono::duration_cast<seconds>(*value);
}

// Parses the parts in order; what a later part names must be in an earlier one.
class Parser {
 public:
  Parser(const toml::table& root, std::string file) : problems_(file), root_(root, "", problems_) {
    config_.file = std::move(file);
  }

  Result<Config> run() {
    root_.text("state_dir", config_.state_dir, true);
    if (!config_.state_dir.empty() && config_.state_dir[0] != '/')
      root_.problem("state_dir", "must be an absolute path");
    for (const toml::table* table : root_.tables("listener")) listener(*table);
    if (config_.listeners.empty()) root_.problem("listener", "is missing; add a [[listener]] with a path");
    for (const toml::table* table : root_.tables("token")) token(*table);
    for (const toml::table* table : root_.tables("key")) key(*table);
    for (const toml::table* table : root_.tables("profile")) profile(*table);
    for (const toml::table* table : root_.tables("grant")) grant(*table);
    config_.audit.dir = config_.state_dir + "/audit";
    if (const toml::table* table = root_.table("audit")) audit(*table);
    root_.finish();
    if (!problems_.empty()) return fail(ErrorCode::kInvalidRequest, problems_.text());
    return std::move(config_);
  }

 private:
  void listener(const toml::table& table) {
    TableReader reader(table, "listener", problems_);
    Listener listener;
    reader.text("path", listener.path, true);
    if (!listener.path.empty() && (listener.path[0] != '/' || listener.path.size() > kSocketPathMax)) {
      reader.problem("path", "must be an absolute path of at most 100 bytes (the kernel limits socket paths)");
    }
    for (const Listener& other : config_.listeners) {
      if (other.path == listener.path) reader.problem("path", "is used by two listeners");
    }
    std::string mode = "0600";
    reader.text("mode", mode);
    unsigned value = 0;
    const auto [end, error] = std::from_chars(mode.data(), mode.data() + mode.size(), value, 8);
    if (error != std::errc{} || end != mode.data() + mode.size() || value > 0777 || (value & 0600) != 0600) {
      reader.problem("mode", "must be octal digits in quotes that let the owner read and write, such as \"0660\"");
    }
    listener.mode = static_cast<mode_t>(value);
    reader.text("group", listener.group);
    reader.finish();
    config_.listeners.push_back(std::move(listener));
  }

  void token(const toml::table& table) {
    TableReader reader(table, "token", problems_);
    Token token;
    read_name(reader, token.name, token_names_);
    read_token(reader, config_.state_dir, token);
    reader.finish();
    config_.tokens.push_back(std::move(token));
  }

  void key(const toml::table& table) {
    TableReader reader(table, "key", problems_);
    Key key;
    read_name(reader, key.name, key_names_);
    reader.texts("tokens", key.tokens, true);
    check_references(reader, "tokens", key.tokens, names_of(config_.tokens));
    std::string algorithm = "RS256";
    reader.text("alg", algorithm);
    if (algorithm != "RS256") reader.problem("alg", "must be \"RS256\"");
    std::optional<std::int64_t> bits;
    reader.number("bits", 2048, 4096, bits);
    switch (bits.value_or(2048)) {
      case 2048:
        break;
      case 3072:
        key.kind = jose::KeyKind::kRsa3072;
        break;
      case 4096:
        key.kind = jose::KeyKind::kRsa4096;
        break;
      default:
        reader.problem("bits", "must be 2048, 3072 or 4096");
    }
    std::string lock = "standard";
    reader.text("mechanism_lock", lock);
    key.mechanism_lock = lock == "strict";
    if (lock != "strict" && lock != "standard") reader.problem("mechanism_lock", "must be \"standard\" or \"strict\"");
    std::optional<seconds> rotate_every;
    read_seconds(reader, "rotate_every", std::chrono::hours(1), std::chrono::hours(24 * 3660), rotate_every);
    std::optional<seconds> lead_in;
    read_seconds(reader, "lead_in", milliseconds(0), std::chrono::hours(24 * 366), lead_in);
    key.rotate_every = rotate_every.value_or(key.rotate_every);
    key.lead_in = lead_in.value_or(key.lead_in);
    if (rotate_every || lead_in)
      note("key " + key.name + ": rotate_every and lead_in are kept; this version does not rotate");
    if (key.tokens.size() > 1) note("key " + key.name + ": this version uses the first of its tokens alone");
    reader.finish();
    config_.keys.push_back(std::move(key));
  }

  void profile(const toml::table& table) {
    TableReader reader(table, "profile", problems_);
    Profile profile;
    read_name(reader, profile.name, profile_names_);
    reader.text("typ", profile.typ);
    reader.text("issuer", profile.issuer, true);
    reader.texts("audiences", profile.audiences, true);
    std::optional<seconds> ttl;
    read_seconds(reader, "max_ttl", seconds(1), std::chrono::hours(24 * 366), ttl);
    if (!ttl && !table.contains("max_ttl"))
      reader.problem("max_ttl", "is missing; every token has an end, say \"15m\"");
    profile.max_ttl = ttl.value_or(profile.max_ttl);
    reader.finish();
    config_.profiles.push_back(std::move(profile));
  }

  void grant(const toml::table& table) {
    TableReader reader(table, "grant", problems_);
    Grant grant;
    grant.line = table.source().begin.line;
    read_name(reader, grant.name, grant_names_);
    read_grant(reader, config_, problems_, grant);
    if (std::string text = note_on(grant); !text.empty()) note(std::move(text));
    reader.finish();
    config_.grants.push_back(std::move(grant));
  }

  void audit(const toml::table& table) {
    TableReader reader(table, "audit", problems_);
    reader.text("dir", config_.audit.dir);
    if (config_.audit.dir[0] != '/') reader.problem("dir", "must be an absolute path");
    reader.text("token", config_.audit.token);
    if (!config_.audit.token.empty())
      check_references(reader, "token", {config_.audit.token}, names_of(config_.tokens));
    std::optional<seconds> every;
    read_seconds(reader, "checkpoint_every", seconds(1), std::chrono::hours(24), every);
    config_.audit.checkpoint_every = every.value_or(config_.audit.checkpoint_every);
    if (every || !config_.audit.token.empty()) {
      note("audit: token and checkpoint_every are kept; this version writes records without checkpoints");
    }
    reader.finish();
  }

  void note(std::string text) { config_.notes.push_back(std::move(text)); }

  Problems problems_;
  TableReader root_;
  Config config_;
  std::set<std::string> token_names_;
  std::set<std::string> key_names_;
  std::set<std::string> profile_names_;
  std::set<std::string> grant_names_;
};

// The first line with a byte above 0x7f that is not a comment from its first character on.  Asked whether such
// a character is white space, toml++ (3.3, 3.4) runs into undefined behaviour of its own, so it does not get to see one
// where it would ask; texts can be written with \uXXXX.
std::optional<std::size_t> line_with_foreign_character(std::string_view text) {
  // Inside a text of several lines a '#' begins no comment.
  const bool comments = text.find("\"\"\"") == std::string_view::npos && text.find("'''") == std::string_view::npos;
  std::size_t line = 1;
  bool blank = true;
  bool comment = false;
  for (const char c : text) {
    if (c == '\n') {
      ++line;
      blank = true;
      comment = false;
      continue;
    }
    if (blank && c == '#') comment = comments;
    blank = blank && (c == ' ' || c == '\t');
    if (!comment && static_cast<unsigned char>(c) > 0x7f) return line;
  }
  return std::nullopt;
}

// The line at which toml++ gets lost.  It reads from the front, so whatever holds that line loses it too.
std::size_t line_that_loses_the_parser(std::string_view text) {
  std::vector<std::size_t> ends;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\n' || at + 1 == text.size()) ends.push_back(at + 1);
  }
  const auto is_read = [text](std::size_t end) {
    try {
      static_cast<void>(toml::parse(text.substr(0, end)));
    } catch (const toml::parse_error&) {
    } catch (const ParserLost&) {
      return false;
    }
    return true;
  };
  const auto lost = std::partition_point(ends.begin(), ends.end(), is_read);
  return static_cast<std::size_t>(lost - ends.begin()) + 1;
}

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  std::int64_t factor = 0;
  if (unit == "ms") factor = 1;
  if (unit == "s") factor = 1000;
  if (unit == "m") factor = 60'000;
  if (unit == "h") factor = 3'600'000;
  if (unit == "d") factor = 86'400'000;
  constexpr std::int64_t kHundredYears = 36'525LL * 86'400'000;
  if (error != std::errc{} || factor == 0 || count < 0 || count > kHundredYears / factor) return std::nullopt;
  return milliseconds(count * factor);
}

Result<Config> parse(std::string_view text, const std::string& file) {
  Problems problems(file);
  if (const auto line = line_with_foreign_character(text)) {
    problems.add(
        *line, "syntax",
        "a character that is not ASCII; write it as \\uXXXX in a text, or move the comment to a line of its own");
    return fail(ErrorCode::kInvalidRequest, problems.text());
  }
  try {
    return Parser(toml::parse(text, file), file).run();
  } catch (const toml::parse_error& error) {
    problems.add(error.source().begin.line, "syntax", error.description());
  } catch (const ParserLost&) {
    problems.add(line_that_loses_the_parser(text), "syntax",
                 "a name or value begins with a character that may not begin one");
  }
  return fail(ErrorCode::kInvalidRequest, problems.text());
}

Result<Config> load(const std::filesystem::path& file) {
  SIGNER_ASSIGN_OR_RETURN(const std::string text, read_file(file, kFileBytesMax));
  return parse(text, file.string());
}

}  // namespace signer::config

// SPDX-License-Identifier: Apache-2.0
//
// A test of the source itself: the floors of ARCHITECTURE.md and the habits that reviews would otherwise have to
// remember.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = SOURCE_DIRECTORY;

struct SourceFile {
  std::string name;  // from the root
  std::vector<std::string> lines;
};

// Every C++ file of ours below `folder`, relative to the root.
std::vector<SourceFile> files_below(const std::string& folder) {
  std::vector<SourceFile> files;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
    const auto extension = entry.path().extension();
    if (extension != ".cc" && extension != ".h") continue;
    SourceFile file{fs::relative(entry.path(), kRoot).string(), {}};
    std::ifstream stream(entry.path());
    for (std::string line; std::getline(stream, line);) file.lines.push_back(line);
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return files;
}

std::vector<SourceFile> product_files() {
  std::vector<SourceFile> files;
  for (const char* folder : {"include", "signer", "hsm", "tpm"}) {
    auto more = files_below(folder);
    files.insert(files.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  return files;
}

// The room of a file of ours: the folder below signer/, or "public", "hsm", "csr", "tpm", "main".
std::string room_of(const std::string& name) {
  if (name.starts_with("include/")) return "public";
  if (name.starts_with("hsm/csr/")) return "csr";
  if (name.starts_with("hsm/")) return "hsm";
  if (name.starts_with("tpm/")) return "tpm";
  const std::string rest = name.substr(std::string("signer/").size());
  const std::size_t slash = rest.find('/');
  return slash == std::string::npos ? "main" : rest.substr(0, slash);
}

// The room a quoted include leads to, or "" if it stays in the file's own folder.
std::string room_of_include(const std::string& path) {
  if (path.starts_with("signer/")) return "public";
  if (path.starts_with("hsm/csr/")) return "csr";
  const std::size_t slash = path.find('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

// What each room may include besides itself and "public".  A room that is not listed fails the test.
const std::map<std::string, std::set<std::string>>& floors() {
  static const std::map<std::string, std::set<std::string>> table = {
      {"public", {}},
      {"base", {}},
      {"jose", {"base"}},
      {"phi", {"base"}},
      {"request", {"base", "jose"}},
      {"claims", {"base", "jose", "phi"}},
      {"config", {"base", "jose", "phi", "claims", "request"}},
      {"channel", {"base", "jose"}},
      {"protocol", {"base", "jose", "request"}},
      {"policy", {"base", "jose", "phi", "claims", "request", "config"}},
      {"audit", {"base", "jose", "request", "tlog"}},
      {"anchor", {"base", "config"}},
      {"keyring", {"base", "jose"}},
      {"token", {"base", "jose", "request", "channel"}},
      {"tlog", {"base", "jose"}},
      {"verify", {"base", "jose"}},
      {"evidence", {"base", "jose", "verify"}},
      {"jwks_http", {"base", "jose", "verify"}},
      {"client", {"base", "jose"}},
      {"pipeline",
       {"base", "jose", "phi", "claims", "request", "config", "channel", "policy", "audit", "keyring", "token",
        "verify", "tlog", "evidence"}},
      {"server",
       {"base", "jose", "phi", "claims", "request", "config", "channel", "policy", "audit", "keyring", "token",
        "pipeline", "protocol"}},
      {"ctl",
       {"base", "jose", "phi", "claims", "request", "config", "policy", "protocol", "keyring", "verify", "client",
        "tlog", "audit", "evidence"}},
      {"hsm", {"base", "jose", "channel"}},
      {"csr", {"base", "jose", "channel", "hsm"}},
      {"tpm", {"base", "jose", "channel"}},
      {"main",
       {"base", "jose", "phi", "claims", "request", "config", "channel", "policy", "audit", "keyring", "token",
        "pipeline", "protocol", "server", "tlog", "anchor"}},
  };
  return table;
}

TEST(SourceTree, EveryRoomIncludesOnlyFloorsBelowIt) {
  for (const SourceFile& file : product_files()) {
    const std::string room = room_of(file.name);
    ASSERT_TRUE(floors().contains(room)) << file.name << ": room '" << room << "' has no floor";
    for (const std::string& line : file.lines) {
      if (!line.starts_with("#include \"")) continue;
      const std::string path = line.substr(10, line.find('"', 10) - 10);
      const std::string target = room_of_include(path);
      if (target.empty() || target == room || target == "public") continue;
      EXPECT_TRUE(floors().at(room).contains(target)) << file.name << " may not include " << path;
    }
  }
}

TEST(SourceTree, TheDaemonLinksNoTokenLibraryAndTheHostsKnowNoPolicy) {
  for (const SourceFile& file : product_files()) {
    const std::string room = room_of(file.name);
    for (const std::string& line : file.lines) {
      if (!line.starts_with("#include <")) continue;
      if (room != "hsm" && room != "csr") {
        EXPECT_EQ(line.find("p11"), std::string::npos) << file.name << ": " << line;
      }
      if (room != "csr") {
        EXPECT_EQ(line.find("libp11"), std::string::npos) << file.name << ": " << line;
      }
      if (room == "public") {
        EXPECT_EQ(line.find("nlohmann"), std::string::npos)
            << file.name << " shows a library of ours to those who link us";
        EXPECT_EQ(line.find("openssl"), std::string::npos)
            << file.name << " shows a library of ours to those who link us";
        EXPECT_EQ(line.find("boost"), std::string::npos)
            << file.name << " shows a library of ours to those who link us";
      }
    }
  }
}

TEST(SourceTree, EveryFileNamesItsLicenceAndFitsTheLine) {
  std::vector<SourceFile> files = product_files();
  for (auto& file : files_below("tests")) files.push_back(std::move(file));
  for (const SourceFile& file : files) {
    ASSERT_FALSE(file.lines.empty()) << file.name;
    EXPECT_EQ(file.lines.front(), "// SPDX-License-Identifier: Apache-2.0") << file.name;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      if (file.name.starts_with("tests/vectors/")) break;
      EXPECT_LE(file.lines[i].size(), 132U) << file.name << ":" << i + 1;
      EXPECT_EQ(file.lines[i].find('\t'), std::string::npos) << file.name << ":" << i + 1;
    }
  }
}

// Words that must not appear, why, and the files that may use them.
struct Banned {
  std::string word;
  std::string instead;
  std::set<std::string> allowed;
};

TEST(SourceTree, BannedCallsStayOut) {
  const std::array<Banned, 11> banned = {{
      {"memcmp(", "CRYPTO_memcmp, or == on public data", {}},
      {"std::cout", "the log, or std::printf in a program that talks to people", {}},
      {"std::cerr", "the log", {}},
      {"throw ", "Result", {"signer/config/reader.h"}},  // out of toml++, no further
      {"std::stoi", "std::from_chars", {}},
      {"std::stoul", "std::from_chars", {}},
      {"std::regex", "a linear-time check", {}},
      {" system(", "posix_spawn", {}},
      {"popen(", "posix_spawn", {}},
      {"getenv(\"SIGNER_PIN", "a PIN comes from a file", {}},
      {std::string("FIX") + "ME", "an issue", {}},
  }};
  for (const SourceFile& file : product_files()) {
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::string code = file.lines[i].substr(0, file.lines[i].find("//"));
      for (const Banned& one : banned) {
        if (one.allowed.contains(file.name) || code.find(one.word) == std::string::npos) continue;
        if (one.word == "memcmp(" && code.find("CRYPTO_memcmp(") != std::string::npos) continue;
        ADD_FAILURE() << file.name << ":" << i + 1 << ": '" << one.word << "'; use " << one.instead;
      }
    }
  }
}

TEST(SourceTree, TestsLetTimePassInOnePlaceOnly) {
  for (const SourceFile& file : files_below("tests")) {
    if (file.name == "tests/unit/source/source_tree_test.cc") continue;
    if (file.name == "tests/support/fault_module/fault_module.cc") continue;  // a device's latency is what it models
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      for (const char* word : {"sleep_for(", "usleep(", "nanosleep("}) {
        EXPECT_EQ(file.lines[i].find(word), std::string::npos)
            << file.name << ":" << i + 1 << ": wait on a condition with a deadline";
      }
    }
  }
}

// Invariant 4: what cannot be named cannot be done.
// The member of CK_FUNCTION_LIST, called or handed on; not its name in a text.
bool uses_call(const std::string& code, const std::string& call) {
  return std::ranges::any_of(std::array{".", "->", "::"},
                             [&](const char* accessor) { return code.find(accessor + call) != std::string::npos; });
}

// The probes of docs/evidence-format.md §3.2 alone try what must be refused, each in one file.
TEST(SourceTree, Invariant04_NoVerbMovesAPrivateKey) {
  const std::map<std::string, std::string> probes = {{"C_WrapKey", "hsm/extraction.cc"},
                                                     {"C_UnwrapKey", "hsm/probes.cc"},
                                                     {"C_DeriveKey", "hsm/probes.cc"},
                                                     {"C_CopyObject", "hsm/throwaway.cc"},
                                                     {"C_SetAttributeValue", "hsm/throwaway.cc"},
                                                     {"C_CreateObject", ""}};
  std::map<std::string, int> uses;
  for (const SourceFile& file : product_files()) {
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::string code = file.lines[i].substr(0, file.lines[i].find("//"));
      for (const auto& [call, probe] : probes) {
        if (!uses_call(code, call)) continue;
        EXPECT_EQ(file.name, probe) << call << " in line " << i + 1;
        ++uses[call];
      }
    }
  }
  for (const auto& [call, probe] : probes) EXPECT_EQ(uses[call], probe.empty() ? 0 : 1) << call;
  const auto frames = files_below("signer/channel");
  for (const SourceFile& file : frames) {
    for (const std::string& line : file.lines) {
      const std::string code = line.substr(0, line.find("//"));
      for (const char* verb : {"kImport", "kExport", "kWrap", "kCopy", "kDelete"})
        EXPECT_EQ(code.find(verb), std::string::npos) << file.name;
    }
  }
}

}  // namespace

// SPDX-License-Identifier: Apache-2.0
//
// What a Markdown page of ours says that can be held against the tree: code spans, blocks, links, tables; and whether
// the tests, commands and files that it names exist.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/completion.h"

namespace signer::test {

inline const std::filesystem::path kSourceRoot = SOURCE_DIRECTORY;

struct CodeSpan {
  std::string text;    // without the backticks, a line end inside is a blank
  std::string before;  // what stands between the span before it and this one
};

struct CodeBlock {
  std::string language;  // empty if none is said
  std::string text;
};

struct Document {
  std::string name;  // from the root of the source
  std::vector<CodeSpan> spans;
  std::vector<CodeBlock> blocks;
  std::vector<std::string> links;              // targets as written
  std::set<std::string> anchors;               // of the headings, as GitHub makes them
  std::vector<std::vector<std::string>> rows;  // of all tables, one text for each cell; the rows of dashes are left out
};

[[nodiscard]] Document parse_document(std::string name, std::string_view text);

// Of the source; fails the test if there is no such file.
[[nodiscard]] Document read_document(const std::string& name);

[[nodiscard]] std::vector<CodeSpan> spans_of(std::string_view text);

// "Suite.Name" of every GoogleTest test below tests/, and the files that have one of the name.
[[nodiscard]] const std::map<std::string, std::set<std::string>>& known_tests();

// Whether a code span is written as the name of a test: "Suite.Name".
[[nodiscard]] bool is_test_name(std::string_view span);

// Each function gives what is wrong, in words, and nothing if all is well.

// Tests that do not exist, or not in the file that the page says (`Suite.Name` in `tests/…`).
[[nodiscard]] std::vector<std::string> wrong_tests(const Document& document);

// Calls of signerctl, in spans and blocks, with a command or an option that `root` does not have.
[[nodiscard]] std::vector<std::string> wrong_commands(const Document& document, const ctl::CommandNode& root);

// Links into the source whose file or heading is not there, and code spans that are the path of no file.
[[nodiscard]] std::vector<std::string> wrong_files(const Document& document);

// PHI detectors that there are not (`phi.name`).
[[nodiscard]] std::vector<std::string> wrong_detectors(const Document& document);

// How many calls of signerctl a page has: a page that names none is not checked by wrong_commands.
[[nodiscard]] std::size_t command_count(const Document& document);

}  // namespace signer::test

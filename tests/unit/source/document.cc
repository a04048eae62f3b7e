// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/source/document.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <sstream>

#include "phi/phi.h"

namespace signer::test {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWordCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

bool is_word(std::string_view text) {
  return !text.empty() && text.find_first_not_of(kWordCharacters) == std::string_view::npos;
}

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\n") - first + 1));
}

std::string file_text(const fs::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// GitHub's: letters in lower case, digits, '-' and '_'; a blank is '-', the rest is left out.
std::string anchor_of(std::string_view heading) {
  std::string anchor;
  for (const char c : trimmed(heading.substr(heading.find_first_not_of('#')))) {
    if (c == ' ') {
      anchor += '-';
    } else if (c == '-' || is_word({&c, 1})) {
      anchor += is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  return anchor;
}

std::vector<std::string> links_of(std::string_view text) {
  std::vector<std::string> links;
  for (std::size_t at = text.find("]("); at != std::string_view::npos; at = text.find("](", at)) {
    at += 2;
    links.emplace_back(text.substr(at, text.find(')', at) - at));
  }
  return links;
}

// "\|" is no border.
std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  std::string cell;
  for (std::size_t at = 1; at < line.size(); ++at) {
    if (line[at] == '|' && line[at - 1] != '\\') {
      cells.push_back(trimmed(cell));
      cell.clear();
    } else {
      cell += line[at];
    }
  }
  return cells;
}

// The words of a shell command, as far as the shell would give them to its program.
std::vector<std::string> words_of(std::string_view command) {
  std::vector<std::string> words;
  std::string word;
  bool begun = false;
  char quote = 0;
  const auto end_word = [&] {
    if (begun) words.push_back(word);
    word.clear();
    begun = false;
  };
  for (const char c : command) {
    if (quote == 0 && std::string_view("|<>;&)#").find(c) != std::string_view::npos) break;
    if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
      begun = true;
    } else if (quote == 0 && c == ' ') {
      end_word();
    } else {
      word += c;
      begun = true;
    }
  }
  end_word();
  return words;
}

// Every call of signerctl in a text, from its name to the end of the line; a line that ends in a backslash goes on.
std::vector<std::string> calls_in(std::string text) {
  for (std::size_t at = text.find("\\\n"); at != std::string::npos; at = text.find("\\\n", at))
    text.replace(at, 2, " ");
  std::vector<std::string> calls;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    for (std::size_t at = line.find("signerctl "); at != std::string::npos; at = line.find("signerctl ", at + 1)) {
      if (at == 0 || line[at - 1] == ' ' || line[at - 1] == '(' || line[at - 1] == '/')
        calls.push_back(line.substr(at));
    }
  }
  return calls;
}

std::vector<std::string> calls_of(const Document& document) {
  std::vector<std::string> calls;
  const auto add = [&calls](const std::string& text) {
    auto more = calls_in(text);
    calls.insert(calls.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  for (const CodeSpan& span : document.spans) add(span.text);
  for (const CodeBlock& block : document.blocks) add(block.text);
  return calls;
}

const ctl::OptionNode* option_named(const std::vector<const ctl::CommandNode*>& path, const std::string& name) {
  for (const ctl::CommandNode* node : path) {
    for (const ctl::OptionNode& option : node->options) {
      if (std::ranges::find(option.names, name) != option.names.end()) return &option;
    }
  }
  return nullptr;
}

// What signerctl would not understand in a call, or "".
std::string misunderstood(const std::string& call, const ctl::CommandNode& root) {
  const std::vector<std::string> words = words_of(call);
  std::vector<const ctl::CommandNode*> path = {&root};
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i].starts_with('-') && words[i] != "-") {
      const std::size_t equals = words[i].find('=');
      const ctl::OptionNode* option = option_named(path, words[i].substr(0, equals));
      if (option == nullptr) return "there is no option " + words[i];
      if (option->takes_value && equals == std::string::npos) ++i;
      continue;
    }
    const auto& children = path.back()->children;
    if (children.empty()) continue;
    const auto child = std::ranges::find(children, words[i], &ctl::CommandNode::name);
    if (child == children.end()) return "'" + words[i] + "' is no command of " + path.back()->name;
    path.push_back(&*child);
  }
  return "";
}

// Whether a span is written as the path of a file of ours.
bool is_path(std::string_view span) {
  constexpr std::array kFolders = {"signer/", "hsm/", "tpm/", "tests/", "docs/", "include/", "packaging/", "examples/"};
  constexpr std::array kEndings = {".cc", ".h", ".md", ".toml", ".sh", ".service"};
  return span.find_first_of(" *<") == std::string_view::npos &&
         std::ranges::any_of(kFolders, [span](const char* folder) { return span.starts_with(folder); }) &&
         std::ranges::any_of(kEndings, [span](const char* ending) { return span.ends_with(ending); });
}

void add_tests_of(const fs::path& path, std::map<std::string, std::set<std::string>>& tests) {
  const std::string text = "\n" + file_text(path);
  for (const std::string_view macro : {"\nTEST(", "\nTEST_F(", "\nTEST_P(", "\nTYPED_TEST("}) {
    for (std::size_t at = text.find(macro); at != std::string::npos; at = text.find(macro, at)) {
      at += macro.size();
      const std::string_view inside = std::string_view(text).substr(at, text.find(')', at) - at);
      const std::size_t comma = inside.find(',');
      if (comma == std::string_view::npos) continue;
      tests[trimmed(inside.substr(0, comma)) + "." + trimmed(inside.substr(comma + 1))].insert(
          fs::relative(path, kSourceRoot).string());
    }
  }
}

}  // namespace

std::vector<CodeSpan> spans_of(std::string_view text) {
  std::vector<CodeSpan> spans;
  std::size_t end = 0;
  for (std::size_t open = text.find('`'); open != std::string_view::npos; open = text.find('`', end)) {
    const std::size_t close = text.find('`', open + 1);
    if (close == std::string_view::npos) break;
    CodeSpan span{std::string(text.substr(open + 1, close - open - 1)), std::string(text.substr(end, open - end))};
    std::ranges::replace(span.text, '\n', ' ');
    spans.push_back(std::move(span));
    end = close + 1;
  }
  return spans;
}

Document parse_document(std::string name, std::string_view text) {
  Document document;
  document.name = std::move(name);
  std::string prose;
  bool inside = false;
  std::size_t indentation = 0;  // of the block, which may be part of a list
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = std::min(line.find_first_not_of(' '), line.size());
    if (line.substr(first).starts_with("```")) {
      inside = !inside;
      indentation = first;
      if (inside) document.blocks.push_back({line.substr(first + 3), ""});
    } else if (inside) {
      document.blocks.back().text += line.substr(std::min(first, indentation)) + "\n";
    } else {
      prose += line + "\n";
      if (line.starts_with('#')) document.anchors.insert(anchor_of(line));
      if (line.starts_with('|') && line.find_first_not_of("|-: ") != std::string::npos)
        document.rows.push_back(cells_of(line));
    }
  }
  EXPECT_FALSE(inside) << document.name << ": a block does not end";
  document.spans = spans_of(prose);
  document.links = links_of(prose);
  return document;
}

Document read_document(const std::string& name) {
  return parse_document(name, file_text(kSourceRoot / name));
}

const std::map<std::string, std::set<std::string>>& known_tests() {
  static const auto tests = [] {
    std::map<std::string, std::set<std::string>> found;
    for (const auto& entry : fs::recursive_directory_iterator(kSourceRoot / "tests")) {
      if (entry.path().extension() == ".cc" || entry.path().extension() == ".h") add_tests_of(entry.path(), found);
    }
    return found;
  }();
  return tests;
}

bool is_test_name(std::string_view span) {
  const std::size_t dot = span.find('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view suite = span.substr(0, dot);
  const std::string_view test = span.substr(dot + 1);
  return is_word(suite) && is_word(test) && is_upper(suite.front()) && is_upper(test.front());
}

std::vector<std::string> wrong_tests(const Document& document) {
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < document.spans.size(); ++i) {
    const std::string& name = document.spans[i].text;
    if (!is_test_name(name)) continue;
    const auto test = known_tests().find(name);
    if (test == known_tests().end()) {
      problems.push_back(name + ": there is no such test");
    } else if (i + 1 < document.spans.size() && document.spans[i + 1].before == " in " &&
               !test->second.contains(document.spans[i + 1].text)) {
      problems.push_back(name + ": is not in " + document.spans[i + 1].text);
    }
  }
  return problems;
}

std::vector<std::string> wrong_commands(const Document& document, const ctl::CommandNode& root) {
  std::vector<std::string> problems;
  for (const std::string& call : calls_of(document)) {
    const std::string problem = misunderstood(call, root);
    if (!problem.empty()) problems.push_back(call + ": " + problem);
  }
  return problems;
}

std::vector<std::string> wrong_files(const Document& document) {
  std::vector<std::string> problems;
  for (const std::string& link : document.links) {
    if (link.find("://") != std::string::npos) continue;
    const std::size_t hash = link.find('#');
    const std::string file = link.substr(0, hash);
    const fs::path target = kSourceRoot / fs::path(document.name).parent_path() / file;
    if (!file.empty() && !fs::exists(target)) {
      problems.push_back(link + ": there is no such file");
    } else if (hash != std::string::npos) {
      const auto anchors = file.empty() ? document.anchors : parse_document(file, file_text(target)).anchors;
      if (!anchors.contains(link.substr(hash + 1))) problems.push_back(link + ": there is no such heading");
    }
  }
  for (const CodeSpan& span : document.spans) {
    if (is_path(span.text) && !fs::exists(kSourceRoot / span.text))
      problems.push_back(span.text + ": there is no such file");
  }
  return problems;
}

std::vector<std::string> wrong_detectors(const Document& document) {
  std::vector<std::string> problems;
  for (const CodeSpan& span : document.spans) {
    const std::string rule = span.text.substr(0, span.text.find(' '));
    if (!rule.starts_with("phi.") || !is_word(rule.substr(4))) continue;
    if (!phi::detector_of(rule)) problems.push_back(rule + ": there is no such detector");
  }
  return problems;
}

std::size_t command_count(const Document& document) {
  return calls_of(document).size();
}

}  // namespace signer::test

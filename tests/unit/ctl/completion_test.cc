// SPDX-License-Identifier: Apache-2.0
//
// Lose these and the completion scripts or the manual page lag behind the commands.

#include "ctl/completion.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "ctl/command_line.h"
#include "tests/unit/ctl/program.h"

namespace signer::ctl {
namespace {

void walk(const CommandNode& command, const std::string& path,
          const std::function<void(const CommandNode&, const std::string&)>& visit) {
  visit(command, path);
  for (const CommandNode& child : command.children) walk(child, path + " " + child.name, visit);
}

// What bash offers for these words, the last one unfinished.
std::vector<std::string> offered(const std::vector<std::string>& words) {
  const test::TemporaryDirectory directory;
  test::write_text(directory / "script", completion_script(command_tree(), Shell::kBash));
  test::write_text(directory / "some.json", "");
  std::string program = "cd '" + (directory / ".") + "'; source ./script; COMP_WORDS=(signerctl";
  for (const std::string& word : words) program += " '" + word + "'";
  program += "); COMP_CWORD=" + std::to_string(words.size()) + "; _signerctl; printf '%s\\n' \"${COMPREPLY[@]}\"";
  const test::Finished ran = test::run_program({"/bin/bash", "-c", program});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.err, "");
  std::vector<std::string> lines;
  std::istringstream in(ran.out);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

TEST(BashCompletion, IsAScriptThatBashTakes) {
  const test::TemporaryDirectory directory;
  test::write_text(directory / "script", test::signerctl({"completion", "bash"}).out);
  const test::Finished ran = test::run_program({"/bin/bash", "-n", directory / "script"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
}

TEST(BashCompletion, OffersCommandsAndOptions) {
  EXPECT_EQ(offered({"ver"}), (std::vector<std::string>{"verify"}));
  EXPECT_EQ(offered({"key", "c"}), (std::vector<std::string>{"create", "csr"}));
  EXPECT_EQ(offered({"key", "a"}), (std::vector<std::string>{"adopt"}));
  EXPECT_EQ(offered({"verify", "--iss"}), (std::vector<std::string>{"--issuer"}));
  EXPECT_EQ(offered({"--json", "token", "unl"}), (std::vector<std::string>{"unlatch"}));
  EXPECT_TRUE(has(offered({"verify", "--"}), "--socket")) << "global options are offered everywhere";
  EXPECT_FALSE(has(offered({""}), "--issuer"));
}

TEST(BashCompletion, OffersFilesWhereAFileIsDueAndNothingForOtherValues) {
  EXPECT_TRUE(has(offered({"verify", "--jwks", "so"}), "some.json"));
  EXPECT_TRUE(has(offered({"config", "check", "so"}), "some.json"));
  EXPECT_TRUE(has(offered({"key", "list", "--socket", "so"}), "some.json"));
  EXPECT_TRUE(offered({"verify", "--issuer", ""}).empty());
  EXPECT_TRUE(offered({"status", "--timeout", ""}).empty());
}

TEST(Completion, KnowsEveryCommandAndOptionInEveryShell) {
  const CommandNode tree = command_tree();
  const std::string bash = completion_script(tree, Shell::kBash);
  const std::string zsh = completion_script(tree, Shell::kZsh);
  const std::string fish = completion_script(tree, Shell::kFish);
  int commands = 0;
  walk(tree, tree.name, [&](const CommandNode& command, const std::string& path) {
    ++commands;
    EXPECT_NE(bash.find("'" + path + "'"), std::string::npos) << path;
    EXPECT_NE(zsh.find("'" + path + "'"), std::string::npos) << path;
    EXPECT_TRUE(&command == &tree || fish.find("'" + path + "'") != std::string::npos) << path;
    for (const OptionNode& option : command.options) {
      ASSERT_FALSE(option.names.empty());
      const std::string& name = option.names.front();
      EXPECT_NE(bash.find(name), std::string::npos) << name;
      EXPECT_NE(zsh.find("'" + name + ":"), std::string::npos) << name;
      EXPECT_NE(fish.find(" -l " + name.substr(2)), std::string::npos) << name;
    }
  });
  EXPECT_GE(commands, 18);
}

TEST(Completion, CannotBeBrokenByADescription) {
  CommandNode root;
  root.name = "p";
  root.description = "it's \\ \"$(reboot)\" `x`: y\n";
  root.children = {{.name = "c",
                    .description = root.description,
                    .options = {{{"--o"}, root.description, true, false}},
                    .takes_file = false,
                    .children = {}}};
  const test::TemporaryDirectory directory;
  for (const Shell shell : {Shell::kBash, Shell::kZsh}) {  // bash reads enough of zsh to see a quote that does not end
    test::write_text(directory / "script", completion_script(root, shell));
    EXPECT_EQ(test::run_program({"/bin/bash", "-n", directory / "script"}).status, 0);
  }
  EXPECT_EQ(completion_script(root, Shell::kFish).find("it's"), std::string::npos);
}

// mdoc source as it reads: "Fl \-socket" is "--socket".
std::string plain_mdoc(std::string text) {
  const auto replace = [&text](std::string_view from, std::string_view to) {
    std::string out;
    std::size_t start = 0;
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, start)) {
      out.append(text, start, at - start).append(to);
      start = at + from.size();
    }
    text = out.append(text, start, std::string::npos);
  };
  replace("\\-", "-");
  replace("Fl ", "-");
  return text;
}

TEST(ManualPage, NamesEveryCommandAndOption) {
  const std::string page = plain_mdoc(test::read_text(SIGNERCTL_MAN_PAGE));
  const CommandNode tree = command_tree();
  walk(tree, "", [&](const CommandNode& command, const std::string& path) {
    if (!path.empty()) {
      EXPECT_NE(page.find("Cm" + path), std::string::npos) << path;
    }
    for (const OptionNode& option : command.options)
      EXPECT_NE(page.find(option.names.back()), std::string::npos) << option.names.back();
  });
}

}  // namespace
}  // namespace signer::ctl

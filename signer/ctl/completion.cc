// SPDX-License-Identifier: Apache-2.0

#include "ctl/completion.h"

#include <algorithm>
#include <string_view>

namespace signer::ctl {

namespace {

// A command, the words that lead to it ("signerctl key list") and every option that may follow.
struct Place {
  std::string path;
  const CommandNode* command;
  std::vector<OptionNode> options;
};

void collect(const CommandNode& command, const Place* parent, std::vector<Place>& places) {
  Place place{parent == nullptr ? command.name : parent->path + " " + command.name, &command, command.options};
  if (parent != nullptr) {
    for (const OptionNode& option : parent->options) {
      const auto same = [&option](const OptionNode& own) { return own.names == option.names; };
      if (std::none_of(place.options.begin(), place.options.end(), same)) place.options.push_back(option);
    }
  }
  places.push_back(place);
  for (const CommandNode& child : command.children) collect(child, &place, places);
}

// In single quotes, for all three shells: what would end the quotes or need another rule is left out.
std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c >= 0x20 && c <= 0x7e && c != '\'' && c != '\\') out += c;
  }
  return out + "'";
}

// zsh's _describe splits at the first colon.
std::string described(std::string_view name, std::string_view description) {
  std::string text(name);
  text += ':';
  for (const char c : description) text += c == ':' ? ',' : c;
  return shell_quoted(text);
}

std::string words_of(const Place& place) {
  std::string words;
  for (const CommandNode& child : place.command->children) words += child.name + " ";
  for (const OptionNode& option : place.options) {
    for (const std::string& name : option.names) words += name + " ";
  }
  if (!words.empty()) words.pop_back();
  return words;
}

// The `case` lines by which bash and zsh follow the words to a command.
std::string steps(const std::vector<Place>& places, std::string_view variable) {
  std::string out;
  for (const Place& place : places) {
    for (const CommandNode& child : place.command->children) {
      const std::string path = shell_quoted(place.path + " " + child.name);
      out += "      " + path + ") " + std::string(variable) + "=" + path + " ;;\n";
    }
  }
  return out;
}

// The pattern of a `case` that matches the words after which a value is due: "place option".  The options of a command
// with commands below it may come anywhere below it.  What nothing matches if there is none.
std::string value_pattern(const std::vector<Place>& places, bool is_file) {
  std::string out;
  for (const Place& place : places) {
    for (const OptionNode& option : place.command->options) {
      if (!option.takes_value || option.is_file != is_file) continue;
      for (const std::string& name : option.names) {
        const std::string before = place.command->children.empty()
                                       ? shell_quoted(place.path + " " + name)
                                       : shell_quoted(place.path) + "*" + shell_quoted(" " + name);
        out += (out.empty() ? "" : "|") + before;
      }
    }
  }
  return out.empty() ? "''" : out;
}

std::string bash_script(const std::vector<Place>& places, const std::string& program) {
  std::string out = "# bash completion of " + program + "; made by: " + program + " completion bash\n_" + program +
                    "() {\n"
                    "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
                    "  local place=" +
                    program +
                    " files='' words='' i\n"
                    "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
                    "    case \"$place ${COMP_WORDS[i]}\" in\n";
  out += steps(places, "place");
  out += "    esac\n  done\n  case \"$place $previous\" in\n";
  out += "    " + value_pattern(places, true) + ") files=only ;;\n";
  out += "    " + value_pattern(places, false) + ") COMPREPLY=(); return ;;\n";
  out += "  esac\n  case \"$place\" in\n";
  for (const Place& place : places) {
    out += "    " + shell_quoted(place.path) + ") words=" + shell_quoted(words_of(place)) +
           (place.command->takes_file ? " files=${files:-yes}" : "") + " ;;\n";
  }
  out +=
      "  esac\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
      "  if [[ $files = only || ( $files = yes && $current != -* ) ]]; then\n"
      "    compopt -o filenames 2>/dev/null\n"
      "    mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
      "  fi\n"
      "}\ncomplete -F _" +
      program + " " + program + "\n";
  return out;
}

std::string zsh_script(const std::vector<Place>& places, const std::string& program) {
  std::string out = "#compdef " + program + "\n# zsh completion of " + program + "; made by: " + program +
                    " completion zsh\n_" + program +
                    "() {\n"
                    "  local place=" +
                    program +
                    " word\n"
                    "  local -a commands options\n"
                    "  for word in ${words[2,CURRENT-1]}; do\n"
                    "    case \"$place $word\" in\n";
  out += steps(places, "place");
  out += "    esac\n  done\n  case \"$place ${words[CURRENT-1]}\" in\n";
  out += "    " + value_pattern(places, true) + ") _files; return ;;\n";
  out += "    " + value_pattern(places, false) + ") _message value; return ;;\n";
  out += "  esac\n  case \"$place\" in\n";
  for (const Place& place : places) {
    out += "    " + shell_quoted(place.path) + ")\n      commands=(";
    for (const CommandNode& child : place.command->children)
      out += "\n        " + described(child.name, child.description);
    out += ")\n      options=(";
    for (const OptionNode& option : place.options) {
      for (const std::string& name : option.names) out += "\n        " + described(name, option.description);
    }
    out += std::string(")\n") + (place.command->takes_file ? "      _files\n" : "") + "      ;;\n";
  }
  out +=
      "  esac\n"
      "  (( ${#commands} )) && _describe command commands\n"
      "  _describe -o option options\n"
      "}\n"
      "if [ \"${funcstack[1]}\" = _" +
      program + " ]; then\n  _" + program + " \"$@\"\nelse\n  compdef _" + program + " " + program + "\nfi\n";
  return out;
}

std::string fish_option(const std::string& start, const OptionNode& option) {
  std::string out = start;
  for (const std::string& name : option.names) {
    out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (option.takes_value) out += option.is_file ? " -r -F" : " -x";
  return out + " -d " + shell_quoted(option.description) + "\n";
}

std::string fish_script(const std::vector<Place>& places, const std::string& program) {
  std::string out = "# fish completion of " + program + "; made by: " + program + " completion fish\nfunction __" +
                    program + "_place\n  set -l place " + program +
                    "\n  for word in (commandline -opc)[2..-1]\n    switch \"$place $word\"\n";
  for (const Place& place : places) {
    for (const CommandNode& child : place.command->children) {
      const std::string path = shell_quoted(place.path + " " + child.name);
      out += "      case " + path + "\n        set place " + path + "\n";
    }
  }
  out += "    end\n  end\n  echo $place\nend\ncomplete -c " + program + " -f\n";
  for (const Place& place : places) {
    const std::string start =
        "complete -c " + program + " -n 'test (__" + program + "_place) = \"" + place.path + "\"'";
    for (const CommandNode& child : place.command->children) {
      out += start + " -a " + child.name + " -d " + shell_quoted(child.description) + "\n";
    }
    for (const OptionNode& option : place.options) out += fish_option(start, option);
    if (place.command->takes_file) out += start + " -F\n";
  }
  return out;
}

}  // namespace

std::string completion_script(const CommandNode& root, Shell shell) {
  std::vector<Place> places;
  collect(root, nullptr, places);
  switch (shell) {
    case Shell::kBash:
      return bash_script(places, root.name);
    case Shell::kZsh:
      return zsh_script(places, root.name);
    case Shell::kFish:
      return fish_script(places, root.name);
  }
  return {};
}

}  // namespace signer::ctl

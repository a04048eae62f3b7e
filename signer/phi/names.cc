// SPDX-License-Identifier: Apache-2.0
//
// Names of claims as words.
#include <algorithm>
#include <array>
#include <optional>

#include "phi/fold.h"
#include "phi/name_lists.h"
#include "phi/phi.h"
#include "phi/place.h"

namespace signer::phi {

namespace {

constexpr std::size_t kWordsMax = 32;  // more than the longest entry

static_assert(std::ranges::all_of(kListedNames, [](std::string_view words) { return words.size() < kWordsMax; }));

bool is_listed(const auto& list, std::string_view words) noexcept {
  return std::ranges::binary_search(list, words);
}

Hints hints_listed(const auto& list, std::string_view words) noexcept {
  const auto found = std::ranges::lower_bound(list, words, {}, &HintWords::words);
  return found != list.end() && found->words == words ? Hints(found->hint) : Hints();
}

// RFC 7519 §4.2: a collision-resistant name is often a URI, and its last part is the name.
std::string_view last_part(std::string_view name) noexcept {
  constexpr std::string_view kParts = "/#:|";
  while (!name.empty() && kParts.find(name.back()) != std::string_view::npos) name.remove_suffix(1);
  const std::size_t cut = name.find_last_of(kParts);
  return cut == std::string_view::npos ? name : name.substr(cut + 1);
}

// A name's letters and digits one after another, with the beginnings of words marked.
class NameReader {
 public:
  explicit NameReader(std::string_view name) noexcept
      : folder_(name, {.decode_percent = true}), following_(folder_.next()) {}

  struct Character {
    char folded = '\0';  // lower case; NUL at the end
    bool begins_word = false;
  };

  [[nodiscard]] Character next() noexcept {
    bool separated = previous_ == '\0';
    while (following_ && !is_part_of_word(*following_)) {
      separated = true;
      following_ = folder_.next();
    }
    if (!following_) return {};
    const char c = *following_;
    following_ = folder_.next();
    const bool begins = separated || is_digit(c) != is_digit(previous_) || (is_capital(c) && !is_capital(previous_)) ||
                        (is_capital(c) && following_ && is_small(*following_));
    previous_ = c;
    return {lower(c), begins};
  }

 private:
  static bool is_capital(char c) noexcept { return is_letter(c) && lower(c) != c; }
  static bool is_small(char c) noexcept { return is_letter(c) && lower(c) == c; }
  static bool is_part_of_word(char c) noexcept { return is_alphanumeric(c) || c == kOtherCharacter; }

  Folder folder_;
  std::optional<char> following_;
  char previous_ = '\0';
};

// Calls `judge(words, whole)` with every run of consecutive words of up to kWordsMax characters, until it says true;
// `whole` means that nothing but digits is beside them.
template <class Judge>
bool any_words(std::string_view name, const Judge& judge) noexcept {
  NameReader start(name);
  for (bool first = true;; first = false) {
    const NameReader before = start;
    const auto c = start.next();
    if (c.folded == '\0') return false;
    if (!c.begins_word) continue;
    NameReader reader = before;
    std::array<char, kWordsMax> words{};
    std::size_t size = 0;
    auto following = reader.next();
    while (following.folded != '\0' && size < words.size()) {
      words[size++] = following.folded;
      following = reader.next();
      if (following.folded != '\0' && !following.begins_word) continue;
      NameReader rest = reader;
      auto beyond = following;
      while (is_digit(beyond.folded)) beyond = rest.next();
      if (judge(std::string_view(words.data(), size), first && beyond.folded == '\0')) return true;
    }
  }
}

}  // namespace

bool names_phi(std::string_view claim_name) noexcept {
  const std::string_view name = last_part(claim_name);
  const bool listed = any_words(name, [](std::string_view words, bool whole) {
    return is_listed(kListedNames, words) || (whole && is_listed(kWholeNames, words));
  });
  return listed &&
         !any_words(name, [](std::string_view words, bool whole) { return whole && is_listed(kHarmlessNames, words); });
}

Hints hints_of_name(std::string_view claim_name) noexcept {
  Hints hints;
  any_words(last_part(claim_name), [&hints](std::string_view words, bool /*whole*/) {
    hints = hints | hints_listed(kNameHints, words);
    return false;
  });
  return hints;
}

Hints hints_of_word(std::string_view word, bool scheme) noexcept {
  constexpr std::size_t kWordMax = 9;
  if (word.size() < 2 || word.size() > kWordMax) return {};
  std::array<char, kWordMax> small{};
  std::ranges::transform(word, small.begin(), lower);
  const Hints hints = hints_listed(kWordHints, {small.data(), word.size()});
  // RFC 3966: what follows "tel:" is a number of any plan.
  return scheme && hints.has(Hint::kPhoneWord) ? hints | Hint::kPhone : hints;
}

}  // namespace signer::phi

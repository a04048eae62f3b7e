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

// The entries of a sorted list that begin with the characters so far.
template <class Entry>
class Candidates {
 public:
  template <std::size_t kSize>
  explicit Candidates(const std::array<Entry, kSize>& list) noexcept
      : first_(list.data()), last_(list.data() + list.size()) {}

  // False if no entry goes on with `c`.
  [[nodiscard]] bool narrow(char c) noexcept {
    const auto at_depth = [this](const Entry& entry) { return char_at(entry.words, depth_); };
    first_ = std::ranges::lower_bound(first_, last_, c, {}, at_depth);  // not equal_range: clang 14 has no subrange
    last_ = std::ranges::upper_bound(first_, last_, c, {}, at_depth);
    ++depth_;
    return first_ != last_;
  }

  // The entry that has no more characters, or null.
  [[nodiscard]] const Entry* complete() const noexcept {
    return first_ != last_ && first_->words.size() == depth_ ? first_ : nullptr;
  }

 private:
  const Entry* first_;
  const Entry* last_;
  std::size_t depth_ = 0;
};

constexpr std::size_t kWordHintMax = 9;

// For each first letter the sizes of the words that hint, as bits: nearly all words of a text are passed over by it.
constexpr auto kWordHintSizes = [] {
  std::array<std::uint16_t, 26> sizes{};
  for (const HintWords& hint : kWordHints) {
    auto& bits = sizes[static_cast<std::size_t>(hint.words[0] - 'a')];
    bits = static_cast<std::uint16_t>(bits | (1U << hint.words.size()));
  }
  return sizes;
}();

static_assert(std::ranges::all_of(kWordHints, [](const HintWords& hint) { return hint.words.size() <= kWordHintMax; }));

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

// Whether from `following` on, which `reader` has just read, there are digits alone.
bool only_digits_follow(NameReader reader, NameReader::Character following) noexcept {
  while (is_digit(following.folded)) following = reader.next();
  return following.folded == '\0';
}

// Calls `judge(entry, whole)` for every run of consecutive words in `name` that `list` holds; `whole` means that
// nothing but digits is beside them.
template <class Entry, std::size_t kSize, class Judge>
void each_listed(std::string_view name, const std::array<Entry, kSize>& list, const Judge& judge) noexcept {
  NameReader start(name);
  for (bool first = true;; first = false) {
    NameReader reader = start;
    const auto c = start.next();
    if (c.folded == '\0') return;
    if (!c.begins_word) continue;
    Candidates<Entry> candidates(list);
    auto following = reader.next();
    while (following.folded != '\0' && candidates.narrow(following.folded)) {
      following = reader.next();
      if (following.folded != '\0' && !following.begins_word) continue;
      const Entry* entry = candidates.complete();
      if (entry != nullptr) judge(*entry, first && only_digits_follow(reader, following));
    }
  }
}

}  // namespace

bool names_phi(std::string_view claim_name) noexcept {
  bool listed = false;
  bool harmless = false;
  each_listed(last_part(claim_name), kListedNames, [&](const ListedName& name, bool whole) {
    listed = listed || name.extent == Extent::kWithin || (whole && name.extent == Extent::kWhole);
    harmless = harmless || (whole && name.extent == Extent::kHarmless);
  });
  return listed && !harmless;
}

Hints hints_of_name(std::string_view claim_name) noexcept {
  Hints hints;
  each_listed(last_part(claim_name), kNameHints,
              [&hints](const HintWords& words, bool /*whole*/) { hints = hints | words.hint; });
  return hints;
}

Hints hints_of_word(std::string_view word, bool scheme) noexcept {
  if (word.empty() || word.size() > kWordHintMax) return {};
  const auto first = static_cast<std::size_t>(lower(word[0]) - 'a');
  if ((kWordHintSizes[first] & (1U << word.size())) == 0) return {};
  std::array<char, kWordHintMax> small{};
  std::ranges::transform(word, small.begin(), lower);
  const std::string_view words(small.data(), word.size());
  const auto found = std::ranges::lower_bound(kWordHints, words, {}, &HintWords::words);
  if (found == kWordHints.end() || found->words != words) return {};
  const Hints hints = found->hint;
  // RFC 3966: what follows "tel:" is a number of any plan.
  return scheme && hints.has(Hint::kPhoneWord) ? hints | Hint::kPhone : hints;
}

}  // namespace signer::phi

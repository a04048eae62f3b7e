// SPDX-License-Identifier: Apache-2.0
//
// What the checker knows of the records since the last checkpoint that fits: their leaves, and the links between
// records that do not hold.  A root decides which side of a broken link was changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tlog/frontier.h"
#include "tlog/hash.h"

namespace signer::audit {

class Evidence {
 public:
  // Link that does not hold: the leaf of record `index` is not what `prev` of the record behind it says.
  struct Broken {
    std::uint64_t index = 0;
    tlog::Hash claimed{};
  };

  explicit Evidence(const tlog::Frontier& base = {}) : base_(base), cursor_(base) {}

  void append(const tlog::Hash& leaf) { leaves_.push_back(leaf); }

  void add_broken(const Broken& link) { broken_.push_back(link); }

  [[nodiscard]] const std::vector<Broken>& broken() const noexcept { return broken_; }

  // Index behind the last record.
  [[nodiscard]] std::uint64_t size() const noexcept { return base_.size() + leaves_.size(); }

  // Records before this are settled and forgotten.
  [[nodiscard]] std::uint64_t settled() const noexcept { return base_.size(); }

  // Leaves that are kept.
  [[nodiscard]] std::size_t kept() const noexcept { return leaves_.size(); }

  [[nodiscard]] std::optional<tlog::Hash> leaf(std::uint64_t index) const;

  // The tree of the first `size` records as they stand; settled() <= size <= this->size().  Amortised one hash a record
  // while sizes only grow.
  [[nodiscard]] const tlog::Frontier& tree(std::uint64_t size);

  // A checkpoint says that the tree of `size` records has this root, and the records say otherwise: the first changed
  // record, if taking some of the broken links at their word yields the root.
  [[nodiscard]] std::optional<std::uint64_t> changed_record(std::uint64_t size, const tlog::Hash& root) const;

  // The same where no root decides: the side of the first broken link that explains it with the fewest changes, or
  // nothing if both do.  Precondition: a link is broken.
  [[nodiscard]] std::optional<std::uint64_t> likely_record() const;

  // Forgets the records before `size`, which fit.
  void settle(std::uint64_t size);

 private:
  [[nodiscard]] bool yields(const std::vector<Broken>& replaced, std::uint64_t size, const tlog::Hash& root) const;

  tlog::Frontier base_;
  tlog::Frontier cursor_;  // the tree of some records since
  std::vector<tlog::Hash> leaves_;
  std::vector<Broken> broken_;  // ascending
};

}  // namespace signer::audit

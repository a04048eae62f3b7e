// SPDX-License-Identifier: Apache-2.0

#include "audit/evidence.h"

namespace signer::audit {

std::optional<tlog::Hash> Evidence::leaf(std::uint64_t index) const {
  if (index < settled() || index >= size()) return std::nullopt;
  return leaves_[index - settled()];
}

const tlog::Frontier& Evidence::tree(std::uint64_t size) {
  if (size < cursor_.size()) cursor_ = base_;
  while (cursor_.size() < size) cursor_.append(leaves_[cursor_.size() - settled()]);
  return cursor_;
}

bool Evidence::yields(const std::vector<Broken>& replaced, std::uint64_t size, const tlog::Hash& root) const {
  tlog::Frontier tree = base_;
  auto next = replaced.begin();
  while (tree.size() < size) {
    const bool here = next != replaced.end() && next->index == tree.size();
    tree.append(here ? next->claimed : leaves_[tree.size() - settled()]);
    if (here) ++next;
  }
  return tree.root() == root;
}

std::optional<std::uint64_t> Evidence::changed_record(std::uint64_t size, const tlog::Hash& root) const {
  std::vector<Broken> all;
  for (const Broken& link : broken_) {
    if (link.index < size && link.index >= settled()) all.push_back(link);
  }
  if (all.empty()) return std::nullopt;
  if (yields(all, size, root)) return all.front().index;
  // A record whose own `prev` was changed breaks the link before it and the one behind it, and only the latter tells
  // the truth.
  if (all.size() > 1 && all[1].index == all[0].index + 1) {
    all.erase(all.begin());
    if (yields(all, size, root)) return all.front().index;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Evidence::likely_record() const {
  const std::uint64_t first = broken_.front().index;
  if (broken_.size() > 1 && broken_[1].index == first + 1) return first + 1;
  if (first + 2 >= size()) return std::nullopt;  // nothing links to the record behind, so it may be the changed one
  return first;
}

void Evidence::settle(std::uint64_t size) {
  const tlog::Frontier now = tree(size);
  leaves_.erase(leaves_.begin(), leaves_.begin() + static_cast<std::ptrdiff_t>(size - settled()));
  base_ = now;
  cursor_ = now;
}

}  // namespace signer::audit

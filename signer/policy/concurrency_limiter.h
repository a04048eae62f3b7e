// SPDX-License-Identifier: Apache-2.0
//
// How many requests are under way for each grant and uid (invariant 10: one caller cannot take another's places).
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <sys/types.h>

namespace signer::policy {

// The place of one request under way; it is free again when this value ends, whatever became of the request.
// May outlive the limiter.  Not thread-safe.
class Place {
 public:
  Place() = default;  // none

  Place(Place&&) noexcept = default;
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  Place& operator=(Place&& other) noexcept {
    std::swap(taken_, other.taken_);
    other.leave();
    return *this;
  }

  ~Place() { leave(); }

 private:
  friend class ConcurrencyLimiter;

  explicit Place(std::shared_ptr<std::size_t> taken) : taken_(std::move(taken)) { ++*taken_; }

  void leave() noexcept {
    if (const auto taken = std::exchange(taken_, nullptr)) --*taken;
  }

  std::shared_ptr<std::size_t> taken_;
};

// Not thread-safe: the event loop owns it.
class ConcurrencyLimiter {
 public:
  // A place for (name, uid); nothing if `limit` are taken.  Counts without a limit too, so that one that a reload adds
  // holds at once.
  [[nodiscard]] std::optional<Place> take(const std::string& name, uid_t uid, std::optional<std::size_t> limit) {
    if (taken_.size() >= purge_at_) purge();
    auto& taken = taken_[{name, uid}];
    if (taken == nullptr) taken = std::make_shared<std::size_t>(0);
    if (limit && *taken >= *limit) return std::nullopt;
    return Place(taken);
  }

  // Whether take() would give one now.
  [[nodiscard]] bool has_one(const std::string& name, uid_t uid, std::optional<std::size_t> limit) const {
    const auto taken = taken_.find({name, uid});
    return !limit || taken == taken_.end() || *taken->second < *limit;
  }

  // Counts that are held: at most kKeptMax, or twice those that were not zero when the last one was added.
  [[nodiscard]] std::size_t size() const noexcept { return taken_.size(); }

  static constexpr std::size_t kKeptMax = 1024;

 private:
  void purge() {
    std::erase_if(taken_, [](const auto& entry) { return *entry.second == 0; });
    purge_at_ = std::max(kKeptMax, 2 * taken_.size());
  }

  std::map<std::pair<std::string, uid_t>, std::shared_ptr<std::size_t>> taken_;
  std::size_t purge_at_ = kKeptMax;
};

}  // namespace signer::policy

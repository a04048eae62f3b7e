// SPDX-License-Identifier: Apache-2.0
//
// The jobs that wait for one token: bounded, and fair between callers, whose uids take turns (invariant 10).  Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/clock.h"

namespace signer::token {

struct QueueLimits {
  std::size_t each_uid_max = 512;
  std::size_t all_max = 4096;
};

// `Job` has members `uid` and `deadline`.  Not thread-safe.
template <class Job>
class FairQueue {
 public:
  explicit FairQueue(QueueLimits limits) : limits_(limits) {}

  [[nodiscard]] bool empty() const { return size_ == 0; }

  [[nodiscard]] std::size_t size() const { return size_; }

  // False if the caller's places or all places are taken.
  [[nodiscard]] bool has_room(uid_t uid) const {
    const auto lane = lanes_.find(uid);
    return size_ < limits_.all_max && (lane == lanes_.end() || lane->second.size() < limits_.each_uid_max);
  }

  // How many jobs come before one that this caller would add now, if nobody else adds any: callers take turns.
  [[nodiscard]] std::size_t ahead_of(uid_t uid) const {
    const auto own = lanes_.find(uid);
    const std::size_t before = own == lanes_.end() ? 0 : own->second.size();
    std::size_t ahead = before;
    for (const auto& [other, jobs] : lanes_) {
      if (other != uid) ahead += std::min(jobs.size(), before + 1);
    }
    return ahead;
  }

  // Adds a job behind its caller's others.  Ask has_room first.
  void push(Job job) { place(std::move(job), false); }

  // Puts a job that had its place already (its host died) ahead of its caller's others.  Always fits.
  void push_again(Job job) { place(std::move(job), true); }

  // The next job of the next caller.
  [[nodiscard]] std::optional<Job> pop() {
    if (turns_.empty()) return std::nullopt;
    const uid_t uid = turns_.front();
    turns_.pop_front();
    const auto lane = lanes_.find(uid);
    Job job = std::move(lane->second.front());
    lane->second.pop_front();
    --size_;
    if (lane->second.empty()) {
      lanes_.erase(lane);
    } else {
      turns_.push_back(uid);
    }
    return job;
  }

  // Takes out every job for which `unwanted` holds.
  template <class Predicate>
  [[nodiscard]] std::vector<Job> remove_if(Predicate unwanted) {
    std::vector<Job> removed;
    for (auto lane = lanes_.begin(); lane != lanes_.end();) {
      auto& jobs = lane->second;
      const auto keep_end =
          std::stable_partition(jobs.begin(), jobs.end(), [&](const Job& job) { return !unwanted(job); });
      std::move(keep_end, jobs.end(), std::back_inserter(removed));
      jobs.erase(keep_end, jobs.end());
      if (jobs.empty()) {
        std::erase(turns_, lane->first);
        lane = lanes_.erase(lane);
      } else {
        ++lane;
      }
    }
    size_ -= removed.size();
    return removed;
  }

  // The earliest deadline of all, if there is a job.
  [[nodiscard]] std::optional<SteadyTime> earliest_deadline() const {
    std::optional<SteadyTime> earliest;
    for (const auto& [uid, jobs] : lanes_) {
      for (const Job& job : jobs) earliest = earliest ? std::min(*earliest, job.deadline) : job.deadline;
    }
    return earliest;
  }

 private:
  void place(Job job, bool ahead) {
    const uid_t uid = job.uid;
    auto& jobs = lanes_[uid];
    if (jobs.empty()) turns_.push_back(uid);
    if (ahead) {
      jobs.push_front(std::move(job));
    } else {
      jobs.push_back(std::move(job));
    }
    ++size_;
  }

  QueueLimits limits_;
  std::map<uid_t, std::deque<Job>> lanes_;
  std::deque<uid_t> turns_;  // every uid with jobs, once
  std::size_t size_ = 0;
};

}  // namespace signer::token

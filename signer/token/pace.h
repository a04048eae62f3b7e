// SPDX-License-Identifier: Apache-2.0
//
// How long a token takes for a signature, learnt from those it made.  Pure.
#pragma once

#include <algorithm>
#include <chrono>

namespace signer::token {

// A moving mean.  One signature in a stalled moment must not make a token look slow for the next hundred, so a sample
// counts for at most four times the mean; a token that does turn slow is known as such a dozen signatures later.
class Pace {
 public:
  static constexpr unsigned kSamplesMin = 8;  // before that, nothing is known
  static constexpr int kWeight = 8;
  static constexpr int kOutlier = 4;

  void add(std::chrono::nanoseconds sample) noexcept {
    if (sample <= std::chrono::nanoseconds::zero()) return;
    if (samples_ > 0) sample = std::min(sample, mean_ * kOutlier);
    if (samples_ < kSamplesMin) ++samples_;
    const int weight = std::min<int>(kWeight, static_cast<int>(samples_));
    mean_ += (sample - mean_) / weight;
  }

  [[nodiscard]] bool known() const noexcept { return samples_ >= kSamplesMin; }

  // Of one signature; zero as long as nothing is known.
  [[nodiscard]] std::chrono::nanoseconds mean() const noexcept {
    return samples_ < kSamplesMin ? std::chrono::nanoseconds::zero() : mean_;
  }

 private:
  std::chrono::nanoseconds mean_{0};
  unsigned samples_ = 0;
};

}  // namespace signer::token

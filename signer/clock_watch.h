// SPDX-License-Identifier: Apache-2.0
//
// Hears of the machine's clock being set, without polling (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET).
#pragma once

#include <chrono>
#include <functional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/clock.h"

namespace signer {

// Belongs to the event loop's thread.
class ClockWatch {
 public:
  using Stepped = std::function<void(std::chrono::microseconds step)>;

  // `stepped` is called when the calendar time was set by at least kStepMin, with how far; negative is back.  Slow
  // corrections are no steps.  If the kernel cannot tell, it is never called and the log says so.
  ClockWatch(boost::asio::io_context& loop, const Clock& clock, Stepped stepped);

  ClockWatch(const ClockWatch&) = delete;
  ClockWatch& operator=(const ClockWatch&) = delete;
  ~ClockWatch() = default;

  static constexpr std::chrono::milliseconds kStepMin{100};

 private:
  [[nodiscard]] std::chrono::microseconds offset() const;
  [[nodiscard]] bool arm();
  void wait();

  const Clock& clock_;
  Stepped stepped_;
  boost::asio::posix::stream_descriptor timer_;
  std::chrono::microseconds offset_;  // of calendar time to steady time
};

}  // namespace signer

// SPDX-License-Identifier: Apache-2.0

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include "clock_watch.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <limits>

#include "base/file.h"
#include "base/log.h"

namespace signer {

ClockWatch::ClockWatch(boost::asio::io_context& loop, const Clock& clock, Stepped stepped)
    : clock_(clock), stepped_(std::move(stepped)), timer_(loop), offset_(offset()) {
  const int timer = ::timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  if (timer >= 0) timer_.assign(timer);
  if (timer < 0 || !arm()) {
    log::warn("clock_not_watched", {{"reason", errno_text(errno)}, {"effect", "a clock that is set is not recorded"}});
    return;
  }
  wait();
}

std::chrono::microseconds ClockWatch::offset() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(clock_.wall().time_since_epoch()) -
         std::chrono::duration_cast<std::chrono::microseconds>(clock_.steady().time_since_epoch());
}

// A time that does not come: all that the timer tells is that its clock was set.
bool ClockWatch::arm() {
  itimerspec never{};
  never.it_value.tv_sec = std::numeric_limits<std::int32_t>::max();
  never.it_value.tv_sec *= 4;
  return ::timerfd_settime(timer_.native_handle(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, nullptr) == 0;
}

void ClockWatch::wait() {
  timer_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    std::uint64_t expirations = 0;
    (void)!::read(timer_.native_handle(), &expirations, sizeof expirations);  // ECANCELED: that is the news
    const auto now = offset();
    const auto step = now - std::exchange(offset_, now);
    if (step >= kStepMin || step <= -kStepMin) {
      log::warn("clock_step", {{"step_us", step.count()}});
      stepped_(step);
    }
    if (arm()) wait();
  });
}

}  // namespace signer

// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/flood.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace signer::test {

namespace {

UniqueFd connected(const std::string& socket_path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_path.data(), std::min(socket_path.size(), sizeof address.sun_path - 1));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    std::perror("flood: connect");
    ::_exit(1);
  }
  ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  return fd;
}

// One connection that asks without end.
class Flooder {
 public:
  Flooder(std::string socket_path, const FloodPlan& plan) : path_(std::move(socket_path)), plan_(plan) { begin(); }

  [[nodiscard]] int fd() const { return fd_.get(); }

  [[nodiscard]] short wants() const {
    const bool send = sent_ < plan_.request.size() || plan_.pipelined;
    return static_cast<short>(POLLIN | (send ? POLLOUT : 0));
  }

  // Does what can be done now; how many replies that gave.
  std::uint64_t go_on(short ready) {
    if ((ready & POLLOUT) != 0) send_more();
    return (ready & (POLLIN | POLLHUP | POLLERR)) != 0 ? receive_more() : 0;
  }

 private:
  void begin() {
    fd_ = connected(path_);
    received_.clear();
    sent_ = 0;
  }

  void send_more() {
    if (sent_ == plan_.request.size()) sent_ = 0;  // pipelined
    const std::string_view rest = std::string_view(plan_.request).substr(sent_);
    const ssize_t count = ::send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count > 0) sent_ += static_cast<std::size_t>(count);
  }

  std::uint64_t receive_more() {
    const ssize_t count = ::recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
    if (count < 0 && errno == EAGAIN) return 0;
    if (count <= 0) {
      begin();
      return 1;
    }
    received_.append(buffer_.data(), static_cast<std::size_t>(count));
    std::uint64_t replies = 0;
    while (take_reply()) ++replies;
    if (replies > 0 && !plan_.pipelined) sent_ = 0;
    return replies;
  }

  bool take_reply() {
    static constexpr std::string_view kLength = "Content-Length: ";
    const std::size_t end = received_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::size_t length = received_.find(kLength);
    if (length > end) ::_exit(1);
    const std::size_t size = end + 4 + static_cast<std::size_t>(std::atoi(received_.c_str() + length + kLength.size()));
    if (received_.size() < size) return false;
    received_.erase(0, size);
    return true;
  }

  std::string path_;
  const FloodPlan& plan_;
  UniqueFd fd_;
  std::string received_;
  std::size_t sent_ = 0;
  std::array<char, 65536> buffer_;
};

void become(uid_t uid) {
  const sched_param priority{};
  const bool done = ::sched_setscheduler(0, SCHED_IDLE, &priority) == 0 && ::setgroups(0, nullptr) == 0 &&
                    ::setresgid(uid, uid, uid) == 0 && ::setresuid(uid, uid, uid) == 0 &&
                    ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
  if (!done) {
    std::perror("flood: become another user");
    ::_exit(1);
  }
}

}  // namespace

void Flood::flood(const std::string& socket_path, const FloodPlan& plan, Shared& shared) {
  become(plan.uid);
  std::vector<UniqueFd> idle;
  for (int i = 0; i < plan.idle; ++i) idle.push_back(connected(socket_path));
  std::vector<std::unique_ptr<Flooder>> flooders;
  for (int i = 0; i < plan.flooding; ++i) flooders.push_back(std::make_unique<Flooder>(socket_path, plan));
  shared.ready = true;
  std::vector<pollfd> entries(flooders.size());
  for (;;) {
    for (std::size_t i = 0; i < flooders.size(); ++i) entries[i] = {flooders[i]->fd(), flooders[i]->wants(), 0};
    ::poll(entries.data(), entries.size(), -1);
    for (std::size_t i = 0; i < flooders.size(); ++i) {
      if (entries[i].revents != 0) shared.answered += flooders[i]->go_on(entries[i].revents);
    }
  }
}

Flood::Flood(const std::string& socket_path, const FloodPlan& plan) {
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  shared_ = new (memory) Shared;
  pid_ = ::fork();
  if (pid_ == 0) flood(socket_path, plan, *shared_);
  while (!shared_->ready) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) std::exit(1);
    std::this_thread::yield();
  }
}

Flood::~Flood() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  ::munmap(shared_, sizeof(Shared));
}

}  // namespace signer::test

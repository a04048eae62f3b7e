// SPDX-License-Identifier: Apache-2.0
//
// Sessions: one per caller at a time, as many as the token allows, closed rather than reused after any failure.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "channel/values.h"
#include "hsm/pkcs11.h"

namespace signer::hsm {

// One open session; closed on destruction.  Used by one thread at a time.
class Session {
 public:
  // Read/write, or read-only on a write-protected token.
  [[nodiscard]] static CK_RV open(const CK_FUNCTION_LIST& api, CK_SLOT_ID slot, Session& out);

  Session() = default;
  Session(Session&& other) noexcept
      : api_(std::exchange(other.api_, nullptr)), handle_(std::exchange(other.handle_, CK_INVALID_HANDLE)) {}
  Session& operator=(Session&& other) noexcept;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { close(); }

  void close() noexcept;

  [[nodiscard]] bool valid() const noexcept { return api_ != nullptr; }

  [[nodiscard]] const CK_FUNCTION_LIST& api() const noexcept { return *api_; }

  [[nodiscard]] CK_SESSION_HANDLE handle() const noexcept { return handle_; }

 private:
  const CK_FUNCTION_LIST* api_ = nullptr;
  CK_SESSION_HANDLE handle_ = CK_INVALID_HANDLE;
};

enum class Freshness { kAny, kNew };

// Thread-safe.  Outlives every Lease it gives.
class SessionPool {
 public:
  // A borrowed session.  It goes back only if keep() was called; otherwise it is closed, for whatever went wrong may
  // have left an operation active in it.
  class Lease {
   public:
    Lease(SessionPool& pool, Session session) : pool_(&pool), session_(std::move(session)) {}
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), session_(std::move(other.session_)), keep_(other.keep_) {}
    Lease& operator=(Lease&&) = delete;
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      const bool keep = keep_ && session_.valid();  // asked before the move: arguments are evaluated in any order
      if (pool_ != nullptr) pool_->give_back(std::move(session_), keep);
    }

    void keep() noexcept { keep_ = true; }

    // Closes the session and opens another in its place: whatever was begun in it has ended and its session objects
    // are gone.  After a failure, whose CK_RV it returns, there is no session until a renewal succeeds.
    [[nodiscard]] CK_RV renew();

    [[nodiscard]] const Session& session() const noexcept { return session_; }

   private:
    SessionPool* pool_;
    Session session_;
    bool keep_ = false;
  };

  SessionPool(const CK_FUNCTION_LIST& api, CK_SLOT_ID slot, std::size_t sessions_max)
      : api_(api), slot_(slot), limit_(sessions_max) {}

  // An idle session, or a new one while the token grants them (kNew: always a new one), or the next to come back.
  // kExpired at the deadline; kUnavailable if none can be opened.
  [[nodiscard]] channel::HostResult<Lease> borrow(SteadyTime deadline, Freshness freshness);

 private:
  void give_back(Session session, bool keep);

  const CK_FUNCTION_LIST& api_;
  const CK_SLOT_ID slot_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Session> idle_;  // last in, first out: an unused tail may idle out without harm
  std::size_t open_ = 0;       // idle, lent and being opened
  std::size_t limit_;
};

}  // namespace signer::hsm

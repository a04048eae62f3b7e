// SPDX-License-Identifier: Apache-2.0

#include "hsm/session_pool.h"

#include "base/log.h"
#include "hsm/ckr.h"

namespace signer::hsm {

using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;

CK_RV Session::open(const CK_FUNCTION_LIST& api, CK_SLOT_ID slot, Session& out) {
  CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;
  CK_RV rv = api.C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &handle);
  if (rv == CKR_TOKEN_WRITE_PROTECTED) rv = api.C_OpenSession(slot, CKF_SERIAL_SESSION, nullptr, nullptr, &handle);
  if (rv != CKR_OK) return rv;
  out.close();
  out.api_ = &api;
  out.handle_ = handle;
  return CKR_OK;
}

Session& Session::operator=(Session&& other) noexcept {
  if (this != &other) {
    close();
    api_ = std::exchange(other.api_, nullptr);
    handle_ = std::exchange(other.handle_, CK_INVALID_HANDLE);
  }
  return *this;
}

void Session::close() noexcept {
  // The session may be long gone; there is nothing to do about a failure.
  if (api_ != nullptr) api_->C_CloseSession(handle_);
  api_ = nullptr;
  handle_ = CK_INVALID_HANDLE;
}

HostResult<SessionPool::Lease> SessionPool::borrow(SteadyTime deadline, Freshness freshness) {
  std::unique_lock lock(mutex_);
  while (true) {
    if (!changed_.wait_until(lock, deadline, [this] { return !idle_.empty() || open_ < limit_; })) {
      return host_failure(HostStatus::kExpired, "hsm: no session became free before the deadline");
    }
    if (!idle_.empty()) {
      Session session = std::move(idle_.back());
      idle_.pop_back();
      if (freshness == Freshness::kAny) return Lease(*this, std::move(session));
      --open_;  // closed first, so that its place is free for the new one
      session.close();
    }
    ++open_;
    lock.unlock();
    Session session;
    const CK_RV rv = Session::open(api_, slot_, session);
    if (rv == CKR_OK) return Lease(*this, std::move(session));
    lock.lock();
    --open_;
    changed_.notify_one();
    if (rv != CKR_SESSION_COUNT || open_ == 0) return fail(host_error("C_OpenSession", "", rv));
    // The token grants fewer than configured: share what there is.
    if (limit_ > open_) {
      limit_ = open_;
      log::warn("hsm_sessions_limited", {{"sessions", limit_}, {"ckr", ckr_name(rv)}});
    }
  }
}

CK_RV SessionPool::Lease::renew() {
  session_.close();
  return Session::open(pool_->api_, pool_->slot_, session_);
}

void SessionPool::give_back(Session session, bool keep) {
  if (!keep) session.close();  // outside the lock: the module may take its time
  const std::lock_guard lock(mutex_);
  if (keep) {
    idle_.push_back(std::move(session));
  } else {
    --open_;
  }
  changed_.notify_one();
}

}  // namespace signer::hsm

// SPDX-License-Identifier: Apache-2.0
//
// One ESYS context on one connection.  Whatever fails outside the TPM's own layer leaves the library's state behind
// in pieces, so such a context is poisoned: nothing more is asked of it, its owner makes another.
#pragma once

#include <tss2/tss2_esys.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "tpm/tcti.h"

namespace signer::tpm {

// What a call of the library fills in and allocates for the caller; fill() is what the call is given.
template <class T>
class EsysOut {
 public:
  EsysOut() = default;
  EsysOut(const EsysOut&) = delete;
  EsysOut& operator=(const EsysOut&) = delete;
  ~EsysOut() { ::Esys_Free(raw_); }

  T** fill() noexcept { return &raw_; }
  const T& operator*() const noexcept { return *raw_; }
  const T* operator->() const noexcept { return raw_; }

 private:
  T* raw_ = nullptr;
};

// For one thread at a time.  Objects and sessions made through it must be gone before it is.
class EsysContext {
 public:
  // Sends nothing to the TPM.
  [[nodiscard]] static TpmResult<EsysContext> open(const std::string& tcti);

  EsysContext(EsysContext&&) noexcept = default;
  EsysContext& operator=(EsysContext&&) = delete;
  EsysContext(const EsysContext&) = delete;
  EsysContext& operator=(const EsysContext&) = delete;
  ~EsysContext() = default;

  [[nodiscard]] ESYS_CONTEXT* get() const noexcept { return context_.get(); }

  // What `call` answered.  A failure outside the TPM's layer poisons the context.
  [[nodiscard]] TpmResult<void> judge(std::string_view call, TSS2_RC code);

  void poison() noexcept { poisoned_ = true; }

  [[nodiscard]] bool poisoned() const noexcept { return poisoned_; }

 private:
  struct Finalizer {
    void operator()(ESYS_CONTEXT* context) const noexcept { ::Esys_Finalize(&context); }
  };

  EsysContext(Tcti tcti, std::unique_ptr<ESYS_CONTEXT, Finalizer> context) noexcept
      : tcti_(std::move(tcti)), context_(std::move(context)) {}

  Tcti tcti_;  // outlives the context
  std::unique_ptr<ESYS_CONTEXT, Finalizer> context_;
  bool poisoned_ = false;
};

// A transient object or a session in the TPM; flushed when it goes, unless its context is poisoned.
class LoadedHandle {
 public:
  LoadedHandle() = default;
  LoadedHandle(EsysContext& context, ESYS_TR handle) noexcept : context_(&context), handle_(handle) {}
  LoadedHandle(LoadedHandle&& other) noexcept
      : context_(other.context_), handle_(std::exchange(other.handle_, ESYS_TR_NONE)) {}
  LoadedHandle& operator=(LoadedHandle&& other) noexcept {
    if (this != &other) {
      flush();
      context_ = other.context_;
      handle_ = std::exchange(other.handle_, ESYS_TR_NONE);
    }
    return *this;
  }
  LoadedHandle(const LoadedHandle&) = delete;
  LoadedHandle& operator=(const LoadedHandle&) = delete;
  ~LoadedHandle() { flush(); }

  [[nodiscard]] ESYS_TR get() const noexcept { return handle_; }

  [[nodiscard]] explicit operator bool() const noexcept { return handle_ != ESYS_TR_NONE; }

  // Best effort: what the TPM has lost already is gone too.
  void flush() noexcept {
    if (handle_ == ESYS_TR_NONE) return;
    const ESYS_TR handle = std::exchange(handle_, ESYS_TR_NONE);
    if (context_->poisoned()) return;
    static_cast<void>(context_->judge("Esys_FlushContext", ::Esys_FlushContext(context_->get(), handle)));
  }

 private:
  EsysContext* context_ = nullptr;
  ESYS_TR handle_ = ESYS_TR_NONE;
};

// What the library remembers of a persistent object or an NV index; the TPM keeps the thing itself.  Forgotten when
// this goes: else the library fails, and the context with it, should something else be at the handle later.
class KnownHandle {
 public:
  KnownHandle() = default;
  KnownHandle(EsysContext& context, ESYS_TR handle) noexcept : context_(&context), handle_(handle) {}
  KnownHandle(KnownHandle&& other) noexcept
      : context_(other.context_), handle_(std::exchange(other.handle_, ESYS_TR_NONE)) {}
  KnownHandle& operator=(KnownHandle&& other) noexcept {
    if (this != &other) {
      forget();
      context_ = other.context_;
      handle_ = std::exchange(other.handle_, ESYS_TR_NONE);
    }
    return *this;
  }
  KnownHandle(const KnownHandle&) = delete;
  KnownHandle& operator=(const KnownHandle&) = delete;
  ~KnownHandle() { forget(); }

  [[nodiscard]] ESYS_TR get() const noexcept { return handle_; }

  void forget() noexcept {
    if (handle_ == ESYS_TR_NONE) return;
    static_cast<void>(::Esys_TR_Close(context_->get(), &handle_));
    handle_ = ESYS_TR_NONE;
  }

 private:
  EsysContext* context_ = nullptr;
  ESYS_TR handle_ = ESYS_TR_NONE;
};

}  // namespace signer::tpm

// SPDX-License-Identifier: Apache-2.0
//
// Result<T>: a value or the reason there is none.  The method names are those of std::expected, which
// neither g++ 12 nor clang 14 offers in C++20, so that a later move edits this header alone (ADR 0002).
#pragma once

#include <cassert>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace signer {

/// The closed set of reasons.  Each comment tells the caller what to do next.
enum class ErrorCode {
  kInvalidRequest,    ///< The input is malformed: correct it; the same bytes will fail again.
  kDenied,            ///< No grant allows this: ask the operator; do not retry.
  kNotFound,          ///< No such key, file or object: correct the name.
  kClaimPolicy,       ///< The claims break the profile: correct the claims.
  kRateLimited,       ///< Too many requests from this caller: retry after the stated delay.
  kInternal,          ///< Our fault or the machine's: the log has the detail; retrying may help later.
  kTokenUnavailable,  ///< The token cannot serve now: retry after the stated delay.
  kOverloaded,        ///< Queues are full: retry after the stated delay.
  kDeadlineExceeded,  ///< Not done in time: retry with a longer deadline.
};

/// The wire spelling, RFC 9457 problem `code` (docs/protocol.md): "invalid_request", "denied", ...
[[nodiscard]] std::string_view to_string(ErrorCode code) noexcept;

/// A reason for people: `<where>: <what was tried> <on what>: <native name>[; what to do]`.  The text goes to
/// log and terminal, never to a peer; it holds no secret and no claim value.
struct Error {
  ErrorCode code = ErrorCode::kInternal;  ///< what to do next
  std::string text;                       ///< for people
};

/// An error on its way into a Result.
template <class E>
struct Failure {
  E error;  ///< what fail() was given
};

/// A failure to return from a function whose Result has an Error.
[[nodiscard]] inline Failure<Error> fail(ErrorCode code, std::string text) {
  return {Error{code, std::move(text)}};
}

/// The same for any other error.
template <class E>
[[nodiscard]] Failure<E> fail(E error) {
  return {std::move(error)};
}

/// Either a T or an E.  Copyable and movable as its parts are.  value() of a failure and error() of a success are
/// bugs of ours and abort in debug builds.
template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  /// \name As std::expected has it; of a failure, value() and the operators must not be called, nor error() of a
  /// success.
  /// \{

  /// As std::expected has it.
  using value_type = T;
  using error_type = E;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)

  Result(Failure<E> failure)  // NOLINT(google-explicit-constructor)
      : state_(std::in_place_index<1>, std::move(failure.error)) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }

  explicit operator bool() const noexcept { return has_value(); }

  [[nodiscard]] T& value() & {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }

  [[nodiscard]] const T& value() const& {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }

  [[nodiscard]] T&& value() && {
    assert(has_value());
    return std::move(*std::get_if<0>(&state_));
  }

  [[nodiscard]] T& operator*() & { return value(); }

  [[nodiscard]] const T& operator*() const& { return value(); }

  [[nodiscard]] T&& operator*() && { return std::move(*this).value(); }

  [[nodiscard]] T* operator->() { return &value(); }

  [[nodiscard]] const T* operator->() const { return &value(); }

  [[nodiscard]] const E& error() const& {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }

  [[nodiscard]] E&& error() && {
    assert(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

  /// \}

 private:
  std::variant<T, E> state_;
};

/// Done, or an E.
template <class E>
class [[nodiscard]] Result<void, E> {
 public:
  /// \name As std::expected has it; error() must not be called of a success.
  /// \{

  /// As std::expected has it.
  using value_type = void;
  using error_type = E;

  Result() = default;

  Result(Failure<E> failure)  // NOLINT(google-explicit-constructor)
      : failed_(true), error_(std::move(failure.error)) {}

  [[nodiscard]] bool has_value() const noexcept { return !failed_; }

  explicit operator bool() const noexcept { return has_value(); }

  [[nodiscard]] const E& error() const& {
    assert(failed_);
    return error_;
  }

  [[nodiscard]] E&& error() && {
    assert(failed_);
    return std::move(error_);
  }

  /// \}

 private:
  bool failed_ = false;
  E error_{};
};

}  // namespace signer

#define SIGNER_CONCAT_INNER(a, b) a##b
#define SIGNER_CONCAT(a, b) SIGNER_CONCAT_INNER(a, b)

/// Leaves the enclosing function with the failure of `expression`, if it failed.
#define SIGNER_RETURN_IF_ERROR(expression)                                                                             \
  do {                                                                                                                 \
    if (auto signer_result_ = (expression); !signer_result_) return ::signer::fail(std::move(signer_result_).error()); \
  } while (false)

/// Declares or assigns `target` from `expression`, or leaves the enclosing function with its failure.
#define SIGNER_ASSIGN_OR_RETURN(target, expression)                                    \
  auto SIGNER_CONCAT(signer_result_, __LINE__) = (expression);                         \
  if (!SIGNER_CONCAT(signer_result_, __LINE__))                                        \
    return ::signer::fail(std::move(SIGNER_CONCAT(signer_result_, __LINE__)).error()); \
  target = std::move(SIGNER_CONCAT(signer_result_, __LINE__)).value()

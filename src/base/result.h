// Result<T, E>: a value or an error. A strict subset of std::expected (C++23), which may replace
// it.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/assert.h"
#include "base/error.h"

namespace lethe {

// Wraps an error so that it converts to any Result.
template <typename E>
class Unexpected {
 public:
  explicit Unexpected(E error) : error_(std::move(error)) {}
  const E& error() const& { return error_; }
  E&& error() && { return std::move(error_); }

 private:
  E error_;
};

// Somebody took the value of an error: a bug, which is found faster where the error is known.
template <typename E>
[[noreturn]] void AbortWithout(const E& error) {
  if constexpr (requires { error.message.c_str(); })
    std::fprintf(stderr, "assertion failed: a value was expected: %s\n", error.message.c_str());
  else
    std::fprintf(stderr, "assertion failed: a value was expected\n");
  std::abort();
}

template <typename T, typename E = Error>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = E;

  template <typename U = T>
  requires(std::is_constructible_v<T, U&&> && !std::is_same_v<std::remove_cvref_t<U>, Result> &&
           !std::is_same_v<std::remove_cvref_t<U>, E>) Result(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}
  Result(Unexpected<E> error) : state_(std::in_place_index<1>, std::move(error).error()) {}
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // Precondition of value, * and ->: has_value(). Of error: !has_value().
  T& value() & {
    if (!has_value()) AbortWithout(error());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    if (!has_value()) AbortWithout(error());
    return *std::get_if<0>(&state_);
  }
  // Of a temporary by value, so that `for (auto& x : F().value())` does not outlive what it walks.
  T value() && {
    if (!has_value()) AbortWithout(error());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  E& error() & {
    LETHE_ASSERT(!has_value());
    return *std::get_if<1>(&state_);
  }
  const E& error() const& {
    LETHE_ASSERT(!has_value());
    return *std::get_if<1>(&state_);
  }
  E&& error() && {
    LETHE_ASSERT(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, E> state_;
};

// Result<void>: only success or an error. Written Status where E is Error.
template <typename E>
class [[nodiscard]] Result<void, E> {
 public:
  using value_type = void;
  using error_type = E;

  Result() = default;
  Result(Unexpected<E> error) : state_(std::in_place_index<1>, std::move(error).error()) {}
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  void value() const {
    if (!has_value()) AbortWithout(error());
  }
  E& error() & {
    LETHE_ASSERT(!has_value());
    return *std::get_if<1>(&state_);
  }
  const E& error() const& {
    LETHE_ASSERT(!has_value());
    return *std::get_if<1>(&state_);
  }
  E&& error() && {
    LETHE_ASSERT(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<std::monostate, E> state_;
};

using Status = Result<void, Error>;

}  // namespace lethe

// Evaluates to the value of a Result; on an error returns that error from the enclosing function.
#define LETHE_TRY(expression) LETHE_TRY_IMPL(expression, , LETHE_TRY_NAME(__COUNTER__))

// The same, with context put in front of the error: LETHE_TRY_IN(expression, "reading " + path).
#define LETHE_TRY_IN(expression, context) \
  LETHE_TRY_IMPL(expression, .In(context), LETHE_TRY_NAME(__COUNTER__))

// A fresh name for each use, so that one may stand inside another.
#define LETHE_TRY_NAME(counter) LETHE_TRY_NAME_IMPL(counter)
#define LETHE_TRY_NAME_IMPL(counter) lethe_try_result_##counter
#define LETHE_TRY_IMPL(expression, in_context, name)                  \
  __extension__({                                                     \
    auto name = (expression);                                         \
    if (!name.has_value()) return std::move(name).error() in_context; \
    std::move(name).value();                                          \
  })

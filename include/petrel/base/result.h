// Result<T> and Status: expected outcomes as values. Broken invariants use PETREL_CHECK instead.
// Thread: values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace petrel {

// What kind of failure it is; callers branch on it. The text for people is Error::detail.
enum class Errc : uint8_t {
  kInvalidArgument,
  kProtocolViolation,
  kNotFound,
  kUnsupported,
  kOutOfRange,
  kIo,
  kCorrupt,
  kClosed,
  kTimeout,
  kNotLeader,
  kFull,
};

std::string_view errc_name(Errc code);

// An expected failure. `detail` is never built on the data path.
struct Error {
  Errc code = Errc::kInvalidArgument;
  std::string detail = {};
};

// Either a value or an Error; the caller cannot ignore it.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool is_ok() const { return state_.index() == 0; }
  explicit operator bool() const { return is_ok(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

// Success or an Error.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
  static Status ok() { return {}; }

  bool is_ok() const { return !error_.has_value(); }
  explicit operator bool() const { return is_ok(); }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace petrel

#define PETREL_CONCAT_INNER(a, b) a##b
#define PETREL_CONCAT(a, b) PETREL_CONCAT_INNER(a, b)

// PETREL_TRY(auto x, expr): binds the value or returns the error of a Result.
#define PETREL_TRY_NAMED(decl, expr, name)   \
  auto name = (expr);                        \
  if (!name) return std::move(name).error(); \
  decl = *std::move(name)
#define PETREL_TRY(decl, expr) PETREL_TRY_NAMED(decl, expr, PETREL_CONCAT(petrel_try_, __LINE__))

// PETREL_TRY_STATUS(expr): returns the error of a Status.
#define PETREL_TRY_STATUS(expr)                                                    \
  do {                                                                             \
    if (auto petrel_status = (expr); !petrel_status) return petrel_status.error(); \
  } while (false)

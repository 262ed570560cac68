// ApiError: what a JetStream request is refused with: {"code","err_code","description"}.
// ApiErrc names every error that nats-server 2.15.2 knows; its value is the err_code.
//
// Thread: values and pure functions, any thread.
// Source: spec errors.json, api.md section 4.
#pragma once

#include "petrel/base/block.h"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace petrel::jetstream {

enum class ApiErrc : uint16_t {
#define PETREL_API_ERROR(name, number, status, text) name = number,
#include "petrel/jetstream/api_error_table.inc"
#undef PETREL_API_ERROR
};

struct ApiError {
  int32_t code = 0;  // class of status: 400, 404, 500, 503 ...
  uint16_t err_code = 0;
  std::string description = {};

  bool is(ApiErrc errc) const { return err_code == static_cast<uint16_t>(errc); }
  friend bool operator==(const ApiError&, const ApiError&) = default;
};

// One replacement: {"{seq}", "22"}.
using ApiErrorTag = std::pair<Slice, Slice>;

ApiError api_error(ApiErrc errc);
ApiError api_error(ApiErrc errc, std::initializer_list<ApiErrorTag> tags);
// For errors with "{err}" in their text.
ApiError api_error(ApiErrc errc, Slice err);

// The text with its placeholders as they stand in the table; static storage.
Slice api_error_text(ApiErrc errc);

// Appends {"code":..,"err_code":..,"description":".."}.
void append_api_error(std::string& out, const ApiError& error);

// Either a value or an ApiError; the caller cannot ignore it.
template <typename T>
class [[nodiscard]] ApiResult {
 public:
  ApiResult(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  ApiResult(ApiError error)
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
  const ApiError& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, ApiError> state_;
};

// Success (empty) or the reason of a refusal.
using ApiStatus = std::optional<ApiError>;

}  // namespace petrel::jetstream

// Time as values. Layers 0-3 (pure) never read a clock: they are given these.
#pragma once

#include <compare>
#include <cstdint>

namespace petrel {

// A span of time in nanoseconds.
struct Duration {
  int64_t ns = 0;
  friend auto operator<=>(const Duration&, const Duration&) = default;
  friend Duration operator+(Duration a, Duration b) { return {a.ns + b.ns}; }
  friend Duration operator-(Duration a, Duration b) { return {a.ns - b.ns}; }
  friend Duration operator*(Duration a, int64_t n) { return {a.ns * n}; }
  friend Duration operator/(Duration a, int64_t n) { return {a.ns / n}; }
  static constexpr Duration nanos(int64_t n) { return {n}; }
  static constexpr Duration micros(int64_t n) { return {n * 1'000}; }
  static constexpr Duration millis(int64_t n) { return {n * 1'000'000}; }
  static constexpr Duration seconds(int64_t n) { return {n * 1'000'000'000}; }
  static constexpr Duration minutes(int64_t n) { return {n * 60'000'000'000}; }
  static constexpr Duration hours(int64_t n) { return {n * 3'600'000'000'000}; }
};

// A point on the monotonic clock, nanoseconds since an arbitrary origin.
struct Instant {
  int64_t ns = 0;
  friend auto operator<=>(const Instant&, const Instant&) = default;
  friend Instant operator+(Instant t, Duration d) { return {t.ns + d.ns}; }
  friend Instant operator-(Instant t, Duration d) { return {t.ns - d.ns}; }
  friend Duration operator-(Instant a, Instant b) { return {a.ns - b.ns}; }
};

// A point on the wall clock, nanoseconds since the Unix epoch, UTC.
struct WallTime {
  int64_t ns = 0;
  friend auto operator<=>(const WallTime&, const WallTime&) = default;
  friend WallTime operator+(WallTime t, Duration d) { return {t.ns + d.ns}; }
  friend Duration operator-(WallTime a, WallTime b) { return {a.ns - b.ns}; }
};

}  // namespace petrel

// BigDecimal: whole numbers of any size, for counters. Kept as the decimal text that goes on the
// wire; sums cost their digits.
//
// Thread: values, any thread. Limits: none of its own; headers are at most 64 KiB.
// Source: spec streams.md section 7.
#pragma once

#include "petrel/base/block.h"

#include <optional>
#include <string>

namespace petrel::jetstream {

class BigDecimal {
 public:
  BigDecimal() = default;
  // "+5", "-2", "1_000" is none; leading zeros are dropped.
  static std::optional<BigDecimal> parse(Slice text);

  BigDecimal operator+(const BigDecimal& other) const;
  BigDecimal operator-() const;
  BigDecimal operator-(const BigDecimal& other) const { return *this + -other; }
  std::string text() const { return is_negative_ ? "-" + digits_ : digits_; }
  friend bool operator==(const BigDecimal&, const BigDecimal&) = default;

 private:
  BigDecimal(bool is_negative, std::string digits);

  bool is_negative_ = false;
  std::string digits_ = "0";  // most significant first, no leading zeros
};

}  // namespace petrel::jetstream

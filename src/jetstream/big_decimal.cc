#include "jetstream/big_decimal.h"

#include <algorithm>

namespace petrel::jetstream {
namespace {

// a >= b, both without leading zeros.
bool is_at_least(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() > b.size() : a >= b;
}

std::string add_digits(const std::string& a, const std::string& b) {
  std::string sum;
  sum.reserve(std::max(a.size(), b.size()) + 1);
  int carry = 0;
  for (size_t i = 0; i < std::max(a.size(), b.size()) || carry != 0; ++i) {
    const int left = i < a.size() ? a[a.size() - 1 - i] - '0' : 0;
    const int right = i < b.size() ? b[b.size() - 1 - i] - '0' : 0;
    const int digit = left + right + carry;
    sum.push_back(static_cast<char>('0' + digit % 10));
    carry = digit / 10;
  }
  std::reverse(sum.begin(), sum.end());
  return sum;
}

// REQUIRES: a >= b.
std::string subtract_digits(const std::string& a, const std::string& b) {
  std::string rest;
  rest.reserve(a.size());
  int borrow = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    int digit = a[a.size() - 1 - i] - '0' - borrow - (i < b.size() ? b[b.size() - 1 - i] - '0' : 0);
    borrow = digit < 0 ? 1 : 0;
    if (digit < 0) digit += 10;
    rest.push_back(static_cast<char>('0' + digit));
  }
  std::reverse(rest.begin(), rest.end());
  return rest;
}

}  // namespace

BigDecimal::BigDecimal(bool is_negative, std::string digits)
    : is_negative_(is_negative), digits_(std::move(digits)) {
  digits_.erase(0, std::min(digits_.find_first_not_of('0'), digits_.size() - 1));
  if (digits_ == "0") is_negative_ = false;
}

std::optional<BigDecimal> BigDecimal::parse(Slice text) {
  bool is_negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    is_negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty()) return std::nullopt;
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  return BigDecimal(is_negative, std::string(text));
}

BigDecimal BigDecimal::operator-() const {
  return BigDecimal(!is_negative_, digits_);
}

BigDecimal BigDecimal::operator+(const BigDecimal& other) const {
  if (is_negative_ == other.is_negative_) {
    return BigDecimal(is_negative_, add_digits(digits_, other.digits_));
  }
  if (is_at_least(digits_, other.digits_)) {
    return BigDecimal(is_negative_, subtract_digits(digits_, other.digits_));
  }
  return BigDecimal(other.is_negative_, subtract_digits(other.digits_, digits_));
}

}  // namespace petrel::jetstream

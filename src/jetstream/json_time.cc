#include "jetstream/json_time.h"

#include "jetstream/go_values.h"

#include "petrel/base/go_time.h"

#include <algorithm>

namespace petrel::jetstream {

namespace {

constexpr Slice kLayout = "2006-01-02T15:04:05Z07:00";
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kDay = 86'400;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// As Go's package time quotes: what is no printable ASCII byte by byte.
std::string quoted(Slice text) {
  constexpr Slice kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || byte < ' ') {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

int64_t days_in(int64_t month, int64_t year) {
  if (month == 2) return (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

// Reads a time piece by piece and remembers the first piece that does not fit the layout.
class Reader {
 public:
  explicit Reader(Slice text) : text_(text), rest_(text) {}

  bool run(WallTime& out) {
    int64_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    if (!number(year, 4, "2006") || !literal("-", "-") || !number(month, 2, "01")) return false;
    if (month < 1 || month > 12) return range("month");
    if (!literal("-", "-") || !number(day, 2, "02") || !literal("T", "T")) return false;
    if (!hour_number(hour)) return false;
    if (hour > 23) return range("hour");
    if (!literal(":", ":") || !number(minute, 2, "04")) return false;
    if (minute > 59) return range("minute");
    if (!literal(":", ":") || !number(second, 2, "05")) return false;
    if (second > 59) return range("second");
    const int64_t nanos = fraction();
    int64_t offset = 0;
    if (!zone(offset)) return false;
    if (!rest_.empty()) return fail_with(": extra text: " + quoted(rest_));
    if (day < 1 || day > days_in(month, year)) return range("day");
    set(out,
        days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day)) * kDay +
            hour * 3600 + minute * 60 + second - offset,
        nanos);
    return true;
  }
  const std::string& error() const { return error_; }

 private:
  bool fail(Slice element) {
    return fail_with(": cannot parse " + quoted(rest_) + " as " + quoted(element));
  }
  bool range(Slice what) { return fail_with(": " + std::string(what) + " out of range"); }
  bool fail_with(const std::string& message) {
    const bool is_range = message.ends_with("out of range") || message.starts_with(": extra");
    error_ = "parsing time " + quoted(text_);
    if (!is_range) error_ += " as " + quoted(kLayout);
    error_ += message;
    return false;
  }
  bool literal(Slice expected, Slice element) {
    if (!rest_.starts_with(expected)) return fail(element);
    rest_.remove_prefix(expected.size());
    return true;
  }
  bool number(int64_t& out, size_t width, Slice element) {
    if (rest_.size() < width || !std::all_of(rest_.begin(), rest_.begin() + width, is_digit)) {
      return fail(element);
    }
    for (size_t i = 0; i < width; ++i) out = out * 10 + (rest_[i] - '0');
    rest_.remove_prefix(width);
    return true;
  }
  // An hour may have one digit, as in Go.
  bool hour_number(int64_t& out) {
    const size_t width = rest_.size() > 1 && is_digit(rest_[1]) ? 2 : 1;
    return number(out, width, "15");
  }
  int64_t fraction() {
    if (rest_.size() < 2 || (rest_[0] != '.' && rest_[0] != ',') || !is_digit(rest_[1])) return 0;
    rest_.remove_prefix(1);
    int64_t nanos = 0;
    int64_t unit = kSecond / 10;
    while (!rest_.empty() && is_digit(rest_.front())) {
      nanos += unit * (rest_.front() - '0');
      unit /= 10;
      rest_.remove_prefix(1);
    }
    return nanos;
  }
  bool zone(int64_t& offset) {
    if (rest_.starts_with("Z")) {
      rest_.remove_prefix(1);
      return true;
    }
    constexpr Slice kElement = "Z07:00";
    if (rest_.size() < 6 || (rest_[0] != '+' && rest_[0] != '-') || rest_[3] != ':') {
      return fail(kElement);
    }
    for (const size_t i : {1U, 2U, 4U, 5U}) {
      if (!is_digit(rest_[i])) return fail(kElement);
    }
    const int64_t hours = (rest_[1] - '0') * 10 + (rest_[2] - '0');
    const int64_t minutes = (rest_[4] - '0') * 10 + (rest_[5] - '0');
    if (hours > 24) return range("time zone offset hour");
    if (minutes > 60) return range("time zone offset minute");
    offset = (hours * 3600 + minutes * 60) * (rest_[0] == '-' ? -1 : 1);
    rest_.remove_prefix(6);
    return true;
  }
  static void set(WallTime& out, int64_t seconds, int64_t nanos) {
    constexpr int64_t kMost = std::numeric_limits<int64_t>::max() / kSecond - 1;
    if (seconds > kMost) {
      out = kTimeMax;
    } else if (seconds < -kMost) {
      out = kTimeMin;
    } else {
      out = {seconds * kSecond + nanos};
    }
  }

  Slice text_;
  Slice rest_;
  std::string error_;
};

}  // namespace

void append_go_time(std::string& out, WallTime time) {
  if (time == kTimeMin) {
    out.append("0001-01-01T00:00:00Z");
    return;
  }
  out.append(go_time(time));
}

std::string read_go_time(Slice text, WallTime& out) {
  Reader reader(text);
  return reader.run(out) ? std::string() : reader.error();
}

}  // namespace petrel::jetstream

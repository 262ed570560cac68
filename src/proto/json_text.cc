#include "petrel/proto/json_text.h"

#include "petrel/base/utf8.h"

#include <charconv>

namespace petrel::proto::json {

namespace {

constexpr size_t kDepthMax = 10000;

bool is_white(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

size_t skip_white(Slice text, size_t at) {
  while (at < text.size() && is_white(text[at])) ++at;
  return at;
}

// Each scan function returns the place behind what it read, or npos.
constexpr size_t kWrong = Slice::npos;

size_t scan_escape(Slice text, size_t at) {
  if (at >= text.size()) return kWrong;
  if (Slice("bfnrt\\/\"").find(text[at]) != Slice::npos) return at + 1;
  if (text[at] != 'u' || text.size() - at < 5) return kWrong;
  for (size_t i = 1; i <= 4; ++i) {
    if (hex_value(text[at + i]) < 0) return kWrong;
  }
  return at + 5;
}

size_t scan_string(Slice text, size_t at) {
  if (at >= text.size() || text[at] != '"') return kWrong;
  for (++at; at < text.size();) {
    const char c = text[at];
    if (c == '"') return at + 1;
    if (static_cast<unsigned char>(c) < ' ') return kWrong;
    at = c == '\\' ? scan_escape(text, at + 1) : at + 1;
    if (at == kWrong) return kWrong;
  }
  return kWrong;
}

size_t scan_digits(Slice text, size_t at) {
  const size_t first = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  return at == first ? kWrong : at;
}

size_t scan_number(Slice text, size_t at) {
  if (text[at] == '-') ++at;
  if (at < text.size() && text[at] == '0') {
    ++at;
  } else {
    at = scan_digits(text, at);
    if (at == kWrong) return kWrong;
  }
  if (at < text.size() && text[at] == '.') {
    at = scan_digits(text, at + 1);
    if (at == kWrong) return kWrong;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    at = scan_digits(text, at);
  }
  return at;
}

size_t scan_scalar(Slice text, size_t at) {
  const char c = text[at];
  if (c == '"') return scan_string(text, at);
  if (c == '-' || is_digit(c)) return scan_number(text, at);
  for (const Slice word : {Slice("true"), Slice("false"), Slice("null")}) {
    if (text.substr(at, word.size()) == word) return at + word.size();
  }
  return kWrong;
}

// Reads `"name" :`.
size_t scan_name(Slice text, size_t at) {
  at = scan_string(text, skip_white(text, at));
  if (at == kWrong) return kWrong;
  at = skip_white(text, at);
  return at < text.size() && text[at] == ':' ? at + 1 : kWrong;
}

// Checks one value with a stack of the brackets that are open.
class Checker {
 public:
  explicit Checker(Slice text) : text_(text) {}
  bool run() {
    do {
      if (!begin_value()) return false;
    } while (!open_.empty() && !end_value());
    return !failed_ && skip_white(text_, at_) == text_.size();
  }

 private:
  // Opens brackets up to a scalar or an empty bracket, and reads that.
  bool begin_value() {
    for (;;) {
      at_ = skip_white(text_, at_);
      if (at_ >= text_.size()) return false;
      const char c = text_[at_];
      if (c != '{' && c != '[') {
        at_ = scan_scalar(text_, at_);
        return at_ != kWrong;
      }
      if (open_.size() == kDepthMax) return false;
      open_.push_back(c == '{' ? '}' : ']');
      at_ = skip_white(text_, at_ + 1);
      if (at_ < text_.size() && text_[at_] == open_.back()) return true;
      if (c == '{' && !take_name()) return false;
    }
  }
  // Behind a value: closes brackets; false at a comma, when another value follows.
  bool end_value() {
    while (!open_.empty()) {
      at_ = skip_white(text_, at_);
      if (at_ >= text_.size()) return fail();
      const char c = text_[at_++];
      if (c == open_.back()) {
        open_.pop_back();
      } else if (c == ',') {
        if (open_.back() == '}' && !take_name()) return fail();
        return false;
      } else {
        return fail();
      }
    }
    return true;
  }
  bool take_name() {
    at_ = scan_name(text_, at_);
    return at_ != kWrong;
  }
  bool fail() {
    failed_ = true;
    return true;
  }

  Slice text_;
  size_t at_ = 0;
  bool failed_ = false;
  std::string open_;
};

// End of the value that begins at `at`, of valid text.
size_t end_of_value(Slice text, size_t at) {
  size_t depth = 0;
  do {
    const char c = text[at];
    if (c == '{' || c == '[') {
      ++depth;
      ++at;
    } else if (c == '}' || c == ']') {
      --depth;
      ++at;
    } else if (is_white(c) || c == ',' || c == ':') {
      ++at;
    } else {
      at = scan_scalar(text, at);
    }
  } while (depth != 0);
  return at;
}

char32_t hex_rune(Slice digits) {
  char32_t code = 0;
  for (const char c : digits.substr(0, 4)) code = code * 16 + static_cast<char32_t>(hex_value(c));
  return code;
}

// Reads what stands behind "\u", a second escape included if both make one character.
size_t append_unicode_escape(Slice text, size_t at, std::string& out) {
  const char32_t high = hex_rune(text.substr(at));
  if (high >= 0xd800 && high < 0xdc00 && text.substr(at + 4, 2) == "\\u") {
    const char32_t low = hex_rune(text.substr(at + 6));
    if (low >= 0xdc00 && low < 0xe000) {
      append_rune(out, 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
      return at + 10;
    }
  }
  append_rune(out, high);
  return at + 4;
}

size_t append_escape(Slice text, size_t at, std::string& out) {
  const char c = text[at];
  if (c == 'u') return append_unicode_escape(text, at + 1, out);
  constexpr Slice kLetters = "bfnrt";
  const size_t index = kLetters.find(c);
  out.push_back(index == Slice::npos ? c : "\b\f\n\r\t"[index]);
  return at + 1;
}

}  // namespace

bool is_valid(Slice text) {
  return Checker(text).run();
}

Slice trim(Slice text) {
  while (!text.empty() && is_white(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_white(text.back())) text.remove_suffix(1);
  return text;
}

Walker::Walker(Slice value) : rest_(trim(value)), is_object_(is_object(rest_)) {
  rest_.remove_prefix(1);
}

bool Walker::next() {
  size_t at = skip_white(rest_, 0);
  if (rest_[at] == ',') at = skip_white(rest_, at + 1);
  if (rest_[at] == '}' || rest_[at] == ']') return false;
  if (is_object_) {
    const size_t end = scan_string(rest_, at);
    name_ = unquote(rest_.substr(at, end - at));
    at = skip_white(rest_, scan_name(rest_, at));
  }
  const size_t end = end_of_value(rest_, at);
  value_ = rest_.substr(at, end - at);
  rest_.remove_prefix(end);
  return true;
}

std::string unquote(Slice literal) {
  const Slice text = literal.substr(1, literal.size() - 2);
  std::string out;
  out.reserve(text.size());
  size_t at = 0;
  while (true) {
    const size_t plain = at;
    while (at < text.size() && text[at] != '\\' && static_cast<unsigned char>(text[at]) < 0x80)
      ++at;
    out.append(text.substr(plain, at - plain));
    if (at == text.size()) return out;
    if (text[at] == '\\') {
      at = append_escape(text, at + 1, out);
      continue;
    }
    const Rune rune = decode_rune(text.substr(at));
    append_rune(out, rune.code);
    at += rune.bytes;
  }
}

bool read_bool(Slice value, bool& out) {
  if (is_null(value)) return true;
  if (value != "true" && value != "false") return false;
  out = value == "true";
  return true;
}

bool read_string(Slice value, std::string& out) {
  if (is_null(value)) return true;
  if (!is_string(value)) return false;
  out = unquote(value);
  return true;
}

bool read_integer(Slice value, int64_t& out) {
  if (is_null(value)) return true;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) return false;
  out = number;
  return true;
}

bool read_unsigned(Slice value, uint64_t& out) {
  if (is_null(value)) return true;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) return false;
  out = number;
  return true;
}

bool read_strings(Slice value, std::vector<std::string>& out) {
  if (is_null(value)) {
    out.clear();
    return true;
  }
  if (!is_array(value)) return false;
  std::vector<std::string> strings;
  for (Walker elements(value); elements.next();) {
    if (!read_string(elements.value(), strings.emplace_back())) return false;
  }
  out = std::move(strings);
  return true;
}

bool is_name(Slice name, Slice field) {
  for (const char wanted : field) {
    if (name.empty()) return false;
    const Rune rune = decode_rune(name);
    char32_t code = rune.code;
    if (code >= 'A' && code <= 'Z') code += 'a' - 'A';
    if (code == 0x17f) code = 's';
    if (code == 0x212a) code = 'k';
    if (code != static_cast<unsigned char>(wanted)) return false;
    name.remove_prefix(rune.bytes);
  }
  return name.empty();
}

}  // namespace petrel::proto::json

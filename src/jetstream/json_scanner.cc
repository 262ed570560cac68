#include "petrel/jetstream/json_scanner.h"

#include "petrel/base/go_quote.h"
#include "petrel/base/utf8.h"

namespace petrel::jetstream {

namespace {

constexpr size_t kDepthMax = 10'000;

bool is_white(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// One byte as a quoted character; bytes above 0x7f stand for the characters of Latin-1.
std::string quote_byte(char c) {
  if (c == '\'') return "'\\''";
  if (c == '"') return "'\"'";
  std::string character;
  append_rune(character, static_cast<unsigned char>(c));
  const std::string quoted = go_quote(character);
  return "'" + quoted.substr(1, quoted.size() - 2) + "'";
}

}  // namespace

void JsonScanner::skip_white() {
  while (!at_end() && is_white(text_[at_])) ++at_;
}

// At the end of the text there is no error text: the value is cut.
JsonScanner::Step JsonScanner::wrong(const char* context) {
  if (!at_end()) error_ = "invalid character " + quote_byte(text_[at_]) + " " + context;
  return Step::kFail;
}

// Inside a number, a word or an escape the end is an error of its own: Go reads on with a blank.
JsonScanner::Step JsonScanner::wrong_within(const char* context) {
  if (at_end()) cut_error_ = std::string("invalid character ' ' ") + context;
  return wrong(context);
}

JsonScanner::Outcome JsonScanner::stop(Step step) const {
  if (step == Step::kOk) return Outcome::kValue;
  return error_.empty() ? Outcome::kCut : Outcome::kWrong;
}

JsonScanner::Outcome JsonScanner::next() {
  skip_white();
  if (at_end()) return Outcome::kEnd;
  const size_t begin = at_;
  const Step step = scan();
  value_ = text_.substr(begin, at_ - begin);
  return stop(step);
}

JsonScanner::Outcome JsonScanner::finish() {
  skip_white();
  if (at_end()) return Outcome::kEnd;
  return stop(wrong("after top-level value"));
}

JsonScanner::Step JsonScanner::scan() {
  open_.clear();
  wants_value_ = true;
  do {
    const Step step = wants_value_ ? begin_value() : close_or_continue();
    if (step == Step::kFail) return step;
  } while (!open_.empty());
  return Step::kOk;
}

JsonScanner::Step JsonScanner::begin_value() {
  skip_white();
  if (at_end()) return Step::kFail;
  const char c = text_[at_];
  if (c == '{' || c == '[') return open(c == '{' ? '}' : ']');
  wants_value_ = false;
  return scalar();
}

JsonScanner::Step JsonScanner::open(char bracket) {
  if (open_.size() == kDepthMax) return wrong("exceeded max depth");
  open_.push_back(bracket);
  ++at_;
  skip_white();
  if (at_end()) return Step::kFail;
  if (text_[at_] == bracket) {
    wants_value_ = false;
    return Step::kOk;
  }
  return bracket == '}' ? key() : Step::kOk;
}

// Reads `"name" :`.
JsonScanner::Step JsonScanner::key() {
  skip_white();
  if (at_end() || text_[at_] != '"') return wrong("looking for beginning of object key string");
  if (string() == Step::kFail) return Step::kFail;
  skip_white();
  if (at_end() || text_[at_] != ':') return wrong("after object key");
  ++at_;
  wants_value_ = true;
  return Step::kOk;
}

JsonScanner::Step JsonScanner::close_or_continue() {
  skip_white();
  const bool is_object = open_.back() == '}';
  if (at_end()) return Step::kFail;
  if (text_[at_] == open_.back()) {
    ++at_;
    open_.pop_back();
    return Step::kOk;
  }
  if (text_[at_] != ',') {
    return wrong(is_object ? "after object key:value pair" : "after array element");
  }
  ++at_;
  wants_value_ = true;
  return is_object ? key() : Step::kOk;
}

JsonScanner::Step JsonScanner::scalar() {
  const char c = text_[at_];
  if (c == '"') return string();
  if (c == '-' || is_digit(c)) return number();
  if (c == 't') return word("true");
  if (c == 'f') return word("false");
  if (c == 'n') return word("null");
  return wrong("looking for beginning of value");
}

JsonScanner::Step JsonScanner::word(Slice expected) {
  for (const char c : expected) {
    if (at_end() || text_[at_] != c) {
      const std::string context =
          "in literal " + std::string(expected) + " (expecting '" + std::string(1, c) + "')";
      return wrong_within(context.c_str());
    }
    ++at_;
  }
  return Step::kOk;
}

JsonScanner::Step JsonScanner::string() {
  for (++at_; !at_end();) {
    const char c = text_[at_];
    if (static_cast<unsigned char>(c) < ' ') return wrong("in string literal");
    ++at_;
    if (c == '"') return Step::kOk;
    if (c != '\\') continue;
    if (at_end()) return wrong_within("in string escape code");
    if (text_[at_] == 'u') {
      if (unicode_escape() == Step::kFail) return Step::kFail;
    } else if (Slice("bfnrt\\/\"").find(text_[at_]) == Slice::npos) {
      return wrong("in string escape code");
    } else {
      ++at_;
    }
  }
  return Step::kFail;
}

JsonScanner::Step JsonScanner::unicode_escape() {
  ++at_;
  for (int i = 0; i < 4; ++i, ++at_) {
    if (at_end() || !is_hex(text_[at_])) return wrong_within("in \\u hexadecimal character escape");
  }
  return Step::kOk;
}

JsonScanner::Step JsonScanner::digits(const char* context) {
  if (at_end() || !is_digit(text_[at_])) return wrong_within(context);
  while (!at_end() && is_digit(text_[at_])) ++at_;
  return Step::kOk;
}

JsonScanner::Step JsonScanner::number() {
  if (text_[at_] == '-') ++at_;
  if (!at_end() && text_[at_] == '0') {
    ++at_;
  } else if (digits("in numeric literal") == Step::kFail) {
    return Step::kFail;
  }
  if (!at_end() && text_[at_] == '.') {
    ++at_;
    if (digits("after decimal point in numeric literal") == Step::kFail) return Step::kFail;
  }
  if (!at_end() && (text_[at_] == 'e' || text_[at_] == 'E')) {
    ++at_;
    if (!at_end() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    return digits("in exponent of numeric literal");
  }
  return Step::kOk;
}

}  // namespace petrel::jetstream

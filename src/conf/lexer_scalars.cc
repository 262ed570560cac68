// The states of the Lexer that read single values: strings, numbers, include paths, comments.
#include "conf/characters.h"
#include "conf/lexer.h"

namespace petrel::conf {
namespace {

bool is_boolean_word(std::string_view text) {
  const std::string word = lower(text);
  return word == "true" || word == "false" || word == "on" || word == "off" || word == "yes" ||
         word == "no";
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Spaces may stand before a value, line ends only where the state before skipped them.
constexpr std::string_view kDateShape = "00-00T00:00:00Z";  // behind the year; '0' is any digit

}  // namespace

Lexer::State Lexer::value() {
  const char32_t r = next();
  if (is_blank(r)) return skip_to(State::kValue);
  if (is_digit(r)) return State::kNumber;
  if (is_line_end(r)) return fail("Expected value but found new line");
  switch (r) {
    case '[':
      ignore();
      emit(ItemKind::kArrayStart);
      return State::kArrayValue;
    case '{':
      ignore();
      emit(ItemKind::kMapStart);
      return State::kMapKeyStart;
    case '\'':
      return skip_to(State::kSingleQuoted);
    case '"':
      string_state_ = State::kDoubleQuoted;
      return skip_to(State::kDoubleQuoted);
    case '(':
      return skip_to(State::kBlock);
    case '-':
      return State::kNegativeStart;
    case '.':
      return fail("Floats must start with a digit");
    default:
      break;
  }
  backup();
  string_state_ = State::kBareString;
  return State::kBareString;
}

Lexer::State Lexer::single_quoted() {
  const char32_t r = next();
  if (r == '\'') {
    backup();
    emit(ItemKind::kString);
    next();
    ignore();
    return pop();
  }
  return r == kEndOfText ? stop_at_end() : State::kSingleQuoted;
}

Lexer::State Lexer::double_quoted() {
  const char32_t r = next();
  if (r == '\\') {
    unescaped_.append(input_.substr(start_, pos_ - 1 - start_));
    has_escapes_ = true;
    start_ = pos_;
    return State::kEscape;
  }
  if (r == '"') {
    backup();
    emit(ItemKind::kString);
    next();
    ignore();
    return pop();
  }
  return r == kEndOfText ? stop_at_end() : State::kDoubleQuoted;
}

void Lexer::emit_bare_string() {
  if (has_escapes_) {
    emit(ItemKind::kString);
  } else if (is_boolean_word(input_.substr(start_, pos_ - start_))) {
    emit(ItemKind::kBool);
  } else if (start_ < input_.size() && input_[start_] == '$') {
    ++start_;
    emit(ItemKind::kVariable);
  } else {
    emit(ItemKind::kString);
  }
}

Lexer::State Lexer::bare_string() {
  const char32_t r = next();
  if (r == '\\') {
    unescaped_.append(input_.substr(start_, pos_ - 1 - start_));
    has_escapes_ = true;
    start_ = pos_;
    return State::kEscape;
  }
  if (ends_bare_string(r)) {
    backup();
    emit_bare_string();
    return pop();
  }
  if (r == '\'') {
    backup();
    emit(ItemKind::kString);
    next();
    ignore();
    return pop();
  }
  return State::kBareString;
}

// ( text ) where the closing parenthesis stands alone on its line. At the end of the input it
// stays in the text.
Lexer::State Lexer::block_text() {
  const char32_t r = next();
  if (r == kEndOfText) return fail("Unexpected EOF processing block.");
  if (r != ')') return State::kBlock;
  backup();
  backup();
  if (next() != '\n') {
    next();
    return State::kBlock;
  }
  next();
  const char32_t after = next();
  if (after == '\n' || after == kEndOfText) {
    backup();
    backup();
    emit(ItemKind::kString);
    next();
    ignore();
    return pop();
  }
  backup();
  return State::kBlock;
}

Lexer::State Lexer::add_escaped(std::string_view text) {
  unescaped_.append(text);
  start_ = pos_;
  return string_state_;
}

Lexer::State Lexer::escape() {
  const char32_t r = next();
  switch (r) {
    case 'x':
      return State::kEscapeHex;
    case 't':
      return add_escaped("\t");
    case 'n':
      return add_escaped("\n");
    case 'r':
      return add_escaped("\r");
    case '"':
      return add_escaped("\"");
    case '\\':
      return add_escaped("\\");
    default:
      break;
  }
  return fail("Invalid escape character '" + shown(r) +
              "'. Only the following escape characters are allowed: \\xXX, \\t, \\n, \\r, \\\", "
              "\\\\.");
}

Lexer::State Lexer::escape_hex() {
  constexpr std::string_view kExpected = "Expected two hexadecimal digits after '\\x', but ";
  for (int i = 0; i < 2; ++i) {
    if (is_line_end(next())) return fail(std::string(kExpected) + "hit end of line");
  }
  const std::string_view digits = input_.substr(pos_ - 2, 2);
  const int high = hex_digit(digits[0]);
  const int low = hex_digit(digits[1]);
  if (high < 0 || low < 0) {
    return fail(std::string(kExpected) + "got '" + std::string(digits) + "'");
  }
  const char byte = static_cast<char>(high * 16 + low);
  return add_escaped(std::string_view(&byte, 1));
}

// A digit has been read: an integer, float, date, address, or a string that begins with digits.
Lexer::State Lexer::number() {
  const char32_t r = next();
  if (is_digit(r)) return State::kNumber;
  if (r == '-') {
    if (pos_ - start_ != 5) return fail("All ISO8601 dates must be in full Zulu form.");
    return State::kDate;
  }
  if (r == '.') return State::kFloatStart;
  if (is_size_suffix(r)) return State::kSuffix;
  if (!ends_number(r)) {
    string_state_ = State::kBareString;
    return State::kBareString;
  }
  backup();
  emit(ItemKind::kInteger);
  return pop();
}

Lexer::State Lexer::suffix() {
  const char32_t r = next();
  if (r == 'b' || r == 'B' || r == 'i' || r == 'I') return State::kSuffix;
  backup();
  if (ends_number(r)) {
    emit(ItemKind::kInteger);
    return pop();
  }
  string_state_ = State::kBareString;
  return State::kBareString;
}

Lexer::State Lexer::date() {
  for (const char shape : kDateShape) {
    const char32_t r = next();
    if (shape == '0') {
      if (is_digit(r)) continue;
      return fail("Expected digit in ISO8601 datetime, but found '" + shown(r) + "' instead.");
    }
    if (r != static_cast<char32_t>(shape)) {
      return fail(std::string("Expected '") + shape + "' in ISO8601 datetime, but found '" +
                  shown(r) + "' instead.");
    }
  }
  emit(ItemKind::kDateTime);
  return pop();
}

Lexer::State Lexer::negative_start() {
  const char32_t r = next();
  if (is_digit(r)) return State::kNegative;
  if (r == '.') return fail("Floats must start with a digit, not '.'.");
  return fail("Expected a digit but got '" + shown(r) + "'.");
}

Lexer::State Lexer::negative() {
  const char32_t r = next();
  if (is_digit(r)) return State::kNegative;
  if (r == '.') return State::kFloatStart;
  if (is_size_suffix(r)) return State::kSuffix;
  backup();
  emit(ItemKind::kInteger);
  return pop();
}

Lexer::State Lexer::float_start() {
  const char32_t r = next();
  if (is_digit(r)) return State::kFloat;
  return fail("Floats must have a digit after the '.', but got '" + shown(r) + "' instead.");
}

Lexer::State Lexer::float_digits() {
  const char32_t r = next();
  if (is_digit(r)) return State::kFloat;
  if (r == '.') return State::kAddress;
  backup();
  emit(ItemKind::kFloat);
  return pop();
}

Lexer::State Lexer::address() {
  const char32_t r = next();
  if (is_digit(r) || r == '.' || r == ':' || r == '-') return State::kAddress;
  backup();
  emit(ItemKind::kString);
  return pop();
}

Lexer::State Lexer::include_value() {
  const char32_t r = next();
  if (is_blank(r)) return skip_to(State::kInclude);
  if (r == '\'') return skip_to(State::kIncludeSingleQuoted);
  if (r == '"') return skip_to(State::kIncludeDoubleQuoted);
  const std::string expected = "Expected include value but found ";
  if (r == '[') return fail(expected + "start of an array");
  if (r == '{') return fail(expected + "start of a map");
  if (r == '(') return fail(expected + "start of a block");
  if (is_digit(r) || r == '-') return fail(expected + "start of a number");
  if (r == '\\') return fail(expected + "escape sequence");
  if (is_line_end(r)) return fail(expected + "new line");
  backup();
  return State::kIncludeBare;
}

Lexer::State Lexer::include_bare() {
  const char32_t r = next();
  const bool quote = r == '\'';
  if (!quote && !is_line_end(r) && !is_blank(r) && r != kEndOfText && r != ';' && r != '}') {
    return State::kIncludeBare;
  }
  backup();
  emit(ItemKind::kInclude);
  if (quote) {
    next();
    ignore();
  }
  return pop();
}

Lexer::State Lexer::include_quoted(char32_t quote) {
  const char32_t r = next();
  if (r == quote) {
    backup();
    emit(ItemKind::kInclude);
    next();
    ignore();
    return pop();
  }
  if (r == kEndOfText) {
    return fail(quote == '"' ? "Unexpected EOF in double quoted include"
                             : "Unexpected EOF in quoted include");
  }
  return quote == '"' ? State::kIncludeDoubleQuoted : State::kIncludeSingleQuoted;
}

Lexer::State Lexer::comment() {
  const char32_t r = peek();
  if (is_line_end(r) || r == kEndOfText) {
    ignore();
    return pop();
  }
  next();
  return State::kComment;
}

}  // namespace petrel::conf

#include "conf/lexer.h"

#include "conf/characters.h"

#include <utility>

namespace petrel::conf {
char32_t Lexer::next() {
  if (pos_ >= input_.size()) {
    width_ = 0;
    return kEndOfText;
  }
  if (input_[pos_] == '\n') {
    ++line_;
    line_start_ = pos_;
  }
  const Rune rune = decode_rune(input_.substr(pos_));
  width_ = rune.bytes;
  pos_ += width_;
  return rune.code;
}

// Undoes next(), except for line_start_: columns of nats-server depend on that.
void Lexer::backup() {
  pos_ -= width_;
  if (pos_ < input_.size() && input_[pos_] == '\n') --line_;
}

char32_t Lexer::peek() {
  const char32_t r = next();
  backup();
  return r;
}

void Lexer::ignore() {
  start_ = pos_;
  item_line_start_ = line_start_;
}

void Lexer::emit(ItemKind kind) {
  Item item;
  item.kind = kind;
  item.text = std::move(unescaped_);
  item.text.append(input_.substr(start_, pos_ - start_));
  item.line = line_;
  item.column = static_cast<int>(pos_) - static_cast<int>(item_line_start_) -
                static_cast<int>(item.text.size());
  items_.push_back(std::move(item));
  unescaped_.clear();
  has_escapes_ = false;
  ignore();
}

Lexer::State Lexer::fail(std::string message) {
  Item item;
  item.kind = ItemKind::kError;
  item.text = std::move(message);
  item.line = line_;
  item.column = static_cast<int>(pos_ - line_start_);
  items_.push_back(std::move(item));
  return State::kStopped;
}

// The input ended where it may end, unless something was begun.
Lexer::State Lexer::stop_at_end() {
  if (pos_ > start_) return fail("Unexpected EOF.");
  emit(ItemKind::kEnd);
  return State::kStopped;
}

Lexer::State Lexer::pop() {
  if (stack_.empty()) return fail("BUG in lexer: no states to pop.");
  const State state = stack_.back();
  stack_.pop_back();
  return state;
}

Lexer::State Lexer::skip_to(State state) {
  ignore();
  return state;
}

Lexer::State Lexer::comment_then(State resume) {
  stack_.push_back(resume);
  ignore();
  emit(ItemKind::kComment);
  return State::kComment;
}

// `r` has been read. After kLone the position is behind the slash.
Lexer::Slash Lexer::slash(char32_t r) {
  if (r == '#') return Slash::kComment;
  if (r != '/') return Slash::kNone;
  if (next() == '/') return Slash::kComment;
  backup();
  return Slash::kLone;
}

Item Lexer::next_item() {
  while (items_.empty()) {
    if (state_ == State::kStopped) return {ItemKind::kEnd, "", line_, 0};
    state_ = step(state_);
  }
  Item item = std::move(items_.front());
  items_.pop_front();
  return item;
}

Lexer::State Lexer::step(State state) {
  if (state <= State::kBlockEnd) return step_structure(state);
  if (state <= State::kMapKeyEnd) return step_key(state);
  return step_scalar(state);
}

Lexer::State Lexer::step_structure(State state) {
  switch (state) {
    case State::kTop:
      return top();
    case State::kTopValueEnd:
      return top_value_end();
    case State::kBlockStart:
      return block_start();
    case State::kBlockValueEnd:
      return block_value_end();
    default:
      return block_end();
  }
}

Lexer::State Lexer::step_key(State state) {
  switch (state) {
    case State::kKeyStart:
      return key_start();
    case State::kDoubleQuotedKey:
      return quoted_key('"');
    case State::kSingleQuotedKey:
      return quoted_key('\'');
    case State::kKey:
      return key();
    case State::kKeyEnd:
      return key_end();
    case State::kMapKeyStart:
      return map_key_start();
    case State::kMapDoubleQuotedKey:
      return map_quoted_key('"');
    case State::kMapSingleQuotedKey:
      return map_quoted_key('\'');
    case State::kMapKey:
      return map_key();
    default:
      return map_key_end();
  }
}

Lexer::State Lexer::step_scalar(State state) {
  switch (state) {
    case State::kMapValue:
      return map_value();
    case State::kMapValueEnd:
      return map_value_end();
    case State::kMapEnd:
      ignore();
      emit(ItemKind::kMapEnd);
      return pop();
    case State::kArrayValue:
      return array_value();
    case State::kArrayValueEnd:
      return array_value_end();
    case State::kValue:
      return value();
    case State::kDoubleQuoted:
      return double_quoted();
    case State::kSingleQuoted:
      return single_quoted();
    case State::kBareString:
      return bare_string();
    case State::kBlock:
      return block_text();
    case State::kEscape:
      return escape();
    case State::kEscapeHex:
      return escape_hex();
    case State::kNumber:
      return number();
    case State::kSuffix:
      return suffix();
    case State::kNegativeStart:
      return negative_start();
    case State::kNegative:
      return negative();
    case State::kFloatStart:
      return float_start();
    case State::kFloat:
      return float_digits();
    case State::kAddress:
      return address();
    case State::kDate:
      return date();
    case State::kInclude:
      return include_value();
    case State::kIncludeBare:
      return include_bare();
    case State::kIncludeSingleQuoted:
      return include_quoted('\'');
    case State::kIncludeDoubleQuoted:
      return include_quoted('"');
    case State::kComment:
      return comment();
    default:
      return State::kStopped;
  }
}

// --- the file itself, bare or wrapped in { } ---

Lexer::State Lexer::top() {
  const char32_t r = next();
  if (is_space(r)) return skip_to(State::kTop);
  if (r == '{') {
    stack_.push_back(State::kTop);
    return skip_to(State::kBlockStart);
  }
  const Slash slash_kind = slash(r);
  if (slash_kind == Slash::kComment) return comment_then(State::kTop);
  if (slash_kind == Slash::kLone || r == kEndOfText) return stop_at_end();
  backup();
  stack_.push_back(State::kTopValueEnd);
  return State::kKeyStart;
}

Lexer::State Lexer::top_value_end() {
  const char32_t r = next();
  const Slash slash_kind = slash(r);
  if (slash_kind == Slash::kComment) return comment_then(State::kTop);
  if (slash_kind == Slash::kLone || is_blank(r)) return State::kTopValueEnd;
  if (is_line_end(r) || r == kEndOfText || r == ';' || r == ',' || r == '}') {
    return skip_to(State::kTop);
  }
  return fail("Expected a top-level value to end with a new line, comment or EOF, but got '" +
              shown(r) + "' instead.");
}

Lexer::State Lexer::block_start() {
  const char32_t r = next();
  if (is_space(r)) return skip_to(State::kBlockStart);
  if (r == '{') {
    stack_.push_back(State::kBlockEnd);
    return skip_to(State::kBlockStart);
  }
  if (r == '}') {
    ignore();
    return pop();
  }
  const Slash slash_kind = slash(r);
  if (slash_kind == Slash::kComment) return comment_then(State::kBlockStart);
  if (slash_kind == Slash::kLone || r == kEndOfText) return stop_at_end();
  backup();
  stack_.push_back(State::kBlockValueEnd);
  return State::kKeyStart;
}

Lexer::State Lexer::block_value_end() {
  const char32_t r = next();
  const Slash slash_kind = slash(r);
  if (slash_kind == Slash::kComment) return comment_then(State::kBlockValueEnd);
  if (slash_kind == Slash::kLone || is_blank(r)) return State::kBlockValueEnd;
  if (is_line_end(r) || r == ';' || r == ',') return skip_to(State::kBlockStart);
  if (r == '}') {
    backup();
    return State::kBlockEnd;
  }
  return fail("Expected a block-level value to end with a new line, comment or EOF, but got '" +
              shown(r) + "' instead.");
}

Lexer::State Lexer::block_end() {
  const char32_t r = next();
  const Slash slash_kind = slash(r);
  if (slash_kind == Slash::kComment) return comment_then(State::kBlockStart);
  if (slash_kind == Slash::kLone || is_blank(r) || is_line_end(r)) return State::kBlockEnd;
  if (r == ';' || r == ',') return skip_to(State::kBlockStart);
  if (r == '}') {
    ignore();
    return pop();
  }
  return fail("Expected a block-level to end with a '}', but got '" + shown(r) + "' instead.");
}

// --- keys ---

Lexer::State Lexer::key_start() {
  const char32_t r = peek();
  if (is_separator(r)) return fail("Unexpected key separator '" + shown(r) + "'");
  if (is_space(r) || r == '"' || r == '\'') {
    next();
    if (r == '"') return skip_to(State::kDoubleQuotedKey);
    return skip_to(r == '\'' ? State::kSingleQuotedKey : State::kKeyStart);
  }
  ignore();
  next();
  return State::kKey;
}

Lexer::State Lexer::quoted_key(char32_t quote) {
  const char32_t r = peek();
  if (r == quote) {
    emit(ItemKind::kKey);
    next();
    return skip_to(State::kKeyEnd);
  }
  if (r == kEndOfText) return stop_at_end();
  next();
  return quote == '"' ? State::kDoubleQuotedKey : State::kSingleQuotedKey;
}

// "include" is a keyword only when a space follows it, not a separator.
Lexer::State Lexer::keyword_or_key(State after_key, bool in_map) {
  if (lower(input_.substr(start_, pos_ - start_)) == "include") {
    ignore();
    if (in_map) stack_.push_back(State::kMapValueEnd);
    return State::kInclude;
  }
  emit(ItemKind::kKey);
  return after_key;
}

Lexer::State Lexer::key() {
  const char32_t r = peek();
  if (is_space(r)) return keyword_or_key(State::kKeyEnd, false);
  if (is_separator(r) || r == kEndOfText) {
    emit(ItemKind::kKey);
    return State::kKeyEnd;
  }
  next();
  return State::kKey;
}

Lexer::State Lexer::key_end() {
  const char32_t r = next();
  if (is_space(r)) return skip_to(State::kKeyEnd);
  if (is_separator(r)) return skip_to(State::kValue);
  if (r == kEndOfText) {
    emit(ItemKind::kEnd);
    return State::kStopped;
  }
  backup();
  return State::kValue;
}

Lexer::State Lexer::map_key_start() {
  const char32_t r = peek();
  if (is_separator(r)) return fail("Unexpected key separator '" + shown(r) + "'.");
  if (r == ']') return fail("Unexpected array end ']' processing map.");
  if (r == kEndOfText) return fail("Unexpected EOF processing map.");
  if (is_space(r) || r == '}' || r == '"' || r == '\'') {
    next();
    if (r == '}') return skip_to(State::kMapEnd);
    if (r == '"') return skip_to(State::kMapDoubleQuotedKey);
    return skip_to(r == '\'' ? State::kMapSingleQuotedKey : State::kMapKeyStart);
  }
  if (r == '#' || r == '/') {
    next();
    if (slash(r) == Slash::kComment) return comment_then(State::kMapKeyStart);
    // A lone slash is dropped: the key starts behind it.
  }
  ignore();
  next();
  return State::kMapKey;
}

Lexer::State Lexer::map_quoted_key(char32_t quote) {
  const char32_t r = peek();
  if (r == kEndOfText) {
    return fail(quote == '"' ? "Unexpected EOF processing double quoted map key."
                             : "Unexpected EOF processing quoted map key.");
  }
  if (r == quote) {
    emit(ItemKind::kKey);
    next();
    return skip_to(State::kMapKeyEnd);
  }
  next();
  return quote == '"' ? State::kMapDoubleQuotedKey : State::kMapSingleQuotedKey;
}

Lexer::State Lexer::map_key() {
  const char32_t r = peek();
  if (r == kEndOfText) return fail("Unexpected EOF processing map key.");
  if (is_space(r)) return keyword_or_key(State::kMapKeyEnd, true);
  if (is_separator(r)) {
    emit(ItemKind::kKey);
    return State::kMapKeyEnd;
  }
  next();
  return State::kMapKey;
}

Lexer::State Lexer::map_key_end() {
  const char32_t r = next();
  if (is_space(r)) return skip_to(State::kMapKeyEnd);
  if (is_separator(r)) return skip_to(State::kMapValue);
  backup();
  return State::kMapValue;
}

// --- maps and arrays ---

Lexer::State Lexer::map_value() {
  const char32_t r = next();
  if (is_space(r)) return skip_to(State::kMapValue);
  if (r == ',') return fail("Unexpected map value terminator \",\".");
  if (r == '}') return skip_to(State::kMapEnd);
  backup();
  stack_.push_back(State::kMapValueEnd);
  return State::kValue;
}

Lexer::State Lexer::map_value_end() {
  const char32_t r = next();
  if (is_blank(r)) return skip_to(State::kMapValueEnd);
  const Slash slash_kind = slash(r);
  if (slash_kind == Slash::kComment) return comment_then(State::kMapValueEnd);
  if (slash_kind == Slash::kLone || r == ';' || r == ',' || is_line_end(r)) {
    return skip_to(State::kMapKeyStart);
  }
  if (r == '}') return skip_to(State::kMapEnd);
  return fail("Expected a map value terminator \",\" or a map terminator \"}\", but got '" +
              shown(r) + "' instead.");
}

Lexer::State Lexer::array_value() {
  const char32_t r = next();
  if (is_space(r)) return skip_to(State::kArrayValue);
  const Slash slash_kind = slash(r);
  if (slash_kind == Slash::kComment) return comment_then(State::kArrayValue);
  if (slash_kind == Slash::kLone || r == ',') {
    return fail("Unexpected array value terminator ','.");
  }
  if (r == ']') {
    ignore();
    emit(ItemKind::kArrayEnd);
    return pop();
  }
  backup();
  stack_.push_back(State::kArrayValueEnd);
  return State::kValue;
}

Lexer::State Lexer::array_value_end() {
  const char32_t r = next();
  if (is_blank(r)) return skip_to(State::kArrayValueEnd);
  const Slash slash_kind = slash(r);
  if (slash_kind == Slash::kComment) return comment_then(State::kArrayValueEnd);
  if (slash_kind == Slash::kLone || r == ',' || is_line_end(r)) return skip_to(State::kArrayValue);
  if (r == ']') {
    ignore();
    emit(ItemKind::kArrayEnd);
    return pop();
  }
  return fail("Expected an array value terminator \",\" or an array terminator \"]\", but got '" +
              shown(r) + "' instead.");
}

}  // namespace petrel::conf

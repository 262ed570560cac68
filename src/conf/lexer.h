// Lexer: configuration text -> items, by a push-down machine whose states say what may come next.
//
// The machine is nats-server's on purpose: which character ends what, and where a column starts
// after a look-ahead over a line end, is only defined by what that one does. Spec config.md 1.1.
// Thread: control. Limits: none of its own; every step consumes input or changes state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace petrel::conf {

enum class ItemKind : uint8_t {
  kError,  // text is the message
  kEnd,
  kKey,
  kString,
  kBool,
  kInteger,
  kFloat,
  kDateTime,
  kArrayStart,
  kArrayEnd,
  kMapStart,
  kMapEnd,
  kComment,
  kVariable,
  kInclude,
};

struct Item {
  ItemKind kind = ItemKind::kEnd;
  std::string text = {};
  int line = 0;
  int column = 0;
};

class Lexer {
 public:
  explicit Lexer(std::string_view input) : input_(input) {}

  // After kError or kEnd there is nothing more to ask for.
  Item next_item();

 private:
  enum class State : uint8_t {
    kTop,
    kTopValueEnd,
    kBlockStart,
    kBlockValueEnd,
    kBlockEnd,
    kKeyStart,
    kDoubleQuotedKey,
    kSingleQuotedKey,
    kKey,
    kKeyEnd,
    kMapKeyStart,
    kMapDoubleQuotedKey,
    kMapSingleQuotedKey,
    kMapKey,
    kMapKeyEnd,
    kMapValue,
    kMapValueEnd,
    kMapEnd,
    kArrayValue,
    kArrayValueEnd,
    kValue,
    kDoubleQuoted,
    kSingleQuoted,
    kBareString,
    kBlock,
    kEscape,
    kEscapeHex,
    kNumber,
    kSuffix,
    kNegativeStart,
    kNegative,
    kFloatStart,
    kFloat,
    kAddress,
    kDate,
    kInclude,
    kIncludeBare,
    kIncludeSingleQuoted,
    kIncludeDoubleQuoted,
    kComment,
    kStopped,
  };
  // What starts a comment, or looks as if it did.
  enum class Slash : uint8_t { kNone, kComment, kLone };

  char32_t next();
  char32_t peek();
  void backup();
  void ignore();
  void emit(ItemKind kind);
  State fail(std::string message);
  State stop_at_end();
  State pop();
  State skip_to(State state);
  State comment_then(State resume);
  Slash slash(char32_t r);

  State step(State state);
  State step_structure(State state);
  State step_key(State state);
  State step_scalar(State state);
  State top();
  State top_value_end();
  State block_start();
  State block_value_end();
  State block_end();
  State key_start();
  State quoted_key(char32_t quote);
  State key();
  State key_end();
  State keyword_or_key(State after_key, bool in_map);
  State map_key_start();
  State map_quoted_key(char32_t quote);
  State map_key();
  State map_key_end();
  State map_value();
  State map_value_end();
  State array_value();
  State array_value_end();
  State value();
  State double_quoted();
  State single_quoted();
  State bare_string();
  State block_text();
  State escape();
  State escape_hex();
  State add_escaped(std::string_view text);
  State number();
  State suffix();
  State negative_start();
  State negative();
  State float_start();
  State float_digits();
  State address();
  State date();
  State include_value();
  State include_bare();
  State include_quoted(char32_t quote);
  State comment();
  void emit_bare_string();

  std::string_view input_;
  size_t start_ = 0;  // of the item being collected
  size_t pos_ = 0;    // of the next character
  size_t width_ = 0;  // of the last one
  int line_ = 1;
  size_t line_start_ = 0;       // of the line of pos_; stays where a look-ahead put it
  size_t item_line_start_ = 0;  // of the line of start_
  State state_ = State::kTop;
  State string_state_ = State::kBareString;  // where an escape returns to
  std::vector<State> stack_;
  std::string unescaped_;  // the text of the item up to its last escape
  bool has_escapes_ = false;
  std::deque<Item> items_;
};

}  // namespace petrel::conf

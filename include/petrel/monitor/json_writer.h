// JsonWriter: JSON text as Go's encoding/json writes it (MarshalIndent), field by field in the
// order of the calls.
//
// Thread: a value, any thread. REQUIRES: begin and end calls match, a key before each value in an
// object.
// Source: spec monitoring.md section 1 (body format).
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/time.h"

#include <concepts>
#include <string>
#include <vector>

namespace petrel::monitor {

class JsonWriter {
 public:
  // `indent` spaces per level; 0: everything on one line.
  explicit JsonWriter(size_t indent = 2) : indent_(indent) {}

  void begin_object() { begin('{'); }
  void end_object() { end('}'); }
  void begin_array() { begin('['); }
  void end_array() { end(']'); }
  void key(Slice name);

  void value(Slice text);
  void value(double number);
  void value(WallTime time);
  void null();
  // A value that stands in compact JSON already, in this writer's indentation.
  void embed(Slice compact);
  template <std::same_as<bool> T>
  void value(T is_true) {
    literal(is_true ? "true" : "false");
  }
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  void value(T number) {
    literal(std::to_string(number));
  }
  void value(const std::vector<std::string>& list);

  void begin_object(Slice name) {
    key(name);
    begin_object();
  }
  void begin_array(Slice name) {
    key(name);
    begin_array();
  }
  template <typename T>
  void field(Slice name, const T& given) {
    key(name);
    value(given);
  }
  // Left out when it is empty, zero or false (Go's omitempty).
  template <typename T>
  void field_unless_empty(Slice name, const T& given) {
    if (!(given == T{})) field(name, given);
  }

  std::string take() { return std::move(text_); }

 private:
  void begin(char bracket);
  void end(char bracket);
  void separate();
  void new_line();
  void literal(Slice text);

  const size_t indent_;
  std::string text_;
  std::vector<bool> has_items_;  // by level
  bool after_key_ = false;
};

}  // namespace petrel::monitor

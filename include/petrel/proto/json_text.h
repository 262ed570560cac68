// JSON text read with the rules of Go's encoding/json: which texts are valid, how wrong UTF-8 and
// lone surrogates are replaced, which values fit a field, how names match. No recursion.
//
// nlohmann_json is not used here: it refuses wrong UTF-8 and numbers that do not fit, accepts a
// byte order mark, and so would close connections that nats-server serves.
// Thread: pure functions, any thread. Limits: nesting of at most 10,000 levels.
// Source: Go encoding/json documentation and RFC 8259.
#pragma once

#include "petrel/base/block.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace petrel::proto::json {

// One JSON value with nothing but white space around it.
bool is_valid(Slice text);

// What follows works on valid text only (REQUIRES: is_valid of the whole text that it is from).

// Walks the members of an object or the elements of an array.
class Walker {
 public:
  // `value`: an object or array, white space around it allowed.
  explicit Walker(Slice value);
  // Moves to the next member or element; false at the end.
  bool next();
  const std::string& name() const { return name_; }  // objects only
  Slice value() const { return value_; }             // without white space around it

 private:
  Slice rest_;
  bool is_object_;
  std::string name_;
  Slice value_;
};

Slice trim(Slice text);
inline bool is_object(Slice value) {
  return value.front() == '{';
}
inline bool is_array(Slice value) {
  return value.front() == '[';
}
inline bool is_string(Slice value) {
  return value.front() == '"';
}
inline bool is_null(Slice value) {
  return value.front() == 'n';
}

// The characters of a JSON string literal.
std::string unquote(Slice literal);

// Values as fields of a Go struct take them: false if the value has another type or does not fit;
// null fits every field and changes nothing.
bool read_bool(Slice value, bool& out);
bool read_string(Slice value, std::string& out);
bool read_integer(Slice value, int64_t& out);
bool read_unsigned(Slice value, uint64_t& out);
bool read_strings(Slice value, std::vector<std::string>& out);

// True if Go takes `name` for the field `field` (lower case): letters match without regard to
// case, the long s and the Kelvin sign included.
bool is_name(Slice name, Slice field);

}  // namespace petrel::proto::json

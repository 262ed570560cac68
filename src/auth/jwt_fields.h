// Fields of JSON objects, read as Go's encoding/json reads structs.
// Thread: pure functions, any thread.
#pragma once

#include "petrel/base/block.h"
#include "petrel/proto/json_text.h"

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <variant>
#include <vector>

namespace petrel::auth {

using ReadValue = std::function<bool(Slice)>;

// `name` in lower case.
struct JsonField {
  Slice name;
  std::variant<bool*, std::string*, int64_t*, uint64_t*, std::vector<std::string>*, ReadValue> to;
};

// Takes over the members of `object` that a field names. False when `object` is neither an object
// nor null, or a value does not fit. REQUIRES: text that json::is_valid accepts.
bool read_fields(Slice object, std::initializer_list<JsonField> fields);
// Calls `take` for each element of an array (or member of an object, with its name).
bool each_element(Slice array, const std::function<bool(Slice)>& take);
bool each_member(Slice object, const std::function<bool(const std::string&, Slice)>& take);

}  // namespace petrel::auth

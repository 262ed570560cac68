#include "auth/jwt_fields.h"

namespace petrel::auth {

namespace json = proto::json;

namespace {

struct Read {
  Slice value;
  bool operator()(bool* to) const { return json::read_bool(value, *to); }
  bool operator()(std::string* to) const { return json::read_string(value, *to); }
  bool operator()(int64_t* to) const { return json::read_integer(value, *to); }
  bool operator()(uint64_t* to) const { return json::read_unsigned(value, *to); }
  bool operator()(std::vector<std::string>* to) const { return json::read_strings(value, *to); }
  bool operator()(const ReadValue& read) const { return read(value); }
};

}  // namespace

bool read_fields(Slice object, std::initializer_list<JsonField> fields) {
  return each_member(object, [&fields](const std::string& name, Slice value) {
    for (const JsonField& field : fields) {
      if (json::is_name(name, field.name)) return std::visit(Read{value}, field.to);
    }
    return true;
  });
}

bool each_element(Slice array, const std::function<bool(Slice)>& take) {
  if (json::is_null(array)) return true;
  if (!json::is_array(array)) return false;
  for (json::Walker walker(array); walker.next();) {
    if (!take(walker.value())) return false;
  }
  return true;
}

bool each_member(Slice object, const std::function<bool(const std::string&, Slice)>& take) {
  if (json::is_null(object)) return true;
  if (!json::is_object(object)) return false;
  for (json::Walker walker(object); walker.next();) {
    if (!take(walker.name(), walker.value())) return false;
  }
  return true;
}

}  // namespace petrel::auth

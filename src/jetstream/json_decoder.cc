#include "petrel/jetstream/json_decoder.h"

#include "jetstream/json_time.h"

#include "petrel/base/go_quote.h"

#include <limits>

namespace petrel::jetstream {

namespace json = proto::json;

namespace {

bool is_integer_type(GoType type) {
  return type.name.find("int") != Slice::npos || type.name == "time.Duration";
}

// How Go names the kind of a value in its texts; integers show the literal.
std::string kind_of(Slice value, GoType type) {
  switch (value.front()) {
    case '{':
      return "object";
    case '[':
      return "array";
    case '"':
      return "string";
    case 't':
    case 'f':
      return "bool";
    default:
      return is_integer_type(type) ? "number " + std::string(value) : "number";
  }
}

}  // namespace

std::string JsonDecoder::type_error(Slice value, GoType type) const {
  std::string path;
  for (const std::string& part : path_) {
    if (!path.empty()) path.push_back('.');
    path += part;
  }
  const std::string what = "json: cannot unmarshal " + kind_of(value, type) + " into Go ";
  const std::string where =
      path.empty() && struct_.empty() ? "value" : "struct field " + struct_ + "." + path;
  // Pointers are followed before the type is looked at.
  const Slice name = type.name.starts_with('*') ? type.name.substr(1) : type.name;
  return what + where + " of type " + std::string(name);
}

void JsonDecoder::save_unknown(const std::string& name) {
  save("json: unknown field " + go_quote(name));
}

void JsonDecoder::read(std::string& out, Slice value, GoType type) {
  if (!json::read_string(value, out)) save_type_error(value, type);
}

void JsonDecoder::read(bool& out, Slice value, GoType type) {
  if (!json::read_bool(value, out)) save_type_error(value, type);
}

void JsonDecoder::read(int64_t& out, Slice value, GoType type) {
  if (!json::read_integer(value, out)) save_type_error(value, type);
}

void JsonDecoder::read(int32_t& out, Slice value, GoType type) {
  int64_t wide = out;
  if (!json::read_integer(value, wide) || wide > std::numeric_limits<int32_t>::max() ||
      wide < std::numeric_limits<int32_t>::min()) {
    save_type_error(value, type);
    return;
  }
  out = static_cast<int32_t>(wide);
}

void JsonDecoder::read(uint64_t& out, Slice value, GoType type) {
  if (!json::read_unsigned(value, out)) save_type_error(value, type);
}

void JsonDecoder::read(WallTime& out, Slice value, GoType /*type*/) {
  if (json::is_null(value)) return;
  if (!json::is_string(value)) {
    fail("Time.UnmarshalJSON: input is not a JSON string");
    return;
  }
  // Go does not resolve escapes here.
  const std::string error = read_go_time(value.substr(1, value.size() - 2), out);
  if (!error.empty()) fail(error);
}

void JsonDecoder::read(std::optional<WallTime>& out, Slice value, GoType type) {
  if (json::is_null(value)) {
    out.reset();
    return;
  }
  WallTime time;
  read(time, value, type);
  out = time;
}

void JsonDecoder::read(std::map<std::string, std::string>& out, Slice value, GoType type) {
  if (json::is_null(value)) {
    out.clear();
    return;
  }
  if (!json::is_object(value)) {
    save_type_error(value, type);
    return;
  }
  for (json::Walker walker(value); walker.next() && !has_failed();) {
    std::string text;
    read(text, walker.value(), GoType{"string"});
    out[walker.name()] = std::move(text);
  }
}

}  // namespace petrel::jetstream

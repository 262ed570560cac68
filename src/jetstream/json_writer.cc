#include "jetstream/json_writer.h"

#include "jetstream/json_time.h"

#include "petrel/base/go_json.h"

#include <charconv>

namespace petrel::jetstream {

namespace {

template <typename T>
void append_number(std::string& out, T value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, static_cast<size_t>(end - digits));
}

}  // namespace

void JsonWriter::open(char bracket) {
  out_.push_back(bracket);
}

void JsonWriter::element() {
  if (out_.back() != '[') out_.push_back(',');
}

void JsonWriter::key(Slice key) {
  if (out_.back() != '{') out_.push_back(',');
  out_.push_back('"');
  out_.append(key).append("\":");
}

void JsonWriter::text(Slice value) {
  append_go_json_string(out_, value);
}
void JsonWriter::number(int64_t value) {
  append_number(out_, value);
}
void JsonWriter::unsigned_number(uint64_t value) {
  append_number(out_, value);
}

void JsonWriter::time(WallTime value) {
  out_.push_back('"');
  append_go_time(out_, value);
  out_.push_back('"');
}
void JsonWriter::time_or_unset(WallTime value) {
  time(value.ns == 0 ? kTimeMin : value);
}

void JsonWriter::text(Slice name, Slice value) {
  key(name);
  text(value);
}
void JsonWriter::text_if(Slice name, Slice value) {
  if (!value.empty()) text(name, value);
}
void JsonWriter::number(Slice name, int64_t value) {
  key(name);
  number(value);
}
void JsonWriter::number_if(Slice name, int64_t value) {
  if (value != 0) number(name, value);
}
void JsonWriter::unsigned_number(Slice name, uint64_t value) {
  key(name);
  unsigned_number(value);
}
void JsonWriter::unsigned_if(Slice name, uint64_t value) {
  if (value != 0) unsigned_number(name, value);
}
void JsonWriter::boolean(Slice name, bool value) {
  key(name);
  boolean(value);
}
void JsonWriter::boolean_if(Slice name, bool value) {
  if (value) boolean(name, value);
}
void JsonWriter::time_or_unset(Slice name, WallTime value) {
  key(name);
  time_or_unset(value);
}

void JsonWriter::texts_if(Slice name, const std::vector<std::string>& values) {
  if (values.empty()) return;
  key(name);
  begin_array();
  for (const std::string& value : values) {
    element();
    text(value);
  }
  end_array();
}

void JsonWriter::sequences(Slice name, const std::vector<uint64_t>& values) {
  key(name);
  begin_array();
  for (const uint64_t value : values) {
    element();
    unsigned_number(value);
  }
  end_array();
}

void JsonWriter::member(Slice name, uint64_t value) {
  if (out_.back() != '{') out_.push_back(',');
  text(name);
  out_.push_back(':');
  unsigned_number(value);
}

void JsonWriter::map_if(Slice name, const std::map<std::string, std::string>& values) {
  if (values.empty()) return;
  key(name);
  begin_object();
  for (const auto& [key_text, value] : values) {
    if (out_.back() != '{') out_.push_back(',');
    text(key_text);
    out_.push_back(':');
    text(value);
  }
  end_object();
}

}  // namespace petrel::jetstream

// JsonWriter: JSON objects and arrays as Go's encoding/json writes them, key by key.
//
// Thread: values, any thread. Keys and enumeration texts need no escapes.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/time.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace petrel::jetstream {

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  void begin_object() { open('{'); }
  void end_object() { out_.push_back('}'); }
  void begin_array() { open('['); }
  void end_array() { out_.push_back(']'); }
  // A value follows: text(), number(), begin_object() ...
  void key(Slice key);
  // An element of an array follows.
  void element();

  void text(Slice value);
  void number(int64_t value);
  void unsigned_number(uint64_t value);
  void boolean(bool value) { out_.append(value ? "true" : "false"); }
  void time(WallTime value);           // exact
  void time_or_unset(WallTime value);  // 0 is year 1
  void raw(Slice json) { out_.append(json); }

  // key and value; the second form leaves out what is empty, as "omitempty" does.
  void text(Slice name, Slice value);
  void text_if(Slice name, Slice value);
  void number(Slice name, int64_t value);
  void number_if(Slice name, int64_t value);
  void unsigned_number(Slice name, uint64_t value);
  void unsigned_if(Slice name, uint64_t value);
  void boolean(Slice name, bool value);
  void boolean_if(Slice name, bool value);
  void time_or_unset(Slice name, WallTime value);
  void texts_if(Slice name, const std::vector<std::string>& values);
  void sequences(Slice name, const std::vector<uint64_t>& values);
  void sequences_if(Slice name, const std::vector<uint64_t>& values) {
    if (!values.empty()) sequences(name, values);
  }
  // A member whose key may need escapes.
  void member(Slice name, uint64_t value);
  void map_if(Slice name, const std::map<std::string, std::string>& values);

 private:
  void open(char bracket);
  std::string& out_;
};

}  // namespace petrel::jetstream

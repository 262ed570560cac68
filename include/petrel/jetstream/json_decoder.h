// JsonDecoder: fills structs from JSON with the rules and error texts of Go's encoding/json: the
// first wrong value is remembered and the rest still read, an enumeration ends the reading at once.
// FieldTable: what fields a struct has, by Go's name, with Go's type for the texts.
//
// Thread: values, any thread. Recursion only as deep as the structs nest.
// REQUIRES: values are valid JSON (JsonScanner).
// Source: Go encoding/json, checked against Go 1.26.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/time.h"
#include "petrel/jetstream/stream_config.h"
#include "petrel/proto/json_text.h"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace petrel::jetstream {

class JsonDecoder;

// How Go names a type in its texts: "int64", "[]string", "server.Placement".
struct GoType {
  Slice name;
};

template <typename T>
struct Field {
  Slice name;
  GoType type;
  void (*read)(JsonDecoder& decoder, T& target, Slice value, GoType type);
  Slice embedded = {};  // the embedded Go struct that the field belongs to
};

class JsonDecoder {
 public:
  explicit JsonDecoder(bool refuses_unknown) : refuses_unknown_(refuses_unknown) {}

  // The text of the first error in Go's order; empty: none.
  const std::string& error() const { return failed_.empty() ? saved_ : failed_; }
  bool has_failed() const { return !failed_.empty(); }

  void read(std::string& out, Slice value, GoType type);
  void read(bool& out, Slice value, GoType type);
  void read(int64_t& out, Slice value, GoType type);
  void read(int32_t& out, Slice value, GoType type);
  void read(uint64_t& out, Slice value, GoType type);
  void read(Duration& out, Slice value, GoType type) { read(out.ns, value, type); }
  void read(WallTime& out, Slice value, GoType type);
  void read(std::optional<WallTime>& out, Slice value, GoType type);
  void read(std::map<std::string, std::string>& out, Slice value, GoType type);
  template <typename T>
  void read(std::vector<T>& out, Slice value, GoType type);

  // A struct, an optional (pointer to a) struct.
  template <typename T>
  void read_object(T& out, Slice value, GoType type, std::span<const Field<T>> fields);
  template <typename T>
  void read_object(std::optional<T>& out, Slice value, GoType type,
                   std::span<const Field<T>> fields);
  template <typename T>
  void read_objects(std::vector<T>& out, Slice value, GoType type, GoType element,
                    std::span<const Field<T>> fields);

  // Ends the reading with what an enumeration says.
  void fail(std::string error) {
    if (failed_.empty()) failed_ = std::move(error);
  }
  // "cannot unmarshal ... into Go struct field ...".
  std::string type_error(Slice value, GoType type) const;
  void save_type_error(Slice value, GoType type) { save(type_error(value, type)); }

 private:
  void save(std::string error) {
    if (saved_.empty()) saved_ = std::move(error);
  }
  void save_unknown(const std::string& name);
  template <typename T>
  void read_member(T& out, Slice type, const proto::json::Walker& member,
                   std::span<const Field<T>> fields);

  bool refuses_unknown_;
  std::string saved_;
  std::string failed_;
  std::string struct_;             // Go's name of the innermost struct
  std::vector<std::string> path_;  // Go's field path to where the reading is
};

// For tables: the member as the decoder reads it.
template <auto Member, typename T>
void read_field(JsonDecoder& decoder, T& target, Slice value, GoType type) {
  decoder.read(target.*Member, value, type);
}

template <typename T>
void JsonDecoder::read(std::vector<T>& out, Slice value, GoType type) {
  if (proto::json::is_null(value)) {
    out.clear();
    return;
  }
  if (!proto::json::is_array(value)) {
    save_type_error(value, type);
    return;
  }
  out.clear();
  const GoType element{type.name.substr(2)};
  for (proto::json::Walker walker(value); walker.next() && !has_failed();) {
    read(out.emplace_back(), walker.value(), element);
  }
}

template <typename T>
void JsonDecoder::read_member(T& out, Slice type, const proto::json::Walker& member,
                              std::span<const Field<T>> fields) {
  const Field<T>* found = nullptr;
  for (const Field<T>& field : fields) {
    if (field.name == member.name()) found = &field;
  }
  for (const Field<T>& field : fields) {
    if (found == nullptr && proto::json::is_name(member.name(), field.name)) found = &field;
  }
  if (found == nullptr) {
    if (refuses_unknown_) save_unknown(member.name());
    return;
  }
  const size_t depth = path_.size();
  const std::string outer = struct_;
  if (!found->embedded.empty()) path_.emplace_back(found->embedded);
  path_.emplace_back(found->name);
  struct_ = std::string(type.substr(type.rfind('.') + 1));
  found->read(*this, out, member.value(), found->type);
  path_.resize(depth);
  struct_ = outer;
}

template <typename T>
void JsonDecoder::read_object(T& out, Slice value, GoType type, std::span<const Field<T>> fields) {
  if (proto::json::is_null(value)) return;
  if (!proto::json::is_object(value)) {
    save_type_error(value, type);
    return;
  }
  for (proto::json::Walker walker(value); walker.next() && !has_failed();) {
    read_member(out, type.name, walker, fields);
  }
}

template <typename T>
void JsonDecoder::read_object(std::optional<T>& out, Slice value, GoType type,
                              std::span<const Field<T>> fields) {
  if (proto::json::is_null(value)) {
    out.reset();
    return;
  }
  if (!out) out.emplace();
  read_object(*out, value, type, fields);
}

template <typename T>
void JsonDecoder::read_objects(std::vector<T>& out, Slice value, GoType type, GoType element,
                               std::span<const Field<T>> fields) {
  if (proto::json::is_null(value)) {
    out.clear();
    return;
  }
  if (!proto::json::is_array(value)) {
    save_type_error(value, type);
    return;
  }
  out.clear();
  for (proto::json::Walker walker(value); walker.next() && !has_failed();) {
    read_object(out.emplace_back(), walker.value(), element, fields);
  }
}

// How a request is read.
enum class JsonMode : uint8_t {
  kStrict,   // unknown fields and what follows the value are refused
  kLenient,  // read as strict first; if that fails, as kPlain over the same value
  kPlain,    // unknown fields are skipped, nothing may follow
};

// Reads `text` into `out`; returns Go's text of the error, empty on success. kStrict and kLenient
// take an empty text as no value at all.
template <typename T>
std::string read_json(Slice text, JsonMode mode, GoType type, T& out,
                      std::span<const Field<T>> fields);

}  // namespace petrel::jetstream

#include "petrel/jetstream/json_decoder_read.h"

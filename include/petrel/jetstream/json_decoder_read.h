// The body of read_json; included by json_decoder.h.
#pragma once

#include "petrel/jetstream/json_decoder.h"
#include "petrel/jetstream/json_scanner.h"

namespace petrel::jetstream {

template <typename T>
std::string read_plain_json(Slice text, GoType type, T& out, std::span<const Field<T>> fields) {
  JsonScanner scanner(text);
  const JsonScanner::Outcome first = scanner.next();
  const Slice value = scanner.value();
  const JsonScanner::Outcome outcome =
      first == JsonScanner::Outcome::kValue ? scanner.finish() : first;
  if (outcome == JsonScanner::Outcome::kWrong) return scanner.error();
  if (first != JsonScanner::Outcome::kValue) return scanner.cut_error();
  JsonDecoder decoder(false);
  decoder.read_object(out, value, type, fields);
  return decoder.error();
}

// Values may follow each other; each is read over what the ones before left.
template <typename T>
std::string read_strict_json(Slice text, GoType type, T& out, std::span<const Field<T>> fields) {
  JsonScanner scanner(text);
  for (;;) {
    switch (scanner.next()) {
      case JsonScanner::Outcome::kEnd:
        return {};
      case JsonScanner::Outcome::kCut:
        return "unexpected EOF";
      case JsonScanner::Outcome::kWrong:
        return scanner.error() + " at offset " + std::to_string(scanner.error_offset());
      case JsonScanner::Outcome::kValue:
        break;
    }
    JsonDecoder decoder(true);
    decoder.read_object(out, scanner.value(), type, fields);
    if (!decoder.error().empty()) return decoder.error();
  }
}

template <typename T>
std::string read_json(Slice text, JsonMode mode, GoType type, T& out,
                      std::span<const Field<T>> fields) {
  if (mode == JsonMode::kPlain) return read_plain_json(text, type, out, fields);
  std::string error = read_strict_json(text, type, out, fields);
  if (error.empty() || mode == JsonMode::kStrict) return error;
  return read_plain_json(text, type, out, fields);
}

}  // namespace petrel::jetstream

// Answers of the system account: the envelope around what a service says, and its encoding.
//
// Thread: pure functions. Source: spec monitoring.md section 5; google/snappy framing_format.txt,
// RFC 1952.
#pragma once

#include "petrel/base/block.h"

#include <string>

namespace petrel::system {

// A page of monitoring on one line.
std::string compact_json(Slice indented);

// `data` "": left out.
std::string success_json(const std::string& server, Slice data);
// `with_null`: nats-server's handler returned an empty pointer beside the error.
struct Refusal {
  int code = 500;
  std::string text = {};
  bool with_null = false;
};
std::string refusal_json(const std::string& server, const Refusal& refusal);

// What a request's Accept-Encoding header asks for; kNone: there is no such header.
enum class Encoding : uint8_t { kNone, kIdentity, kSnappy, kGzip };
Encoding accepted_encoding(Slice header_block);
// The body in that encoding, and the header block that says so ("" for kNone).
struct EncodedBody {
  std::string header = {};
  std::string body = {};
};
EncodedBody encode(std::string body, Encoding encoding);

}  // namespace petrel::system

// ProxyHeader: the PROXY protocol header (v1 text, v2 binary) that a load balancer may put before
// the bytes of a client connection.
//
// Owner: one connection, while `proxy_protocol` is on and its first bytes are read; the time limit
// (5 s) is the owner's. Thread: the connection's loop.
// Limits: at most 107 bytes are held; address data of v2 beyond the addresses is skipped.
// Source: spec protocol.md section 9.
#pragma once

#include "petrel/base/block.h"

#include <array>
#include <cstdint>
#include <string>

namespace petrel::proto {

enum class ProxyResult : uint8_t {
  kNeedMore,  // all input was taken
  kAddress,   // header read; source_ip and source_port replace the peer's address
  kKeep,      // header read (LOCAL, UNKNOWN, UNSPEC); the peer's address stays
  kNone,      // no header: `replay` and then the rest of the input are the client's own bytes
  kError,     // malformed: log error_text, close without a word
};

class ProxyHeader {
 public:
  // Takes header bytes off `input`. After any answer but kNeedMore the header is done with.
  ProxyResult take(Slice& input);

  const std::string& source_ip() const { return source_ip_; }
  uint16_t source_port() const { return source_port_; }
  // kNone: bytes that were taken before it was known that they are no header.
  Slice replay() const { return {held_.data(), held_bytes_}; }
  // kError: as nats-server words it in its warning.
  const std::string& error_text() const { return error_text_; }

 private:
  static constexpr size_t kDetectBytes = 6;
  static constexpr size_t kLineMax = 107;
  static constexpr size_t kSignatureBytes = 12;
  static constexpr size_t kFixedBytes = 16;

  bool hold(Slice& input, size_t until);
  ProxyResult take_line(Slice& input);
  ProxyResult read_line(Slice line);
  ProxyResult take_binary(Slice& input);
  ProxyResult take_addresses(Slice& input);
  ProxyResult fail(std::string text);
  uint8_t byte(size_t at) const { return static_cast<uint8_t>(held_[at]); }
  uint16_t number(size_t at) const { return static_cast<uint16_t>(byte(at) << 8 | byte(at + 1)); }

  std::array<char, kLineMax> held_;
  size_t held_bytes_ = 0;
  size_t skip_bytes_ = 0;  // v2: address data that was taken without being held
  bool fixed_checked_ = false;
  std::string source_ip_;
  uint16_t source_port_ = 0;
  std::string error_text_;
};

}  // namespace petrel::proto

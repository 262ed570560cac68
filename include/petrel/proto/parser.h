// Parser: bytes of a client connection -> operations, without copying what arrives whole.
//
// Owner: one ClientSession. Thread: the connection's loop.
// Limits: a control line is at most max_control_line bytes of arguments, a message at most
// max_payload bytes; an unfinished frame is kept in a buffer that never exceeds one frame, and
// grows with the bytes that really arrived, not with what was announced.
// Source: spec protocol.md sections 4-6.
#pragma once

#include <cstdint>

#include "petrel/base/block.h"

namespace petrel::proto {

enum class OpKind : uint8_t { kPub, kHpub, kSub, kUnsub, kPing, kPong, kConnect, kInfo, kOk, kErr };

// One parsed operation. Slices point into the input block or the parser's residue and are valid
// until the next call of Parser::next.
struct Op {
  OpKind kind = OpKind::kPing;
  Slice subject;             // PUB, HPUB, SUB
  Slice reply;               // PUB, HPUB
  Slice queue;               // SUB
  Slice sid;                 // SUB, UNSUB
  Slice args;                // CONNECT: the JSON; -ERR: the text; INFO: the JSON
  Slice size_text;           // PUB: "5", HPUB: "12 17" (digits as they came, one space between)
  Slice message;             // PUB, HPUB: headers and payload, without the final CR LF
  uint32_t header_bytes = 0; // HPUB: leading part of message, else 0
  // PUB, HPUB: "[reply ]size_text CRLF message CRLF" exactly as a delivery needs it behind
  // "MSG subject sid ", one contiguous view of the input; empty when the control line did not come
  // in that form (tabs, runs of spaces, bare LF).
  Slice tail;
  int64_t max = 0;           // UNSUB: maximum, 0 or less: now
  const BlockRef* block = nullptr;  // the block the slices point into
};

enum class ParseErrorKind : uint8_t {
  kUnknownOperation,     // -ERR 'Unknown Protocol Operation', close
  kControlLineTooLong,   // -ERR 'maximum control line exceeded', close
  kMaxPayload,           // -ERR 'Maximum Payload Violation', close
  kAuthorization,        // first operation is not CONNECT although required
  kSilent,               // close without a word: bad arguments or sizes
};

struct ParseError {
  ParseErrorKind kind = ParseErrorKind::kSilent;
  int64_t announced_bytes = 0;  // kMaxPayload: what the client announced
};

struct ParserLimits {
  uint32_t max_control_line = 4096;
  uint32_t max_payload = 1 << 20;
  bool headers = true;           // false: HPUB is refused
  bool connect_first = false;    // true: the first operation must be CONNECT
};

enum class ParseResult : uint8_t { kOp, kNeedMore, kError };

class Parser {
 public:
  explicit Parser(const ParserLimits& limits) : limits_(limits) {}

  // Takes the next operation from `input` (bytes inside `block`), advancing it. kNeedMore: all of
  // `input` was taken and an unfinished frame, if any, is remembered. After kError the connection
  // is to be closed. On the data path: no allocation for frames that arrive whole.
  ParseResult next(const BlockRef& block, Slice& input, Op& op);

  const ParseError& error() const { return error_; }
  void set_limits(const ParserLimits& limits) { limits_ = limits; }
  const ParserLimits& limits() const { return limits_; }
  // Bytes held for an unfinished frame.
  size_t residue_bytes() const;

 private:
  ParserLimits limits_;
  ParseError error_;
};

}  // namespace petrel::proto

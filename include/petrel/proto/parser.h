// Parser: bytes of a client connection -> operations, without copying what arrives whole.
//
// Owner: one ClientSession. Thread: the connection's loop.
// Limits: a control line is at most max_control_line bytes of arguments, a message at most
// max_payload bytes; an unfinished frame is kept in a buffer that never exceeds one frame, and
// grows with the bytes that really arrived, not with what was announced. Verbs and the spaces
// behind them are never kept. Between frames nothing is kept.
// Source: spec protocol.md sections 4-6.
#pragma once

#include "petrel/base/block.h"

#include <array>
#include <cstdint>
#include <string>

namespace petrel::proto {

enum class OpKind : uint8_t { kPub, kHpub, kSub, kUnsub, kPing, kPong, kConnect, kInfo, kOk, kErr };

// One parsed operation. Slices point into the input block, the parser or its residue and are valid
// until the next call of Parser::next; only those in `block` may be kept longer, with a reference.
// Fields that do not belong to the kind are empty.
struct Op {
  OpKind kind = OpKind::kPing;
  Slice subject = {};         // PUB, HPUB, SUB
  Slice reply = {};           // PUB, HPUB
  Slice queue = {};           // SUB
  Slice sid = {};             // SUB, UNSUB
  Slice args = {};            // the arguments as they came; CONNECT, INFO: the JSON; -ERR: the text
  Slice size_text = {};       // PUB: "5", HPUB: "12 17" (digits as they came, one space between);
                              // of an HPUB without `tail` it lies in the parser, not in `block`
  Slice message = {};         // PUB, HPUB: headers and payload, without the final CR LF
  uint32_t header_bytes = 0;  // HPUB: leading part of message, else 0
  // PUB, HPUB: "[reply ]size_text CRLF message CRLF" exactly as a delivery needs it behind
  // "MSG subject sid ", one contiguous view of the input; empty when the control line did not come
  // in that form (tabs, runs of spaces, bare LF).
  Slice tail = {};
  int64_t max = 0;                  // UNSUB: maximum, 0 or less: now
  const BlockRef* block = nullptr;  // the block the slices point into
};

enum class ParseErrorKind : uint8_t {
  kUnknownOperation,    // -ERR 'Unknown Protocol Operation', close
  kControlLineTooLong,  // -ERR 'maximum control line exceeded', close
  kMaxPayload,          // -ERR 'Maximum Payload Violation', close
  kAuthorization,       // first operation is not CONNECT although required
  kSilent,              // close without a word: bad arguments or sizes
};

// What was wrong with the arguments of a silently refused operation; only the log tells.
enum class BadArguments : uint8_t {
  kNone,
  kCount,
  kSize,
  kHeaderSize,
  kTotalSize,
  kHeaderLargerThanTotal,
  kHeadersNotSupported,
};

struct ParseError {
  ParseErrorKind kind = ParseErrorKind::kSilent;
  int64_t announced_bytes = 0;                   // kMaxPayload: what the client announced
  int64_t allowed_bytes = 0;                     // kMaxPayload: the limit it broke
  BadArguments arguments = BadArguments::kNone;  // kSilent
  OpKind operation = OpKind::kPub;               // kSilent: whose arguments
  uint32_t header_bytes = 0;                     // kMaxPayload: of an HPUB
  Slice args;  // kSilent: the arguments, valid as long as the input and the parser; kMaxPayload:
               // the subject
  uint8_t state = 0;  // kUnknownOperation: nats-server's number of the parser state
};

// Log text of an unknown operation: `Client parser ERROR, state=0, i=0: proto='"FOO\r"...'`.
// `bytes_at_error` begins at the wrong byte and reaches to the end of what was read, which is what
// Parser::next leaves in `input`; `offset` is that byte's place in the read.
std::string describe_error(Slice bytes_at_error, uint8_t state = 0, size_t offset = 0);
// Log text of any error, as nats-server words it.
std::string describe_error(const ParseError& error, Slice bytes_at_error, size_t offset = 0);

struct ParserLimits {
  uint32_t max_control_line = 4096;
  uint32_t max_payload = 1 << 20;  // UINT32_MAX: unlimited
  bool headers = true;             // false: HPUB is refused
  bool connect_first = false;      // true: the first byte of every operation must be C or c, until
                                   // the session clears this after a CONNECT
};

enum class ParseResult : uint8_t { kOp, kNeedMore, kError };

class Parser {
 public:
  explicit Parser(const ParserLimits& limits) : limits_(limits) {}
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  // Takes the next operation from `input` (bytes inside `block`), advancing it. kNeedMore: all of
  // `input` was taken and an unfinished frame, if any, is remembered; call until then, so that the
  // memory of a finished frame is given back. kError: the connection is to be closed, every later
  // call answers the same; for kUnknownOperation `input` begins at the wrong byte.
  // On the data path: no allocation for frames that arrive whole.
  ParseResult next(const BlockRef& block, Slice& input, Op& op);

  // After next() took the PUB or HPUB `op` and left `input`: how many frames at the start of
  // `input` are whole and have the same control line byte by byte; `most` at most.
  size_t count_repeats(const Op& op, Slice input, size_t most) const;
  // Of the frame that was taken, when count_repeats is not 0.
  size_t frame_bytes() const { return size_t{shape_.line_bytes} + shape_.message_bytes + 2; }

  const ParseError& error() const { return error_; }
  void set_limits(const ParserLimits& limits);
  const ParserLimits& limits() const { return limits_; }
  // Bytes held for an unfinished frame.
  size_t residue_bytes() const { return residue_ ? residue_->capacity() : 0; }

 private:
  enum class Phase : uint8_t {
    kStart,       // between frames
    kVerb,        // inside a verb
    kFirstSpace,  // behind a verb that wants arguments
    kSpaces,      // skipping spaces before the first argument
    kArguments,   // inside the arguments
    kSkipLine,    // PING, PONG, +OK: what stands behind the verb is ignored
    kMessage,     // inside a message or its final CR LF, all in the residue
    kFailed,
  };
  // Where the parts of a publish line lie, counted from the first byte of the frame.
  struct LineShape {
    uint32_t message_bytes = 0;
    uint32_t header_bytes = 0;
    uint16_t line_bytes = 0;  // with CR LF; 0: unset
    uint8_t args_at = 0;
    uint8_t subject_end = 0;
    uint8_t reply_end = 0;  // 0: no reply
    uint8_t size_at = 0;
    OpKind kind = OpKind::kPub;
  };
  struct Publish;

  bool take_whole_publish(const BlockRef& block, Slice& input, Op& op);
  bool is_shaped_as_last(Slice input) const;
  bool measure_line(Slice input);
  bool take_shaped(const BlockRef& block, Slice& input, Op& op) const;
  ParseResult step(const BlockRef& block, Slice& input, Op& op);
  ParseResult take_verb(Slice& input);
  ParseResult take_skipped_line(const BlockRef& block, Slice& input, Op& op);
  ParseResult take_arguments(const BlockRef& block, Slice& input, Op& op);
  ParseResult keep_arguments(Slice& input);
  ParseResult finish_line(const BlockRef& block, Slice args, Op& op);
  ParseResult begin_message(const BlockRef& block, Slice line, Slice& input, Op& op);
  ParseResult take_message(Slice& input, Op& op);
  bool read_publish(Slice args, Publish& publish);
  Slice join_sizes(Slice header_text, Slice total_text);
  void fill_publish(const Publish& publish, Slice line, Slice message, Op& op);
  void grow_residue(size_t needed, size_t frame_bytes);
  void append_residue(Slice bytes, size_t frame_bytes);
  Slice residue() const { return {residue_->bytes(), residue_used_}; }
  ParseResult fail_unknown(uint8_t state);
  ParseResult fail(ParseErrorKind kind);
  bool refuse(BadArguments why, Slice args);

  ParserLimits limits_;
  Phase phase_ = Phase::kStart;
  uint8_t verb_ = 0;     // row of the verb table
  uint8_t matched_ = 0;  // bytes of the verb seen
  BlockRef residue_;
  uint32_t residue_used_ = 0;
  uint32_t line_bytes_ = 0;          // kMessage: arguments with line end, at the residue's start
  uint32_t message_bytes_ = 0;       // kMessage
  LineShape shape_;                  // of the last line that the fast path took
  std::array<char, 24> sizes_text_;  // its " 12 17 CR LF"
  std::array<char, 20> size_text_;
  ParseError error_;
};

}  // namespace petrel::proto

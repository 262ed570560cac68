// What a Parser makes of a stream that arrives in pieces, as text that tests compare.
#pragma once

#include "petrel/base/check.h"
#include "petrel/base/go_quote.h"
#include "petrel/proto/parser.h"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace petrel::proto::testing {

// Operations in order, and how it ended: "" while more bytes are welcome.
struct Outcome {
  std::vector<std::string> operations;
  std::string error;

  bool operator==(const Outcome&) const = default;
  std::string text() const {
    std::string all;
    for (const std::string& operation : operations) all += operation + "\n";
    return all + error;
  }
};

inline std::string kind_name(OpKind kind) {
  constexpr const char* kNames[] = {"PUB",  "HPUB",    "SUB",  "UNSUB", "PING",
                                    "PONG", "CONNECT", "INFO", "+OK",   "-ERR"};
  return kNames[static_cast<size_t>(kind)];
}

// `PUB subject="foo" args="foo 2" size="2" message="hi" tail="2\r\nhi\r\n"`: what is not empty.
inline std::string render(const Op& op) {
  std::string text = kind_name(op.kind);
  const auto add = [&text](const char* name, Slice value) {
    if (!value.empty()) text += std::string(" ") + name + "=" + go_quote(value);
  };
  add("subject", op.subject);
  add("reply", op.reply);
  add("queue", op.queue);
  add("sid", op.sid);
  add("args", op.args);
  add("size", op.size_text);
  if (op.header_bytes != 0) text += " headers=" + std::to_string(op.header_bytes);
  add("message", op.message);
  add("tail", op.tail);
  if (op.max != 0) text += " max=" + std::to_string(op.max);
  return text;
}

inline std::string render_error(const ParseError& error) {
  switch (error.kind) {
    case ParseErrorKind::kUnknownOperation:
      return "unknown operation in state " + std::to_string(error.state);
    case ParseErrorKind::kControlLineTooLong:
      return "control line too long";
    case ParseErrorKind::kMaxPayload:
      return "payload of " + std::to_string(error.announced_bytes);
    case ParseErrorKind::kAuthorization:
      return "authorization";
    case ParseErrorKind::kSilent:
      return describe_error(error, {});
  }
  return {};
}

inline bool lies_in(Slice part, const BlockRef& block) {
  return part.empty() || (part.data() >= block->bytes() &&
                          part.data() + part.size() <= block->bytes() + block->capacity());
}

// Every piece gets a block of exactly its size, gone when the next piece comes.
class PieceFeeder {
 public:
  explicit PieceFeeder(const ParserLimits& limits) : parser_(limits) {}

  void feed(Slice piece) {
    if (!outcome_.error.empty()) return;
    fed_bytes_ += piece.size();
    const BlockRef block = BlockRef::allocate(static_cast<uint32_t>(piece.size()));
    if (!piece.empty()) std::memcpy(block->bytes(), piece.data(), piece.size());
    Slice input(block->bytes(), piece.size());
    Op op;
    ParseResult result = parser_.next(block, input, op);
    for (; result == ParseResult::kOp; result = parser_.next(block, input, op)) {
      check_places(op);
      outcome_.operations.push_back(render(op));
    }
    PETREL_CHECK(parser_.residue_bytes() <= 2 * fed_bytes_ + 256);
    if (result == ParseResult::kError) {
      outcome_.error = render_error(parser_.error());
    } else {
      PETREL_CHECK(input.empty());
    }
  }

  const Outcome& outcome() const { return outcome_; }
  Parser& parser() { return parser_; }

 private:
  // Everything but the size text may be kept with a reference to the block.
  static void check_places(const Op& op) {
    PETREL_CHECK(op.block != nullptr && *op.block);
    for (const Slice part :
         {op.subject, op.reply, op.queue, op.sid, op.args, op.message, op.tail}) {
      PETREL_CHECK(lies_in(part, *op.block));
    }
  }

  Parser parser_;
  Outcome outcome_;
  size_t fed_bytes_ = 0;
};

// `cuts`: places in ascending order where a new piece begins.
inline Outcome parse_pieces(Slice stream, const ParserLimits& limits,
                            const std::vector<size_t>& cuts) {
  PieceFeeder feeder(limits);
  size_t begin = 0;
  for (const size_t cut : cuts) {
    feeder.feed(stream.substr(begin, cut - begin));
    begin = cut;
  }
  feeder.feed(stream.substr(begin));
  return feeder.outcome();
}

inline Outcome parse_bytewise(Slice stream, const ParserLimits& limits) {
  PieceFeeder feeder(limits);
  for (size_t i = 0; i < stream.size(); ++i) feeder.feed(stream.substr(i, 1));
  return feeder.outcome();
}

}  // namespace petrel::proto::testing

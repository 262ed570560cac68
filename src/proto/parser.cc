#include "petrel/proto/parser.h"

#include "proto/arguments.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <cstring>

namespace petrel::proto {

namespace {

struct VerbRow {
  Slice name;
  OpKind kind;
  // nats-server's numbers of the states "one byte seen" and "two bytes seen"; the rest follow.
  uint8_t first_state;
  uint8_t second_state;
};

// What a client may send. HMSG is known only to be refused behind its line, as nats-server does.
constexpr std::array<VerbRow, 11> kVerbs = {{
    {"PUB", OpKind::kPub, 29, 30},
    {"PING", OpKind::kPing, 29, 34},
    {"PONG", OpKind::kPong, 29, 37},
    {"HPUB", OpKind::kHpub, 18, 19},
    {"HMSG", OpKind::kHpub, 18, 24},
    {"SUB", OpKind::kSub, 43, 44},
    {"UNSUB", OpKind::kUnsub, 59, 60},
    {"CONNECT", OpKind::kConnect, 10, 11},
    {"INFO", OpKind::kInfo, 71, 72},
    {"+OK", OpKind::kOk, 1, 2},
    {"-ERR", OpKind::kErr, 4, 5},
}};
constexpr uint8_t kHmsgRow = 4;
constexpr uint8_t kMessageEndCr = 41;  // nats-server's state numbers
constexpr uint8_t kMessageEndLf = 42;

constexpr size_t kFirstResidueBytes = 256;

uint8_t state_number(uint8_t row, uint8_t matched) {
  if (matched == 0) return 0;
  if (matched == 1) return kVerbs[row].first_state;
  return static_cast<uint8_t>(kVerbs[row].second_state + matched - 2);
}

char to_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

// Finds the row that goes on with `c` behind what row `row` has matched so far.
bool advance_verb(char c, uint8_t& row, uint8_t& matched) {
  const Slice seen = kVerbs[row].name.substr(0, matched);
  const char wanted = to_upper(c);
  for (size_t i = row; i < kVerbs.size(); ++i) {
    const Slice name = kVerbs[i].name;
    if (name.size() > matched && name[matched] == wanted && name.substr(0, matched) == seen) {
      row = static_cast<uint8_t>(i);
      ++matched;
      return true;
    }
  }
  return false;
}

bool ends_without_arguments(OpKind kind) {
  return kind == OpKind::kPing || kind == OpKind::kPong || kind == OpKind::kOk;
}

bool needs_space(OpKind kind) {
  return kind != OpKind::kConnect && kind != OpKind::kInfo;
}

// nats-server drops the byte before LF when a CR stands anywhere behind the first argument byte.
Slice without_cr(Slice line) {
  if (line.size() < 2) return line;
  if (line.back() == '\r' || line.find('\r', 1) != Slice::npos) line.remove_suffix(1);
  return line;
}

}  // namespace

struct Parser::Publish {
  Slice subject;
  Slice reply;
  Slice size_text;
  uint32_t header_bytes = 0;
  uint32_t message_bytes = 0;
  bool plain = false;  // one space between all parts behind the subject, none behind the last
};

void Parser::set_limits(const ParserLimits& limits) {
  limits_ = limits;
  shape_.line_bytes = 0;  // the line was checked against the old limits
}

ParseResult Parser::next(const BlockRef& block, Slice& input, Op& op) {
  if (phase_ == Phase::kStart) {
    if (residue_) [[unlikely]] {
      residue_ = BlockRef();
      residue_used_ = 0;
    }
    if (input.empty()) return ParseResult::kNeedMore;
    if (take_whole_publish(block, input, op)) return ParseResult::kOp;
    if (limits_.connect_first && to_upper(input.front()) != 'C') {
      return fail(ParseErrorKind::kAuthorization);
    }
    phase_ = Phase::kVerb;
    verb_ = 0;
    matched_ = 0;
  }
  op = Op{};
  return step(block, input, op);
}

ParseResult Parser::step(const BlockRef& block, Slice& input, Op& op) {
  if (phase_ == Phase::kFailed) return ParseResult::kError;
  if (phase_ == Phase::kVerb || phase_ == Phase::kFirstSpace) {
    const ParseResult result = take_verb(input);
    if (result != ParseResult::kOp) return result;
  }
  if (phase_ == Phase::kSkipLine) return take_skipped_line(block, input, op);
  if (phase_ == Phase::kSpaces) {
    input.remove_prefix(std::min(input.find_first_not_of(" \t"), input.size()));
    if (input.empty()) return ParseResult::kNeedMore;
    phase_ = Phase::kArguments;
  }
  if (phase_ == Phase::kArguments) return take_arguments(block, input, op);
  return take_message(input, op);
}

// kOp: the verb is complete and phase_ says what follows.
ParseResult Parser::take_verb(Slice& input) {
  while (phase_ == Phase::kVerb) {
    if (input.empty()) return ParseResult::kNeedMore;
    if (!advance_verb(input.front(), verb_, matched_)) {
      return fail_unknown(state_number(verb_, matched_));
    }
    input.remove_prefix(1);
    if (matched_ < kVerbs[verb_].name.size()) continue;
    const OpKind kind = kVerbs[verb_].kind;
    if (ends_without_arguments(kind)) {
      phase_ = Phase::kSkipLine;
    } else {
      phase_ = needs_space(kind) ? Phase::kFirstSpace : Phase::kSpaces;
    }
  }
  if (phase_ == Phase::kFirstSpace) {
    if (input.empty()) return ParseResult::kNeedMore;
    if (!is_space(input.front())) return fail_unknown(state_number(verb_, matched_));
    phase_ = Phase::kSpaces;
  }
  return ParseResult::kOp;
}

ParseResult Parser::take_skipped_line(const BlockRef& block, Slice& input, Op& op) {
  const size_t lf = input.find('\n');
  if (lf == Slice::npos) {
    input = {};
    return ParseResult::kNeedMore;
  }
  input.remove_prefix(lf + 1);
  op.kind = kVerbs[verb_].kind;
  op.block = &block;
  phase_ = Phase::kStart;
  return ParseResult::kOp;
}

ParseResult Parser::take_arguments(const BlockRef& block, Slice& input, Op& op) {
  // The first byte behind the spaces belongs to the arguments whatever it is, even LF.
  const size_t lf = input.find('\n', residue_used_ == 0 ? 1 : 0);
  if (lf == Slice::npos) return keep_arguments(input);
  if (residue_used_ + lf > size_t{limits_.max_control_line} + 1) {
    return fail(ParseErrorKind::kControlLineTooLong);
  }
  Slice line = input.substr(0, lf + 1);
  const bool split = residue_used_ != 0;
  if (split) {
    append_residue(line, size_t{limits_.max_control_line} + 2);
    line = residue();
  }
  const Slice args = without_cr(line.substr(0, line.size() - 1));
  if (args.size() > limits_.max_control_line) return fail(ParseErrorKind::kControlLineTooLong);
  input.remove_prefix(lf + 1);
  const OpKind kind = kVerbs[verb_].kind;
  if (kind == OpKind::kPub || kind == OpKind::kHpub) return begin_message(block, line, input, op);
  return finish_line(split ? residue_ : block, args, op);
}

// The line has not ended: it is kept unless what came is already too much.
ParseResult Parser::keep_arguments(Slice& input) {
  const size_t limit = limits_.max_control_line;
  if (residue_used_ + input.size() > limit + 1) return fail(ParseErrorKind::kControlLineTooLong);
  append_residue(input, limit + 2);
  input = {};
  if (residue_used_ > limit && residue().find('\r', 1) == Slice::npos) {
    return fail(ParseErrorKind::kControlLineTooLong);
  }
  return ParseResult::kNeedMore;
}

ParseResult Parser::finish_line(const BlockRef& block, Slice args, Op& op) {
  op.kind = kVerbs[verb_].kind;
  op.args = args;
  op.block = &block;
  phase_ = Phase::kStart;
  const bool sub = op.kind == OpKind::kSub;
  if (!sub && op.kind != OpKind::kUnsub) return ParseResult::kOp;

  const Arguments parts = split_arguments(args, /*line_ends_split=*/true);
  const size_t least = sub ? 2 : 1;
  if (parts.count < least || parts.count > least + 1) {
    refuse(BadArguments::kCount, args);
    return ParseResult::kError;
  }
  op.sid = sub ? parts.part[parts.count - 1] : parts.part[0];
  if (sub) {
    op.subject = parts.part[0];
    if (parts.count == 3) op.queue = parts.part[1];
  } else {
    op.max = parts.count == 2 ? parse_size(parts.part[1]) : -1;
  }
  return ParseResult::kOp;
}

// `line`: the arguments up to and with LF, in the input (just before `input`) or in the residue.
ParseResult Parser::begin_message(const BlockRef& block, Slice line, Slice& input, Op& op) {
  if (verb_ == kHmsgRow) return fail_unknown(kMessageEndCr);
  Publish publish;
  if (!read_publish(without_cr(line.substr(0, line.size() - 1)), publish)) {
    return ParseResult::kError;
  }
  line_bytes_ = static_cast<uint32_t>(line.size());
  message_bytes_ = publish.message_bytes;
  const size_t rest = size_t{message_bytes_} + 2;
  if (residue_used_ == 0 && input.size() >= rest && input[rest - 2] == '\r' &&
      input[rest - 1] == '\n') {
    fill_publish(publish, line, input.substr(0, message_bytes_), op);
    op.block = &block;
    input.remove_prefix(rest);
    phase_ = Phase::kStart;
    return ParseResult::kOp;
  }
  if (residue_used_ == 0) {
    grow_residue(line.size() + std::min(rest, input.size()), line.size() + rest);
    append_residue(line, line.size() + rest);
  }
  phase_ = Phase::kMessage;
  return take_message(input, op);
}

ParseResult Parser::take_message(Slice& input, Op& op) {
  const size_t frame = size_t{line_bytes_} + message_bytes_ + 2;
  const size_t count = std::min(frame - residue_used_, input.size());
  for (size_t at = frame - 2; at < frame; ++at) {
    if (at < residue_used_ || at >= residue_used_ + count) continue;
    const bool is_cr = at == frame - 2;
    if (input[at - residue_used_] == (is_cr ? '\r' : '\n')) continue;
    input.remove_prefix(at - residue_used_);
    return fail_unknown(is_cr ? kMessageEndCr : kMessageEndLf);
  }
  append_residue(input.substr(0, count), frame);
  input.remove_prefix(count);
  if (residue_used_ < frame) return ParseResult::kNeedMore;

  const Slice line = residue().substr(0, line_bytes_);
  Publish publish;
  const bool still_good = read_publish(without_cr(line.substr(0, line.size() - 1)), publish);
  PETREL_CHECK(still_good && publish.message_bytes == message_bytes_);
  fill_publish(publish, line, residue().substr(line_bytes_, message_bytes_), op);
  op.block = &residue_;
  phase_ = Phase::kStart;
  return ParseResult::kOp;
}

// Arguments of PUB and HPUB, in the order in which nats-server looks at them.
bool Parser::read_publish(Slice args, Publish& publish) {
  const bool headers = kVerbs[verb_].kind == OpKind::kHpub;
  if (headers && !limits_.headers) return refuse(BadArguments::kHeadersNotSupported, args);
  const Arguments parts = split_arguments(args, /*line_ends_split=*/false);
  const size_t sizes = headers ? 2 : 1;
  if (parts.count < sizes + 1 || parts.count > sizes + 2) {
    return refuse(BadArguments::kCount, args);
  }
  publish.subject = parts.part[0];
  if (parts.count == sizes + 2) publish.reply = parts.part[1];
  publish.plain = parts.is_plain(args);

  const Slice total_text = parts.part[parts.count - 1];
  const int64_t total = parse_size(total_text);
  if (headers) {
    const Slice header_text = parts.part[parts.count - 2];
    const int64_t header = parse_size(header_text);
    if (header < 0) return refuse(BadArguments::kHeaderSize, args);
    if (total < 0) return refuse(BadArguments::kTotalSize, args);
    if (header > total) return refuse(BadArguments::kHeaderLargerThanTotal, args);
    publish.header_bytes = static_cast<uint32_t>(header);
    publish.size_text = header == 0 ? total_text : join_sizes(header_text, total_text);
    if (header == 0) publish.plain = false;  // it goes on as a message without headers
  } else {
    if (total < 0) return refuse(BadArguments::kSize, args);
    publish.size_text = total_text;
  }
  publish.message_bytes = static_cast<uint32_t>(total);
  if (publish.message_bytes > limits_.max_payload) {
    error_.announced_bytes = total;
    error_.header_bytes = publish.header_bytes;
    error_.args = publish.subject;
    error_.allowed_bytes = limits_.max_payload;
    fail(ParseErrorKind::kMaxPayload);
    return false;
  }
  return true;
}

// "12 17" as it came, or put together in size_text_ when other spaces stand between.
Slice Parser::join_sizes(Slice header_text, Slice total_text) {
  const char* const gap = header_text.data() + header_text.size();
  if (gap + 1 == total_text.data() && *gap == ' ') {
    return {header_text.data(), header_text.size() + 1 + total_text.size()};
  }
  char* out = size_text_.data();
  out = std::copy(header_text.begin(), header_text.end(), out);
  *out++ = ' ';
  out = std::copy(total_text.begin(), total_text.end(), out);
  return {size_text_.data(), static_cast<size_t>(out - size_text_.data())};
}

void Parser::fill_publish(const Publish& publish, Slice line, Slice message, Op& op) {
  op.kind = kVerbs[verb_].kind;
  op.subject = publish.subject;
  op.reply = publish.reply;
  op.args = without_cr(line.substr(0, line.size() - 1));
  op.size_text = publish.size_text;
  op.message = message;
  op.header_bytes = publish.header_bytes;
  if (publish.plain && line.size() == op.args.size() + 2 && line[op.args.size()] == '\r') {
    const char* const begin = publish.reply.empty() ? op.size_text.data() : op.reply.data();
    op.tail = Slice(begin, static_cast<size_t>(message.data() + message.size() + 2 - begin));
  }
}

// Makes room for `needed` bytes of a frame of at most `frame_bytes`: what is allocated is at most
// twice what has arrived.
void Parser::grow_residue(size_t needed, size_t frame_bytes) {
  if (residue_ && needed <= residue_->capacity()) return;
  const size_t capacity = std::min(std::max(needed * 2, kFirstResidueBytes), frame_bytes);
  BlockRef grown = BlockRef::allocate(static_cast<uint32_t>(capacity));
  if (residue_used_ != 0) std::memcpy(grown->bytes(), residue_->bytes(), residue_used_);
  residue_ = std::move(grown);
}

void Parser::append_residue(Slice bytes, size_t frame_bytes) {
  if (bytes.empty()) return;
  grow_residue(residue_used_ + bytes.size(), frame_bytes);
  std::memcpy(residue_->bytes() + residue_used_, bytes.data(), bytes.size());
  residue_used_ += static_cast<uint32_t>(bytes.size());
}

ParseResult Parser::fail_unknown(uint8_t state) {
  error_.state = state;
  return fail(ParseErrorKind::kUnknownOperation);
}

ParseResult Parser::fail(ParseErrorKind kind) {
  error_.kind = kind;
  phase_ = Phase::kFailed;
  return ParseResult::kError;
}

bool Parser::refuse(BadArguments why, Slice args) {
  error_.arguments = why;
  error_.operation = kVerbs[verb_].kind;
  error_.args = args;
  fail(ParseErrorKind::kSilent);
  return false;
}

}  // namespace petrel::proto

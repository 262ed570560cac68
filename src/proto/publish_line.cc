// The fast path of Parser: a PUB or HPUB that lies whole in the input, in the form that every
// client library writes. Anything else is left, untouched, to the state machine in parser.cc.
#include "petrel/proto/parser.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace petrel::proto {

namespace {

// Four bytes as one comparable word, in the byte order of the machine.
constexpr uint32_t word(char a, char b, char c, char d) {
  return std::bit_cast<uint32_t>(std::array<char, 4>{a, b, c, d});
}
constexpr uint32_t kUpperMask = word('\xdf', '\xdf', '\xdf', '\xff');
constexpr uint32_t kPubSpace = word('P', 'U', 'B', ' ');

bool is_pub_space(const char* at) {
  uint32_t bytes = 0;
  std::memcpy(&bytes, at, sizeof bytes);
  return (bytes & kUpperMask) == kPubSpace;
}

// First byte in [at, end) that is a space or a control byte, or `end`. Eight bytes at a time: a
// byte below 0x21 borrows from its top bit; the lowest one found is exact.
const char* find_separator(const char* at, const char* end) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  if constexpr (std::endian::native == std::endian::little) {
    for (; end - at >= 8; at += 8) {
      uint64_t bytes = 0;
      std::memcpy(&bytes, at, sizeof bytes);
      const uint64_t found = (bytes - kOnes * 0x21) & ~bytes & (kOnes * 0x80);
      if (found != 0) return at + std::countr_zero(found) / 8;
    }
  }
  while (at < end && static_cast<unsigned char>(*at) > ' ') ++at;
  return at;
}

// REQUIRES: bytes >= 4. Inlined compares of words: a call of memcmp costs more than the rest.
bool same_bytes(const char* left, const char* right, size_t bytes) {
  const auto same = [=]<typename Word>(Word, size_t at) {
    Word a = 0;
    Word b = 0;
    std::memcpy(&a, left + at, sizeof a);
    std::memcpy(&b, right + at, sizeof b);
    return a == b;
  };
  if (bytes < 8) return same(uint32_t{}, 0) && same(uint32_t{}, bytes - 4);
  for (size_t at = 0; at + 8 < bytes; at += 8) {
    if (!same(uint64_t{}, at)) return false;
  }
  return same(uint64_t{}, bytes - 8);
}

// Reads up to 9 digits in [at, end); false if there is anything else.
bool read_digits(const char* at, const char* end, uint32_t& value) {
  if (at == end || end - at > 9) return false;
  value = 0;
  for (; at < end; ++at) {
    const auto digit = static_cast<uint32_t>(static_cast<unsigned char>(*at) - '0');
    if (digit > 9) return false;
    value = value * 10 + digit;
  }
  return true;
}

}  // namespace

bool Parser::take_whole_publish(const BlockRef& block, Slice& input, Op& op) {
  if (limits_.connect_first) return false;
  if (is_like_last(input)) return take_shaped(last_, block, input, op);
  LineShape shape;
  if (!measure_line(input, shape)) return false;
  if (shape.reply_end == 0 && shape.line_bytes <= kRememberedLineMax) {
    // Lines with a reply hardly ever come twice.
    std::memcpy(last_line_.data(), input.data(), shape.line_bytes);
    last_ = shape;
  }
  return take_shaped(shape, block, input, op);
}

// True if the line equals the remembered one, or differs only inside the subject.
bool Parser::is_like_last(Slice input) const {
  const size_t line_bytes = last_.line_bytes;
  if (line_bytes == 0 || input.size() < line_bytes) return false;
  const char* const begin = input.data();
  const char* const known = last_line_.data();
  if (same_bytes(begin, known, line_bytes)) return true;
  const size_t end = last_.subject_end;
  return same_bytes(begin, known, last_.args_at) &&
         same_bytes(begin + end, known + end, line_bytes - end) &&
         find_separator(begin + last_.args_at, begin + line_bytes) == begin + end;
}

// False unless the line is "[H]PUB subject[ reply] size..CRLF", within the limits, of 255 bytes at
// most.
bool Parser::measure_line(Slice input, LineShape& shape) const {
  if (input.size() < sizeof("PUB a 0\r\n") - 1) return false;
  const char* const begin = input.data();
  const char* const end = begin + std::min<size_t>(input.size(), 255);
  const bool headers = (*begin | 0x20) == 'h';
  if (!is_pub_space(begin + (headers ? 1 : 0)) || (headers && !limits_.headers)) return false;
  const char* const args = begin + (headers ? 5 : 4);

  std::array<const char*, 5> stops{};
  size_t parts = 0;
  for (const char* at = args;;) {
    const char* const stop = find_separator(at, end);
    if (stop == end || stop == at || parts == 4) return false;
    stops[parts++] = stop;
    if (*stop != ' ') break;
    at = stop + 1;
  }
  const char* const line_end = stops[parts - 1];
  const size_t sizes = headers ? 2 : 1;
  if (parts < sizes + 1 || parts > sizes + 2 || line_end + 1 >= end || line_end[0] != '\r' ||
      line_end[1] != '\n' || static_cast<size_t>(line_end - args) > limits_.max_control_line) {
    return false;
  }
  const char* const size_at = stops[parts - sizes - 1] + 1;
  if (headers && !read_digits(size_at, stops[parts - 2], shape.header_bytes)) return false;
  if (!read_digits(stops[parts - 2] + 1, line_end, shape.message_bytes)) return false;
  if (shape.header_bytes > shape.message_bytes || shape.message_bytes > limits_.max_payload) {
    return false;
  }
  shape.kind = headers ? OpKind::kHpub : OpKind::kPub;
  shape.line_bytes = static_cast<uint8_t>(line_end + 2 - begin);
  shape.args_at = static_cast<uint8_t>(args - begin);
  shape.subject_end = static_cast<uint8_t>(stops[0] - begin);
  shape.reply_end = parts == sizes + 2 ? static_cast<uint8_t>(stops[1] - begin) : uint8_t{0};
  shape.size_at = static_cast<uint8_t>(size_at - begin);
  return true;
}

// False if the message is not there yet or does not end in CR LF.
bool Parser::take_shaped(const LineShape& shape, const BlockRef& block, Slice& input, Op& op) {
  const size_t frame = size_t{shape.line_bytes} + shape.message_bytes + 2;
  if (input.size() < frame || input[frame - 2] != '\r' || input[frame - 1] != '\n') return false;
  const char* const begin = input.data();
  const size_t tail_at = shape.reply_end == 0 ? shape.size_at : shape.subject_end + size_t{1};
  const size_t args_end = shape.line_bytes - size_t{2};
  op.kind = shape.kind;
  op.subject = Slice(begin + shape.args_at, size_t{shape.subject_end} - shape.args_at);
  op.reply = shape.reply_end == 0 ? Slice() : Slice(begin + tail_at, shape.reply_end - tail_at);
  op.queue = Slice();
  op.sid = Slice();
  op.args = Slice(begin + shape.args_at, args_end - shape.args_at);
  op.size_text = Slice(begin + shape.size_at, args_end - shape.size_at);
  op.message = Slice(begin + shape.line_bytes, shape.message_bytes);
  op.header_bytes = shape.header_bytes;
  op.tail = Slice(begin + tail_at, frame - tail_at);
  op.max = 0;
  op.block = &block;
  input.remove_prefix(frame);
  return true;
}

}  // namespace petrel::proto

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
  if (!is_shaped_as_last(input)) {
    shape_.line_bytes = 0;
    if (!measure_line(input)) return false;
  }
  return take_shaped(block, input, op);
}

// True if the line differs from the last one only inside its subject and reply: then the sizes
// need not be read again.
bool Parser::is_shaped_as_last(Slice input) const {
  const size_t line_bytes = shape_.line_bytes;
  if (line_bytes == 0 || input.size() < line_bytes) return false;
  const char* const begin = input.data();
  const char* const args = begin + shape_.args_at;
  const char* const sizes = begin + shape_.size_at - 1;
  const char* const subject_end = begin + shape_.subject_end;
  if (!same_bytes(sizes, sizes_text_.data(), line_bytes - shape_.size_at + 1)) return false;
  if (!is_pub_space(args - 4) || (shape_.args_at == 5 && (*begin | 0x20) != 'h')) return false;
  if (find_separator(args, sizes) != subject_end) return false;
  if (subject_end == sizes) return true;
  return *subject_end == ' ' && subject_end + 1 != sizes &&
         find_separator(subject_end + 1, sizes) == sizes;
}

// Fills shape_; false unless the line is "[H]PUB subject[ reply] size..CRLF", within the limits, of
// 256 bytes at most.
bool Parser::measure_line(Slice input) {
  if (input.size() < sizeof("PUB a 0\r\n") - 1) return false;
  const char* const begin = input.data();
  const bool headers = (*begin | 0x20) == 'h';
  if (!is_pub_space(begin + (headers ? 1 : 0)) || (headers && !limits_.headers)) return false;
  const size_t args_at = headers ? 5 : 4;

  const char* const end = begin + std::min<size_t>(input.size(), 255);
  std::array<size_t, 4> ends;
  size_t parts = 0;
  size_t at = args_at;
  for (;;) {
    const char* const stop = find_separator(begin + at, end);
    if (stop == end || stop == begin + at || parts == ends.size()) return false;
    ends[parts++] = static_cast<size_t>(stop - begin);
    if (*stop != ' ') break;
    at = ends[parts - 1] + 1;
  }
  const size_t line_end = ends[parts - 1];
  const size_t sizes = headers ? 2 : 1;
  if (parts < sizes + 1 || parts > sizes + 2 || input.size() < line_end + 2 ||
      begin[line_end] != '\r' || begin[line_end + 1] != '\n' ||
      line_end - args_at > limits_.max_control_line) {
    return false;
  }
  shape_.header_bytes = 0;
  const size_t size_at = ends[parts - sizes - 1] + 1;
  if (headers && (!read_digits(begin + size_at, begin + ends[parts - 2], shape_.header_bytes) ||
                  shape_.header_bytes == 0)) {
    return false;
  }
  if (!read_digits(begin + at, begin + line_end, shape_.message_bytes)) return false;
  if (shape_.header_bytes > shape_.message_bytes || shape_.message_bytes > limits_.max_payload) {
    return false;
  }
  shape_.kind = headers ? OpKind::kHpub : OpKind::kPub;
  shape_.line_bytes = static_cast<uint16_t>(line_end + 2);
  shape_.args_at = static_cast<uint8_t>(args_at);
  shape_.subject_end = static_cast<uint8_t>(ends[0]);
  shape_.reply_end = parts == sizes + 2 ? static_cast<uint8_t>(ends[1]) : uint8_t{0};
  shape_.size_at = static_cast<uint8_t>(size_at);
  std::copy(begin + size_at - 1, begin + line_end + 2, sizes_text_.begin());
  return true;
}

size_t Parser::count_repeats(const Op& op, Slice input, size_t most) const {
  constexpr size_t kLineMin = sizeof("PUB a 0\r\n") - 1;
  const size_t line = shape_.line_bytes;
  const size_t frame = frame_bytes();
  // The frame lies right before the input, and is the one that shape_ speaks of.
  const bool is_before = line >= kLineMin && !op.tail.empty() &&
                         op.tail.data() + op.tail.size() == input.data() &&
                         op.message.size() == shape_.message_bytes &&
                         op.subject.data() + (frame - shape_.args_at) == input.data();
  if (!is_before) return 0;
  size_t count = 0;
  const char* at = input.data();
  for (size_t left = input.size(); left >= frame && count < most; left -= frame, at += frame) {
    // Subjects that are counted up differ behind, so the end is looked at first.
    const char* const ends = at + line - kLineMin;
    if (!same_bytes(ends - frame, ends, kLineMin) || !same_bytes(at - frame, at, line)) break;
    if (at[frame - 2] != '\r' || at[frame - 1] != '\n') break;
    ++count;
  }
  return count;
}

// False if the message is not there yet or does not end in CR LF.
bool Parser::take_shaped(const BlockRef& block, Slice& input, Op& op) const {
  const size_t frame = size_t{shape_.line_bytes} + shape_.message_bytes + 2;
  if (input.size() < frame || input[frame - 2] != '\r' || input[frame - 1] != '\n') return false;
  const char* const begin = input.data();
  const size_t tail_at = shape_.reply_end == 0 ? shape_.size_at : shape_.subject_end + size_t{1};
  const size_t args_end = size_t{shape_.line_bytes} - 2;
  op.kind = shape_.kind;
  op.subject = Slice(begin + shape_.args_at, size_t{shape_.subject_end} - shape_.args_at);
  op.reply = shape_.reply_end == 0 ? Slice() : Slice(begin + tail_at, shape_.reply_end - tail_at);
  op.queue = Slice();
  op.sid = Slice();
  op.args = Slice(begin + shape_.args_at, args_end - shape_.args_at);
  op.size_text = Slice(begin + shape_.size_at, args_end - shape_.size_at);
  op.message = Slice(begin + shape_.line_bytes, shape_.message_bytes);
  op.header_bytes = shape_.header_bytes;
  op.tail = Slice(begin + tail_at, frame - tail_at);
  op.max = 0;
  op.block = &block;
  input.remove_prefix(frame);
  return true;
}

}  // namespace petrel::proto

#include "jetstream/consumer_ack_subject.h"

#include "jetstream/decimal.h"

#include "petrel/subject/subject.h"

#include <array>
#include <charconv>

namespace petrel::jetstream {

namespace {

constexpr size_t kTokensShort = 9;
constexpr size_t kTokensLong = 11;

// What is no number is a sequence that no message has.
uint64_t sequence(Slice token) {
  const uint64_t value = parse_number(token);
  return value == 0 && token != "0" ? UINT64_MAX : value;
}

}  // namespace

uint64_t parse_number(Slice text) {
  uint64_t value = 0;
  if (text.empty() || text.front() < '0' || text.front() > '9') return 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

AckSubject parse_ack_subject(Slice subject) {
  std::array<Slice, kTokensLong> tokens;
  size_t count = 0;
  for (subject::TokenReader reader(subject); reader.next(); ++count) {
    if (count < tokens.size()) tokens[count] = reader.token();
  }
  if (count != kTokensShort && count < kTokensLong) return {};
  if (tokens[0] != "$JS" || tokens[1] != "ACK") return {};
  const size_t first = count == kTokensShort ? 4 : 6;
  return {.deliveries = parse_number(tokens[first]),
          .stream_sequence = sequence(tokens[first + 1]),
          .consumer_sequence = sequence(tokens[first + 2]),
          .time_ns = static_cast<int64_t>(parse_number(tokens[first + 3])),
          .pending = parse_number(tokens[first + 4])};
}

std::string reply_scope(StreamHost& host, Slice account) {
  const Slice domain = host.domain().empty() ? Slice("_") : host.domain();
  return std::string(domain) + "." + host.short_hash(account) + ".";
}

void append_number(std::string& out, uint64_t value) {
  std::array<char, kDecimalBytesMax> digits;
  out.append(digits.data(), put_decimal(digits.data(), value));
}

void append_ack_numbers(std::string& subject, const AckSubject& ack) {
  std::array<char, 128> text;  // five numbers of at most 20 digits, four dots
  char* at = text.data();
  for (const uint64_t number : {ack.deliveries, ack.stream_sequence, ack.consumer_sequence,
                                static_cast<uint64_t>(ack.time_ns), ack.pending}) {
    at = put_decimal(at, number);
    *at++ = '.';
  }
  subject.append(text.data(), at - 1);
}

}  // namespace petrel::jetstream

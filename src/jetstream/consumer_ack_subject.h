// The ack subject of a delivery: what a consumer writes into the reply of a delivered message and
// reads back when a client answers it.
//
// Clients may send anything to it: sequences that are no decimal number of 64 bits are 2^64 - 1,
// which no message has, other numbers 0.
// Thread: pure functions, any thread. Source: spec consumers.md section 2.
#pragma once

#include "petrel/base/block.h"
#include "petrel/jetstream/stream_host.h"

#include <cstdint>
#include <string>

namespace petrel::jetstream {

struct AckSubject {
  uint64_t deliveries = 0;
  uint64_t stream_sequence = 0;  // 0: not an ack subject
  uint64_t consumer_sequence = 0;
  int64_t time_ns = 0;
  uint64_t pending = 0;
};

// "$JS.ACK." with 9 tokens, or with domain and account and 11 tokens or more.
AckSubject parse_ack_subject(Slice subject);

// "<domain>.<account>.": what the long form of subjects for acknowledgements and flow control has
// before the stream; the short form has nothing.
std::string reply_scope(StreamHost& host, Slice account);
// Puts the numbers behind the prefix that `subject` already holds.
void append_ack_numbers(std::string& subject, const AckSubject& ack);

// A decimal number of 64 bits, else 0.
uint64_t parse_number(Slice text);
// Appends `value` in decimal.
void append_number(std::string& out, uint64_t value);

}  // namespace petrel::jetstream

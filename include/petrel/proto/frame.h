// Frames that a server writes to a client: constants and appenders.
//
// Owner: none, pure functions. Thread: any. `Out` is anything with append(const char*, size_t),
// such as std::string or an outbound buffer. Nothing is checked: subjects, sids and replies come
// from parsed operations, which hold neither spaces nor line ends.
// Source: spec protocol.md sections 4 and 4.2.
#pragma once

#include "petrel/base/block.h"

#include <array>
#include <charconv>
#include <cstdint>

namespace petrel::proto {

inline constexpr Slice kPingFrame = "PING\r\n";
inline constexpr Slice kPongFrame = "PONG\r\n";
inline constexpr Slice kOkFrame = "+OK\r\n";
inline constexpr Slice kCrlf = "\r\n";

// The texts that stand inside -ERR '...'. Source: spec protocol.md section 6.
namespace err {
inline constexpr Slice kUnknownOperation = "Unknown Protocol Operation";
inline constexpr Slice kAuthorization = "Authorization Violation";
inline constexpr Slice kAuthenticationTimeout = "Authentication Timeout";
inline constexpr Slice kUserAuthenticationExpired = "User Authentication Expired";
inline constexpr Slice kUserAuthenticationRevoked = "User Authentication Revoked";
inline constexpr Slice kAccountAuthenticationExpired = "Account Authentication Expired";
inline constexpr Slice kFailedAccountRegistration = "Failed Account Registration";
inline constexpr Slice kMaxConnections = "maximum connections exceeded";
inline constexpr Slice kMaxAccountConnections = "maximum account active connections exceeded";
inline constexpr Slice kMaxSubscriptions = "maximum subscriptions exceeded";
inline constexpr Slice kMaxControlLine = "maximum control line exceeded";
inline constexpr Slice kMaxPayload = "Maximum Payload Violation";
inline constexpr Slice kInvalidSubject = "Invalid Subject";
inline constexpr Slice kInvalidPublishSubject = "Invalid Publish Subject";
inline constexpr Slice kInvalidClientProtocol = "invalid client protocol";
inline constexpr Slice kNoRespondersRequiresHeaders = "no responders requires headers support";
inline constexpr Slice kStaleConnection = "Stale Connection";
inline constexpr Slice kTlsRequired = "Secure Connection - TLS Required";
inline constexpr Slice kConnectionThrottling =
    "Connection throttling is active. Please try again later.";
}  // namespace err

// Digits of a number, without allocation.
class Decimal {
 public:
  explicit Decimal(uint64_t value) {
    const auto end = std::to_chars(digits_.data(), digits_.data() + digits_.size(), value).ptr;
    size_ = static_cast<size_t>(end - digits_.data());
  }
  Slice text() const { return {digits_.data(), size_}; }

 private:
  std::array<char, 20> digits_;
  size_t size_ = 0;
};

template <typename Out>
void append_text(Out& out, Slice text) {
  out.append(text.data(), text.size());
}

template <typename Out>
void append_number(Out& out, uint64_t value) {
  append_text(out, Decimal(value).text());
}

// "MSG subject sid ": what stands before Op::tail in a delivery; router caches keep it ready-made.
template <typename Out>
void append_msg_prefix(Out& out, Slice subject, Slice sid) {
  append_text(out, "MSG ");
  append_text(out, subject);
  append_text(out, " ");
  append_text(out, sid);
  append_text(out, " ");
}

// The same for a delivery with headers.
template <typename Out>
void append_hmsg_prefix(Out& out, Slice subject, Slice sid) {
  append_text(out, "H");
  append_msg_prefix(out, subject, sid);
}

// "[reply ]size_text CRLF message CRLF": Op::tail put together when it is not there as it came.
// `size_text`: "17", or for HMSG "12 17".
template <typename Out>
void append_tail(Out& out, Slice reply, Slice size_text, Slice message) {
  if (!reply.empty()) {
    append_text(out, reply);
    append_text(out, " ");
  }
  append_text(out, size_text);
  append_text(out, kCrlf);
  append_text(out, message);
  append_text(out, kCrlf);
}

// "-ERR 'text' CRLF".
template <typename Out>
void append_err(Out& out, Slice text) {
  append_text(out, "-ERR '");
  append_text(out, text);
  append_text(out, "'\r\n");
}

// Status 503 to the requestor: nobody took the message published to `subject`. `reply` and `sid`
// are those of the requestor's own subscription on the reply.
template <typename Out>
void append_no_responders(Out& out, Slice reply, Slice sid, Slice subject) {
  constexpr Slice kBeforeSubject = "NATS/1.0 503\r\nNats-Subject: ";
  constexpr Slice kBehindSubject = "\r\n\r\n";
  const Decimal size(kBeforeSubject.size() + subject.size() + kBehindSubject.size());
  append_hmsg_prefix(out, reply, sid);
  append_text(out, size.text());
  append_text(out, " ");
  append_text(out, size.text());
  append_text(out, kCrlf);
  append_text(out, kBeforeSubject);
  append_text(out, subject);
  append_text(out, kBehindSubject);
  append_text(out, kCrlf);
}

}  // namespace petrel::proto

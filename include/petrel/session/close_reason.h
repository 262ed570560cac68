// Why a connection ended, with the texts that monitoring shows. Source: spec protocol.md section 6.
#pragma once

#include <cstdint>
#include <string_view>

namespace petrel::session {

enum class CloseReason : uint8_t {
  kClientClosed,
  kAuthenticationTimeout,
  kAuthenticationViolation,
  kTlsHandshake,
  kSlowConsumerPendingBytes,
  kSlowConsumerWriteDeadline,
  kWriteError,
  kReadError,
  kParseError,
  kStaleConnection,
  kProtocolViolation,
  kBadClientProtocolVersion,
  kMaxConnectionsExceeded,
  kMaxAccountConnectionsExceeded,
  kMaxPayloadExceeded,
  kMaxControlLineExceeded,
  kMaxSubscriptionsExceeded,
  kServerShutdown,
  kNoRespondersRequiresHeaders,
  kKicked,
  kAuthenticationExpired,
  kCredentialsRevoked,
  kProxyNotTrusted,
  kProxyRequired,
};

std::string_view close_reason_text(CloseReason reason);
// Whether what is still queued may be sent before the socket closes.
bool flushes_before_close(CloseReason reason);

}  // namespace petrel::session

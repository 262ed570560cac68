#include "petrel/session/close_reason.h"

namespace petrel::session {

std::string_view close_reason_text(CloseReason reason) {
  switch (reason) {
    case CloseReason::kClientClosed:
      return "Client Closed";
    case CloseReason::kAuthenticationTimeout:
      return "Authentication Timeout";
    case CloseReason::kAuthenticationViolation:
      return "Authentication Failure";
    case CloseReason::kTlsHandshake:
      return "TLS Handshake Failure";
    case CloseReason::kSlowConsumerPendingBytes:
      return "Slow Consumer (Pending Bytes)";
    case CloseReason::kSlowConsumerWriteDeadline:
      return "Slow Consumer (Write Deadline)";
    case CloseReason::kWriteError:
      return "Write Error";
    case CloseReason::kReadError:
      return "Read Error";
    case CloseReason::kParseError:
      return "Parse Error";
    case CloseReason::kStaleConnection:
      return "Stale Connection";
    case CloseReason::kProtocolViolation:
      return "Protocol Violation";
    case CloseReason::kBadClientProtocolVersion:
      return "Bad Client Protocol Version";
    case CloseReason::kMaxConnectionsExceeded:
      return "Maximum Connections Exceeded";
    case CloseReason::kMaxAccountConnectionsExceeded:
      return "Maximum Account Connections Exceeded";
    case CloseReason::kMaxPayloadExceeded:
      return "Maximum Message Payload Exceeded";
    case CloseReason::kMaxControlLineExceeded:
      return "Maximum Control Line Exceeded";
    case CloseReason::kMaxSubscriptionsExceeded:
      return "Maximum Subscriptions Exceeded";
    case CloseReason::kServerShutdown:
      return "Server Shutdown";
    case CloseReason::kNoRespondersRequiresHeaders:
      return "No Responders Requires Headers";
    case CloseReason::kKicked:
      return "Kicked";
    case CloseReason::kAuthenticationExpired:
      return "Authentication Expired";
    case CloseReason::kCredentialsRevoked:
      return "Credentials Revoked";
    case CloseReason::kProxyNotTrusted:
      return "Proxy Not Trusted";
    case CloseReason::kProxyRequired:
      return "Proxy Required";
  }
  return "Unknown";
}

bool flushes_before_close(CloseReason reason) {
  switch (reason) {
    case CloseReason::kTlsHandshake:
    case CloseReason::kReadError:
    case CloseReason::kWriteError:
    case CloseReason::kSlowConsumerPendingBytes:
    case CloseReason::kSlowConsumerWriteDeadline:
      return false;
    default:
      return true;
  }
}

}  // namespace petrel::session

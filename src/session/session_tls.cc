// TLS as a session sees it: when the handshake begins, what came of it. Source: spec protocol.md 9.
#include "petrel/session/client_session.h"

namespace petrel::session {

namespace {
constexpr char kTlsRecord = 0x16;
}

void ClientSession::prepare_tls() {
  if (tls_first_ && context_.config->tls->first_fallback.ns > 0) {
    transport_ = Transport::kAwaitsFallback;
    tls_deadline_ = context_.now + context_.config->tls->first_fallback;
    context_.host.set_timer(*this, TimerKind::kTls, tls_deadline_);
  } else {
    choose_transport();
  }
}

// INFO was sent, or will be when the handshake is done.
void ClientSession::choose_transport() {
  const SessionTls* tls = context_.config->tls.get();
  if (proxy_header_ != nullptr) {
    transport_ = Transport::kAwaitsProxyHeader;
  } else if (tls == nullptr) {  // a reload turned it off while the client was waited for
    transport_ = Transport::kPlain;
    start_serving();
  } else if (tls->allows_plain && !tls_first_) {
    transport_ = Transport::kAwaitsFirstByte;
    tls_deadline_ = context_.now + tls->timeout;
    context_.host.set_timer(*this, TimerKind::kTls, tls_deadline_);
  } else {
    start_tls(Slice());
  }
}

void ClientSession::take_first_bytes(const BlockRef& block, Slice bytes) {
  switch (transport_) {
    case Transport::kAwaitsFallback:
      // Whoever speaks before INFO begins with TLS, or with what a proxy puts before it.
      if (proxy_header_ == nullptr) {
        start_tls(bytes);
        return;
      }
      transport_ = Transport::kAwaitsProxyHeader;
      read_proxy_header(block, bytes);
      return;
    case Transport::kAwaitsProxyHeader:
      read_proxy_header(block, bytes);
      return;
    case Transport::kAwaitsFirstByte:
      if (bytes.front() == kTlsRecord) {
        start_tls(bytes);
        return;
      }
      transport_ = Transport::kPlain;
      start_serving();
      parse(block, bytes);
      return;
    case Transport::kHandshake:
    case Transport::kPlain:
    case Transport::kTls:
      return;
  }
}

void ClientSession::after_proxy_header(const BlockRef& block, Slice bytes) {
  if (transport_ == Transport::kPlain) {
    if (!bytes.empty()) parse(block, bytes);
    return;
  }
  const SessionTls* tls = context_.config->tls.get();
  if (tls != nullptr && (tls_first_ || !tls->allows_plain)) {
    start_tls(bytes);
    return;
  }
  choose_transport();
  if (bytes.empty()) return;
  if (transport_ == Transport::kPlain) {
    parse(block, bytes);
  } else {
    take_first_bytes(block, bytes);
  }
}

void ClientSession::start_tls(Slice first) {
  const SessionTls* tls = context_.config->tls.get();
  if (tls == nullptr) {  // a reload turned it off while the client was waited for
    close(CloseReason::kTlsHandshake);
    return;
  }
  log(LogLevel::kDebug, "Starting TLS client connection handshake");
  transport_ = Transport::kHandshake;
  tls_deadline_ = context_.now + tls->timeout;
  context_.host.set_timer(*this, TimerKind::kTls, tls_deadline_);
  if (context_.host.start_tls(*this, first)) return;
  transport_ = Transport::kPlain;
  send_error("Connection throttling is active. Please try again later.");
  close(CloseReason::kMaxConnectionsExceeded);
}

void ClientSession::on_tls_timer() {
  if (context_.now < tls_deadline_) return;
  if (transport_ == Transport::kAwaitsFallback) {
    tls_first_ = false;
    send_info(false);
    choose_transport();
  } else if (transport_ == Transport::kAwaitsFirstByte) {
    // A client that is silent may still speak in clear.
    transport_ = Transport::kPlain;
    start_serving();
  } else if (transport_ == Transport::kHandshake) {
    log(LogLevel::kDebug, "TLS handshake timeout");
    close(CloseReason::kTlsHandshake);
  }
}

bool ClientSession::is_pinned(const TlsPeer& peer) const {
  const SessionTls* tls = context_.config->tls.get();
  if (tls == nullptr || tls->pinned_certs.empty()) return true;
  if (peer.certificates.empty()) {
    log(LogLevel::kDebug, "Failed pinned cert test as client did not provide a certificate");
    return false;
  }
  const std::string& key = peer.certificates.front().spki_sha256;
  if (tls->pinned_certs.contains(key)) return true;
  log(LogLevel::kDebug, "Failed pinned cert test for key id: " + key);
  return false;
}

void ClientSession::tls_established(std::shared_ptr<const TlsPeer> peer) {
  if (is_closed) return;
  if (!is_pinned(*peer)) {
    log(LogLevel::kError, "TLS handshake error: certificate not pinned");
    close(CloseReason::kTlsHandshake);
    return;
  }
  transport_ = Transport::kTls;
  tls_peer_ = std::move(peer);
  log(LogLevel::kDebug, "TLS handshake complete");
  log(LogLevel::kDebug,
      "TLS version " + tls_peer_->version + ", cipher suite " + tls_peer_->cipher_suite);
  if (tls_first_) send_info(false);
  start_serving();
}

void ClientSession::tls_failed(const std::string& why, bool is_probe, bool was_open) {
  if (is_closed) return;
  if (was_open) {
    log(LogLevel::kError, "read error: " + why);
    close(CloseReason::kReadError);
    return;
  }
  log(is_probe ? LogLevel::kDebug : LogLevel::kError, "TLS handshake error: " + why);
  close(CloseReason::kTlsHandshake);
}

}  // namespace petrel::session

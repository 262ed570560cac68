// The PROXY header that a load balancer puts before the client's bytes. Source: spec protocol.md 9.
#include "petrel/session/client_session.h"

#include <algorithm>

namespace petrel::session {

void ClientSession::read_proxy_header(const BlockRef& block, Slice bytes) {
  switch (proxy_header_->take(bytes)) {
    case proto::ProxyResult::kNeedMore:
      return;
    case proto::ProxyResult::kError:
      fail_proxy_header(proxy_header_->error_text());
      return;
    case proto::ProxyResult::kAddress:
      peer_ = {proxy_header_->source_ip(), proxy_header_->source_port()};
      update_log_prefix();
      break;
    case proto::ProxyResult::kKeep:
      break;
    case proto::ProxyResult::kNone: {
      // What was taken for the beginning of a header is the client's own: parse it before the rest.
      const Slice replay = proxy_header_->replay();
      const size_t size = replay.size() + bytes.size();
      const BlockRef whole = BlockRef::allocate(static_cast<uint32_t>(std::max<size_t>(size, 1)));
      std::copy_n(replay.data(), replay.size(), whole->bytes());
      std::copy_n(bytes.data(), bytes.size(), whole->bytes() + replay.size());
      proxy_header_.reset();
      after_proxy_header(whole, Slice(whole->bytes(), size));
      return;
    }
  }
  proxy_header_.reset();
  after_proxy_header(block, bytes);
}

void ClientSession::fail_proxy_header(const std::string& why) {
  log(LogLevel::kWarn, "Error reading PROXY protocol header from " + peer_.ip + ":" +
                           std::to_string(peer_.port) + ": " + why);
  close(CloseReason::kProtocolViolation);
}

}  // namespace petrel::session

#include "petrel/session/client_session.h"

#include "petrel/base/go_duration.h"
#include "petrel/proto/frame.h"

#include <algorithm>

namespace petrel::session {

namespace {
constexpr size_t kHeldBytesMaxBeforeAuth = 64 << 10;
constexpr size_t kPassBytes = 64 << 10;  // nats-server reads at most this much in one pass
constexpr Duration kProxyHeaderTime = Duration::seconds(5);
constexpr Duration kStallPerPass = Duration::millis(10);
}  // namespace

ClientSession::ClientSession(SessionContext& context, router::ConnectionHandle named, uint64_t cid,
                             PeerName peer)
    : Receiver(context.router.buffers(), named),
      context_(context),
      cid_(cid),
      peer_(std::move(peer)),
      parser_(proto::ParserLimits{}),
      start_(context.wall_now),
      last_activity_(context.wall_now),
      last_input_(context.now) {
  count_in(context.accounts.global());
  max_pending = static_cast<uint64_t>(context.config->max_pending);
  checks_delivery = context.config->no_fast_producer_stall;
  is_traced = context.config->trace;
  parser_.set_limits(parser_limits());
  if (context.config->proxy_protocol) proxy_header_ = std::make_unique<proto::ProxyHeader>();
  update_log_prefix();
}

ClientSession::~ClientSession() = default;

proto::ParserLimits ClientSession::parser_limits() const {
  const SessionConfig& config = *context_.config;
  proto::ParserLimits limits;
  limits.max_control_line = static_cast<uint32_t>(config.max_control_line);
  limits.max_payload = static_cast<uint32_t>(max_payload());
  limits.headers = headers;
  limits.connect_first = config.authenticator->is_required() && !is_authenticated_ &&
                         !config.authenticator->has_no_auth_user();
  return limits;
}

// What the server, the account and the user allow; the least of it counts.
int32_t ClientSession::max_payload() const {
  int32_t limit = context_.config->max_payload;
  const auto lower = [&limit](int32_t other) {
    if (other >= 0) limit = std::min(limit, other);
  };
  if (tenant_ != nullptr) lower(tenant_->limits.max_payload);
  if (user_ != nullptr) lower(user_->max_payload);
  return limit;
}

void ClientSession::open(Slice refusal) {
  const SessionConfig& config = *context_.config;
  if (!config.authenticator->is_required()) {
    is_authenticated_ = true;
    static_cast<void>(enter_account());
  }
  log(LogLevel::kDebug, "Client connection created");
  tls_first_ = config.tls != nullptr && config.tls->handshake_first;
  if (!tls_first_) send_info(false);
  if (!refusal.empty()) {
    refuse(refusal);
    return;
  }
  if (proxy_header_ != nullptr) {
    context_.host.set_timer(*this, TimerKind::kProxyHeader, context_.now + kProxyHeaderTime);
  }
  if (config.tls != nullptr) {
    prepare_tls();
  } else {
    start_serving();
  }
}

void ClientSession::start_serving() {
  if (!is_authenticated_) {
    context_.host.set_timer(*this, TimerKind::kAuthentication,
                            context_.now + context_.config->auth_timeout);
  } else {
    start_first_ping_timer();
  }
}

void ClientSession::refuse(Slice text) {
  if (is_closed) return;
  log(LogLevel::kError, std::string(text));
  send_error(text);
  close(CloseReason::kMaxConnectionsExceeded);
}

void ClientSession::close(CloseReason reason) {
  if (is_closed) return;
  is_closed = true;
  close_reason_ = reason;
  stop_ = context_.wall_now;
  SessionView last = view({.subscriptions = true, .user = true});
  remove_all_subscriptions();
  count_out();
  held_ = BlockRef();
  allowance_.reset();
  if (is_deferred()) --std::exchange(deferred_at_, nullptr)->deferred;
  log(LogLevel::kDebug, "Client connection closed: " + std::string(close_reason_text(reason)));
  context_.host.close_session(*this, reason, std::move(last));
}

// --- input ---

void ClientSession::on_bytes(const BlockRef& block, Slice bytes) {
  if (is_closed) return;
  last_input_ = context_.now;
  last_activity_ = context_.wall_now;
  turn_input_bytes_ = static_cast<uint32_t>(bytes.size());
  if (held_) {
    keep_for_later(block, bytes);
    return;
  }
  if (transport_ != Transport::kPlain && transport_ != Transport::kTls) [[unlikely]] {
    take_first_bytes(block, bytes);
    return;
  }
  if (proxy_header_ != nullptr) [[unlikely]] {
    read_proxy_header(block, bytes);
    return;
  }
  const bool is_turn_over = own_traffic().deferred != 0 || !has_turn();
  if (is_authenticated_ && is_turn_over) [[unlikely]] {
    keep_for_later(block, bytes);
    defer();
    return;
  }
  parse(block, bytes);
}

void ClientSession::parse(const BlockRef& block, Slice bytes) {
  const char* begin = bytes.data();
  const size_t offered_bytes = bytes.size();
  router::AccountTraffic& own = own_traffic();
  context_.turns.note_input(*account, context_.now);
  const uint64_t delivered = context_.router.delivered_bytes();
  const uint64_t delivered_end = delivered + context_.turns.left(own, context_.now);
  proto::Op op;
  while (true) {
    const proto::ParseResult result = parser_.next(block, bytes, op);
    if (result == proto::ParseResult::kNeedMore) break;
    if (result == proto::ParseResult::kError) {
      fail_parse(bytes, static_cast<size_t>(bytes.data() - begin));
      break;
    }
    const bool is_publish = op.kind == proto::OpKind::kPub || op.header_bytes != 0;
    if (is_publish && !is_traced && is_authenticated_) [[likely]] {
      on_publish(op);
      if (op.reply.empty()) publish_repeats(op, bytes, delivered_end);
    } else {
      handle_op(op);
    }
    if (is_closed) break;
    if (context_.router.delivered_bytes() >= delivered_end && !bytes.empty()) [[unlikely]]
      defer();
    if (is_waiting()) [[unlikely]] {
      keep_for_later(block, bytes);
      break;
    }
  }
  const uint64_t read_bytes = offered_bytes - bytes.size();
  context_.turns.use(own, read_bytes + context_.router.delivered_bytes() - delivered);
  if (allowance_ != nullptr && !is_over_rate_) [[unlikely]]
    allowance_->give_back();
  if (in_msgs_ != reported_.in_msgs) report_traffic();
}

// What was added since the last call, for the totals of the loop.
void ClientSession::report_traffic() {
  LoopCounters& counters = context_.counters;
  counters.in_msgs.add(in_msgs_ - reported_.in_msgs);
  counters.in_bytes.add(in_bytes_ - reported_.in_bytes);
  counters.out_msgs.add(out_msgs - reported_.out_msgs);
  counters.out_bytes.add(out_bytes - reported_.out_bytes);
  router::AccountTraffic& traffic = account->traffic[context_.router.loop()];
  traffic.in_msgs.add(in_msgs_ - reported_.in_msgs);
  traffic.in_bytes.add(in_bytes_ - reported_.in_bytes);
  traffic.out_msgs.add(out_msgs - reported_.out_msgs);
  traffic.out_bytes.add(out_bytes - reported_.out_bytes);
  reported_ = {in_msgs_, in_bytes_, out_msgs, out_bytes};
}

// Puts input aside until a password is checked, a stall is over or the rate limit allows more; no
// more is read meanwhile.
void ClientSession::keep_for_later(const BlockRef& block, Slice bytes) {
  const size_t held = held_end_ - held_begin_;
  if (held == 0 && is_authenticated_ && bytes.size() >= block->capacity() / 2) {
    held_ = block;
    held_begin_ = static_cast<uint32_t>(bytes.data() - block->bytes());
    held_end_ = held_begin_ + static_cast<uint32_t>(bytes.size());
    return;
  }
  if (!is_authenticated_ && held + bytes.size() > kHeldBytesMaxBeforeAuth) {
    refuse_authentication();
    return;
  }
  BlockRef copy =
      BlockRef::allocate(static_cast<uint32_t>(std::max<size_t>(held + bytes.size(), 1)));
  if (held > 0) std::copy_n(held_->bytes() + held_begin_, held, copy->bytes());
  std::copy_n(bytes.data(), bytes.size(), copy->bytes() + held);
  held_ = std::move(copy);
  held_begin_ = 0;
  held_end_ = static_cast<uint32_t>(held + bytes.size());
}

void ClientSession::resume_input() {
  if (is_waiting()) return;
  const BlockRef block = std::move(held_);
  const Slice bytes =
      block ? Slice(block->bytes() + held_begin_, held_end_ - held_begin_) : Slice();
  held_begin_ = held_end_ = 0;
  if (!bytes.empty()) parse(block, bytes);
  if (!is_closed && !is_waiting()) context_.host.resume_reads(*this);
}

void ClientSession::handle_op(const proto::Op& op) {
  if (is_traced) [[unlikely]]
    trace_in(op);
  if (!is_authenticated_ && op.kind != proto::OpKind::kConnect) [[unlikely]] {
    // Only with no_auth_user: the first operation may come without CONNECT.
    authenticate();
    if (is_closed || !is_authenticated_) return;
  }
  switch (op.kind) {
    case proto::OpKind::kPub:
    case proto::OpKind::kHpub:
      on_publish(op);
      return;
    case proto::OpKind::kSub:
      on_subscribe(op);
      return;
    case proto::OpKind::kUnsub:
      on_unsubscribe(op);
      return;
    case proto::OpKind::kPing:
      on_ping();
      return;
    case proto::OpKind::kPong:
      on_pong();
      return;
    case proto::OpKind::kConnect:
      on_connect(op.args);
      return;
    case proto::OpKind::kInfo:
      if (Status status = proto::check_client_info(op.args); !status) {
        log(LogLevel::kError, status.error().detail);
        close(CloseReason::kProtocolViolation);
      }
      return;
    case proto::OpKind::kOk:
      return;
    case proto::OpKind::kErr:
      log(LogLevel::kError, "Client error " + std::string(op.args));
      close(CloseReason::kParseError);
      return;
  }
}

void ClientSession::fail_parse(Slice rest, size_t offset) {
  const proto::ParseError& error = parser_.error();
  switch (error.kind) {
    case proto::ParseErrorKind::kAuthorization:
      refuse_authentication();
      return;
    case proto::ParseErrorKind::kMaxPayload:
      trace_oversized(rest);
      log(LogLevel::kError, "maximum payload exceeded: " + std::to_string(error.announced_bytes) +
                                " vs " + std::to_string(parser_.limits().max_payload));
      send_error("Maximum Payload Violation");
      close(CloseReason::kMaxPayloadExceeded);
      return;
    case proto::ParseErrorKind::kControlLineTooLong:
      log(LogLevel::kError, "maximum control line exceeded");
      send_error("maximum control line exceeded");
      close(CloseReason::kMaxControlLineExceeded);
      return;
    case proto::ParseErrorKind::kUnknownOperation:
      log(LogLevel::kError, proto::describe_error(error, rest, offset));
      send_error("Unknown Protocol Operation");
      close(CloseReason::kProtocolViolation);
      return;
    case proto::ParseErrorKind::kSilent:
      log(LogLevel::kError, proto::describe_error(error, rest, offset));
      close(CloseReason::kProtocolViolation);
      return;
  }
}

// --- flow control ---

void ClientSession::stall() {
  if (is_stalled_ || is_closed) return;
  is_stalled_ = true;
  ++stalls_;
  context_.counters.stalled_clients.add(1);
  const int64_t passes = 1 + static_cast<int64_t>(turn_input_bytes_ / kPassBytes);
  context_.host.pause_reads(*this);
  context_.host.set_timer(*this, TimerKind::kStall, context_.now + kStallPerPass * passes);
}

void ClientSession::follow_rate_limit() {
  const conf::RateLimit limit = auth::rate_limit_of(tenant_.get(), context_.config->rate_limit);
  const bool is_same = allowance_ != nullptr && allowance_->is_of(account->rate)
                           ? allowance_->limit() == limit
                           : allowance_ == nullptr && !limit.is_set();
  if (is_same) return;
  allowance_ = limit.is_set() ? std::make_unique<PublishAllowance>(account->rate, limit) : nullptr;
  if (!is_over_rate_) return;
  rate_wait_ends_ = context_.now;
  context_.host.set_timer(*this, TimerKind::kRate, context_.now);
}

void ClientSession::note_published(size_t bytes) {
  if (allowance_->use(bytes)) return;
  const Duration wait = allowance_->refill(context_.now);
  if (wait.ns > 0 && !is_over_rate_) wait_for_rate(wait);
}

void ClientSession::wait_for_rate(Duration wait) {
  is_over_rate_ = true;
  rate_wait_ends_ = context_.now + wait;
  account->traffic[context_.router.loop()].throttled.add(1);
  context_.host.pause_reads(*this);
  context_.host.set_timer(*this, TimerKind::kRate, rate_wait_ends_);
}

void ClientSession::on_rate_timer() {
  if (!is_over_rate_ || context_.now < rate_wait_ends_) return;
  is_over_rate_ = false;
  resume_input();
}

void ClientSession::defer() {
  if (is_deferred()) return;
  deferred_at_ = &own_traffic();
  ++deferred_at_->deferred;
  context_.host.defer(*this);
}

void ClientSession::take_turn() {
  --std::exchange(deferred_at_, nullptr)->deferred;
  resume_input();
}

void ClientSession::on_pending_exceeded() {
  log(LogLevel::kInfo, "Slow Consumer Detected: MaxPending of " +
                           std::to_string(static_cast<int64_t>(max_pending)) + " Exceeded");
  context_.counters.slow_consumers.add(1);
  account->traffic[context_.router.loop()].slow_consumers.add(1);
  close(CloseReason::kSlowConsumerPendingBytes);
}

void ClientSession::on_write_deadline() {
  const SessionConfig& config = *context_.config;
  log(LogLevel::kInfo, "Slow Consumer Detected: WriteDeadline of " +
                           go_duration(config.write_deadline) + " exceeded with 1 chunks of " +
                           std::to_string(outbound.pending_bytes()) + " total bytes.");
  if (connect_received_) {
    context_.counters.slow_consumers.add(1);
    account->traffic[context_.router.loop()].slow_consumers.add(1);
  }
  const bool made_progress = write_goal < outbound.pending_bytes();
  if (!config.retry_slow_writes || !made_progress) close(CloseReason::kSlowConsumerWriteDeadline);
}

void ClientSession::on_timer(TimerKind kind) {
  if (is_closed) return;
  switch (kind) {
    case TimerKind::kAuthentication:
      if (is_authenticated_ || waits_for_password_) return;
      log(LogLevel::kDebug, "Authorization Timeout");
      send_error("Authentication Timeout");
      close(CloseReason::kAuthenticationTimeout);
      return;
    case TimerKind::kPing:
      on_ping_timer();
      return;
    case TimerKind::kStall:
      is_stalled_ = false;
      resume_input();
      return;
    case TimerKind::kProxyHeader:
      if (proxy_header_ != nullptr) fail_proxy_header("i/o timeout");
      return;
    case TimerKind::kTls:
      on_tls_timer();
      return;
    case TimerKind::kUserEnds:
      on_user_end();
      return;
    case TimerKind::kRate:
      on_rate_timer();
      return;
    case TimerKind::kWriteDeadline:
      return;
  }
}

// --- liveness ---

void ClientSession::on_ping() {
  context_.host.sync_inbox();
  if (is_closed) return;
  send("PONG\r\n");
  if (!connect_received_ || first_pong_sent_) return;
  first_pong_sent_ = true;
  if (details_->connect.protocol >= 1) send_info(true);
}

void ClientSession::on_pong() {
  pings_out_ = 0;
  if (ping_sent_.ns != 0) rtt_ = std::max(context_.now - ping_sent_, Duration::nanos(1));
}

void ClientSession::start_first_ping_timer() {
  const Duration interval = std::min(context_.config->ping_interval, Duration::seconds(2));
  const auto jitter = static_cast<int64_t>(
      context_.prng.below(static_cast<uint64_t>(std::max<int64_t>(interval.ns / 5, 1))));
  context_.host.set_timer(*this, TimerKind::kPing,
                          context_.now + interval + Duration::nanos(jitter));
}

void ClientSession::on_ping_timer() {
  const SessionConfig& config = *context_.config;
  log(LogLevel::kDebug, "Client Ping Timer");
  if (is_over_rate_) {
    // Its PONG may stand behind what is not read yet.
    pings_out_ = 0;
    context_.host.set_timer(*this, TimerKind::kPing, context_.now + config.ping_interval);
    return;
  }
  const bool needs_rtt = rtt_.ns == 0 || context_.now - ping_sent_ > Duration::hours(1);
  if (needs_rtt || context_.now - last_input_ >= config.ping_interval) {
    if (pings_out_ + 1 > config.ping_max) {
      log(LogLevel::kDebug, "Stale Client Connection - Closing");
      context_.counters.stale_connections.add(1);
      send_error("Stale Connection");
      close(CloseReason::kStaleConnection);
      return;
    }
    ++pings_out_;
    ping_sent_ = context_.now;
    send("PING\r\n");
  }
  context_.host.set_timer(*this, TimerKind::kPing, context_.now + config.ping_interval);
}

void ClientSession::send_info(bool is_connect_info) {
  proto::ServerInfo info = context_.config->info;
  info.client_id = cid_;
  if (proxy_header_ == nullptr) info.client_ip = peer_.ip;
  if (tls_first_ && !is_connect_info) info.tls_required = true;
  if (!is_connect_info) info.nonce = nonce();
  if (is_connect_info) {
    info.connect_info = true;
    info.auth_required = context_.config->authenticator->is_required();
    info.remote_account = account->name;
    info.acc_is_sys = tenant_ != nullptr && tenant_->is_system;
    info.max_payload = max_payload();
  }
  send(info.to_frame());
}

bool ClientSession::announce_lame_duck(const std::vector<std::string>& connect_urls) {
  if (is_closed || !first_pong_sent_ || details_->connect.protocol < 1) return false;
  proto::ServerInfo info = context_.config->info;
  info.client_id = cid_;
  info.client_ip = peer_.ip;
  info.connect_urls = connect_urls;
  info.ldm = true;
  send(info.to_frame());
  return true;
}

// --- output ---

void ClientSession::send(Slice frame) {
  if (is_closed) return;
  outbound.append(frame);
  context_.router.touch(*this);
  if (is_traced) [[unlikely]]
    trace_out(frame);
  if (outbound.pending_bytes() > max_pending) on_pending_exceeded();
}

void ClientSession::send_error(Slice text) {
  std::string frame;
  proto::append_err(frame, text);
  send(frame);
}

void ClientSession::log(LogLevel level, std::string text) const {
  if (level == LogLevel::kDebug && !context_.config->debug) return;
  context_.host.log(level, *this, std::move(text));
}

SessionView ClientSession::view(const ViewOptions& options) const {
  SessionView view;
  view.cid = cid_;
  view.ip = peer_.ip;
  view.port = peer_.port;
  view.start = start_;
  view.last_activity = last_activity_;
  if (is_closed) {
    view.stop = stop_;
    view.reason = close_reason_;
  }
  view.rtt = rtt_;
  view.pending_bytes = outbound.pending_bytes();
  view.in_msgs = in_msgs_;
  view.in_bytes = in_bytes_;
  view.out_msgs = out_msgs;
  view.out_bytes = out_bytes;
  view.stalls = stalls_;
  view.subscription_count = sids_.size();
  view.account = account->name;
  if (tenant_ != nullptr) view.account_tag = tenant_->name_tag;
  view.tls = tls_peer_;
  view.tls_first = tls_first_ && tls_peer_ != nullptr;
  if (details_ != nullptr) {
    view.name = details_->connect.name;
    view.lang = details_->connect.lang;
    view.version = details_->connect.version;
    if (options.user) view.user = presented_user();
    if (options.user && user_ != nullptr && user_->identity != nullptr) {
      const auth::JwtIdentity& identity = *user_->identity;
      view.identity = user_->identity;
      if (!identity.is_bearer && !identity.is_callout) view.jwt = details_->connect.jwt;
    }
  }
  if (options.subscriptions) {
    sids_.for_each([&](uint32_t slot) {
      const router::Subscription& entry = context_.router.subscriptions().at(slot);
      view.subscriptions.push_back({std::string(entry.subject()), std::string(entry.queue()),
                                    std::string(entry.sid()), entry.delivered, entry.max, cid_,
                                    account->name});
    });
  }
  return view;
}

}  // namespace petrel::session

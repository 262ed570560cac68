#include "petrel/shard/shard.h"

#include "petrel/base/check.h"
#include "petrel/system/response.h"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace petrel::shard {

namespace {
constexpr Duration kSleepMax = Duration::seconds(60);
constexpr Duration kCoarseFrom = Duration::seconds(1);
constexpr Duration kCoarseStep = Duration::millis(16);
constexpr size_t kPartsMax = 64;
constexpr size_t kScatteredMin = 32;                        // connections touched
constexpr size_t kScatteredBytes = 1024;                    // for each of them
constexpr Duration kScatteredWait = Duration::micros(250);  // after the last message
constexpr Duration kScatteredWaitPerConnection =
    Duration::micros(2);  // in all: about what they cost

std::string pack_event(Slice headers, std::string& body) {
  system::EncodedBody packed = system::encode(std::move(body), system::accepted_encoding(headers));
  body = std::move(packed.body);
  return std::move(packed.header);
}
}  // namespace

using session::ClientSession;
using session::CloseReason;
using session::TimerKind;

Shard::Shard(const ShardOptions& options, ShardPort& port, router::AccountRegistry& accounts,
             std::shared_ptr<const session::SessionConfig> config)
    : port_(port),
      router_({options.loop, options.loops, options.seed}, *this),
      prng_(options.seed + 1),
      context_{router_, accounts, *this, prng_, counters_, std::move(config), {}, {}} {
  router_.set_names(context_.config->cluster_name, context_.config->server_hash);
  context_.turns.set_limits(context_.config->turn_limits);
  context_.pack_event = pack_event;
}

Shard::~Shard() = default;

void Shard::set_time(Instant now, WallTime wall_now) {
  context_.now = now;
  context_.wall_now = wall_now;
  router_.set_time(now, wall_now);
  for (const std::unique_ptr<LoopService>& service : services_) service->set_time(now, wall_now);
}

// --- connections ---

void Shard::open_connection(router::ConnectionHandle connection, uint64_t cid,
                            session::PeerName peer, Slice refusal) {
  if (connection.slot >= sessions_.size()) sessions_.resize(connection.slot + 1);
  PETREL_CHECK(sessions_[connection.slot] == nullptr);
  sessions_[connection.slot] =
      std::make_unique<ClientSession>(context_, connection, cid, std::move(peer));
  ++open_;
  counters_.connections.add(1);
  counters_.total_connections.add(1);
  sessions_[connection.slot]->open(refusal);
}

void Shard::bytes_received(uint32_t slot, const BlockRef& block, Slice bytes) {
  ++turn_inputs_;
  if (ClientSession* session = at(slot); session != nullptr) session->on_bytes(block, bytes);
}

void Shard::connection_lost(uint32_t slot, CloseReason reason) {
  ClientSession* session = at(slot);
  if (session == nullptr) return;
  if (session->is_shaking_hands()) {
    const bool is_end = reason == CloseReason::kClientClosed;
    session->tls_failed(is_end ? "EOF" : "connection reset by peer", false, false);
  }
  session->close(reason);
  end_session(*session, false);
}

void Shard::tls_established(uint32_t slot, std::shared_ptr<const TlsPeer> peer) {
  if (ClientSession* session = at(slot); session != nullptr) {
    session->tls_established(std::move(peer));
  }
}

void Shard::tls_failed(uint32_t slot, const std::string& why, bool is_probe, bool was_open) {
  if (ClientSession* session = at(slot); session != nullptr) {
    session->tls_failed(why, is_probe, was_open);
  }
}

void Shard::close_session(ClientSession& session, CloseReason reason, session::SessionView last) {
  port_.connection_ended();
  if (watch_ != nullptr) watch_->client_closed(last);
  closed_.push_back(std::move(last));
  while (closed_.size() > static_cast<size_t>(context_.config->max_closed_clients)) {
    closed_.pop_front();
  }
  --open_;
  counters_.connections.sub(1);
  if (!session::flushes_before_close(reason)) session.outbound.clear();
  port_.pause_reads(session.handle);
  closing_.push_back(session.handle);
}

// The session is over: its socket is closed (unless it is gone) and the object kept only until the
// end of the turn, because others may still hold it in their hands.
void Shard::end_session(ClientSession& session, bool close_socket) {
  const router::ConnectionHandle handle = session.handle;
  if (close_socket) port_.close_socket(handle);
  session.report_traffic();
  session.outbound.clear();
  ended_.push_back(std::move(sessions_[handle.slot]));
}

bool Shard::close_connection(uint64_t cid, CloseReason reason) {
  ClientSession* session = find_client(cid);
  if (session == nullptr) return false;
  session->close(reason);
  return true;
}

ClientSession* Shard::find_client(uint64_t cid) {
  for (const auto& session : sessions_) {
    if (session != nullptr && !session->is_closed && session->cid() == cid) return session.get();
  }
  return nullptr;
}

void Shard::close_all(CloseReason reason) {
  for (auto& session : sessions_) {
    if (session != nullptr) session->close(reason);
  }
}

std::string Shard::client_json(router::ConnectionHandle connection) {
  const ClientSession* session = find_session(connection);
  return session == nullptr
             ? std::string()
             : static_cast<const router::Receiver&>(*session).client_info(true).to_json();
}

ClientSession* Shard::find_session(router::ConnectionHandle connection) {
  ClientSession* session = at(connection.slot);
  return session != nullptr && session->handle == connection ? session : nullptr;
}

// --- inbox ---

void Shard::handle_inbox() {
  // May be entered again from an item (a held PING): it then goes on where the outer call stands.
  while (true) {
    if (inbox_next_ == inbox_.size()) {
      inbox_next_ = 0;
      inbox_.clear();
      if (!port_.take_inbox(inbox_)) return;
    }
    handle_item(std::move(inbox_[inbox_next_++]));
  }
}

void Shard::handle_item(InboxItem item) {
  if (item.batch != nullptr) {
    router_.deliver_batch(*item.batch);
    port_.inbox_handled(item.batch->charged_bytes());
  } else if (item.task) {
    item.task(*this);
  } else if (ClientSession* session = find_session(item.stall); session != nullptr) {
    session->stall();
  }
}

void Shard::post(uint16_t loop, std::unique_ptr<router::DeliveryBatch> batch) {
  InboxItem item;
  item.batch = std::move(batch);
  port_.post(loop, std::move(item));
}

void Shard::ask_to_stall(router::ConnectionHandle publisher) {
  InboxItem item;
  item.stall = publisher;
  port_.post(publisher.loop, std::move(item));
}

// --- end of turn ---

Instant Shard::end_turn() {
  handle_inbox();
  run_deferred();
  fire_timers();
  run_services();
  imports_due_ = router_.imports().run(context_.now);
  router_.post_batches();
  context_.turns.begin_turn();
  if (should_wait_for_more()) return std::min(flush_due_, next_timer());
  const size_t receivers = router_.touched().size();
  flush_touched();
  forget_ended();
  router_.begin_turn(receivers);
  return next_timer();
}

// Sessions whose account has a new share of the turn go on, the longest waiting first.
void Shard::run_deferred() {
  if (deferred_.empty()) return;
  std::vector<router::ConnectionHandle> waiting;
  waiting.swap(deferred_);
  size_t kept = 0;
  for (const router::ConnectionHandle& handle : waiting) {
    ClientSession* session = find_session(handle);
    if (session == nullptr || !session->is_deferred()) continue;
    if (session->has_turn()) {
      session->take_turn();
    } else {
      waiting[kept++] = handle;
    }
  }
  waiting.resize(kept);
  deferred_.insert(deferred_.begin(), waiting.begin(), waiting.end());
}

Instant Shard::next_timer() const {
  if (!deferred_.empty()) return context_.now;
  const Instant latest = context_.now + kSleepMax;
  const Instant due =
      std::min(imports_due_, timers_.empty() ? latest : std::min(latest, timers_.top().when));
  return services_.empty() ? due : std::min(due, services_due_);
}

void Shard::run_services() {
  services_due_ = context_.now + kSleepMax;
  for (const std::unique_ptr<LoopService>& service : services_) {
    services_due_ = std::min(services_due_, service->run(router_, context_.now, context_.wall_now));
  }
}

// One input fanned out to many connections, a few bytes each: the sends would cost more than all
// the rest. They wait a moment for the messages that are already on their way.
bool Shard::should_wait_for_more() {
  const size_t touched = router_.touched().size();
  const size_t inputs = std::exchange(turn_inputs_, 0);
  const size_t bytes = router_.turn_bytes();
  const bool is_scattered =
      touched >= kScatteredMin && inputs * 8 <= touched && bytes < touched * kScatteredBytes;
  if (!is_scattered || !closing_.empty()) {
    flush_due_ = Instant{};
    return false;
  }
  if (flush_due_.ns == 0) {
    scattered_since_ = context_.now;
    scattered_bytes_ = 0;
  }
  if (std::exchange(scattered_bytes_, bytes) != bytes) {
    const auto connections = static_cast<int64_t>(touched);
    const Duration longest = std::max(kScatteredWait, kScatteredWaitPerConnection * connections);
    flush_due_ = std::min(context_.now + kScatteredWait, scattered_since_ + longest);
  }
  if (context_.now < flush_due_) {
    if (context_.turns.is_shared(context_.now)) flush_unscattered();
    return true;
  }
  flush_due_ = Instant{};
  return false;
}

// The wait is for the account that has many connections to serve; others have no part in it.
void Shard::flush_unscattered() {
  std::unordered_map<const router::AccountInterest*, size_t> connections;
  std::vector<router::Receiver*>& touched = router_.touched();
  for (const router::Receiver* receiver : touched) ++connections[receiver->account];
  std::vector<router::Receiver*> scattered;
  std::vector<router::Receiver*> others;
  for (router::Receiver* receiver : touched) {
    (connections[receiver->account] < kScatteredMin ? others : scattered).push_back(receiver);
  }
  touched.swap(others);
  flush_touched();
  touched.insert(touched.end(), scattered.begin(), scattered.end());
}

void Shard::flush_touched() {
  // Index loop: a flush may close a connection, which touches others no more but may add itself.
  std::vector<router::Receiver*>& touched = router_.touched();
  for (size_t i = 0; i < touched.size(); ++i) {
    auto& session = static_cast<ClientSession&>(*touched[i]);
    session.is_touched = false;
    session.report_traffic();
    if (!session.is_blocked && !session.outbound.is_empty()) flush(session);
  }
  touched.clear();
}

void Shard::forget_ended() {
  for (const router::ConnectionHandle& handle : closing_) {
    ClientSession* session = find_session(handle);
    if (session == nullptr) continue;
    if (session->outbound.is_empty()) end_session(*session, true);
    // Otherwise its last bytes are still on their way; writable() or the deadline ends it.
  }
  closing_.clear();
  for (const auto& session : ended_) {
    if (session->is_touched) std::erase(router_.touched(), session.get());
  }
  ended_.clear();
}

void Shard::flush_early(router::Receiver& receiver) {
  auto& session = static_cast<ClientSession&>(receiver);
  if (!session.is_blocked) flush(session);
}

void Shard::flush(ClientSession& session) {
  std::array<Slice, kPartsMax> parts;
  while (!session.outbound.is_empty()) {
    const size_t count = session.outbound.gather(parts);
    size_t wanted = 0;
    for (size_t i = 0; i < count; ++i) wanted += parts[i].size();
    const size_t taken = port_.write(session.handle, std::span(parts).first(count));
    session.outbound.consume(taken);
    session.write_goal -= std::min<uint64_t>(session.write_goal, taken);
    if (taken < wanted) {
      mark_blocked(session);
      return;
    }
  }
  session.is_blocked = false;
  session.is_congested = false;
}

void Shard::mark_blocked(ClientSession& session) {
  session.outbound.drop_references();
  const uint64_t pending = session.outbound.pending_bytes();
  session.is_congested = pending > session.max_pending - session.max_pending / 4;
  if (session.is_blocked && session.write_goal > 0) return;
  const bool was_blocked = session.is_blocked;
  session.is_blocked = true;
  session.write_goal = pending;
  session.blocked_since = context_.now;
  if (!was_blocked) {
    set_timer(session, TimerKind::kWriteDeadline, context_.now + context_.config->write_deadline);
  }
}

void Shard::writable(uint32_t slot) {
  ClientSession* session = at(slot);
  if (session == nullptr || !session->is_blocked) return;
  flush(*session);
  if (session->is_closed && session->outbound.is_empty()) end_session(*session, true);
}

void Shard::write_deadline_passed(ClientSession& session) {
  const Duration deadline = context_.config->write_deadline;
  if (!session.is_blocked) return;
  const Instant due = session.blocked_since + deadline;
  if (due > context_.now) {
    set_timer(session, TimerKind::kWriteDeadline, due);
    return;
  }
  if (session.is_closed) {
    end_session(session, true);
    return;
  }
  session.on_write_deadline();
  if (!session.is_closed) {
    session.blocked_since = context_.now;
    set_timer(session, TimerKind::kWriteDeadline, context_.now + deadline);
  }
}

// --- timers ---

// Every connection sets these two, and most outlive what they wait for: many share a wake-up.
void Shard::set_timer(ClientSession& session, TimerKind kind, Instant when) {
  const bool is_coarse = kind == TimerKind::kTls || kind == TimerKind::kPing;
  if (is_coarse && when - context_.now >= kCoarseFrom) {
    when.ns = (when.ns + kCoarseStep.ns - 1) / kCoarseStep.ns * kCoarseStep.ns;
  }
  timers_.push({when, session.handle.slot, session.handle.generation, kind});
}

void Shard::fire_timers() {
  while (!timers_.empty() && timers_.top().when <= context_.now) {
    const Timer timer = timers_.top();
    timers_.pop();
    ClientSession* session = at(timer.slot);
    if (session == nullptr || session->handle.generation != timer.generation) continue;
    if (timer.kind == TimerKind::kWriteDeadline) {
      write_deadline_passed(*session);
    } else {
      session->on_timer(timer.kind);
    }
  }
}

// --- what sessions ask for ---

void Shard::pause_reads(ClientSession& session) {
  port_.pause_reads(session.handle);
}

void Shard::resume_reads(ClientSession& session) {
  port_.resume_reads(session.handle);
}

void Shard::defer(ClientSession& session) {
  port_.pause_reads(session.handle);
  deferred_.push_back(session.handle);
}

bool Shard::verify_password(ClientSession& session, std::string hash, std::string password) {
  return port_.verify_password(session.handle, std::move(hash), std::move(password));
}

bool Shard::start_tls(ClientSession& session, Slice first) {
  if (!session.outbound.is_empty()) flush(session);
  if (!session.outbound.is_empty()) {
    // Not even INFO fits into the socket; the rest of it must not follow encrypted.
    session.close(CloseReason::kWriteError);
    return true;
  }
  return port_.start_tls(session.handle, first);
}

void Shard::log(session::LogLevel level, const ClientSession& session, std::string text) {
  port_.log(level, session, std::move(text));
}

void Shard::client_changed(const ClientSession& session, session::ClientChange change,
                           CloseReason reason) {
  if (watch_ != nullptr) watch_->client_changed(session, change, reason);
}

// --- control plane ---

bool Shard::decide_elsewhere(ClientSession& session, auth::AuthRequest request) {
  return port_.decide_elsewhere(session.handle, std::move(request));
}

void Shard::authentication_decided(router::ConnectionHandle connection,
                                   const auth::AuthAnswer& answer) {
  if (ClientSession* session = find_session(connection)) session->authentication_decided(answer);
}

void Shard::account_changed(const auth::JwtAccount& account, const auth::SignerChange& signers) {
  for (const auto& session : sessions_) {
    if (session != nullptr) session->account_changed(account, signers);
  }
}

void Shard::account_expired(Slice name) {
  for (const auto& session : sessions_) {
    if (session != nullptr) session->account_expired(name);
  }
}

void Shard::password_verified(router::ConnectionHandle connection, bool is_right) {
  if (ClientSession* session = find_session(connection); session != nullptr) {
    session->password_verified(is_right);
  }
}

void Shard::change_config(std::shared_ptr<const session::SessionConfig> config, bool auth_changed) {
  context_.config = std::move(config);
  context_.turns.set_limits(context_.config->turn_limits);
  router_.set_names(context_.config->cluster_name, context_.config->server_hash);
  for (auto& session : sessions_) {
    if (session != nullptr) session->on_config_change(auth_changed);
  }
}

void Shard::announce_lame_duck(const std::vector<std::string>& connect_urls) {
  for (auto& session : sessions_) {
    if (session != nullptr) session->announce_lame_duck(connect_urls);
  }
}

uint32_t Shard::visit_sessions(
    uint32_t from, uint32_t count,
    const std::function<void(const session::ClientSession&)>& visit) const {
  const size_t end = std::min<size_t>(size_t{from} + count, sessions_.size());
  for (size_t slot = from; slot < end; ++slot) {
    if (sessions_[slot] != nullptr && !sessions_[slot]->is_closed) visit(*sessions_[slot]);
  }
  return end == sessions_.size() ? 0 : static_cast<uint32_t>(end);
}

uint64_t Shard::visit_closed(uint64_t from, uint32_t count,
                             const std::function<void(const session::SessionView&)>& visit) const {
  // Connections are numbered as they end, from 1; the ring holds the last of them.
  const uint64_t ended = counters_.total_connections.get() - open_;
  uint64_t next = std::max(from, ended - closed_.size() + 1);
  const uint64_t end = std::min(next + count, ended + 1);
  for (; next < end; ++next) visit(closed_[next + closed_.size() - ended - 1]);
  return end <= ended ? end : 0;
}

}  // namespace petrel::shard

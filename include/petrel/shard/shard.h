// Shard: everything one loop owns - sessions, subscriptions, router - wired together, without
// sockets, threads or clocks. The server drives it from a net::Loop, the simulation from a seed.
//
// Owner: server, one per loop. Thread: its loop only; other threads reach it through its inbox.
// Turn: events, inbox, timers, post to other loops, flush each touched connection once.
// Source: architecture sections 3 and 5.
#pragma once

#include "petrel/base/time.h"
#include "petrel/router/router.h"
#include "petrel/session/client_session.h"
#include "petrel/session/session_host.h"
#include "petrel/shard/client_watch.h"
#include "petrel/shard/loop_service.h"

#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <span>
#include <string>
#include <vector>

namespace petrel::shard {

class Shard;

// What waits in a shard's inbox. One of the members is set.
struct InboxItem {
  std::unique_ptr<router::DeliveryBatch> batch;
  std::function<void(Shard&)> task;           // control plane
  router::ConnectionHandle stall{~0U, 0, 0};  // a publisher to slow down
};

// The world around a shard. All calls come from the shard's thread.
class ShardPort {
 public:
  virtual ~ShardPort() = default;
  // Takes as many bytes as the socket has room for; fewer than given: writable() follows.
  virtual size_t write(router::ConnectionHandle connection, std::span<const Slice> parts) = 0;
  virtual void close_socket(router::ConnectionHandle connection) = 0;
  virtual void pause_reads(router::ConnectionHandle connection) = 0;
  virtual void resume_reads(router::ConnectionHandle connection) = 0;
  // Puts an item into another loop's inbox (charging its bytes there) and wakes that loop.
  virtual void post(uint16_t loop, InboxItem item) = 0;
  virtual size_t inbox_bytes(uint16_t loop) const = 0;
  // Everything that waits in this shard's own inbox; false when nothing does.
  virtual bool take_inbox(std::vector<InboxItem>& items) = 0;
  // Bytes of a batch of this shard's inbox were handled.
  virtual void inbox_handled(size_t bytes) = 0;
  // Checks on a worker; the answer comes back as an inbox task. False: too many wait.
  virtual bool verify_password(router::ConnectionHandle connection, std::string hash,
                               std::string password) = 0;
  // The connection speaks TLS from now on; `first` are bytes of it that came already. False: too
  // many handshakes a second, nothing has happened.
  virtual bool start_tls(router::ConnectionHandle connection, Slice first) = 0;
  // Has others decide; the answer comes back as an inbox task. False: too many wait.
  virtual bool decide_elsewhere(router::ConnectionHandle /*connection*/,
                                auth::AuthRequest /*request*/) {
    return false;
  }
  virtual void log(session::LogLevel level, const session::ClientSession& session,
                   std::string text) = 0;
  // A connection that open_connection began is over.
  virtual void connection_ended() = 0;
};

struct ShardOptions {
  uint16_t loop = 0;
  uint16_t loops = 1;
  uint64_t seed = 0;
};

class Shard final : private router::RouterPort, private session::SessionHost {
 public:
  Shard(const ShardOptions& options, ShardPort& port, router::AccountRegistry& accounts,
        std::shared_ptr<const session::SessionConfig> config);
  ~Shard() override;

  // Before the first turn, or as an inbox task.
  void add_service(std::unique_ptr<LoopService> service) {
    services_.push_back(std::move(service));
  }

  // One of the services, or null.
  void watch_clients(ClientWatch* watch) { watch_ = watch; }

  // What advisories tell of a connection of this loop; empty: it is gone.
  std::string client_json(router::ConnectionHandle connection);

  // --- events ---
  // Time of what follows. Call before the other events of a turn.
  void set_time(Instant now, WallTime wall_now);
  // `refusal` not empty: the connection is told why and closed.
  void open_connection(router::ConnectionHandle connection, uint64_t cid, session::PeerName peer,
                       Slice refusal);
  void bytes_received(uint32_t slot, const BlockRef& block, Slice bytes);
  void writable(uint32_t slot);
  // False: what the connection sends is better left in its socket for this turn.
  bool wants_input(uint32_t slot) {
    session::ClientSession* session = at(slot);
    return session == nullptr || session->is_closed || session->wants_input();
  }
  void tls_established(uint32_t slot, std::shared_ptr<const TlsPeer> peer);
  void tls_failed(uint32_t slot, const std::string& why, bool is_probe, bool was_open);
  // The socket is gone already.
  void connection_lost(uint32_t slot, session::CloseReason reason);
  void handle_inbox();
  // Ends the turn. Returns until when the loop may sleep.
  Instant end_turn();

  // --- control plane, as inbox tasks ---
  void password_verified(router::ConnectionHandle connection, bool is_right);
  void authentication_decided(router::ConnectionHandle connection, const auth::AuthAnswer& answer);
  // The connections of one account: its JWT is another one, or counts no longer.
  void account_changed(const auth::JwtAccount& account, const auth::SignerChange& signers);
  void account_expired(Slice name);
  void change_config(std::shared_ptr<const session::SessionConfig> config, bool auth_changed);
  void announce_lame_duck(const std::vector<std::string>& connect_urls);
  // False: no such connection.
  bool close_connection(uint64_t cid, session::CloseReason reason);
  // Null: no such connection.
  session::ClientSession* find_client(uint64_t cid);
  void close_all(session::CloseReason reason);

  // --- monitoring, in bounded steps ---
  // Visits open sessions of slots [from, from + count); returns the next slot, 0 when done.
  uint32_t visit_sessions(uint32_t from, uint32_t count,
                          const std::function<void(const session::ClientSession&)>& visit) const;
  // The last connections that ended, oldest first; at most SessionConfig::max_closed_clients.
  const std::deque<session::SessionView>& closed_sessions() const { return closed_; }
  // The same for closed_sessions, by running number: returns the next one, 0 when done. `from` 0
  // begins with the oldest that is still kept.
  uint64_t visit_closed(uint64_t from, uint32_t count,
                        const std::function<void(const session::SessionView&)>& visit) const;
  session::ClientSession* find_session(router::ConnectionHandle connection);
  const session::LoopCounters& counters() const { return counters_; }
  router::Router& router() { return router_; }
  size_t open_connections() const { return open_; }

 private:
  struct Timer {
    Instant when;
    uint32_t slot;
    uint32_t generation;
    session::TimerKind kind;
    friend bool operator>(const Timer& a, const Timer& b) { return a.when > b.when; }
  };

  // router
  void flush_early(router::Receiver& receiver) override;
  void post(uint16_t loop, std::unique_ptr<router::DeliveryBatch> batch) override;
  size_t inbox_bytes(uint16_t loop) const override { return port_.inbox_bytes(loop); }
  void ask_to_stall(router::ConnectionHandle publisher) override;

  // sessions
  void close_session(session::ClientSession& session, session::CloseReason reason,
                     session::SessionView last) override;
  void set_timer(session::ClientSession& session, session::TimerKind kind, Instant when) override;
  void pause_reads(session::ClientSession& session) override;
  void resume_reads(session::ClientSession& session) override;
  void defer(session::ClientSession& session) override;
  void sync_inbox() override { handle_inbox(); }
  bool verify_password(session::ClientSession& session, std::string hash,
                       std::string password) override;
  bool start_tls(session::ClientSession& session, Slice first) override;
  bool decide_elsewhere(session::ClientSession& session, auth::AuthRequest request) override;
  void log(session::LogLevel level, const session::ClientSession& session,
           std::string text) override;
  void client_changed(const session::ClientSession& session, session::ClientChange change,
                      session::CloseReason reason) override;

  void handle_item(InboxItem item);
  bool should_wait_for_more();
  void run_deferred();
  void run_services();
  Instant next_timer() const;
  void flush_touched();
  void flush_unscattered();
  void flush(session::ClientSession& session);
  void mark_blocked(session::ClientSession& session);
  void write_deadline_passed(session::ClientSession& session);
  void fire_timers();
  void end_session(session::ClientSession& session, bool close_socket);
  void forget_ended();
  session::ClientSession* at(uint32_t slot) {
    return slot < sessions_.size() ? sessions_[slot].get() : nullptr;
  }

  ShardPort& port_;
  router::Router router_;
  Prng prng_;
  session::LoopCounters counters_;
  session::SessionContext context_;
  std::vector<std::unique_ptr<session::ClientSession>> sessions_;  // by slot
  std::vector<std::unique_ptr<session::ClientSession>> ended_;     // until the turn is over
  std::vector<router::ConnectionHandle> closing_;
  std::vector<router::ConnectionHandle> deferred_;  // in the order in which they wait
  std::deque<session::SessionView> closed_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::vector<InboxItem> inbox_;
  size_t inbox_next_ = 0;
  std::vector<std::unique_ptr<LoopService>> services_;
  ClientWatch* watch_ = nullptr;
  Instant imports_due_{};   // when a request to a service comes too late for an answer
  Instant services_due_{};  // when the first of them wants to run again
  size_t open_ = 0;
  size_t turn_inputs_ = 0;  // connections read in this turn
  Instant flush_due_{};     // sends wait until then; 0: they do not
  Instant scattered_since_{};
  size_t scattered_bytes_ = 0;  // that wait
};

}  // namespace petrel::shard

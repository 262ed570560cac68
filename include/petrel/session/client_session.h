// ClientSession: one client connection as a state machine. Bytes go in; frames appear in its
// Outbound and in those of other receivers; everything else is asked of the SessionHost.
//
// Owner: Shard. Thread: the connection's loop.
// Limits: those of SessionConfig; unprocessed input that waits (for a password check or because
// the publisher is stalled) is at most one read, 64 KiB before authentication.
// Source: spec protocol.md.
#pragma once

#include "petrel/auth/jwt_user.h"
#include "petrel/proto/connect_info.h"
#include "petrel/proto/parser.h"
#include "petrel/proto/proxy_header.h"
#include "petrel/router/receiver.h"
#include "petrel/session/publish_allowance.h"
#include "petrel/session/session_host.h"
#include "petrel/session/session_view.h"
#include "petrel/session/sid_map.h"

#include <array>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace petrel::session {

class MessageTrace;
struct TraceOrder;

struct PeerName {
  std::string ip;
  uint16_t port = 0;
};

class ClientSession final : public router::Receiver {
 public:
  ClientSession(SessionContext& context, router::ConnectionHandle named, uint64_t cid,
                PeerName peer);
  ~ClientSession() override;

  // --- events, from the shard ---
  // Greets with INFO. `refusal` not empty: says -ERR 'refusal' and closes instead of serving.
  void open(Slice refusal);
  void on_bytes(const BlockRef& block, Slice bytes);
  void on_timer(TimerKind kind);
  void password_verified(bool is_right);
  void authentication_decided(const auth::AuthAnswer& answer);
  // The JWT of an account changed; nothing happens unless it is this one's.
  void account_changed(const auth::JwtAccount& account, const auth::SignerChange& signers);
  void account_expired(Slice name);
  void account_is_full();
  void tls_established(std::shared_ptr<const TlsPeer> peer);
  // In the handshake, or later if `was_open`. `is_probe`: the peer never meant TLS.
  void tls_failed(const std::string& why, bool is_probe, bool was_open);
  void on_config_change(bool auth_changed);
  // False: this client does not understand it, or is not ready for it.
  bool announce_lame_duck(const std::vector<std::string>& connect_urls);
  // The peer or the server ends the connection.
  void close(CloseReason reason);
  // One connection too many: says -ERR 'text' and closes.
  void refuse(Slice text);
  // Adds what passed since the last call to the totals of the loop. The shard calls it when it
  // flushes; sessions themselves after each read.
  void report_traffic();
  // Slows this publisher down because a receiver cannot follow.
  void stall();
  // Whether its account may do something in this turn.
  bool has_turn() const { return context_.turns.left(own_traffic(), context_.now) != 0; }
  // Whether what it sends is to be read now: asked before each read, where that is possible.
  bool wants_input() { return context_.turns.admit(own_traffic(), waits_since_, context_.now); }
  // Goes on with the input that was deferred.
  void take_turn();
  bool is_deferred() const { return deferred_at_ != nullptr; }

  // --- for the shard and monitoring ---
  uint64_t cid() const { return cid_; }
  const PeerName& peer() const { return peer_; }
  const proto::ConnectInfo* connect_info() const { return details_ ? &details_->connect : nullptr; }
  // "127.0.0.1:5000 - cid:5" and, after CONNECT, what the client said of itself.
  const std::string& log_prefix() const { return log_prefix_; }
  SessionView view(const ViewOptions& options) const;
  size_t subscription_count() const { return sids_.size(); }
  CloseReason close_reason() const { return close_reason_; }
  // Null: nobody in particular.
  const auth::User* user() const { return user_.get(); }
  bool is_connected() const { return connect_received_; }
  bool is_shaking_hands() const { return transport_ == Transport::kHandshake; }

  // The socket took too little for write_deadline: closes, or goes on when told to retry.
  void on_write_deadline();

  // Set by the shard: since when the socket takes nothing, and what it still has to take until it
  // counts as alive again.
  Instant blocked_since{};
  uint64_t write_goal = 0;
  bool is_blocked = false;

 private:
  // What only clients that sent CONNECT need.
  struct Details {
    proto::ConnectInfo connect;
    std::string proxy_key;  // of the trusted proxy it came through
  };
  struct Reply {
    Instant since;
    int64_t count = 0;
  };

  // What the connection is carried by, and what it waits for until that is known.
  enum class Transport : uint8_t {
    kPlain,
    kAwaitsFallback,     // INFO is held back for a client that begins with a handshake
    kAwaitsProxyHeader,  // which comes before everything else
    kAwaitsFirstByte,    // it tells whether this is TLS
    kHandshake,
    kTls,
  };

  // receiver
  router::ClientInfo client_info(bool is_detailed) const override;
  bool may_receive(const router::Subscription& subscription,
                   const router::Message& message) override;
  void note_reply(Slice reply) override;
  void on_pending_exceeded() override;
  void on_max_delivered(uint32_t subscription_slot) override;
  void trace_delivery(Slice prefix, const router::Message& message) override;

  // TLS
  void prepare_tls();
  void choose_transport();
  void take_first_bytes(const BlockRef& block, Slice bytes);
  void after_proxy_header(const BlockRef& block, Slice bytes);
  void start_tls(Slice first);
  void on_tls_timer();
  bool is_pinned(const TlsPeer& peer) const;
  // The transport is known: what follows is NATS.
  void start_serving();

  // input
  void read_proxy_header(const BlockRef& block, Slice bytes);
  void fail_proxy_header(const std::string& why);
  void parse(const BlockRef& block, Slice bytes);
  void keep_for_later(const BlockRef& block, Slice bytes);
  bool is_waiting() const {
    return waits_for_password_ || is_stalled_ || is_over_rate_ || is_deferred();
  }
  void defer();
  void resume_input();
  void handle_op(const proto::Op& op);
  // `rest` begins at the wrong byte, `offset` bytes behind the start of the read.
  void fail_parse(Slice rest, size_t offset);
  proto::ParserLimits parser_limits() const;

  // CONNECT and authentication
  void on_connect(Slice json);
  void authenticate();
  void accept(const std::shared_ptr<const auth::User>& user);
  void refuse_authentication(auth::AuthFault fault = auth::AuthFault::kViolation);
  // The same after what it showed was looked at.
  void fail_login(auth::AuthFault fault = auth::AuthFault::kViolation);
  auth::Credentials credentials() const;
  auth::Verdict ask_authenticator();
  void ask_elsewhere(bool proxy_required);
  std::string nonce() const;
  // As logs name the user: kind and name ("nkey", "U..."); both empty: nobody.
  std::pair<Slice, Slice> presented_name() const;
  bool obeys_account(const auth::JwtAccount& account, const auth::SignerChange& signers);
  void on_user_end();
  void finish_connect();
  void update_log_prefix();
  void apply_user(const std::shared_ptr<const auth::User>& user);
  // Moves to the account of the user. False: it is full, and the connection is closed.
  bool enter_account();
  bool follow_account();
  void count_in(router::AccountInterest& entered);
  void count_out();
  router::AccountTraffic& own_traffic() const { return account->traffic[context_.router.loop()]; }
  Slice presented_user() const;

  // The account's rate limit
  void follow_rate_limit();
  void note_published(size_t bytes);
  void wait_for_rate(Duration wait);
  void on_rate_timer();

  // liveness
  void on_ping();
  void on_pong();
  void on_ping_timer();
  void start_first_ping_timer();
  void send_info(bool is_connect_info);

  // subscriptions
  void on_subscribe(const proto::Op& op);
  void on_unsubscribe(const proto::Op& op);
  bool admit_subscription(const proto::Op& op);
  void remove_subscription(uint32_t slot);
  void remove_all_subscriptions();
  // What subscriptions hear of other accounts, by stream imports.
  void add_shadows(uint32_t slot);
  void add_shadow(uint32_t slot, const std::shared_ptr<const router::StreamLink>& link,
                  Slice subject);
  void remove_shadows(uint32_t slot);
  void remove_shadow(uint32_t shadow);
  void refresh_shadows();
  int64_t max_subscriptions() const;  // -1: no limit
  int32_t max_payload() const;
  void prune_subscriptions();
  void refuse_subscription(Slice subject, Slice queue, Slice sid);

  // publishing
  void on_publish(const proto::Op& op);
  void on_traced_publish(const proto::Op& op);
  void publish(const proto::Op& op, MessageTrace* trace);  // trace null: not traced
  // After `op` was published: the frames behind it that differ in nothing but their payload.
  void publish_repeats(const proto::Op& op, Slice& bytes, uint64_t delivered_end);
  void publish_untraced(const proto::Op& op);
  // What becomes of a message whose headers may ask for a trace.
  enum class TraceVerdict : uint8_t { kTraced, kUntraced, kUntracedAnywhere, kRefused };
  TraceVerdict judge_trace(TraceOrder& order);
  void trace_oversized(Slice came);
  // `asked`: the headers of the message.
  void publish_event(const MessageTrace& trace, Slice asked);
  uint32_t route(const router::Message& message, MessageTrace* trace);
  bool may_publish(const proto::Op& op, MessageTrace* trace);
  void refuse_publish(Slice subject);
  bool is_permitted(Slice subject);
  // Whether a look at the permissions said so not long ago; false: look again.
  bool is_known_permitted(Slice subject) const {
    return permitted_ != nullptr && !subject.empty() &&
           (*permitted_)[permitted_slot(subject)] == subject;
  }
  static size_t permitted_slot(Slice subject);
  void keep_permitted(Slice subject);
  bool is_tracked_reply(Slice subject);
  Slice canonical_tail(const proto::Op& op);
  void tell_no_responders(const router::Message& message);

  void send(Slice frame);
  void send_error(Slice text);
  void send_ok() { send("+OK\r\n"); }
  void log(LogLevel level, std::string text) const;
  void trace_in(const proto::Op& op);
  void trace_out(Slice frame);
  bool is_tracing() const { return context_.config->trace; }

  SessionContext& context_;
  const uint64_t cid_;
  PeerName peer_;
  proto::Parser parser_;
  SidMap sids_;
  std::unique_ptr<Details> details_;
  std::unique_ptr<proto::ProxyHeader> proxy_header_;  // as long as it is awaited
  std::shared_ptr<const TlsPeer> tls_peer_;
  std::shared_ptr<const auth::User> user_;
  auth::AccountPtr tenant_;  // what the configuration says of `account`; null: nothing
  const std::vector<subject::SubjectMapping>* mappings_ = nullptr;  // tenant_'s; null: none
  std::unique_ptr<std::unordered_map<std::string, Reply>> replies_;
  // Subjects that the permissions of the user allow to be published to, by their hash; null: none
  // was looked up since the user came or changed.
  static constexpr size_t kPermittedSlots = 16;
  std::unique_ptr<std::array<std::string, kPermittedSlots>> permitted_;
  // By slot of the subscription; null: none.
  std::unique_ptr<std::unordered_map<uint32_t, std::vector<uint32_t>>> shadows_;
  std::unique_ptr<PublishAllowance> allowance_;  // null: the account has no rate limit
  Instant rate_wait_ends_{};
  uint64_t waits_since_ = 0;                       // for being read: a turn; 0: it does not
  router::AccountTraffic* deferred_at_ = nullptr;  // whose turn it waits for
  std::string log_prefix_;
  BlockRef held_;  // input that waits
  uint32_t held_begin_ = 0;
  uint32_t held_end_ = 0;

  uint64_t in_msgs_ = 0;
  uint64_t in_bytes_ = 0;
  uint64_t stalls_ = 0;
  struct Traffic {
    uint64_t in_msgs = 0;
    uint64_t in_bytes = 0;
    uint64_t out_msgs = 0;
    uint64_t out_bytes = 0;
  };
  Traffic reported_;
  WallTime start_{};
  WallTime last_activity_{};
  WallTime stop_{};
  Instant last_input_{};
  Instant ping_sent_{};
  Instant tls_deadline_{};
  Duration rtt_{};
  uint32_t turn_input_bytes_ = 0;
  int pings_out_ = 0;
  CloseReason close_reason_ = CloseReason::kClientClosed;

  Transport transport_ = Transport::kPlain;
  bool tls_first_ = false;  // the handshake comes before INFO
  bool connect_received_ = false;
  bool is_authenticated_ = false;
  bool first_pong_sent_ = false;
  bool waits_for_password_ = false;  // or for a decision made elsewhere
  bool asks_if_wrong_ = false;       // a wrong password is a matter of the callout service
  bool is_stalled_ = false;
  bool is_over_rate_ = false;
  bool verbose_ = true;
  bool pedantic_ = true;
  bool no_responders_ = false;
  bool checks_publish_ = false;
};

}  // namespace petrel::session

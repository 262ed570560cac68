// SessionHost: what sessions ask of the shard that owns them; SessionContext: what all sessions of
// a loop share; SessionConfig: the part of the configuration that sessions obey.
//
// Thread: the loop's.
#pragma once

#include "petrel/auth/auth_request.h"
#include "petrel/auth/authenticator.h"
#include "petrel/auth/nonce.h"
#include "petrel/base/counter.h"
#include "petrel/base/prng.h"
#include "petrel/base/time.h"
#include "petrel/base/tls_peer.h"
#include "petrel/proto/server_info.h"
#include "petrel/router/account_registry.h"
#include "petrel/router/router.h"
#include "petrel/session/close_reason.h"
#include "petrel/session/session_view.h"
#include "petrel/session/turn_budget.h"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace petrel::session {

class ClientSession;

enum class LogLevel : uint8_t { kInfo, kWarn, kError, kDebug, kTrace };
enum class TimerKind : uint8_t {
  kAuthentication,
  kPing,
  kStall,
  kWriteDeadline,
  kProxyHeader,
  kTls,
  kUserEnds,
  kRate
};

// What sessions have to know of TLS; certificates and keys are not among it.
struct SessionTls {
  bool allows_plain = false;     // a client may speak TLS or not
  bool handshake_first = false;  // no INFO before the handshake
  Duration first_fallback = {};  // how long to wait for a handshake before INFO; 0: for ever
  Duration timeout = Duration::seconds(2);
  std::set<std::string> pinned_certs = {};  // empty: any
};

// Immutable; a reload makes a new one and the shards pass it to their sessions.
struct SessionConfig {
  proto::ServerInfo info;  // without the fields of one connection
  std::shared_ptr<const auth::Authenticator> authenticator;
  std::shared_ptr<const auth::NonceMaker> nonces;  // null: nobody signs one
  std::shared_ptr<const SessionTls> tls;           // null: no TLS
  // Null: $G alone, without mappings and limits.
  std::shared_ptr<const auth::AccountSnapshot> accounts;
  std::string cluster_name;
  std::string server_hash;  // of the server's name, in subjects that lead back to this server
  // What message trace events say of the server, besides `info`.
  std::vector<std::string> tags;
  std::map<std::string, std::string> metadata;
  std::map<std::string, bool> feature_flags = {{"js_ack_fc_v2", false},
                                               {"js_api_reply_v2", false},
                                               {"js_raft_delete_range", true},
                                               {"js_snapshot_sources", false}};
  int32_t max_control_line = 4096;
  int32_t max_payload = 1 << 20;
  int64_t max_pending = 64 << 20;
  int64_t max_subscriptions = 0;        // 0: no limit
  int32_t max_subscription_tokens = 0;  // 0: no limit
  Duration ping_interval = Duration::minutes(2);
  int ping_max = 2;
  Duration auth_timeout = Duration::seconds(2);
  Duration write_deadline = Duration::seconds(10);
  bool retry_slow_writes = false;  // write_timeout: retry
  bool no_fast_producer_stall = false;
  int max_closed_clients = 10000;
  conf::RateLimit rate_limit = {};  // of accounts that have none of their own
  TurnBudget::Limits turn_limits = {};
  bool proxy_protocol = false;
  bool debug = false;
  bool trace = false;
  bool trace_headers = false;
  int max_traced_bytes = 0;  // 0: no limit
};

// Counted by one loop, read by monitoring.
struct LoopCounters {
  Counter in_msgs;
  Counter in_bytes;
  Counter out_msgs;
  Counter out_bytes;
  Counter slow_consumers;
  Counter stale_connections;
  Counter stalled_clients;
  Counter connections;
  Counter total_connections;
  Counter subscriptions;
};

// What the system account is told of a client.
enum class ClientChange : uint8_t {
  kAccepted,     // by the authentication
  kLoginFailed,  // told to its account
  kRefused,      // told to operators
  kMoved,        // came to its account, or left it: the number of connections changed
};

class SessionHost {
 public:
  virtual ~SessionHost() = default;
  // Ends the connection: sends what is queued if the reason allows it, closes the socket, forgets
  // the session when the turn is over.
  // `last` is how it looked before.
  virtual void close_session(ClientSession& session, CloseReason reason, SessionView last) = 0;
  virtual void set_timer(ClientSession& session, TimerKind kind, Instant when) = 0;
  virtual void pause_reads(ClientSession& session) = 0;
  virtual void resume_reads(ClientSession& session) = 0;
  // Its account had its share of this turn: take_turn() is called in one of the next.
  virtual void defer(ClientSession& session) = 0;
  // Handles everything that other loops posted so far.
  virtual void sync_inbox() = 0;
  // Checks a password on a worker; password_verified comes to the session later. False: too much
  // of this is waiting already.
  virtual bool verify_password(ClientSession& session, std::string hash, std::string password) = 0;
  // Has others decide over a client; authentication_decided comes to the session later. False: too
  // much of this is waiting already.
  virtual bool decide_elsewhere(ClientSession& /*session*/, auth::AuthRequest /*request*/) {
    return false;
  }
  // The connection speaks TLS from now on, after what is queued was sent in clear; `first` are
  // bytes of it that came already. tls_established or tls_failed comes to the session later, or at
  // once. False: too many handshakes a second, nothing has happened.
  virtual bool start_tls(ClientSession& session, Slice first) = 0;
  virtual void log(LogLevel level, const ClientSession& session, std::string text) = 0;
  // May come while a message is being routed. `reason`: of a refusal.
  virtual void client_changed(const ClientSession& /*session*/, ClientChange /*change*/,
                              CloseReason /*reason*/) {}
};

struct SessionContext {
  router::Router& router;
  router::AccountRegistry& accounts;
  SessionHost& host;
  Prng& prng;
  LoopCounters& counters;
  std::shared_ptr<const SessionConfig> config;
  Instant now;
  WallTime wall_now;
  std::string scratch = {};         // for rare rebuilding of frames
  std::string mapped_subject = {};  // result of a subject mapping
  uint64_t trace_events = 0;        // message trace events sent
  TurnBudget turns = {};
  // Packs the body of an event as the headers of a message ask for it; the header block that says
  // so, "" for none. Null: events go as they are.
  std::string (*pack_event)(Slice headers, std::string& body) = nullptr;
};

}  // namespace petrel::session

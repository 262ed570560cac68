// One loop without a shard: sessions around a router, and a host that writes down what it is asked.
#pragma once

#include "petrel/session/client_session.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace petrel::session {

class SessionWorld final : public SessionHost, public router::RouterPort {
 public:
  struct Timer {
    ClientSession* session;
    TimerKind kind;
    Instant when;
  };

  explicit SessionWorld(SessionConfig wanted = {}) { use(std::move(wanted)); }

  // A new configuration, for sessions that come and those that are there.
  void use(SessionConfig wanted) {
    if (wanted.authenticator == nullptr) {
      wanted.authenticator = std::make_shared<const auth::Authenticator>(conf::Options{});
    }
    config = std::make_shared<const SessionConfig>(std::move(wanted));
    context.config = config;
  }

  ClientSession& open(Slice refusal = {}) {
    const auto slot = static_cast<uint32_t>(sessions.size());
    sessions.push_back(std::make_unique<ClientSession>(
        context, router::ConnectionHandle{slot, 1, 0}, slot + 1, PeerName{"127.0.0.1", 5000}));
    sessions.back()->open(refusal);
    return *sessions.back();
  }
  // A client that is not verbose and had its INFO; `json` goes into CONNECT as well.
  ClientSession& connected(const std::string& json = "") {
    ClientSession& client = open();
    feed(client, "CONNECT {\"verbose\":false,\"pedantic\":false,\"protocol\":0" +
                     (json.empty() ? "" : "," + json) + "}\r\n");
    take(client);
    return client;
  }
  static void feed(ClientSession& client, const std::string& bytes) {
    const BlockRef block =
        BlockRef::allocate(static_cast<uint32_t>(std::max<size_t>(bytes.size(), 1)));
    std::copy(bytes.begin(), bytes.end(), block->bytes());
    client.on_bytes(block, Slice(block->bytes(), bytes.size()));
  }
  // What the client was sent since the last call.
  static std::string take(ClientSession& client) {
    std::string text;
    std::array<Slice, 64> parts;
    while (!client.outbound.is_empty()) {
      size_t bytes = 0;
      for (const Slice part : std::span(parts).first(client.outbound.gather(parts))) {
        text.append(part);
        bytes += part.size();
      }
      client.outbound.consume(bytes);
    }
    return text;
  }
  static std::string ask(ClientSession& client, const std::string& bytes) {
    feed(client, bytes);
    return take(client);
  }
  // When the timer of that kind that was set last is due; {-1}: there is none.
  Instant due(const ClientSession& client, TimerKind kind) const {
    Instant found{-1};
    for (const Timer& timer : timers) {
      if (timer.session == &client && timer.kind == kind) found = timer.when;
    }
    return found;
  }
  void advance(Duration time) {
    context.now = context.now + time;
    context.wall_now = context.wall_now + time;
  }
  bool has_logged(Slice text) const {
    return std::any_of(logs.begin(), logs.end(), [text](const std::string& line) {
      return line.find(text) != std::string::npos;
    });
  }

  // host
  void close_session(ClientSession&, CloseReason, SessionView last) override {
    closed.push_back(std::move(last));
  }
  void set_timer(ClientSession& session, TimerKind kind, Instant when) override {
    timers.push_back({&session, kind, when});
  }
  void pause_reads(ClientSession&) override { ++pauses; }
  void resume_reads(ClientSession&) override { ++resumes; }
  void defer(ClientSession& session) override { deferred.push_back(&session); }
  void sync_inbox() override { ++syncs; }
  bool verify_password(ClientSession&, std::string hash, std::string password) override {
    verified.emplace_back(std::move(hash), std::move(password));
    return has_workers;
  }
  bool start_tls(ClientSession& session, Slice first) override {
    said_in_clear = take(session);
    tls_first_bytes.emplace_back(first);
    return has_tls_room;
  }
  void log(LogLevel, const ClientSession&, std::string text) override {
    logs.push_back(std::move(text));
  }

  // router
  void flush_early(router::Receiver&) override {}
  void post(uint16_t, std::unique_ptr<router::DeliveryBatch>) override {}
  size_t inbox_bytes(uint16_t) const override { return 0; }
  void ask_to_stall(router::ConnectionHandle) override {}

  std::shared_ptr<const SessionConfig> config;
  router::AccountRegistry accounts;
  router::AccountInterest& account = accounts.global();
  router::Router router{{}, *this};
  Prng prng{1};
  LoopCounters counters;
  SessionContext context{router,
                         accounts,
                         *this,
                         prng,
                         counters,
                         nullptr,
                         Instant{1'000'000'000},
                         WallTime{1'000'000'000}};
  std::vector<std::unique_ptr<ClientSession>> sessions;
  std::vector<Timer> timers;
  std::vector<SessionView> closed;
  std::vector<std::pair<std::string, std::string>> verified;
  std::vector<std::string> tls_first_bytes;  // of each handshake that began
  std::string said_in_clear;                 // before the last of them
  std::vector<std::string> logs;
  int pauses = 0;
  int resumes = 0;
  int syncs = 0;
  std::vector<ClientSession*> deferred;
  bool has_workers = true;
  bool has_tls_room = true;
};

inline std::shared_ptr<const auth::Authenticator> one_user(
    std::string password, std::optional<conf::PermissionOptions> permissions = {}) {
  conf::Options options;
  conf::UserOptions user;
  user.user = "ann";
  user.password = std::move(password);
  user.permissions = std::move(permissions);
  options.authorization.users.push_back(std::move(user));
  return std::make_shared<const auth::Authenticator>(options);
}

inline SessionConfig config_with(std::shared_ptr<const auth::Authenticator> authenticator) {
  SessionConfig config;
  config.authenticator = std::move(authenticator);
  return config;
}

constexpr const char* kAnn = R"("user":"ann","pass":"1")";
constexpr const char* kConnectAnn =
    "CONNECT {\"verbose\":false,\"user\":\"ann\",\"pass\":\"1\"}\r\n";

}  // namespace petrel::session

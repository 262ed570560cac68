// SystemEvents: tells the system account of the clients of one loop: who came, who left, who was
// refused, how many connections an account has. Nothing is written down while nobody is there who
// could hear it.
//
// Owner: Shard, as a LoopService. Thread: its loop.
// Limits: what one turn brings.
// Source: spec monitoring.md section 6.
#pragma once

#include "petrel/monitor/accounts.h"
#include "petrel/router/account_registry.h"
#include "petrel/shard/client_watch.h"
#include "petrel/shard/loop_service.h"
#include "petrel/system/server_description.h"

#include <atomic>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

namespace petrel::shard {

// Immutable, shared by all loops; a reload makes a new one.
struct EventSource {
  std::string system_account = {};
  // Where logins that fail are told; "": where the client stood.
  std::string callout_account = {};
  system::ServerDescription server = {};
};

class SystemEvents final : public LoopService, public ClientWatch {
 public:
  // `sequence`: of all messages of this server to the system account.
  SystemEvents(router::AccountRegistry& accounts, std::atomic<uint64_t>& sequence,
               std::shared_ptr<const EventSource> source);

  void set_source(std::shared_ptr<const EventSource> source);

  void client_changed(const session::ClientSession& client, session::ClientChange change,
                      session::CloseReason reason) override;
  void client_closed(const session::SessionView& last) override;
  Instant run(router::Router& router, Instant now, WallTime wall_now) override;

 private:
  enum class Kind : uint8_t { kConnect, kDisconnect, kLoginFailed, kRefused };
  struct ClientEvent {
    Kind kind;
    session::SessionView view;
    session::CloseReason reason;
  };
  // One of both.
  struct Event {
    std::unique_ptr<ClientEvent> client;
    std::unique_ptr<monitor::AccountView> account;
  };

  bool is_heard() const;
  void add(Kind kind, session::SessionView view, session::CloseReason reason);
  void account_changed(router::AccountInterest& account);
  void send_client_event(router::Router& router, const ClientEvent& event, WallTime wall_now);
  void send_account_event(router::Router& router, monitor::AccountView& account, WallTime wall_now);
  Instant tell_again(router::Router& router, Instant now, WallTime wall_now);
  std::string server_json(WallTime wall_now);

  router::AccountRegistry& accounts_;
  std::atomic<uint64_t>& sequence_;
  std::shared_ptr<const EventSource> source_;
  router::AccountInterest* system_;
  std::vector<Event> events_;
  std::unordered_set<router::AccountInterest*> told_again_;  // accounts that had connections here
  Instant tell_next_{};
  std::vector<router::AccountInterest*> changed_;
};

}  // namespace petrel::shard

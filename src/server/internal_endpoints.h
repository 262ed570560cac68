// InternalEndpoints: subscriptions and messages of the server itself: requests to the system
// account and to its accounts' JWTs, requests to auth callout services, lookups at other servers.
//
// Owner: the Shard of the first loop (as a LoopService); AuthService or SystemAccount knows it.
// Thread: that loop. What takes time is done elsewhere and comes back as a task.
// Limits: kWaitingMax requests that wait for an answer.
// Source: spec auth.md 4.1 and 5, protocol.md 13.
#pragma once

#include "petrel/router/account_registry.h"
#include "petrel/router/endpoint.h"
#include "petrel/shard/internal_message.h"
#include "petrel/shard/loop_service.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace petrel::server {

using shard::InternalMessage;

class InternalEndpoints final : public shard::LoopService {
 public:
  static constexpr size_t kWaitingMax = 65536;

  using Request = std::function<void(InternalMessage request)>;
  // Nothing: no answer in time. Called once.
  using Answered = std::function<void(std::optional<std::string> body)>;

  // `inbox`: unguessable, "$SYS._INBOX.<random>".
  InternalEndpoints(router::AccountRegistry& accounts, std::string inbox);
  // Takes no answers. `loop`: where it lives.
  InternalEndpoints(router::AccountRegistry& accounts, uint16_t loop);
  ~InternalEndpoints() override;

  // Takes what comes to this subject of the account. `on_request` runs on the loop and may not
  // wait.
  void serve(const std::string& account, const std::string& subject, const std::string& queue,
             Request on_request);
  // Takes nothing more of what came to the doors until now.
  void close_doors();
  void send(InternalMessage message);
  // Sends with a reply subject of its own and awaits one answer that is not empty (`takes_empty`:
  // or is).
  void ask(InternalMessage message, Duration timeout, bool takes_empty, Answered answered);
  // Calls once the wall clock reached that time; a second call with the same name replaces the
  // first.
  void call_at(const std::string& name, WallTime at, std::function<void()> call);

  Instant run(router::Router& router, Instant now, WallTime wall_now) override;

 private:
  class Door;
  struct DoorPlan {
    std::string account = {};
    std::string subject = {};
    std::string queue = {};
    Request on_request = {};
  };
  struct Question {
    Instant until = {};
    bool takes_empty = false;
    Answered answered = {};
  };
  struct Sending {
    InternalMessage message = {};
    std::string question = {};  // "": expects no answer
    Duration timeout = {};
    bool takes_empty = false;
    Answered answered = {};
  };
  struct Alarm {
    WallTime at;
    std::function<void()> call;
  };

  void open_doors(router::Router& router);
  void listen_for_answers(const std::string& account);
  void take_answer(const InternalMessage& message);
  void finish(const std::string& question, std::optional<std::string> body);
  void send_all(router::Router& router, Instant now);
  Instant expire_questions(Instant now);
  Instant ring_alarms(Instant now, WallTime wall_now);

  router::AccountRegistry& accounts_;
  const uint16_t loop_ = 0;
  const std::string inbox_ = {};
  uint64_t last_question_ = 0;
  std::vector<DoorPlan> planned_doors_;  // without a subscription yet
  std::vector<std::unique_ptr<Door>> doors_;
  bool must_close_doors_ = false;
  std::set<std::string> answers_;  // accounts where answers are awaited
  std::vector<Sending> sending_;
  std::map<std::string, Question> questions_;
  std::set<std::pair<Instant, std::string>> due_;  // of the questions
  std::map<std::string, Alarm> alarms_;
};

}  // namespace petrel::server

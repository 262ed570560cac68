// JetStreamApi: takes the requests of the JetStream API of all accounts, keeps the directory of
// streams, and hands what concerns one stream to its home loop.
//
// Owner: Shard of loop 0 (as a LoopService). Thread: that loop.
// Order: changes of one stream (create, update, delete, restore) run one after the other; requests
// that come meanwhile for the same stream wait behind them.
// Limits: fewer than JetStreamOptions::request_queue_limit requests wait, and fewer than
// info_queue_limit that only ask; the one that reaches the limit is dropped with all of its kind,
// as nats-server does, and an advisory in the system account tells how many. Source: spec api.md;
// architecture section 4 (requests).
#pragma once

#include "petrel/jetstream/stream_requests.h"
#include "petrel/router/endpoint.h"
#include "petrel/shard/jetstream_service.h"
#include "petrel/shard/offline.h"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace petrel::shard {

struct JetStreamAccount {
  std::string name;
  bool enabled = true;  // false: requests are answered with 10039
  jetstream::ConfigLimits limits = {};
  std::map<std::string, jetstream::ConfigLimits> tiers = {};  // by "R1", "R3"; R1 is `limits`
  // The account has no JetStream of its own and imports the API of another one, which answers.
  bool imports_api = false;
};

class JetStreamApi final : public LoopService {
 public:
  JetStreamApi(JetStreamNode& node, router::Router& router);
  ~JetStreamApi() override;

  // --- before the loop runs, later as tasks ---
  // A new account, or new limits of one that is known.
  void set_account(const JetStreamAccount& account);
  // A stream that was recovered.
  void add_stream(const std::string& account, const jetstream::Stream& stream, uint16_t home);
  std::shared_ptr<JetStreamUsage> usage_of(const std::string& account);
  static uint16_t home_of(Slice account, Slice stream, size_t loops);

  // Every account that may use JetStream, by name.
  struct AccountFigures {
    std::string name;
    std::shared_ptr<const JetStreamUsage> usage;
    jetstream::ConfigLimits limits;
    jetstream::StreamReservations reserved;
  };
  std::vector<AccountFigures> accounts() const;
  Instant run(router::Router& router, Instant now, WallTime wall_now) override;
  void set_time(Instant now, WallTime wall_now) override;

 private:
  class Inlet;
  struct Account;
  // Two kinds of requests wait with a limit each: what only asks, and the rest. Removals are this
  // object's own: nobody counts or drops them.
  enum Kind : uint8_t { kChange, kQuestion, kRemoval, kKinds };
  struct AccountPurge;
  struct Request {
    Account* account = nullptr;
    jetstream::ApiRequest request;
    Kind kind = kChange;
    std::shared_ptr<AccountPurge> purge = {};  // of a removal
  };
  struct AccountPurge {
    Request request;
    size_t streams_left = 0;
  };
  struct Entry {
    jetstream::StreamConfig config;
    uint16_t home = 0;
    bool is_there = false;     // false: being created
    bool is_changing = false;  // create, update or delete is under way
    Offline offline = {};
    std::deque<Request> waiting;  // behind the change
  };
  struct ListGathering;
  struct Delayed {
    Instant due;
    Request request;
    jetstream::ApiKind kind;
    jetstream::ApiError error;
  };

  void take(Account& account, const router::Message& message);
  void enqueue(Request request);
  void drop(Kind kind);
  void advise_of_drops();
  void handle(Request request);
  void handle_for_stream(Request request, const jetstream::ApiSubject& subject);
  void create_stream(Request request);
  void update_stream(Request request);
  void restore_stream(Request request);
  // Takes the name of a stream that was restored; it is being created from then on.
  jetstream::ApiStatus claim(Account& account, const jetstream::StreamConfig& config,
                             uint16_t home);
  void delete_stream(Request request, const jetstream::ApiSubject& subject);
  void forward(const Request& request, const Entry& entry);
  void names(const Request& request);
  void list(const Request& request);
  void account_info(const Request& request);
  // The streams go through the queue; the last one that is gone answers.
  void purge_account(const Request& request, Slice account);
  void stream_purged(AccountPurge& purge);
  void begin_create(Request request, jetstream::StreamConfig config);
  void change_done(Account& account, const std::string& stream,
                   const jetstream::StreamConfig* now_is);
  // Refusals of requests whose stream is not there, in nats-server's order of checks.
  void refuse_missing(const Request& request, const jetstream::ApiSubject& subject);
  void refuse_missing(const Request& request, const jetstream::ApiSubject& subject,
                      const std::function<void(const jetstream::ApiError&)>& refuse_with) const;
  // Requests of a stream that is kept and not served.
  void answer_offline(const Request& request, const jetstream::ApiSubject& subject, Entry& entry);
  void list_offline_consumers(const Request& request, const jetstream::ApiSubject& subject,
                              const Offline& offline);
  void answer_offline_consumer(const Request& request, const jetstream::ApiSubject& subject,
                               Entry& entry);
  void refuse_later(const Request& request, jetstream::ApiKind kind,
                    const jetstream::ApiError& error);
  // What is due; returns when the next one is.
  Instant send_delayed();
  std::vector<const jetstream::StreamConfig*> configs_of(const Account& account,
                                                         const std::string& but) const;
  std::vector<const Entry*> matching(const Account& account, const std::string& subject) const;
  jetstream::StreamReservations reservations(const Account& account, const std::string& but) const;
  jetstream::StreamCheckContext check_context(const Account& account) const;
  jetstream::RequestContext context_of(const Account& account) const;
  void respond(const Request& request, const std::string& json);
  void refuse(const Request& request, jetstream::ApiKind kind, const jetstream::ApiError& error);
  void refuse_early(const Request& request, const jetstream::ApiSubject& subject,
                    const jetstream::ApiError& error);

  JetStreamNode& node_;
  router::Router& router_;
  std::map<std::string, std::unique_ptr<Account>, std::less<>> accounts_;
  std::deque<Request> queue_;
  std::array<size_t, kKinds> queued_{};
  std::vector<size_t> dropped_;  // requests at a time; advisories are owed
  std::deque<Delayed> delayed_;  // refusals, by time
  Instant now_{};
  WallTime wall_now_{};
};

}  // namespace petrel::shard

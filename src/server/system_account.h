// SystemAccount: answers the requests of the system account and sends the events of the server as
// a whole. Requests come to the first loop as messages, are answered on a worker, and the answers
// are routed like any message.
//
// Owner: Server::Impl. Thread: open before the loops run, the rest on the control thread.
// Limits: kRequestsWaiting requests wait; more are dropped.
// Source: spec monitoring.md sections 5 and 6, protocol.md section 13.
#pragma once

#include "server/internal_endpoints.h"
#include "server/system_answers.h"

#include "petrel/net/worker_pool.h"
#include "petrel/shard/system_events.h"
#include "petrel/system/events.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace petrel::server {

struct SystemAccountHost {
  MonitoredServer monitored;
  // What is told of the server now, and in which account. `system_account` "": there is none.
  std::function<shard::EventSource()> source;
  // Reads the configuration again, later, on another thread, and then calls back with how it went.
  // Not set: it cannot be done.
  std::function<void(std::function<void(const Status&)>)> reload;
};

class SystemAccount {
 public:
  static constexpr size_t kRequestsWaiting = 1024;

  explicit SystemAccount(SystemAccountHost host);
  ~SystemAccount() { stop(); }
  SystemAccount(const SystemAccount&) = delete;
  SystemAccount& operator=(const SystemAccount&) = delete;

  // Before the loops run.
  void open();
  // The loops run: figures are broadcast.
  void start();
  // No loop gets an answer after this.
  void stop();
  // The configuration is another one: another account may be the system account.
  void reload();
  // "SHUTDOWN", "LAMEDUCK": told at once, ahead of everything that is posted to the loops later.
  void announce(const std::string& what);
  // A client's certificate was not good enough. Any thread.
  void tell_ocsp_rejected(const system::Certificate& peer, const std::string& reason);
  void tell_ocsp_invalid(const system::Certificate& peer, const system::Certificate& link,
                         const std::string& reason);

 private:
  using Message = shard::InternalMessage;

  void open_doors(uint16_t loop, const std::string& account);
  void take(system::Service service, const Message& request);
  void take_user_question(uint16_t loop, const Message& request);
  // `what`: the last tokens of the subject, `body` writes the event.
  void tell(const std::string& what,
            const std::function<std::string(const system::EventHead&)>& body);
  void begin_reload(const Message& request);
  void send(Message message);
  void broadcast_later();
  bool is_heard() const;

  const SystemAccountHost host_;
  std::atomic<uint64_t> sequence_{0};
  std::shared_ptr<const shard::EventSource> source_;  // control thread's
  std::atomic<router::AccountInterest*> account_{nullptr};
  std::vector<InternalEndpoints*> endpoints_;  // by loop, owned by the shards
  std::vector<shard::SystemEvents*> events_;   // the same
  SystemAnswers answers_;                      // the worker's
  system::StatszRamp ramp_;                    // the first loop's
  std::unique_ptr<net::WorkerPool> worker_;
};

}  // namespace petrel::server

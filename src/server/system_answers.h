// SystemAnswers: what the system account's services answer to one request, from the pages of
// monitoring.
//
// Owner: SystemAccount. Thread: its worker, which may wait for the loops.
// Errors: in the envelope, as nats-server's. Source: spec monitoring.md section 5.
#pragma once

#include "server/identity.h"
#include "server/monitoring_pages.h"

#include "petrel/base/prng.h"
#include "petrel/base/result.h"
#include "petrel/shard/internal_message.h"
#include "petrel/system/request.h"
#include "petrel/system/response.h"
#include "petrel/system/statsz.h"

#include <atomic>
#include <optional>
#include <string>

namespace petrel::server {

class SystemAnswers {
 public:
  // `sequence`: of all messages of this server to the system account.
  SystemAnswers(const MonitoredServer& server, std::atomic<uint64_t>& sequence)
      : pages_(server), sequence_(sequence), prng_(random_seed()) {}

  // The answer to be sent to request.reply; nothing: this server does not answer.
  std::optional<shard::InternalMessage> answer(system::Service service,
                                               const shard::InternalMessage& request);
  // Whether a reload may begin; if not, `refusal` is the answer, if any.
  bool admits_reload(const shard::InternalMessage& request,
                     std::optional<shard::InternalMessage>& refusal);
  shard::InternalMessage after_reload(const shard::InternalMessage& request, const Status& status);
  std::string statsz();
  // How many subscriptions of the requestor's account hear the subject (and queue) in the body.
  shard::InternalMessage count_subscribers(const shard::InternalMessage& request);

 private:
  // What goes into "data".
  using Data = Result<std::string>;

  std::string server_json();
  system::ServerDescription description() const;
  std::optional<shard::InternalMessage> answer_statsz(const shard::InternalMessage& request);
  shard::InternalMessage idz(const shard::InternalMessage& request) const;
  std::optional<shard::InternalMessage> account_connections(const shard::InternalMessage& request);
  Data data_of(system::Service service, const std::string& account, system::RequestOptions options);
  Data connz(const system::RequestOptions& options);
  Data healthz(const monitor::Query& query);
  Data account_jsz(const std::string& account, const monitor::Query& query);
  Data account_info(const std::string& account);
  Data account_statistics(const system::RequestOptions& options);
  Data expvarz();
  Data kick(uint64_t cid);
  Data tell_lame_duck(uint64_t cid);
  shard::InternalMessage reply_to(const shard::InternalMessage& request, std::string body) const;
  shard::InternalMessage refuse(const shard::InternalMessage& request,
                                const system::Refusal& refusal);

  MonitoringPages pages_;
  std::atomic<uint64_t>& sequence_;
  Prng prng_;  // ids of events
};

}  // namespace petrel::server

// JetStream: puts the parts of JetStream together for one server: store directory, disks, journals,
// a service on every loop, the API on the first. Finds again what was stored before.
//
// Owner: Server. Thread: the caller's of Server::start and stop, while the loops do not run.
// Errors: what nats-server would print, as Status; damage names the file.
#pragma once

#include "server/foreign_store.h"
#include "server/identity.h"
#include "server/loop_thread.h"
#include "server/recovery_progress.h"
#include "server/store_keys.h"
#include "server/store_place.h"

#include "petrel/auth/account.h"
#include "petrel/conf/options.h"
#include "petrel/server.h"
#include "petrel/shard/jetstream_api.h"
#include "petrel/shard/jetstream_service.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace petrel::server {

struct JetStreamSetup {
  conf::Options options;
  std::string server_name;
  std::string server_id;
  router::AccountRegistry& accounts;
  std::vector<std::unique_ptr<LoopThread>>& loops;
  RecoveryProgress& recovery;
  std::function<void(LogLevel, const std::string&)> log;
};

class JetStream {
 public:
  // Before the loops run.
  static Result<std::unique_ptr<JetStream>> open(JetStreamSetup setup,
                                                 const auth::AccountSnapshot& accounts);
  ~JetStream();
  JetStream(const JetStream&) = delete;
  JetStream& operator=(const JetStream&) = delete;

  // Accounts and limits of a changed configuration. Thread: control; the loops run.
  void change(const conf::JetStreamOptions& options,
              std::shared_ptr<const auth::AccountSnapshot> accounts);
  // Accounts that became known, or changed, while the loops run (operator mode). Returns when their
  // API is there, so that whoever is let in afterwards finds it. Thread: any but a loop's.
  void describe(const std::vector<auth::AccountPtr>& accounts);
  // On its loop, before the clients are closed.
  void stop_streams(uint16_t loop);
  // After the loops ended: leaves everything in checkpoints.
  void shut_down();

  // Whose streams were found in the store though nothing said who they are: accounts of operator
  // mode that nobody has asked for yet, and some that are gone.
  const std::vector<std::string>& unknown_accounts() const { return unknown_accounts_; }
  const shard::JetStreamNode& node() const { return node_; }
  // Only to be used on the first loop.
  const shard::JetStreamApi& api() const { return *api_; }

 private:
  explicit JetStream(JetStreamSetup setup);
  Status prepare_directory();
  void announce() const;
  Status make_services();
  Status recover();
  // One stream more; tells the log now and then.
  void count_recovered();
  void old_journals_removed(int error);
  // Streams of the nats-server whose store_dir this is, when `petrel import` asked for it.
  Status import_streams();
  Status import_stream(const ForeignStream& foreign);
  bool is_unfinished(const std::string& directory) const;
  // Streams hear what their accounts import now. Thread: any but a loop's; the loops run.
  void refresh_imports() const;
  std::shared_ptr<shard::JetStreamUsage> usage_of(const std::string& account);
  Status recover_group(store::GroupId group, store::JournalTail& tail);
  void tell_offline(const std::string& account, const jetstream::Stream& stream) const;
  // These two: before the loops run, or on the first.
  void set_account(const auth::Account& account);
  shard::JetStreamAccount described(const auth::Account& account) const;
  void set_described_accounts(const auth::AccountSnapshot& configured);
  void say(LogLevel level, const std::string& text) const { setup_.log(level, text); }

  JetStreamSetup setup_;
  StorePlace place_;
  StoreKeys keys_;
  shard::JetStreamNode node_;
  shard::JetStreamApi* api_ = nullptr;       // owned by the first loop's shard
  std::vector<std::string> known_accounts_;  // of the configuration
  std::vector<std::string> unknown_accounts_;
  std::atomic<size_t> loops_to_checkpoint_{0};
  Instant told_progress_;
};

}  // namespace petrel::server

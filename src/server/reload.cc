// A changed configuration: all of it or nothing. Source: spec operations.md section 5.
#include "server/account_connections.h"
#include "server/process_files.h"
#include "server/server_impl.h"
#include "server/store_place.h"

#include "petrel/conf/reload_diff.h"

#include <algorithm>
#include <chrono>

namespace petrel {

namespace {

WallTime wall_now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count()};
}

bool concerns(const std::vector<conf::ReloadChange>& changes, conf::ReloadArea area) {
  return std::any_of(changes.begin(), changes.end(), [area](const conf::ReloadChange& change) {
    return change.area == area && change.is_different;
  });
}

}  // namespace

// The watch rests meanwhile: both load the same files.
Status Server::reload(const conf::Options& options) {
  std::string tls_files = server::tls_files_signature(options);
  impl_->tls_watch.reset();
  Status status = impl_->reload(options);
  if (impl_->options().tls) {
    impl_->tls_watch = std::make_unique<server::TlsWatch>(*impl_, std::move(tls_files));
  }
  return status;
}

Status Server::Impl::reload(conf::Options after) {
  if (after.port < 0) after.port = port;
  const std::shared_ptr<const server::LoadedConfig> before = current.get();
  const conf::ReloadPlan plan = conf::compare_options(before->options, after);
  if (!plan.refusal.empty()) return Error{Errc::kUnsupported, plan.refusal};
  // Everything that can fail comes before anything is changed.
  PETREL_TRY(const std::shared_ptr<const session::SessionConfig> config,
             server::make_session_config(after, identity, port));
  PETREL_TRY(server::TlsContexts tls, load_tls(after));
  // An HTTPS port stays what it is.
  if (tls.monitoring == nullptr) tls.monitoring = before->tls.monitoring;
  std::function<void()> change_log;
  if (prepare_log && concerns(plan.changes, conf::ReloadArea::kLogging)) {
    PETREL_TRY(change_log, prepare_log(after));
  }
  describe_accounts(*config->accounts);
  current.replace_tls(tls);
  current.replace(after, wall_now());
  if (jetstream != nullptr) jetstream->change(after.jetstream, config->accounts);
  for (const conf::ReloadChange& change : plan.changes) apply(change);
  if (change_log) change_log();
  const bool auth_changed = concerns(plan.changes, conf::ReloadArea::kAuthorization);
  on_every_loop([&](uint16_t loop, shard::Shard& shard) {
    loops[loop]->set_tls_context(current.get()->tls.clients);
    shard.change_config(config, auth_changed);
  });
  server::AuthEnvironment environment = auth_environment();
  for (const auto& [name, account] : config->accounts->all()) {
    server::close_excess_connections(environment, *account);
  }
  if (auth_service != nullptr) auth_service->reload();
  if (system_account != nullptr) system_account->reload();
  say(LogLevel::kInfo,
      "Reloaded server configuration " + (after.digest.empty() ? "" : "(" + after.digest + ")"));
  return Status::ok();
}

// What one change does at once. The rest follows from the new session configuration.
void Server::Impl::apply(const conf::ReloadChange& change) {
  const conf::Options now = options();
  if (change.option == "max_connections") {
    max_connections = std::max<int64_t>(now.max_connections, 0);
    close_excess_connections();
  } else if (change.option == "pid_file" && !now.pid_file.empty()) {
    if (Status status = server::write_pid_file(now.pid_file); !status) {
      say(LogLevel::kError, "Failed to write pidfile: " + status.error().detail);
    }
  } else if (change.option == "ports_file_dir") {
    remove_ports_file();
    write_ports_file();
  }
  if (change.option == "jetstream.max_memory_store") {
    say(LogLevel::kInfo, "Reloaded: JetStream max_mem_store = " +
                             server::friendly_bytes(now.jetstream.max_memory_store));
  } else if (change.option == "jetstream.max_file_store") {
    say(LogLevel::kInfo, "Reloaded: JetStream max_file_store = " +
                             server::friendly_bytes(now.jetstream.max_file_store));
  }
  if (!change.log.empty()) say(LogLevel::kInfo, change.log);
}

void Server::Impl::close_excess_connections() {
  std::vector<router::ConnectionHandle> open = clients();
  const auto allowed = static_cast<size_t>(max_connections.load());
  if (open.size() <= allowed) return;
  Prng prng(server::random_seed());
  const size_t excess = open.size() - allowed;
  for (size_t i = 0; i < excess; ++i) {
    std::swap(open[i], open[i + prng.below(open.size() - i)]);
    loops[open[i].loop]->run_task([client = open[i]](shard::Shard& shard) {
      session::ClientSession* session = shard.find_session(client);
      if (session != nullptr) session->refuse("maximum connections exceeded");
    });
  }
  say(LogLevel::kInfo,
      "Closed " + std::to_string(excess) + " connections to fall within max_connections");
}

}  // namespace petrel

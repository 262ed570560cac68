// Joins the decisions over clients that take time with the rest of the server.
#include "server/server_impl.h"

#include <chrono>

namespace petrel {

namespace {

WallTime wall_clock() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count()};
}

}  // namespace

server::AuthEnvironment Server::Impl::auth_environment() {
  return {
      .identity = identity,
      .accounts = accounts,
      .say = [this](LogLevel level, const std::string& text) { say(level, text); },
      .wall_now = wall_clock,
      .options =
          [this] {
            const std::shared_ptr<const server::LoadedConfig> loaded = current.get();
            return std::shared_ptr<const conf::Options>(loaded, &loaded->options);
          },
      .loops = static_cast<uint16_t>(loops.size()),
      .post =
          [this](uint16_t loop, std::function<void(shard::Shard&)> task) {
            loops[loop]->run_task(std::move(task));
          },
      .on_every_loop =
          [this](const std::function<void(uint16_t, shard::Shard&)>& task) { on_every_loop(task); },
      .find_account = [this](const std::string& name) { return accounts.description(name); },
      .describe =
          [this](const std::vector<auth::AccountPtr>& known) {
            accounts.describe(known);
            if (jetstream != nullptr) jetstream->describe(known);
          },
      .decide_later = {},
      .watch_expiry = {}};
}

// After the loops were made, before they run.
Status Server::Impl::open_auth() {
  PETREL_TRY(auth_service, server::AuthService::create(auth_environment()));
  if (auth_service == nullptr) return Status::ok();
  // A task can be copied, what it hands over cannot.
  auto endpoints =
      std::make_shared<std::unique_ptr<server::InternalEndpoints>>(auth_service->take_endpoints());
  loops.front()->run_task(
      [endpoints](shard::Shard& shard) { shard.add_service(std::move(*endpoints)); });
  return Status::ok();
}

shard::EventSource Server::Impl::event_source() {
  const conf::Options now = options();
  shard::EventSource source;
  source.server = system::ServerDescription::of(now, identity.id);
  if (now.authorization.auth_callout)
    source.callout_account = now.authorization.auth_callout->account;
  source.system_account = auth_service != nullptr ? auth_service->system_account() : "";
  if (!source.system_account.empty()) return source;
  const auto described = auth::AccountSnapshot::create(now);
  if (described && (*described)->system() != nullptr) {
    source.system_account = (*described)->system()->name;
  }
  return source;
}

// After open_auth: it knows the system account of operator mode.
void Server::Impl::open_system_account() {
  if (event_source().system_account.empty()) return;
  server::SystemAccountHost host{.monitored = monitored(),
                                 .source = [this] { return event_source(); },
                                 .reload = request_reload};
  system_account = std::make_unique<server::SystemAccount>(std::move(host));
  system_account->open();
}

void Server::Impl::describe_accounts(const auth::AccountSnapshot& snapshot) {
  const conf::OperatorOptions operators = options().operators;
  if (operators.operators.empty() && operators.trusted_keys.empty()) {
    accounts.describe_all(snapshot);
    return;
  }
  std::vector<auth::AccountPtr> known;
  for (const auto& [name, account] : snapshot.all()) known.push_back(account);
  accounts.describe(known);
}

bool Server::Impl::decide_elsewhere(router::ConnectionHandle connection,
                                    auth::AuthRequest request) {
  return auth_service != nullptr && auth_service->decide(connection, std::move(request));
}

}  // namespace petrel

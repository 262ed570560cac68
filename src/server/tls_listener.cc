// TLS of the client listener. Source: spec config.md section 4.
#include "server/server_impl.h"

#include <chrono>

namespace petrel {

namespace {

WallTime wall_now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count()};
}

}  // namespace

Result<server::TlsContexts> Server::Impl::load_tls(const conf::Options& of) {
  auto contexts = server::load_tls_contexts(of, staples, wall_now());
  if (!contexts || contexts->clients == nullptr) return contexts;
  for (const std::string& name : contexts->clients->left_out()) {
    say(LogLevel::kWarn, "TLS: " + name + " is not available and left out");
  }
  return contexts;
}

void Server::Impl::announce_tls() const {
  const conf::Options now = options();
  const bool is_first_only = now.tls->handshake_first && now.tls->handshake_first_fallback.ns == 0;
  const bool is_optional = now.allow_non_tls && !is_first_only;
  say(LogLevel::kInfo,
      std::string("TLS ") + (is_optional ? "available" : "required") + " for client connections");
  if (!is_first_only) return;
  say(LogLevel::kWarn,
      "Clients that are not using \"TLS Handshake First\" option will fail to connect");
}

void Server::Impl::spread_tls() {
  on_every_loop([this](uint16_t loop, shard::Shard& /*shard*/) {
    loops[loop]->set_tls_context(current.get()->tls.clients);
  });
}

// Files that do not fit together are half of a change: the next look finds the other half.
void Server::Impl::renew_tls(const std::string& said) {
  const std::shared_ptr<const server::LoadedConfig> before = current.get();
  auto contexts = load_tls(before->options);
  if (!contexts) {
    say(LogLevel::kError, "TLS files changed and cannot be used, the old ones stay in force: " +
                              contexts.error().detail);
    return;
  }
  if (!current.replace_tls(before, *std::move(contexts))) return;  // a reload was faster
  spread_tls();
  say(LogLevel::kInfo, said);
}

void Server::Impl::tls_files_changed() {
  renew_tls("TLS files changed: new connections use them");
}

void Server::Impl::look_after_staples() {
  const Result<bool> changed = server::refresh_staples(options(), staples, wall_now());
  if (!changed || !*changed) return;
  if (!staples.must_stop()) {
    renew_tls("New OCSP status: new connections see it");
    return;
  }
  say(LogLevel::kError, "A certificate of this server is not good any more, shutting down");
  if (must_stop) must_stop();
}

void Server::Impl::report_refused_handshakes() {
  const uint64_t refused = tls_rate.take_refused();
  if (refused == 0) return;
  say(LogLevel::kWarn,
      "Rejected " + std::to_string(refused) + " connections due to TLS rate limiting");
}

bool Server::Impl::admit_tls_handshake() {
  const auto since_origin = std::chrono::steady_clock::now().time_since_epoch();
  return tls_rate.admit(std::chrono::duration_cast<std::chrono::nanoseconds>(since_origin).count());
}

}  // namespace petrel

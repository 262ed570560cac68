// TLS of the client listener. Source: spec config.md section 4.
#include "server/server_impl.h"

#include <chrono>

namespace petrel {

namespace {

system::Certificate certificate_of(const net::OcspLink& link) {
  return {link.subject, link.issuer_name, link.fingerprint, link.certificate};
}

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
  if (contexts->clients->asks_responders()) open_peer_ocsp(of);
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

WallTime Server::Impl::time_of_day() const {
  return wall_now();
}

// Stays once it is there: connections of the old configuration may ask it still.
void Server::Impl::open_peer_ocsp(const conf::Options& of) {
  if (peer_ocsp != nullptr) return;
  const conf::OcspCacheOptions cache = of.ocsp_cache.value_or(conf::OcspCacheOptions());
  say(LogLevel::kInfo,
      std::string("OCSP peer cache online, type [") + (cache.local ? "local" : "none") + "]");
  peer_ocsp = std::make_unique<server::PeerOcsp>(*this, cache);
}

std::optional<monitor::OcspPeerCache> Server::Impl::ocsp_peer_figures() const {
  const std::shared_ptr<const server::LoadedConfig> now = current.get();
  const conf::Options& is = now->options;
  // It was made before this configuration came into force.
  const bool is_asked = is.tls && is.tls->ocsp_peer && is.tls->ocsp_peer->verify;
  if (!is_asked || (is.ocsp_cache && !is.ocsp_cache->local)) return {};
  const server::OcspCache::Figures figures = peer_ocsp->figures();
  return monitor::OcspPeerCache{.hits = figures.hits,
                                .misses = figures.misses,
                                .responses = figures.size,
                                .revoked = figures.revokes,
                                .good = figures.goods,
                                .unknown = figures.unknowns};
}

void Server::Impl::check_certificates(router::ConnectionHandle connection,
                                      std::vector<net::OcspLink> links) {
  const std::shared_ptr<const server::LoadedConfig> now = current.get();
  const std::optional<conf::TlsOptions>& tls = now->options.tls;
  const conf::OcspPeerOptions how =
      tls && tls->ocsp_peer ? *tls->ocsp_peer : conf::OcspPeerOptions();
  peer_ocsp->check(std::move(links), how, [this, connection](const std::string& refusal) {
    loops[connection.loop]->run_task([this, connection, refusal](shard::Shard& /*shard*/) {
      loops[connection.loop]->settle_tls(connection, refusal);
    });
  });
}

void Server::Impl::ocsp_link_invalid(const net::OcspLink& peer, const net::OcspLink& link,
                                     const std::string& reason) {
  if (system_account != nullptr) {
    system_account->tell_ocsp_invalid(certificate_of(peer), certificate_of(link), reason);
  }
  say(LogLevel::kDebug, "OCSP: [" + link.subject + "] is not valid: " + reason);
}

void Server::Impl::ocsp_peer_rejected(const net::OcspLink& peer, const std::string& reason) {
  if (system_account != nullptr) system_account->tell_ocsp_rejected(certificate_of(peer), reason);
  say(LogLevel::kDebug, "OCSP: [" + peer.subject + "] is rejected: " + reason);
}

bool Server::Impl::admit_tls_handshake() {
  const auto since_origin = std::chrono::steady_clock::now().time_since_epoch();
  return tls_rate.admit(std::chrono::duration_cast<std::chrono::nanoseconds>(since_origin).count());
}

}  // namespace petrel

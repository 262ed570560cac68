#include "server/tls_setup.h"

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

namespace petrel::server {

namespace {

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (file) return text.str();
  return Error{Errc::kIo, "open " + path + ": " + std::generic_category().message(errno)};
}

Status add_identity(const conf::CertificatePair& pair, net::TlsSettings& settings) {
  net::TlsIdentity identity;
  PETREL_TRY(identity.certificates, read_file(pair.cert_file));
  PETREL_TRY(identity.key, read_file(pair.key_file));
  settings.identities.push_back(std::move(identity));
  return Status::ok();
}

Result<net::TlsSettings> read_settings(const conf::TlsOptions& tls) {
  net::TlsSettings settings;
  if (!tls.cert_file.empty()) {
    PETREL_TRY_STATUS(add_identity({tls.cert_file, tls.key_file}, settings));
  }
  for (const conf::CertificatePair& pair : tls.certificates) {
    PETREL_TRY_STATUS(add_identity(pair, settings));
  }
  settings.verify_peer = tls.verify || tls.verify_and_map;
  if (!tls.ca_file.empty()) {
    PETREL_TRY(settings.client_cas, read_file(tls.ca_file));
  }
  settings.cipher_suites = tls.cipher_suites;
  settings.curves = tls.curve_preferences;
  settings.needs_tls13 = tls.min_version == "1.3";
  if (tls.ocsp_peer && tls.ocsp_peer->verify && !settings.verify_peer) {
    return Error{Errc::kInvalidArgument,
                 "OCSP peer verification for client connections requires TLS verify (mTLS) to be "
                 "enabled"};
  }
  settings.asks_responders = tls.ocsp_peer && tls.ocsp_peer->verify;
  return settings;
}

}  // namespace

Result<TlsContexts> load_tls_contexts(const conf::Options& options, Staples& staples,
                                      WallTime now) {
  TlsContexts contexts;
  if (!options.tls) return contexts;
  PETREL_TRY(net::TlsSettings settings, read_settings(*options.tls));
  // Auth callout services are told what a client showed; accounts of operator mode may have one.
  settings.keeps_certificates = options.authorization.auth_callout.has_value() ||
                                !options.operators.operators.empty() ||
                                !options.operators.trusted_keys.empty();
  PETREL_TRY_STATUS(staples.fill(options, settings, now));
  PETREL_TRY(contexts.clients, net::TlsContext::create(settings));
  settings.verify_peer = false;
  PETREL_TRY(contexts.monitoring, net::TlsContext::create(settings));
  return contexts;
}

Result<bool> refresh_staples(const conf::Options& options, Staples& staples, WallTime now) {
  if (!options.tls || staples.due().ns == 0 || now < staples.due()) return false;
  PETREL_TRY(const net::TlsSettings settings, read_settings(*options.tls));
  return staples.refresh(options, settings, now);
}

std::shared_ptr<const session::SessionTls> make_session_tls(const conf::Options& options) {
  if (!options.tls) return nullptr;
  auto tls = std::make_shared<session::SessionTls>();
  tls->allows_plain = options.allow_non_tls;
  tls->handshake_first = options.tls->handshake_first;
  tls->first_fallback = options.tls->handshake_first_fallback;
  if (options.tls->timeout.ns > 0) tls->timeout = options.tls->timeout;
  tls->pinned_certs = options.tls->pinned_certs;
  return tls;
}

bool TlsRateLimit::admit(int64_t now_ns) {
  constexpr int64_t kWindowNs = 1'000'000'000;
  const int64_t limit = limit_.load(std::memory_order_relaxed);
  if (limit <= 0) return true;
  int64_t end_ns = end_ns_.load(std::memory_order_relaxed);
  if (now_ns > end_ns && end_ns_.compare_exchange_strong(end_ns, now_ns + kWindowNs)) {
    count_.store(0, std::memory_order_relaxed);
  }
  if (count_.fetch_add(1, std::memory_order_relaxed) < limit) return true;
  refused_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

}  // namespace petrel::server

#include "server/session_config.h"

#include "server/advertised.h"
#include "server/tls_setup.h"

namespace petrel::server {

Result<std::shared_ptr<const session::SessionConfig>> make_session_config(
    const conf::Options& options, const Identity& identity, uint16_t port) {
  auto config = std::make_shared<session::SessionConfig>();
  proto::ServerInfo& info = config->info;
  info.server_id = identity.id;
  info.server_name = options.server_name.empty() ? identity.id : options.server_name;
  info.version = "2.15.2";
  info.host = options.host;
  info.port = port;
  if (!options.client_advertise.empty()) {
    const Result<AdvertisedAddress> address = parse_advertised(options.client_advertise, port);
    if (!address) {
      return Error{Errc::kInvalidArgument,
                   "Error setting server INFO with ClientAdvertise value of " +
                       options.client_advertise + ", err=" + address.error().detail};
    }
    info.host = address->host;
    info.port = address->port;
  }
  info.headers = !options.no_header_support;
  info.max_payload = options.max_payload;
  info.tls_required = options.tls.has_value() && !options.allow_non_tls;
  info.tls_available = options.tls.has_value() && options.allow_non_tls;
  info.tls_verify = options.tls.has_value() && (options.tls->verify || options.tls->verify_and_map);
  config->tls = make_session_tls(options);
  info.xkey = identity.xkey;
  info.api_lvl = 5;
  info.jetstream = options.jetstream.enabled;
  info.domain = options.jetstream.domain;
  PETREL_TRY(config->accounts, auth::AccountSnapshot::create(options));
  config->authenticator = std::make_shared<const auth::Authenticator>(options, config->accounts);
  if (config->authenticator->needs_nonce()) {
    config->nonces = std::make_shared<const auth::NonceMaker>(identity.nonce_secret);
  }
  info.auth_required =
      config->authenticator->is_required() && !config->authenticator->announces_no_auth_user();
  config->cluster_name = options.cluster.name;
  config->server_hash = short_hash(info.server_name);
  config->max_control_line = options.max_control_line;
  config->max_payload = options.max_payload;
  config->max_pending = options.max_pending;
  config->max_subscriptions = options.max_subscriptions;
  config->max_subscription_tokens = options.max_subscription_tokens;
  config->ping_interval = options.ping_interval;
  config->ping_max = options.ping_max;
  config->auth_timeout = options.authorization.timeout.value_or(Duration::seconds(2));
  config->write_deadline = options.write_deadline;
  config->retry_slow_writes = options.write_timeout == conf::WriteTimeoutPolicy::kRetry;
  config->no_fast_producer_stall = options.no_fast_producer_stall;
  config->rate_limit = options.petrel.rate_limit;
  config->max_closed_clients = options.max_closed_clients;
  config->proxy_protocol = options.proxy_protocol;
  config->debug = options.debug;
  config->trace = options.trace;
  config->trace_headers = options.trace_headers;
  config->max_traced_bytes = options.max_traced_msg_len;
  return std::shared_ptr<const session::SessionConfig>(std::move(config));
}

}  // namespace petrel::server

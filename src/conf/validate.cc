// Combinations of options that make no sense, in the order in which nats-server looks at them.
#include "conf/auth_reader.h"
#include "conf/compression.h"
#include "conf/host_port.h"
#include "conf/leaf_remote.h"
#include "conf/subject_text.h"

#include "petrel/base/nkey_text.h"
#include "petrel/conf/startup.h"

#include <algorithm>
#include <set>

namespace petrel::conf {
namespace {

Error refused(std::string text) {
  return {Errc::kInvalidArgument, std::move(text)};
}

bool is_operator_mode(const Options& options) {
  return !options.operators.operators.empty();
}

bool has_account(const Options& options, const std::string& name) {
  return std::any_of(options.accounts.begin(), options.accounts.end(),
                     [&name](const AccountOptions& account) { return account.name == name; });
}

bool has_users(const Options& options) {
  return !known_users(options).empty();
}

Status check_limits(const Options& options) {
  if (options.lame_duck_grace_period >= options.lame_duck_duration) {
    return refused("lame duck grace period (" + duration_text(options.lame_duck_grace_period) +
                   ") should be strictly lower than lame duck duration (" +
                   duration_text(options.lame_duck_duration) + ")");
  }
  if (options.max_payload > options.max_pending) {
    return refused("max_payload (" + std::to_string(options.max_payload) +
                   ") cannot be higher than max_pending (" + std::to_string(options.max_pending) +
                   ")");
  }
  if (options.server_name.find(' ') != std::string::npos) {
    return refused("server name cannot contain spaces");
  }
  return {};
}

Status check_operators(const Options& options) {
  const OperatorOptions& operators = options.operators;
  if (!is_operator_mode(options)) {
    if (operators.default_sentinel.empty()) return {};
    return refused("default sentinel requires operators and accounts");
  }
  if (!options.accounts.empty()) {
    return refused("operators do not allow Accounts to be configured directly");
  }
  if (has_users(options)) return refused("operators do not allow users to be configured directly");
  if (!operators.trusted_keys.empty()) {
    return refused("conflicting options for 'TrustedKeys' and 'TrustedOperators'");
  }
  if (options.authorization.auth_callout) {
    return refused("operators do not allow authorization callouts to be configured directly");
  }
  return {};
}

// --- leaf nodes ---

Status check_leaf_account(const Options& options, const std::string& name, std::string_view where) {
  const bool implied =
      name.empty() || name == "$G" ||
      (name == "$SYS" && options.system_account.empty() && !options.no_system_account);
  if (implied || has_account(options, name)) return {};
  return refused("cannot find local account " + go_quote(name) + " specified in leafnode " +
                 std::string(where));
}

Status check_leaf_accounts(const Options& options) {
  const LeafnodeOptions& leaf = options.leafnodes;
  if (is_operator_mode(options)) {
    if (leaf.users.empty()) return {};
    return refused("operator mode does not allow specifying users in leafnode config");
  }
  PETREL_TRY_STATUS(check_leaf_account(options, leaf.account, "authorization"));
  for (const LeafUser& user : leaf.users) {
    PETREL_TRY_STATUS(check_leaf_account(options, user.account, "authorization"));
  }
  for (const LeafRemote& remote : leaf.remotes) {
    PETREL_TRY_STATUS(check_leaf_account(options, remote.account, "remote"));
  }
  return {};
}

bool is_websocket(const Url& url) {
  return url.scheme == "ws" || url.scheme == "wss";
}

Status check_leaf_remote(LeafRemote& remote) {
  const std::string problem = leaf_proxy_problem(remote);
  if (!problem.empty()) return refused(problem);
  for (const Url& url : remote.urls) {
    if (is_websocket(url) == is_websocket(remote.urls.front())) continue;
    std::vector<std::string> texts;
    for (const Url& shown : remote.urls) texts.push_back(shown.text());
    return refused(
        "remote leaf node configuration cannot have a mix of websocket and non-websocket urls: " +
        quoted_list(texts, &go_quote));
  }
  if (remote.compression.mode.empty()) return {};
  return normalise_compression(remote.compression, "s2_auto");
}

Status check_leafnodes(Options& options) {
  LeafnodeOptions& leaf = options.leafnodes;
  PETREL_TRY_STATUS(check_leaf_accounts(options));
  if (!leaf.compression.mode.empty()) {
    PETREL_TRY_STATUS(normalise_compression(leaf.compression, "s2_auto"));
  }
  for (LeafRemote& remote : leaf.remotes) PETREL_TRY_STATUS(check_leaf_remote(remote));
  const bool gateway = !options.gateway.name.empty() || options.gateway.port != 0;
  if (leaf.port != 0 && gateway && options.system_account.empty()) {
    return refused(
        "leaf nodes and gateways (both being defined) require a system account to also be "
        "configured");
  }
  return {};
}

// --- users ---

Status check_no_auth_user(const Options& options, const std::string& user) {
  if (user.empty()) return {};
  if (is_operator_mode(options)) {
    return refused("no_auth_user not compatible with Trusted Operator");
  }
  const std::set<std::string> known = known_users(options);
  if (known.empty()) {
    return refused("no_auth_user: \"" + user + "\" present, but users/nkeys are not defined");
  }
  if (known.count(user) > 0) return {};
  return refused("no_auth_user: \"" + user +
                 "\" not present as user or nkey in authorization block or account configuration");
}

// --- gateway and cluster ---

Status check_gateway(const GatewayOptions& gateway) {
  if (gateway.name.empty() && gateway.port == 0) return {};
  if (gateway.name.empty()) return refused("gateway has no name");
  if (gateway.port == 0) {
    return refused("gateway " + go_quote(gateway.name) +
                   " has no port specified (select -1 for random port)");
  }
  for (size_t i = 0; i < gateway.gateways.size(); ++i) {
    const RemoteGateway& remote = gateway.gateways[i];
    if (remote.name.empty()) {
      return refused("gateway in the list " + std::to_string(i) + " has no name");
    }
    if (remote.urls.empty()) return refused("gateway " + go_quote(remote.name) + " has no URL");
  }
  return {};
}

Status check_pinned_accounts(const ClusterOptions& cluster) {
  if (cluster.accounts.empty()) return {};
  if (cluster.pool_size < 0) {
    return refused("pool_size cannot be negative if pinned accounts are specified");
  }
  std::set<std::string> seen;
  for (const std::string& account : cluster.accounts) {
    if (seen.insert(account).second) continue;
    return refused("found duplicate account name " + go_quote(account) +
                   " in pinned accounts list " + quoted_list(cluster.accounts, &go_quote));
  }
  return {};
}

Status check_cluster(Options& options) {
  ClusterOptions& cluster = options.cluster;
  if (cluster.name.find(' ') != std::string::npos) {
    return refused("cluster name cannot contain spaces");
  }
  if (!cluster.compression.mode.empty()) {
    PETREL_TRY_STATUS(normalise_compression(cluster.compression, "s2_fast"));
  }
  if (!options.gateway.name.empty() && options.gateway.name != cluster.name) {
    if (!cluster.name.empty()) {
      return refused("cluster name conflicts between cluster and gateway definitions");
    }
    cluster.name = options.gateway.name;
  }
  const bool named_by_server =
      cluster.name.empty() && !options.leafnodes.remotes.empty() && cluster.port == 0;
  if ((named_by_server ? options.server_name : cluster.name) == "_") {
    return refused("cluster name is reserved");
  }
  return check_pinned_accounts(cluster);
}

// --- mqtt, jetstream, websocket ---

Status check_mqtt(const Options& options) {
  const MqttOptions& mqtt = options.mqtt;
  if (mqtt.port == 0) return {};
  const bool linked = options.cluster.port != 0 || options.gateway.port != 0;
  if (options.server_name.empty() && linked) {
    return refused("mqtt requires server name to be explicitly set");
  }
  PETREL_TRY_STATUS(check_no_auth_user(options, mqtt.no_auth_user));
  if (has_users(options)) {
    if (!mqtt.user.empty()) {
      return refused("mqtt authentication username not compatible with presence of users/nkeys");
    }
    if (!mqtt.token.empty()) {
      return refused("mqtt authentication token not compatible with presence of users/nkeys");
    }
  }
  if (mqtt.ack_wait.ns < 0) return refused("ack wait must be a positive value");
  if (mqtt.js_api_timeout.ns < 0) return refused("JS API timeout must be a positive value");
  const LeafnodeOptions& leaf = options.leafnodes;
  if (!options.jetstream.enabled && !linked && leaf.port == 0 && leaf.remotes.empty()) {
    return refused("mqtt requires JetStream to be enabled if running in standalone mode");
  }
  return {};
}

Status check_default_domain(const Options& options, const std::string& account,
                            const std::string& domain) {
  if (is_operator_mode(options)) {
    if (is_public_nkey(account, NkeyKind::kAccount)) return {};
    return refused("default_js_domain contains account name " + go_quote(account) +
                   ", which is not a valid public account nkey");
  }
  if (account == "$G") return {};
  for (const AccountOptions& known : options.accounts) {
    if (known.name != account) continue;
    if (!known.jetstream || domain.empty()) return {};
    return refused("default_js_domain contains account name " + go_quote(account) +
                   " with enabled JetStream");
  }
  return refused("in non operator mode, `default_js_domain` references non existing account " +
                 go_quote(account));
}

Status check_default_domains(const Options& options) {
  for (const auto& [account, domain] : options.default_js_domain) {
    PETREL_TRY_STATUS(check_default_domain(options, account, domain));
  }
  const std::string system = options.system_account.empty() ? "$SYS" : options.system_account;
  for (const auto& [account, domain] : options.default_js_domain) {
    if (account == system) {
      return refused("system account " + go_quote(account) + " can not be in default_js_domain");
    }
    if (!domain.empty() && !is_valid_subject("$JS." + domain + ".API.>")) {
      return refused("default_js_domain contains account " + go_quote(account) +
                     " with invalid domain name " + go_quote(domain));
    }
  }
  return {};
}

Status check_jetstream(Options& options) {
  PETREL_TRY_STATUS(check_default_domains(options));
  JetStreamOptions& jetstream = options.jetstream;
  if (!jetstream.domain.empty()) {
    const std::string subject = "$JS." + jetstream.domain + ".API.>";
    if (!is_valid_subject(subject)) {
      return refused("invalid domain name: derived " + go_quote(subject) +
                     " is not a valid subject");
    }
    if (jetstream.domain.find_first_of(" \t\r\n\f.*>") != std::string::npos) {
      return refused("invalid domain name: may not contain ., * or >");
    }
  }
  if (!jetstream.enabled || options.cluster.port == 0) return {};
  if (options.server_name.empty()) {
    return refused("jetstream cluster requires `server_name` to be set");
  }
  if (options.cluster.name.empty()) {
    return refused("jetstream cluster requires `cluster.name` to be set");
  }
  const std::string hint = lower(jetstream.extension_hint);
  if (!hint.empty() && hint != "will_extend" && hint != "no_extend") {
    return refused("expected 'no_extend' for string value, got '" + hint + "'");
  }
  jetstream.extension_hint = hint;
  if (jetstream.max_outstanding_catchup < 0) {
    return refused("jetstream max catchup cannot be negative");
  }
  return {};
}

Status check_origin(const std::string& origin) {
  const std::string failed = "unable to parse allowed origin";
  const auto url = parse_url(origin);
  if (!url) return refused(failed + ": " + url.error().detail);
  if (url->scheme.empty() && origin.substr(0, 1) != "/") {
    const std::string reason = origin.empty() ? "empty url" : "invalid URI for request";
    return refused(failed + ": parse " + go_quote(origin) + ": " + reason);
  }
  if (url->scheme != "http" && url->scheme != "https") {
    return refused(failed + " " + go_quote(origin) +
                   ": allowed origins must be absolute URLs with http or https scheme");
  }
  if (url->host.empty()) return refused(failed + " " + go_quote(origin) + ": host is required");
  const auto split = split_host_port(url->host);
  if (split || split.error().detail.find("missing port") != std::string::npos) return {};
  return refused(failed + ": " + split.error().detail);
}

Status check_headers(const WebsocketOptions& websocket) {
  for (const auto& [name, value] : websocket.headers) {
    const std::string plain = lower(name);
    if (has_name("host|content-length|connection|upgrade|nats-no-masking", plain)) {
      return refused("websocket: invalid header " + go_quote(name) + " not allowed");
    }
    if (plain.rfind("sec-websocket-", 0) == 0) {
      return refused("websocket: invalid header " + go_quote(name) +
                     ", \"Sec-WebSocket-\" prefix not allowed");
    }
  }
  return {};
}

Status check_websocket(const Options& options) {
  const WebsocketOptions& websocket = options.websocket;
  if (websocket.port == 0) return {};
  if (!websocket.tls && !websocket.no_tls) {
    return refused("websocket requires TLS configuration");
  }
  for (const std::string& origin : websocket.allowed_origins) {
    PETREL_TRY_STATUS(check_origin(origin));
  }
  PETREL_TRY_STATUS(check_no_auth_user(options, websocket.no_auth_user));
  const std::string mixed = "websocket authentication ";
  if (has_users(options) && !websocket.user.empty()) {
    return refused(mixed + "username not compatible with presence of users/nkeys");
  }
  if (has_users(options) && !websocket.token.empty()) {
    return refused(mixed + "token not compatible with presence of users/nkeys");
  }
  const bool trusts = is_operator_mode(options) || !options.operators.trusted_keys.empty();
  if (!websocket.jwt_cookie.empty() && !trusts) {
    return refused(
        "trusted operators or trusted keys configuration is required for JWT authentication via "
        "cookie " +
        go_quote(websocket.jwt_cookie));
  }
  return check_headers(websocket);
}

Status check_system_account(const Options& options) {
  const bool known = options.system_account.empty() || is_operator_mode(options) ||
                     has_account(options, options.system_account);
  if (known) return {};
  return refused("error resolving system account: account missing");
}

}  // namespace

Status validate_options(Options& options) {
  PETREL_TRY_STATUS(check_limits(options));
  PETREL_TRY_STATUS(check_operators(options));
  PETREL_TRY_STATUS(check_leafnodes(options));
  PETREL_TRY_STATUS(check_no_auth_user(options, options.no_auth_user));
  PETREL_TRY_STATUS(check_gateway(options.gateway));
  PETREL_TRY_STATUS(check_cluster(options));
  PETREL_TRY_STATUS(check_mqtt(options));
  PETREL_TRY_STATUS(check_jetstream(options));
  PETREL_TRY_STATUS(check_websocket(options));
  return check_system_account(options);
}

}  // namespace petrel::conf

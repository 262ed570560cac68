#include "auth/jwt_read.h"

#include "auth/jwt_fields.h"

#include <algorithm>
#include <cctype>

namespace petrel::auth {

namespace json = proto::json;

namespace {

// Version 1 had the type, the tags and issuer_account beside "nats"; later versions inside.
bool read_nats(Slice payload, const ReadValue& read) {
  return read_fields(payload, {{"nats", read}});
}

bool read_kind(Slice value, ShareKind& kind) {
  std::string text;
  if (!json::read_string(value, text)) return false;
  if (json::is_null(value)) return true;
  if (text == "stream") {
    kind = ShareKind::kStream;
  } else if (text == "service") {
    kind = ShareKind::kService;
  } else {
    return false;
  }
  return true;
}

bool read_revocations(Slice value, Revocations& out) {
  return each_member(value, [&out](const std::string& key, Slice time) {
    return json::read_integer(time, out[key]);
  });
}

// --- users ---

bool read_allow_deny(Slice value, std::vector<std::string>& allow, std::vector<std::string>& deny) {
  return read_fields(value, {{"allow", &allow}, {"deny", &deny}});
}

ReadValue permission_reader(std::vector<std::string>& allow, std::vector<std::string>& deny) {
  return [&allow, &deny](Slice value) { return read_allow_deny(value, allow, deny); };
}

ReadValue response_reader(std::optional<ResponseClaim>& response) {
  return [&response](Slice value) {
    if (json::is_null(value)) return true;
    response.emplace();
    return read_fields(value, {{"max", &response->max}, {"ttl", &response->ttl_ns}});
  };
}

bool read_permissions(Slice value, PermissionClaims& out) {
  return read_fields(value, {{"pub", permission_reader(out.publish_allow, out.publish_deny)},
                             {"sub", permission_reader(out.subscribe_allow, out.subscribe_deny)},
                             {"resp", response_reader(out.response)}});
}

void add_network(std::vector<std::string>& out, Slice part) {
  while (!part.empty() && std::isspace(static_cast<unsigned char>(part.front())) != 0) {
    part.remove_prefix(1);
  }
  while (!part.empty() && std::isspace(static_cast<unsigned char>(part.back())) != 0) {
    part.remove_suffix(1);
  }
  std::string text(part);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (!text.empty() && std::find(out.begin(), out.end(), text) == out.end()) out.push_back(text);
}

// A list, or one text with commas.
bool read_networks(Slice value, std::vector<std::string>& out) {
  if (!json::is_string(value)) return json::read_strings(value, out);
  const std::string list = json::unquote(value);
  out.clear();
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    add_network(out, Slice(list).substr(begin, end - begin));
    begin = end + 1;
  }
  return true;
}

bool read_times(Slice value, std::vector<TimeRange>& out) {
  out.clear();
  return each_element(value, [&out](Slice entry) {
    TimeRange& range = out.emplace_back();
    return read_fields(entry, {{"start", &range.start}, {"end", &range.end}});
  });
}

bool read_user_limits(Slice value, UserLimits& out) {
  PermissionClaims& permissions = out.permissions;
  return read_fields(
      value, {{"pub", permission_reader(permissions.publish_allow, permissions.publish_deny)},
              {"sub", permission_reader(permissions.subscribe_allow, permissions.subscribe_deny)},
              {"resp", response_reader(permissions.response)},
              {"src", [&out](Slice v) { return read_networks(v, out.source_networks); }},
              {"times", [&out](Slice v) { return read_times(v, out.times); }},
              {"times_location", &out.times_location},
              {"subs", &out.subscriptions},
              {"data", &out.data},
              {"payload", &out.payload},
              {"bearer_token", &out.bearer_token},
              {"proxy_required", &out.proxy_required},
              {"allowed_connection_types", &out.connection_types}});
}

// --- accounts ---

bool read_import(Slice value, ImportClaim& out) {
  return read_fields(value, {{"name", &out.name},
                             {"subject", &out.subject},
                             {"account", &out.account},
                             {"token", &out.token},
                             {"to", &out.to},
                             {"local_subject", &out.local_subject},
                             {"type", [&out](Slice v) { return read_kind(v, out.kind); }},
                             {"share", &out.share},
                             {"allow_trace", &out.allow_trace}});
}

bool read_sampling(Slice value, int64_t& out) {
  if (!json::is_string(value)) return json::read_integer(value, out);
  std::string text = json::unquote(value);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  out = 0;
  return text == "headers";
}

bool read_latency(Slice value, std::optional<LatencyClaim>& out) {
  if (json::is_null(value)) return true;
  LatencyClaim& latency = out.emplace();
  return read_fields(
      value, {{"sampling", [&latency](Slice v) { return read_sampling(v, latency.sampling); }},
              {"results", &latency.results}});
}

bool read_export(Slice value, ExportClaim& out) {
  return read_fields(
      value, {{"name", &out.name},
              {"subject", &out.subject},
              {"type", [&out](Slice v) { return read_kind(v, out.kind); }},
              {"token_req", &out.token_required},
              {"revocations", [&out](Slice v) { return read_revocations(v, out.revocations); }},
              {"response_type", &out.response_type},
              {"response_threshold", &out.response_threshold_ns},
              {"service_latency", [&out](Slice v) { return read_latency(v, out.latency); }},
              {"account_token_position", &out.account_token_position},
              {"allow_trace", &out.allow_trace}});
}

bool read_jetstream(Slice value, JetStreamClaim& out) {
  return read_fields(value, {{"mem_storage", &out.memory},
                             {"disk_storage", &out.disk},
                             {"streams", &out.streams},
                             {"consumer", &out.consumers},
                             {"max_ack_pending", &out.max_ack_pending},
                             {"mem_max_stream_bytes", &out.memory_max_stream_bytes},
                             {"disk_max_stream_bytes", &out.disk_max_stream_bytes},
                             {"max_bytes_required", &out.max_bytes_required}});
}

bool read_tiers(Slice value, std::map<std::string, JetStreamClaim>& out) {
  return each_member(value, [&out](const std::string& tier, Slice limits) {
    return read_jetstream(limits, out[tier]);
  });
}

bool read_account_limits(Slice value, AccountLimitClaims& out) {
  const bool is_read =
      read_fields(value, {{"subs", &out.subscriptions},
                          {"data", &out.data},
                          {"payload", &out.payload},
                          {"imports", &out.imports},
                          {"exports", &out.exports},
                          {"wildcards", &out.wildcard_exports},
                          {"disallow_bearer", &out.disallow_bearer},
                          {"conn", &out.connections},
                          {"leaf", &out.leafnodes},
                          {"tiered_limits", [&out](Slice v) { return read_tiers(v, out.tiers); }}});
  return is_read && read_jetstream(value, out.jetstream);
}

bool read_signing_key(Slice value, AccountClaims& out) {
  if (json::is_string(value)) {
    out.signing_keys[json::unquote(value)] = std::nullopt;
    return true;
  }
  if (!json::is_object(value)) return true;
  UserScope scope;
  scope.limits.subscriptions = scope.limits.data = scope.limits.payload = kNoLimit;
  std::string kind;
  const bool is_read = read_fields(
      value, {{"kind", &kind},
              {"key", &scope.key},
              {"role", &scope.role},
              {"template", [&scope](Slice v) { return read_user_limits(v, scope.limits); }}});
  if (!is_read || kind != "user_scope") return false;
  std::string key = scope.key;
  out.signing_keys[std::move(key)] = std::move(scope);
  return true;
}

bool read_mapping(const std::string& source, Slice value, conf::MappingOptions& mapping) {
  mapping.source = source;
  return each_element(value, [&mapping](Slice entry) {
    conf::MappingDestination& destination = mapping.destinations.emplace_back();
    uint64_t weight = 0;
    const bool is_read = read_fields(entry, {{"subject", &destination.subject},
                                             {"weight", &weight},
                                             {"cluster", &destination.cluster}});
    if (!is_read || weight > 255) return false;
    destination.weight = weight == 0 ? uint8_t{100} : static_cast<uint8_t>(weight);
    return true;
  });
}

bool read_mappings(Slice value, std::vector<conf::MappingOptions>& out) {
  out.clear();
  return each_member(value, [&out](const std::string& source, Slice destinations) {
    return read_mapping(source, destinations, out.emplace_back());
  });
}

bool read_trace(Slice value, std::optional<TraceClaim>& out) {
  if (json::is_null(value)) return true;
  TraceClaim& trace = out.emplace();
  return read_fields(value, {{"dest", &trace.destination}, {"sampling", &trace.sampling}});
}

template <typename T>
ReadValue list_reader(std::vector<T>& out, bool (*read)(Slice, T&)) {
  return [&out, read](Slice value) {
    out.clear();
    return each_element(value,
                        [&out, read](Slice entry) { return read(entry, out.emplace_back()); });
  };
}

bool read_account(Slice value, AccountClaims& out) {
  return read_fields(
      value, {{"imports", list_reader(out.imports, read_import)},
              {"exports", list_reader(out.exports, read_export)},
              {"limits", [&out](Slice v) { return read_account_limits(v, out.limits); }},
              {"signing_keys",
               [&out](Slice v) {
                 return each_element(v,
                                     [&out](Slice entry) { return read_signing_key(entry, out); });
               }},
              {"revocations", [&out](Slice v) { return read_revocations(v, out.revocations); }},
              {"default_permissions",
               [&out](Slice v) { return read_permissions(v, out.default_permissions); }},
              {"mappings", [&out](Slice v) { return read_mappings(v, out.mappings); }},
              {"authorization",
               [&out](Slice v) {
                 return read_fields(v, {{"auth_users", &out.callout.auth_users},
                                        {"allowed_accounts", &out.callout.allowed_accounts},
                                        {"xkey", &out.callout.xkey}});
               }},
              {"trace", [&out](Slice v) { return read_trace(v, out.trace); }},
              {"cluster_traffic", &out.cluster_traffic},
              {"description", &out.description},
              {"info_url", &out.info_url}});
}

// Version 1 knew no JetStream, default permissions, mappings, callout or traces.
void forget_later_fields(AccountClaims& claims) {
  claims.limits.jetstream = {};
  claims.limits.tiers.clear();
  claims.default_permissions = {};
  claims.mappings.clear();
  claims.callout = {};
  claims.trace.reset();
  claims.cluster_traffic.clear();
}

}  // namespace

bool read_common(Slice payload, Claims& claims) {
  std::string old_type;
  std::vector<std::string> old_tags;
  const bool is_read = read_fields(payload, {{"jti", &claims.id},
                                             {"iss", &claims.issuer},
                                             {"sub", &claims.subject},
                                             {"aud", &claims.audience},
                                             {"name", &claims.name},
                                             {"iat", &claims.issued_at},
                                             {"exp", &claims.expires},
                                             {"nbf", &claims.not_before},
                                             {"type", &old_type},
                                             {"tags", &old_tags}});
  if (!is_read) return false;
  const bool has_nats = read_nats(payload, [&claims](Slice nats) {
    return read_fields(
        nats, {{"type", &claims.type}, {"version", &claims.version}, {"tags", &claims.tags}});
  });
  if (!has_nats) return false;
  if (!old_type.empty()) {
    claims.type = old_type;
    claims.version = 1;
    claims.tags = old_tags;
  }
  return true;
}

bool read_claims(Slice payload, OperatorClaims& claims) {
  return read_nats(payload, [&claims](Slice nats) {
    return read_fields(nats, {{"signing_keys", &claims.signing_keys},
                              {"account_server_url", &claims.account_server_url},
                              {"operator_service_urls", &claims.operator_service_urls},
                              {"system_account", &claims.system_account},
                              {"assert_server_version", &claims.assert_server_version},
                              {"strict_signing_key_usage", &claims.strict_signing_key_usage}});
  });
}

bool read_claims(Slice payload, AccountClaims& claims) {
  if (!read_nats(payload, [&claims](Slice nats) { return read_account(nats, claims); })) {
    return false;
  }
  if (claims.version == 1) forget_later_fields(claims);
  if (!claims.limits.tiers.empty()) claims.limits.jetstream = {};
  return true;
}

bool read_claims(Slice payload, UserClaims& claims) {
  UserLimits& limits = claims.limits;
  const bool is_old = claims.version == 1;
  if (is_old) limits.subscriptions = limits.data = limits.payload = kNoLimit;
  const bool is_read = read_nats(payload, [&claims, &limits](Slice nats) {
    return read_user_limits(nats, limits) &&
           read_fields(nats, {{"issuer_account", &claims.issuer_account}});
  });
  if (!is_read) return false;
  if (!is_old) return true;
  limits.proxy_required = false;
  limits.connection_types.clear();
  claims.issuer_account.clear();
  return read_fields(payload, {{"issuer_account", &claims.issuer_account}});
}

bool read_claims(Slice payload, ActivationClaims& claims) {
  if (claims.version == 1 && !read_fields(payload, {{"issuer_account", &claims.issuer_account}})) {
    return false;
  }
  return read_nats(payload, [&claims](Slice nats) {
    const ReadValue kind = [&claims](Slice v) { return read_kind(v, claims.import_kind); };
    if (!read_fields(nats, {{"subject", &claims.import_subject}})) return false;
    // Version 1 called the kind "type".
    if (claims.version == 1) return read_fields(nats, {{"type", kind}});
    return read_fields(nats, {{"kind", kind}, {"issuer_account", &claims.issuer_account}});
  });
}

bool read_claims(Slice payload, AuthResponseClaims& claims) {
  return read_nats(payload, [&claims](Slice nats) {
    return read_fields(nats, {{"jwt", &claims.jwt},
                              {"error", &claims.error},
                              {"issuer_account", &claims.issuer_account}});
  });
}

bool read_claims(Slice payload, GenericClaims& claims) {
  return read_nats(payload, [&claims](Slice nats) {
    return read_fields(nats, {{"accounts", [&claims](Slice v) {
                                 std::vector<std::string> list;
                                 if (json::is_array(v) && json::read_strings(v, list)) {
                                   claims.accounts = std::move(list);
                                 }
                                 return true;
                               }}});
  });
}

}  // namespace petrel::auth

#include "conf/options_reader.h"

#include "conf/accounts_reader.h"
#include "conf/auth_reader.h"
#include "conf/jetstream_reader.h"
#include "conf/links_reader.h"
#include "conf/listeners_reader.h"
#include "conf/mapping_reader.h"
#include "conf/operator_reader.h"
#include "conf/petrel_reader.h"
#include "conf/tls_reader.h"

#include <algorithm>

namespace petrel::conf {
namespace {

constexpr Duration kLameDuckMin = Duration::seconds(30);

// --- listeners ---

Step listen(Context& context, Options& options, const Field& field) {
  return read_listen(context, field, options.host, options.port);
}

Step http(Context& context, Options& options, const Field& field) {
  return read_listen(context, field, options.http_host, options.http_port);
}

Step https(Context& context, Options& options, const Field& field) {
  return read_listen(context, field, options.http_host, options.https_port);
}

// --- identity ---

Step server_name(Context& context, Options& options, const Field& field) {
  const std::string* name = want_string(context, field.node);
  if (name == nullptr) return Step::kWrongType;
  if (name->find(' ') != std::string::npos) {
    return stop(context, &field.node, "server name cannot contain spaces");
  }
  options.server_name = *name;
  return Step::kNext;
}

void add_tag(Options& options, const std::string& text) {
  std::string tag = lower(text);
  while (!tag.empty() && is_space(static_cast<unsigned char>(tag.back()))) tag.pop_back();
  while (!tag.empty() && is_space(static_cast<unsigned char>(tag.front()))) tag.erase(0, 1);
  const auto& tags = options.tags;
  if (!tag.empty() && std::find(tags.begin(), tags.end(), tag) == tags.end()) {
    options.tags.push_back(tag);
  }
}

Step server_tags(Context& context, Options& options, const Field& field) {
  const std::string unsupported = "error parsing tags: unsupported type ";
  if (const std::string* tag = field.node.string()) {
    add_tag(options, *tag);
    return Step::kNext;
  }
  const Array* array = field.node.array();
  if (array == nullptr) {
    return stop(context, &field.node, unsupported + type_name(field.node.value));
  }
  for (const NodePtr& node : *array) {
    if (node->string() == nullptr) {
      return stop(context, &field.node, unsupported + "*conf.token where string is expected");
    }
    add_tag(options, *node->string());
  }
  return Step::kNext;
}

Step server_metadata(Context& context, Options& options, const Field& field) {
  const Map* map = field.node.map();
  if (map == nullptr) {
    return stop(context, &field.node,
                "error parsing metadata: unsupported type " + type_name(field.node.value));
  }
  for (const Map::Entry& entry : map->entries()) {
    context.last = entry.node.get();
    const std::string* value = want_string(context, *entry.node);
    if (value == nullptr) return Step::kWrongType;
    options.metadata[entry.key] = *value;
  }
  return Step::kNext;
}

Step feature_flags(Context& context, Options& options, const Field& field) {
  const Map* map = field.node.map();
  if (map == nullptr) {
    return stop(context, &field.node,
                "error parsing feature flags: unsupported type " + type_name(field.node.value));
  }
  for (const Map::Entry& entry : map->entries()) {
    const bool* value = entry.node->boolean();
    if (value == nullptr) {
      return stop(context, entry.node.get(),
                  "error parsing feature flag " + go_quote(entry.key) + ": expected bool, got " +
                      type_name(entry.node->value));
    }
    options.feature_flags[entry.key] = *value;
  }
  return Step::kNext;
}

// --- logging ---

template <bool Options::* Member>
Step trace_kind(Context& context, Options& options, const Field& field) {
  const bool* value = want_bool(context, field.node);
  if (value == nullptr) return Step::kWrongType;
  options.*Member = *value;
  options.trace = *value;
  return Step::kNext;
}

// --- limits ---

template <int32_t Options::* Member>
Step size32(Context& context, Options& options, const Field& field) {
  const int64_t* value = want_integer(context, field.node);
  if (value == nullptr) return Step::kWrongType;
  if (*value > std::numeric_limits<int32_t>::max()) {
    return stop(context, &field.node, field.key + " value is too big");
  }
  options.*Member = saturated<int32_t>(*value);
  return Step::kNext;
}

// 0 lets nobody in, it is not "no limit".
Step max_connections(Context& context, Options& options, const Field& field) {
  const int64_t* value = want_integer(context, field.node);
  if (value == nullptr) return Step::kWrongType;
  options.max_connections = *value == 0 ? -1 : *value;
  return Step::kNext;
}

Step max_subscription_tokens(Context& context, Options& options, const Field& field) {
  const int64_t* value = want_integer(context, field.node);
  if (value == nullptr) return Step::kWrongType;
  if (*value > std::numeric_limits<uint8_t>::max()) {
    return stop(context, &field.node, field.key + " value is too big");
  }
  if (*value <= 0) return stop(context, &field.node, field.key + " value can not be negative");
  options.max_subscription_tokens = static_cast<uint8_t>(*value);
  return Step::kNext;
}

// --- life cycle ---

Step lame_duck_duration(Context& context, Options& options, const Field& field) {
  const std::string* text = want_string(context, field.node);
  if (text == nullptr) return Step::kWrongType;
  const auto parsed = parse_duration(*text);
  if (!parsed) {
    return stop(context, &field.node, "error parsing lame_duck_duration: " + parsed.error().detail);
  }
  if (*parsed < kLameDuckMin) {
    return stop(
        context, &field.node,
        "invalid lame_duck_duration of " + duration_text(*parsed) + ", minimum is 30 seconds");
  }
  options.lame_duck_duration = *parsed;
  return Step::kNext;
}

Step lame_duck_grace_period(Context& context, Options& options, const Field& field) {
  const std::string* text = want_string(context, field.node);
  if (text == nullptr) return Step::kWrongType;
  const auto parsed = parse_duration(*text);
  if (!parsed) {
    return stop(context, &field.node,
                "error parsing lame_duck_grace_period: " + parsed.error().detail);
  }
  if (parsed->ns < 0) {
    return stop(context, &field.node, "invalid lame_duck_grace_period, needs to be positive");
  }
  options.lame_duck_grace_period = *parsed;
  return Step::kNext;
}

// --- accounts and blocks ---

Step mappings(Context& context, Options& options, const Field& field) {
  read_mappings(context, field.node, options.mappings);
  return Step::kNext;
}

Step system_account(Context& context, Options& options, const Field& field) {
  const std::string* name = field.node.string();
  if (name == nullptr) {
    return stop(context, &field.node, "system account name must be a string");
  }
  options.system_account = *name;
  return Step::kNext;
}

Step default_sentinel(Context& context, Options& options, const Field& field) {
  const std::string* text = want_string(context, field.node);
  if (text == nullptr) return Step::kWrongType;
  options.operators.default_sentinel = *text;
  return Step::kNext;
}

Step default_js_domain(Context& context, Options& options, const Field& field) {
  const Map* map = field.node.map();
  if (map == nullptr) {
    return stop(context, &field.node,
                "error default_js_domain config: unsupported type " + type_name(field.node.value));
  }
  options.default_js_domain.clear();
  for (const Map::Entry& entry : map->entries()) {
    const std::string* domain = want_string(context, *entry.node);
    if (domain == nullptr) return Step::kWrongType;
    options.default_js_domain[entry.key] = *domain;
  }
  return Step::kNext;
}

Step tls(Context& context, Options& options, const Field& field) {
  read_tls(context, field.node, TlsUse::kClients, options.tls);
  return Step::kNext;
}

// The first name of each rule is the one under which Options::defined knows the option.
using O = Options;
constexpr Rule<O> kOptions[] = {
    {"listen", listen},
    {"client_advertise", &O::client_advertise},
    {"port", &O::port},
    {"server_name", server_name},
    {"host|net", &O::host},
    {"debug", &O::debug},
    {"trace", &O::trace},
    {"trace_verbose", trace_kind<&O::trace_verbose>},
    {"trace_headers", trace_kind<&O::trace_headers>},
    {"logtime", &O::logtime},
    {"logtime_utc", &O::logtime_utc},
    {"mappings|maps", mappings},
    {"disable_sublist_cache|no_sublist_cache", &O::disable_sublist_cache},
    {"accounts", read_accounts},
    {"default_sentinel", default_sentinel},
    {"authorization", read_client_authorization},
    {"http", http},
    {"https", https},
    {"http_port|monitor_port", &O::http_port},
    {"https_port", &O::https_port},
    {"http_base_path", &O::http_base_path},
    {"cluster", read_cluster},
    {"gateway", read_gateway},
    {"leafnodes|leaf", read_leafnodes},
    {"store_dir|storedir", read_store_dir},
    {"jetstream", read_jetstream},
    {"log_file|logfile", &O::log_file},
    {"log_size_limit|logfile_size_limit", &O::log_size_limit},
    {"log_max_num|logfile_max_num", &O::log_max_num},
    {"syslog", &O::syslog},
    {"remote_syslog", &O::remote_syslog},
    {"pid_file|pidfile", &O::pid_file},
    {"ports_file_dir", &O::ports_file_dir},
    {"prof_port", &O::prof_port},
    {"prof_block_rate", &O::prof_block_rate},
    {"max_control_line", size32<&O::max_control_line>},
    {"max_payload", size32<&O::max_payload>},
    {"max_pending", &O::max_pending},
    {"proxy_protocol", &O::proxy_protocol},
    {"max_connections|max_conn", max_connections},
    {"max_traced_msg_len", &O::max_traced_msg_len},
    {"max_subscriptions|max_subs", &O::max_subscriptions},
    {"max_subscription_tokens|max_sub_tokens", max_subscription_tokens},
    {"ping_interval", DurationField<O>{&O::ping_interval, "ping_interval"}},
    {"ping_max", &O::ping_max},
    {"tls", tls},
    {"ocsp", read_ocsp},
    {"allow_non_tls", &O::allow_non_tls},
    {"write_deadline", DurationField<O>{&O::write_deadline, "write_deadline"}},
    {"write_timeout", &O::write_timeout},
    {"lame_duck_duration", lame_duck_duration},
    {"lame_duck_grace_period", lame_duck_grace_period},
    {"operator|operators|roots|root|root_operators|root_operator", read_operators},
    {"resolver|account_resolver|accounts_resolver", read_resolver},
    {"resolver_tls", read_resolver_tls},
    {"resolver_preload", read_resolver_preload},
    {"resolver_pinned_accounts", read_resolver_pinned},
    {"no_auth_user", &O::no_auth_user},
    {"system_account|system", system_account},
    {"no_system_account|no_system|no_sys_acc", &O::no_system_account},
    {"no_header_support", &O::no_header_support},
    {"trusted_keys|trusted", read_trusted_keys},
    {"connect_error_reports", &O::connect_error_reports},
    {"reconnect_error_reports", &O::reconnect_error_reports},
    {"websocket|ws", read_websocket},
    {"mqtt", read_mqtt},
    {"server_tags", server_tags},
    {"server_metadata", server_metadata},
    {"feature_flags", feature_flags},
    {"default_js_domain", default_js_domain},
    {"ocsp_cache", read_ocsp_cache},
    {"no_fast_producer_stall", &O::no_fast_producer_stall},
    {"max_closed_clients", &O::max_closed_clients},
    {"proxies", read_proxies},
    {"petrel", read_petrel},
};

void read_option(Context& context, const Map::Entry& entry) {
  const Node& node = *entry.node;
  const Rule<Options>* rule = find_rule(Block<O>{.rules = kOptions}, entry.key);
  if (rule == nullptr) {
    if (node.used_as_variable) return;
    context.report.error(&node, "unknown field " + go_quote(entry.key));
    return;
  }
  const std::string name(rule->names.substr(0, rule->names.find('|')));
  context.options.defined[name] = node.position();
  const Field field{entry.key, node};
  (void)guarded(context, node, [&] {
    return std::visit(Assign<Options>(context, context.options, field), rule->action);
  });
}

void check_callout_accounts(Context& context) {
  const auto& callout = context.options.authorization.auth_callout;
  if (!callout) return;
  const auto& accounts = context.options.accounts;
  for (const std::string& name : callout->allowed_accounts) {
    const bool known = std::any_of(accounts.begin(), accounts.end(),
                                   [&name](const auto& account) { return account.name == name; });
    if (known) continue;
    context.report.error(nullptr, "auth_callout allowed account " + go_quote(name) +
                                      " not found in configured accounts");
  }
}

}  // namespace

void read_options(const ConfigTree& tree, const std::string& path, const Sources& sources,
                  Options& options, Report& report) {
  options.digest = tree.digest;
  if (tree.root->empty()) {
    report.warning(nullptr, path + ": config has no values or is empty");
  }
  Context context{report, sources, options};
  for (const Map::Entry& entry : tree.root->entries()) read_option(context, entry);
  check_callout_accounts(context);
}

std::vector<std::string_view> option_names() {
  std::vector<std::string_view> names;
  for (const Rule<Options>& rule : kOptions) names.push_back(rule.names);
  return names;
}

}  // namespace petrel::conf

#include "petrel/conf/reload_diff.h"

#include "conf/go_values.h"
#include "conf/host_port.h"

#include "petrel/base/go_quote.h"
#include "petrel/conf/startup.h"

#include <algorithm>

namespace petrel::conf {
namespace {

std::string text_of(bool value) {
  return value ? "true" : "false";
}
std::string text_of(const std::string& value) {
  return value;
}
std::string text_of(Duration value) {
  return duration_text(value);
}

template <typename Integer>
  requires std::is_integral_v<Integer>
std::string text_of(Integer value) {
  return std::to_string(value);
}

std::string text_of(WriteTimeoutPolicy value) {
  switch (value) {
    case WriteTimeoutPolicy::kClose:
      return "close";
    case WriteTimeoutPolicy::kRetry:
      return "retry";
    case WriteTimeoutPolicy::kDefault:
      break;
  }
  return "default";
}

std::string text_of(Backend value) {
  switch (value) {
    case Backend::kIoUring:
      return "io_uring";
    case Backend::kEpoll:
      return "epoll";
    case Backend::kAuto:
      break;
  }
  return "auto";
}

std::string text_of(DiskBackend backend) {
  switch (backend) {
    case DiskBackend::kAuto:
      return "auto";
    case DiskBackend::kIoUring:
      return "io_uring";
    case DiskBackend::kThreads:
      return "threads";
  }
  return "";
}

template <typename V>
std::string text_of(const std::map<std::string, V>& value) {
  std::string out = "map[";
  for (const auto& [key, entry] : value) {
    if (out.back() != '[') out += ' ';
    out += key + ":" + text_of(entry);
  }
  return out + "]";
}

std::string text_of(StoreCipher value) {
  switch (value) {
    case StoreCipher::kChaCha:
      return "chacha";
    case StoreCipher::kAes:
      return "aes";
    case StoreCipher::kNone:
      break;
  }
  return "";
}

using Text = std::string (*)(const Options&);
using Same = bool (*)(const Options&, const Options&);

// Of what is not shown.
std::string no_text(const Options& /*options*/) {
  return "";
}

template <auto Member>
std::string value(const Options& options) {
  return text_of(options.*Member);
}

template <auto Member>
bool same(const Options& before, const Options& after) {
  return before.*Member == after.*Member;
}

template <auto Member>
std::string jetstream_value(const Options& options) {
  return text_of(options.jetstream.*Member);
}

template <auto Member>
bool same_jetstream(const Options& before, const Options& after) {
  return before.jetstream.*Member == after.jetstream.*Member;
}

template <auto Member>
bool same_operators(const Options& before, const Options& after) {
  return before.operators.*Member == after.operators.*Member;
}

template <auto Member>
std::string petrel_value(const Options& options) {
  return text_of(options.petrel.*Member);
}

std::string rate_text(const RateLimit& limit) {
  return std::to_string(limit.messages) + " messages/s, " + std::to_string(limit.bytes) +
         " bytes/s, burst " + duration_text(limit.burst);
}

std::string petrel_rate_limit(const Options& options) {
  return rate_text(options.petrel.rate_limit);
}

// Secrets and lists are compared by a text that is never shown.
std::string permission_key(const std::optional<SubjectPermission>& permission) {
  if (!permission) return "-";
  std::string key = permission->allow ? "allow" : "all";
  const auto add = [&key](const std::vector<PermissionSubject>& subjects) {
    for (const PermissionSubject& entry : subjects) key += "\n" + entry.subject + " " + entry.queue;
    key += "\n|";
  };
  if (permission->allow) add(*permission->allow);
  add(permission->deny);
  return key;
}

std::string permissions_key(const std::optional<PermissionOptions>& permissions) {
  if (!permissions) return "-";
  std::string key = permission_key(permissions->publish) + permission_key(permissions->subscribe);
  if (const auto& responses = permissions->allow_responses) {
    key += std::to_string(responses->max) + " " + duration_text(responses->expires);
  }
  return key;
}

std::string user_key(const UserOptions& user) {
  std::string key = user.user + "\n" + user.password + "\n" + user.nkey + "\n";
  if (user.proxy_required) key += "behind a proxy\n";
  key += permissions_key(user.permissions);
  for (const std::string& type : user.allowed_connection_types) key += "\n" + type;
  return key;
}

std::string list_key(const std::vector<UserOptions>& users) {
  std::vector<std::string> keys;
  for (const UserOptions& user : users) keys.push_back(user_key(user));
  std::sort(keys.begin(), keys.end());
  std::string all;
  for (const std::string& key : keys) all += key + "\n\n";
  return all;
}

std::string users_key(const Options& options) {
  return list_key(options.authorization.users) +
         permissions_key(options.authorization.default_permissions);
}

std::string list_key(const std::vector<MappingOptions>& mappings) {
  std::string key;
  for (const MappingOptions& mapping : mappings) {
    key += "\n" + mapping.source + ":";
    for (const MappingDestination& destination : mapping.destinations) {
      key += destination.subject + " " + std::to_string(destination.weight) + " " +
             destination.cluster + ",";
    }
  }
  return key;
}

std::string export_key(const ExportOptions& entry) {
  std::string key = "\nexport " + entry.subject + (entry.is_service ? " service " : " stream ");
  for (const std::string& account : entry.accounts) key += account + ",";
  key += std::to_string(entry.account_token_position) + " " +
         std::to_string(static_cast<int>(entry.response_type)) + " " +
         duration_text(entry.response_threshold) + (entry.allow_trace ? " traced" : "");
  if (entry.latency) {
    key += " " + entry.latency->subject + " " + std::to_string(entry.latency->sampling);
  }
  return key;
}

std::string import_key(const ImportOptions& entry) {
  return "\nimport " + entry.account + " " + entry.subject + " " + entry.to + " " + entry.prefix +
         (entry.is_service ? " service" : " stream") + (entry.share ? " shared" : "") +
         (entry.allow_trace ? " traced" : "");
}

std::string account_key(const AccountOptions& account) {
  std::string key = "account " + account.name + "\n" + list_key(account.users) +
                    permissions_key(account.default_permissions) + list_key(account.mappings);
  for (const ExportOptions& entry : account.exports) key += export_key(entry);
  for (const ImportOptions& entry : account.imports) key += import_key(entry);
  const AccountLimits& limits = account.limits;
  key += "\n" + std::to_string(limits.max_connections) + " " +
         std::to_string(limits.max_subscriptions) + " " + std::to_string(limits.max_payload) + " " +
         std::to_string(limits.max_leafnodes) + " " + account.trace_destination + " " +
         std::to_string(account.trace_sampling);
  if (account.rate_limit) key += " " + rate_text(*account.rate_limit);
  if (const auto& jetstream = account.jetstream) {
    for (const int64_t limit :
         {jetstream->max_memory, jetstream->max_store, jetstream->max_streams,
          jetstream->max_consumers, jetstream->max_ack_pending, jetstream->memory_max_stream_bytes,
          jetstream->store_max_stream_bytes, int64_t{jetstream->max_bytes_required}}) {
      key += " " + std::to_string(limit);
    }
  }
  return key;
}

std::string accounts_key(const Options& options) {
  std::string key = list_key(options.mappings) + "\n" + options.system_account;
  for (const AccountOptions& account : options.accounts) key += "\n\n" + account_key(account);
  return key;
}

std::string username(const Options& options) {
  return options.authorization.user;
}
std::string password(const Options& options) {
  return options.authorization.password;
}
std::string token(const Options& options) {
  return options.authorization.token;
}

std::string auth_timeout(const Options& options) {
  const Duration timeout = options.authorization.timeout.value_or(Duration{});
  return float_text(static_cast<double>(timeout.ns) / 1e9);
}

std::string proxy_required(const Options& options) {
  return text_of(options.authorization.proxy_required);
}

bool same_callout(const Options& before, const Options& after) {
  return before.authorization.auth_callout == after.authorization.auth_callout;
}

std::string default_sentinel(const Options& options) {
  return options.operators.default_sentinel;
}

bool same_resolver(const Options& before, const Options& after) {
  return same_operators<&OperatorOptions::resolver>(before, after) &&
         same_operators<&OperatorOptions::resolver_tls>(before, after) &&
         same_operators<&OperatorOptions::resolver_pinned_accounts>(before, after);
}

std::string proxies(const Options& options) {
  return quoted_list(options.trusted_proxies, go_quote);
}

std::string tags(const Options& options) {
  std::string out = "[";
  for (const std::string& tag : options.tags) out += (out.size() > 1 ? " " : "") + tag;
  return out + "]";
}

std::string tls_state(const Options& options) {
  return options.tls ? "enabled" : "";
}

std::string tls_timeout(const Options& options) {
  const Duration timeout = options.tls ? options.tls->timeout : Duration::seconds(2);
  return float_text(static_cast<double>(timeout.ns) / 1e9);
}

std::string tls_map(const Options& options) {
  return text_of(options.tls && options.tls->verify_and_map);
}

std::string tls_rate_limit(const Options& options) {
  return text_of(options.tls ? options.tls->connection_rate_limit : 0);
}

std::string tls_pins(const Options& options) {
  std::string pins;
  for (const std::string& pin : options.tls ? options.tls->pinned_certs : std::set<std::string>()) {
    pins += pin + " ";
  }
  return pins;
}

std::string tls_first(const Options& options) {
  return text_of(options.tls && options.tls->handshake_first);
}

std::string tls_first_fallback(const Options& options) {
  return text_of(options.tls ? options.tls->handshake_first_fallback : Duration{});
}

enum class Rule : uint8_t {
  kLogsValue,   // Reloaded: NAME = VALUE
  kLogsName,    // Reloaded: NAME; the value is a secret or a list
  kLogsAlways,  // the same on every reload
  kLogsIfSet,   // the same, unless it is off before and after
  kRefused,     // name is nats-server's field
};

struct OptionRule {
  std::string_view name;
  Text text;
  Rule rule;
  ReloadArea area = ReloadArea::kLimits;
  Same is_same = nullptr;  // null: where the texts are
};

// In the order of nats-server's options, because the log lines come in it. The options marked "+"
// are refused by nats-server.
constexpr OptionRule kRules[] = {
    {"ServerName", value<&Options::server_name>, Rule::kRefused},
    {"Host", value<&Options::host>, Rule::kRefused},
    {"client_advertise", value<&Options::client_advertise>, Rule::kLogsValue, ReloadArea::kInfo},
    {"trace", value<&Options::trace>, Rule::kLogsValue, ReloadArea::kLogging},
    {"debug", value<&Options::debug>, Rule::kLogsValue, ReloadArea::kLogging},
    {"trace_verbose", value<&Options::trace_verbose>, Rule::kLogsValue, ReloadArea::kLogging},
    {"trace_headers", value<&Options::trace_headers>, Rule::kLogsValue, ReloadArea::kLogging},
    {"NoSublistCache", value<&Options::disable_sublist_cache>, Rule::kRefused},
    {"NoHeaderSupport", value<&Options::no_header_support>, Rule::kRefused},
    {"logtime", value<&Options::logtime>, Rule::kLogsValue, ReloadArea::kLogging},
    {"logtime_utc", value<&Options::logtime_utc>, Rule::kLogsValue, ReloadArea::kLogging},
    {"max_connections", value<&Options::max_connections>, Rule::kLogsValue},
    {"max_subscriptions", value<&Options::max_subscriptions>, Rule::kLogsValue},              // +
    {"max_subscription_tokens", value<&Options::max_subscription_tokens>, Rule::kLogsValue},  // +
    {"authorization users", users_key, Rule::kLogsAlways, ReloadArea::kAuthorization},
    {"accounts", accounts_key, Rule::kLogsAlways, ReloadArea::kAuthorization},
    {"no_auth_user", value<&Options::no_auth_user>, Rule::kLogsValue,
     ReloadArea::kAuthorization},  // +
    {"default_sentinel", default_sentinel, Rule::kLogsValue},
    {"SystemAccount", value<&Options::system_account>, Rule::kRefused},
    {"NoSystemAccount", value<&Options::no_system_account>, Rule::kRefused},
    {"authorization username", username, Rule::kLogsName, ReloadArea::kAuthorization},
    {"authorization password", password, Rule::kLogsName, ReloadArea::kAuthorization},
    {"proxy_required", proxy_required, Rule::kLogsValue, ReloadArea::kAuthorization},  // +
    {"proxy_protocol", value<&Options::proxy_protocol>, Rule::kLogsValue},             // +
    {"authorization token", token, Rule::kLogsName, ReloadArea::kAuthorization},
    {"AuthCallout", no_text, Rule::kRefused, ReloadArea::kLimits, same_callout},
    {"ping_interval", value<&Options::ping_interval>, Rule::kLogsValue},
    {"ping_max", value<&Options::ping_max>, Rule::kLogsValue},
    {"HTTPHost", value<&Options::http_host>, Rule::kRefused},
    {"HTTPPort", value<&Options::http_port>, Rule::kRefused},
    {"HTTPBasePath", value<&Options::http_base_path>, Rule::kRefused},
    {"HTTPSPort", value<&Options::https_port>, Rule::kRefused},
    {"authorization timeout", auth_timeout, Rule::kLogsValue},
    {"max_control_line", value<&Options::max_control_line>, Rule::kLogsValue},
    {"max_payload", value<&Options::max_payload>, Rule::kLogsValue, ReloadArea::kInfo},
    {"max_pending", value<&Options::max_pending>, Rule::kLogsValue},  // +
    {"no_fast_producer_stall", value<&Options::no_fast_producer_stall>, Rule::kLogsValue},
    // Blocks of what Petrel does not have may be there while they are off.
    {"cluster", no_text, Rule::kLogsName, ReloadArea::kLimits, same<&Options::cluster>},
    {"gateway", no_text, Rule::kLogsName, ReloadArea::kLimits, same<&Options::gateway>},
    {"leafnodes", no_text, Rule::kLogsName, ReloadArea::kLimits, same<&Options::leafnodes>},
    {"jetstream.max_memory_store", jetstream_value<&JetStreamOptions::max_memory_store>,
     Rule::kLogsValue},
    {"jetstream.max_file_store", jetstream_value<&JetStreamOptions::max_file_store>,
     Rule::kLogsValue},
    {"JetStreamDomain", jetstream_value<&JetStreamOptions::domain>, Rule::kRefused},
    {"JetStreamExtHint", jetstream_value<&JetStreamOptions::extension_hint>, Rule::kRefused},
    {"JetStreamKey", no_text, Rule::kRefused, ReloadArea::kLimits,
     same_jetstream<&JetStreamOptions::key>},
    {"JetStreamOldKey", no_text, Rule::kRefused, ReloadArea::kLimits,
     same_jetstream<&JetStreamOptions::prev_key>},
    {"JetStreamCipher", jetstream_value<&JetStreamOptions::cipher>, Rule::kRefused},
    {"JetStreamUniqueTag", jetstream_value<&JetStreamOptions::unique_tag>, Rule::kRefused},
    {"JetStream limits", no_text, Rule::kLogsName, ReloadArea::kLimits,
     same_jetstream<&JetStreamOptions::limits>},
    {"JetStreamTpm", no_text, Rule::kRefused, ReloadArea::kLimits,
     same_jetstream<&JetStreamOptions::tpm>},
    {"NoJetStreamStrict", jetstream_value<&JetStreamOptions::strict>, Rule::kRefused},
    {"JetStreamMaxCatchup", jetstream_value<&JetStreamOptions::max_outstanding_catchup>,
     Rule::kRefused},
    {"JetStreamRequestQueueLimit", jetstream_value<&JetStreamOptions::request_queue_limit>,
     Rule::kRefused},
    {"JetStreamInfoQueueLimit", jetstream_value<&JetStreamOptions::info_queue_limit>,
     Rule::kRefused},
    {"jetstream.meta_compact", jetstream_value<&JetStreamOptions::meta_compact>, Rule::kLogsValue},
    {"jetstream.meta_compact_size", jetstream_value<&JetStreamOptions::meta_compact_size>,
     Rule::kLogsValue},
    {"jetstream.meta_compact_sync", jetstream_value<&JetStreamOptions::meta_compact_sync>,
     Rule::kLogsValue},
    {"JetStreamConcurrentIOs", jetstream_value<&JetStreamOptions::max_concurrent_io>,
     Rule::kRefused},
    {"StreamMaxBufferedMsgs", jetstream_value<&JetStreamOptions::max_buffered_msgs>,
     Rule::kRefused},
    {"StreamMaxBufferedSize", jetstream_value<&JetStreamOptions::max_buffered_size>,
     Rule::kRefused},
    {"SyncInterval", jetstream_value<&JetStreamOptions::sync_interval>, Rule::kRefused},
    {"SyncAlways", jetstream_value<&JetStreamOptions::sync_always>, Rule::kRefused},
    {"SyncAlways", jetstream_value<&JetStreamOptions::sync_relaxed>, Rule::kRefused},
    {"websocket", no_text, Rule::kLogsName, ReloadArea::kLimits, same<&Options::websocket>},
    {"mqtt", no_text, Rule::kLogsName, ReloadArea::kLimits, same<&Options::mqtt>},
    {"ProfPort", value<&Options::prof_port>, Rule::kRefused},
    {"prof_block_rate", value<&Options::prof_block_rate>, Rule::kLogsValue},
    {"pid_file", value<&Options::pid_file>, Rule::kLogsValue, ReloadArea::kFiles},
    {"ports_file_dir", value<&Options::ports_file_dir>, Rule::kLogsValue, ReloadArea::kFiles},
    {"log_file", value<&Options::log_file>, Rule::kLogsValue, ReloadArea::kLogging},
    {"log_size_limit", value<&Options::log_size_limit>, Rule::kLogsValue,
     ReloadArea::kLogging},                                                                 // +
    {"log_max_num", value<&Options::log_max_num>, Rule::kLogsValue, ReloadArea::kLogging},  // +
    {"syslog", value<&Options::syslog>, Rule::kLogsValue, ReloadArea::kLogging},
    {"remote_syslog", value<&Options::remote_syslog>, Rule::kLogsValue, ReloadArea::kLogging},
    {"tls timeout", tls_timeout, Rule::kLogsValue},
    {"TLSMap", tls_map, Rule::kRefused},
    {"tls", tls_state, Rule::kLogsIfSet, ReloadArea::kInfo, same<&Options::tls>},
    {"pinned_certs", tls_pins, Rule::kLogsName},
    {"TLSRateLimit", tls_rate_limit, Rule::kRefused},
    {"Client TLS handshake first", tls_first, Rule::kLogsValue},
    {"Client TLS handshake first fallback delay", tls_first_fallback, Rule::kLogsValue},
    {"AllowNonTLS", value<&Options::allow_non_tls>, Rule::kRefused},
    {"write_deadline", value<&Options::write_deadline>, Rule::kLogsValue},
    {"write_timeout", value<&Options::write_timeout>, Rule::kLogsValue},                    // +
    {"max_closed_clients", value<&Options::max_closed_clients>, Rule::kLogsValue},          // +
    {"lame_duck_duration", value<&Options::lame_duck_duration>, Rule::kLogsValue},          // +
    {"lame_duck_grace_period", value<&Options::lame_duck_grace_period>, Rule::kLogsValue},  // +
    {"max_traced_msg_len", value<&Options::max_traced_msg_len>, Rule::kLogsValue,
     ReloadArea::kLogging},
    {"TrustedKeys", no_text, Rule::kRefused, ReloadArea::kLimits,
     same_operators<&OperatorOptions::trusted_keys>},
    {"TrustedOperators", no_text, Rule::kRefused, ReloadArea::kLimits,
     same_operators<&OperatorOptions::operators>},
    {"AccountResolver", no_text, Rule::kRefused, ReloadArea::kLimits, same_resolver},
    {"resolver_preload", no_text, Rule::kLogsName, ReloadArea::kLimits,
     same_operators<&OperatorOptions::resolver_preload>},
    {"connect_error_reports", value<&Options::connect_error_reports>, Rule::kLogsValue},
    {"reconnect_error_reports", value<&Options::reconnect_error_reports>, Rule::kLogsValue},
    {"tags", tags, Rule::kLogsName, ReloadArea::kInfo},
    {"metadata", value<&Options::metadata>, Rule::kLogsName, ReloadArea::kInfo},
    {"FeatureFlags", value<&Options::feature_flags>, Rule::kRefused},
    {"OCSP", no_text, Rule::kLogsName, ReloadArea::kLimits, same<&Options::ocsp>},
    {"proxies", proxies, Rule::kLogsValue, ReloadArea::kAuthorization},
    {"OCSP peer cache", no_text, Rule::kLogsName, ReloadArea::kLimits, same<&Options::ocsp_cache>},
    {"petrel.loops", petrel_value<&PetrelOptions::loops>, Rule::kRefused},
    {"petrel.backend", petrel_value<&PetrelOptions::backend>, Rule::kRefused},
    {"petrel.disk_backend", petrel_value<&PetrelOptions::disk_backend>, Rule::kRefused},
    {"petrel.strict_permissions", petrel_value<&PetrelOptions::strict_permissions>,
     Rule::kLogsValue, ReloadArea::kAuthorization},
    {"petrel.rate_limit", petrel_rate_limit, Rule::kLogsValue, ReloadArea::kAuthorization},
    {"petrel.max_memory", petrel_value<&PetrelOptions::max_memory>, Rule::kRefused},
};

std::string refused(std::string_view field, const std::string& before, const std::string& after) {
  return "config reload not supported for " + std::string(field) + ": old=" + before +
         ", new=" + after;
}

// The lines that nats-server words in its own way.
std::string log_text(const OptionRule& rule, const std::string& after) {
  const std::string name(rule.name);
  if (name == "client_advertise") return "Reload: client_advertise = " + after;
  if (name == "no_fast_producer_stall") {
    return "Reloaded: fast producers will " + std::string(after == "true" ? "not " : "") +
           "be stalled";
  }
  if (name == "pid_file" && after.empty()) return "";
  if (name == "tls") return "Reloaded: tls = " + (after.empty() ? "disabled" : after);
  if (name == "pinned_certs") {
    return "Reloaded: " + std::to_string(std::count(after.begin(), after.end(), ' ')) +
           " pinned_certs";
  }
  if (name == "resolver_preload") return "Reloaded: accounts";
  if (name == "OCSP peer cache") return "Reloaded OCSP peer cache";
  if (name.starts_with("jetstream.")) return "";  // the server knows what to say
  if (name.starts_with("Client TLS")) return "Reloaded: " + name + ": " + after;
  if (rule.rule != Rule::kLogsValue) return "Reloaded: " + name;
  return "Reloaded: " + name + " = " + after;
}

ReloadChange change_of(const OptionRule& rule, bool is_different, const std::string& before,
                       const std::string& after) {
  ReloadChange change;
  change.option = std::string(rule.name);
  change.area = rule.area;
  change.is_different = is_different;
  change.log = log_text(rule, after);
  if (rule.rule == Rule::kLogsValue) {
    change.old_value = before;
    change.new_value = after;
  }
  return change;
}

// Limits of the server may grow; the rest of what a store is stays.
std::string jetstream_refusal(const JetStreamOptions& before, const JetStreamOptions& after) {
  const std::string beginning = "config reload not supported for ";
  if (before.enabled != after.enabled) {
    return refused("JetStream", text_of(before.enabled), text_of(after.enabled));
  }
  if (!before.enabled) return "";
  if (before.store_dir != after.store_dir) return beginning + "jetstream storage directory";
  for (const auto limit :
       {&JetStreamOptions::max_memory_store, &JetStreamOptions::max_file_store}) {
    const int64_t from = before.*limit;
    const int64_t to = after.*limit;
    if (from == to) continue;
    if (from < 0) return beginning + "jetstream dynamic max memory and store";
    if (to < 0) return beginning + "jetstream max memory and max store";
    if (to < from) return beginning + "decreasing jetstream max memory and store";
  }
  return "";
}

// A port chosen by the system stays.
std::string port_refusal(const Options& before, const Options& after) {
  if (after.port == -1 || after.port == before.port) return "";
  return refused("Port", text_of(before.port), text_of(after.port));
}

std::string advertise_refusal(const Options& after) {
  const std::string& address = after.client_advertise;
  if (address.empty()) return "";
  const auto split = split_host_port(address);
  if (split || split.error().detail.find("missing port") != std::string::npos) return "";
  return "invalid ClientAdvertise value of " + address + ", err=" + split.error().detail;
}

}  // namespace

ReloadPlan compare_options(const Options& before, const Options& after) {
  ReloadPlan plan;
  plan.refusal = unsupported_text(after);
  while (!plan.refusal.empty() && plan.refusal.back() == '\n') plan.refusal.pop_back();
  if (plan.refusal.empty()) plan.refusal = port_refusal(before, after);
  if (plan.refusal.empty()) plan.refusal = advertise_refusal(after);
  if (plan.refusal.empty()) plan.refusal = jetstream_refusal(before.jetstream, after.jetstream);
  for (const OptionRule& rule : kRules) {
    if (!plan.refusal.empty()) break;
    const std::string old_text = rule.text(before);
    const std::string new_text = rule.text(after);
    const bool logs_same =
        rule.rule == Rule::kLogsAlways || (rule.rule == Rule::kLogsIfSet && !new_text.empty());
    const bool is_same =
        rule.is_same == nullptr ? old_text == new_text : rule.is_same(before, after);
    if (is_same && !logs_same) continue;
    if (rule.rule == Rule::kRefused) {
      plan.refusal = refused(rule.name, old_text, new_text);
    } else {
      plan.changes.push_back(change_of(rule, !is_same, old_text, new_text));
    }
  }
  if (!plan.refusal.empty()) plan.changes.clear();
  return plan;
}

std::string reload_plan_text(const ReloadPlan& plan) {
  if (!plan.refusal.empty()) return "A reload would be refused: " + plan.refusal + "\n";
  std::string out;
  for (const ReloadChange& change : plan.changes) {
    if (!change.is_different) continue;
    out += "  " + change.option;
    const bool shown = !change.old_value.empty() || !change.new_value.empty();
    if (shown) out += ": " + change.old_value + " -> " + change.new_value;
    out += "\n";
  }
  return out.empty() ? "A reload would change nothing.\n" : "A reload would change:\n" + out;
}

}  // namespace petrel::conf

// remotes of leafnodes { }.
#include "conf/auth_reader.h"
#include "conf/leaf_remote.h"
#include "conf/links_reader.h"
#include "conf/paths.h"
#include "conf/tls_reader.h"

#include "petrel/base/nkey_text.h"

#include <set>

namespace petrel::conf {
namespace {

constexpr Duration kTlsTimeout = Duration::seconds(2);

// A remote while it is read.
struct Draft {
  LeafRemote remote = {};
  const Node* proxy_at = nullptr;
};

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// $NAME and ${NAME} replaced, unknown ones by nothing.
std::string expand_variables(const std::string& text, const EnvReader& env) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const bool braces = text[i + 1] == '{';
    size_t begin = i + (braces ? 2 : 1);
    size_t end = begin;
    while (end < text.size() && is_name_character(text[end])) ++end;
    out += env.get(text.substr(begin, end - begin)).value_or("");
    i = braces && end < text.size() && text[end] == '}' ? end : end - 1;
  }
  return out;
}

Result<std::string> expand_path(const std::string& text, const EnvReader& env) {
  std::string path = expand_variables(text, env);
  if (path.empty() || path.front() != '~') return path;
  const std::string home = env.get("HOME").value_or("");
  if (home.empty()) {
    return Error{Errc::kNotFound, "failed to get home dir, require $HOME"};
  }
  return join_path(home, path.substr(1));
}

template <bool LeafRemote::* Member>
Step flag(Context& context, Draft& draft, const Field& field) {
  const bool* value = want_bool(context, field.node);
  if (value == nullptr) return Step::kWrongType;
  draft.remote.*Member = *value;
  return Step::kNext;
}

template <Duration LeafRemote::* Member>
Step duration(Context& context, Draft& draft, const Field& field) {
  return read_duration(context, field, field.key, draft.remote.*Member);
}

template <std::vector<std::string> LeafRemote::* Member>
Step subjects(Context& context, Draft& draft, const Field& field) {
  (void)read_subjects(context, field.node, draft.remote.*Member);
  return Step::kNext;
}

Step urls(Context& context, Draft& draft, const Field& field) {
  if (const std::string* text = field.node.string()) {
    (void)read_url(context, field.node, *text, "leafnode", draft.remote.urls);
    return Step::kNext;
  }
  if (field.node.array() != nullptr) {
    return read_urls(context, field, "leafnode", draft.remote.urls);
  }
  context.report.error(&field.node, "Expected remote leafnode url to be an array or string, got " +
                                        value_text(field.node.value));
  return Step::kNext;
}

Step account(Context& context, Draft& draft, const Field& field) {
  const std::string* name = want_string(context, field.node);
  if (name == nullptr) return Step::kWrongType;
  draft.remote.account = *name;
  return Step::kNext;
}

constexpr std::string_view kTwoIdentities =
    "Remote leafnode can not have both creds and nkey defined";

Step credentials(Context& context, Draft& draft, const Field& field) {
  const std::string* text = want_string(context, field.node);
  if (text == nullptr) return Step::kWrongType;
  auto path = expand_path(*text, context.sources.env);
  if (!path) {
    context.report.error(&field.node, path.error().detail);
  } else if (!draft.remote.nkey.empty()) {
    context.report.error(&field.node, std::string(kTwoIdentities));
  } else {
    draft.remote.credentials = *std::move(path);
  }
  return Step::kNext;
}

Step seed(Context& context, Draft& draft, const Field& field) {
  const std::string* text = want_string(context, field.node);
  if (text == nullptr) return Step::kWrongType;
  if (!is_user_seed(*text)) {
    context.report.error(&field.node,
                         "Remote leafnode nkey is not a valid seed: " + go_quote(*text));
  } else if (!draft.remote.credentials.empty()) {
    context.report.error(&field.node, std::string(kTwoIdentities));
  } else {
    draft.remote.nkey = *text;
  }
  return Step::kNext;
}

Step tls(Context& context, Draft& draft, const Field& field) {
  read_tls(context, field.node, TlsUse::kClients, draft.remote.tls);
  if (draft.remote.tls && draft.remote.tls->timeout.ns <= 0) {
    draft.remote.tls->timeout = kTlsTimeout;
  }
  return Step::kNext;
}

Step migrate(Context& context, Draft& draft, const Field& field) {
  if (const bool* on = field.node.boolean()) {
    draft.remote.jetstream_cluster_migrate = *on;
    return Step::kNext;
  }
  const Map* map = field.node.map();
  if (map == nullptr) {
    // Without its place, as nats-server reports it.
    context.report.error(nullptr, "Expected boolean or map for jetstream_cluster_migrate, got " +
                                      type_name(field.node.value));
    return Step::kNext;
  }
  draft.remote.jetstream_cluster_migrate = true;
  const Node* delay = map->find("leader_migrate_delay");
  if (delay == nullptr) return Step::kNext;
  const std::string name = "leader_migrate_delay";
  return read_duration(context, {name, *delay}, name, draft.remote.jetstream_cluster_migrate_delay);
}

Step compression(Context& context, Draft& draft, const Field& field) {
  read_compression(context, field, "s2_auto", draft.remote.compression);
  return Step::kNext;
}

Step proxy_tls(Context& context, LeafProxy& proxy, const Field& field) {
  constexpr std::string_view kSupported =
      "cert_file|key_file|ca_file|insecure|cipher_suites|allow_insecure_cipher_suites|"
      "curve_preferences|min_version|timeout|cert_store|cert_match_by|cert_match|"
      "cert_match_skip_invalid|ca_certs_match|certs|certificates";
  bool supported = true;
  if (const Map* map = field.node.map()) {
    for (const Map::Entry& entry : map->entries()) {
      if (has_name(kSupported, lower(entry.key))) continue;
      context.report.error(entry.node.get(),
                           go_quote(entry.key) + " is not supported for proxy TLS");
      supported = false;
    }
  }
  if (supported) read_tls(context, field.node, TlsUse::kClients, proxy.tls);
  return Step::kNext;
}

Step proxy(Context& context, Draft& draft, const Field& field) {
  static const Rule<LeafProxy> kRules[] = {
      {"url", &LeafProxy::url},
      {"username", &LeafProxy::user},
      {"password", &LeafProxy::password},
      {"timeout", DurationField<LeafProxy>{&LeafProxy::timeout, "proxy timeout"}},
      {"tls", proxy_tls},
  };
  static const Block<LeafProxy> kBlock{.rules = kRules};
  const Map* map = field.node.map();
  if (map == nullptr) {
    context.report.error(&field.node,
                         "Expected proxy to be a map, got " + type_name(field.node.value));
    return Step::kNext;
  }
  draft.proxy_at = &field.node;
  return read_block(context, *map, kBlock, draft.remote.proxy);
}

const Block<Draft>& remote_block() {
  using R = LeafRemote;
  static const Rule<Draft> kRules[] = {
      {"no_randomize|dont_randomize", flag<&R::no_randomize>},
      {"url|urls", urls},
      {"account|local", account},
      {"creds|credentials", credentials},
      {"nkey|seed", seed},
      {"tls", tls},
      {"hub", flag<&R::hub>},
      {"deny_imports|deny_import", subjects<&R::deny_imports>},
      {"deny_exports|deny_export", subjects<&R::deny_exports>},
      {"ws_compress|ws_compression|websocket_compress|websocket_compression",
       flag<&R::ws_compression>},
      {"ws_no_masking|websocket_no_masking", flag<&R::ws_no_masking>},
      {"jetstream_cluster_migrate|js_cluster_migrate", migrate},
      {"isolate_leafnode_interest|isolate", flag<&R::isolate_leafnode_interest>},
      {"request_isolation", flag<&R::request_isolation>},
      {"compression", compression},
      {"first_info_timeout", duration<&R::first_info_timeout>},
      {"dial_timeout", duration<&R::dial_timeout>},
      {"disabled", flag<&R::disabled>},
      {"proxy", proxy},
      {"ignore_discovered_servers", flag<&R::ignore_discovered_servers>},
  };
  static const Block<Draft> kBlock{.rules = kRules};
  return kBlock;
}

Step read_remotes(Context& context, const Array& array, std::vector<LeafRemote>& remotes) {
  std::set<std::string> names;
  for (const NodePtr& node : array) {
    context.last = node.get();
    const Map* map = node->map();
    if (map == nullptr) {
      context.report.error(node.get(), "Expected remote leafnode entry to be a map/struct, got " +
                                           value_text(node->value));
      continue;
    }
    Draft draft;
    const Step step = read_block(context, *map, remote_block(), draft);
    if (step != Step::kNext) return step;
    const std::string problem = leaf_proxy_problem(draft.remote);
    if (!problem.empty()) {
      context.report.error(draft.proxy_at, problem);
    } else if (!names.insert(leaf_remote_name(draft.remote, false)).second) {
      const Node* last = map->empty() ? node.get() : map->entries().back().node.get();
      context.report.error(last, "duplicate remote " + leaf_remote_name(draft.remote, true));
    } else {
      remotes.push_back(std::move(draft.remote));
    }
  }
  return Step::kNext;
}

}  // namespace

std::string leaf_remote_name(const LeafRemote& remote, bool redacted) {
  std::string urls;
  for (const Url& url : remote.urls) {
    Url shown = url;
    if (redacted && shown.has_password) shown.password = "xxxxx";
    urls += (urls.empty() ? "" : " ") + go_quote(shown.text());
  }
  std::string name =
      "urls=[" + urls + "], account=" + go_quote(remote.account.empty() ? "$G" : remote.account);
  if (!remote.credentials.empty()) return name + ", credentials=" + go_quote(remote.credentials);
  if (remote.nkey.empty()) return name;
  return name + ", nkey=" + (redacted ? "\"[REDACTED]\"" : go_quote(remote.nkey));
}

std::string leaf_proxy_problem(const LeafRemote& remote) {
  const LeafProxy& proxy = remote.proxy;
  if (proxy.url.empty()) {
    const bool others = !proxy.user.empty() || !proxy.password.empty() || proxy.timeout.ns != 0 ||
                        proxy.tls.has_value();
    return others ? "proxy URL must be specified when other proxy options are set" : "";
  }
  const auto url = parse_url(proxy.url);
  if (!url) return "invalid proxy URL: " + url.error().detail;
  if (url->scheme != "http" && url->scheme != "https") {
    return "proxy URL scheme must be http or https, got: " + url->scheme;
  }
  if (url->host.empty()) return "proxy URL must specify a host";
  if (proxy.tls && url->scheme != "https") {
    return "proxy TLS configuration requires an https proxy URL, got: " + url->scheme;
  }
  if (proxy.timeout.ns < 0) return "proxy timeout must be >= 0";
  if (proxy.tls && proxy.tls->timeout.ns < 0) return "proxy TLS timeout must be >= 0";
  if (proxy.user.empty() != proxy.password.empty()) {
    return "proxy username and password must both be specified or both be empty";
  }
  for (const Url& target : remote.urls) {
    if (target.scheme != "wss" || remote.tls) continue;
    return "proxy is configured but remote URL " + target.text() +
           " requires TLS and no TLS configuration is provided. When using proxy with TLS "
           "endpoints, ensure TLS is properly configured for the leafnode remote";
  }
  return "";
}

void read_leaf_remotes(Context& context, const Node& node, std::vector<LeafRemote>& out) {
  const Array* array = node.array();
  if (array == nullptr) {
    context.report.error(&node,
                         "Expected remotes field to be an array, got " + type_name(node.value));
    return;
  }
  std::vector<LeafRemote> remotes;
  const Step step = guarded(context, node, [&] { return read_remotes(context, *array, remotes); });
  if (step == Step::kNext) out = std::move(remotes);
}

}  // namespace petrel::conf

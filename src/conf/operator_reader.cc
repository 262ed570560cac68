#include "conf/operator_reader.h"

#include "conf/tls_reader.h"

#include "petrel/base/nkey_text.h"

#include <algorithm>

namespace petrel::conf {
namespace {

constexpr std::string_view kJwtStart = "eyJ";

// Whether a text has the shape of a JWT. Its claims and signature are the authenticator's matter.
Status check_jwt(std::string_view token) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  if (std::count(token.begin(), token.end(), '.') != 2) {
    return Error{Errc::kInvalidArgument, "expected 3 chunks"};
  }
  while (true) {
    const std::string_view chunk = token.substr(0, token.find('.'));
    const size_t wrong = chunk.find_first_not_of(kAlphabet);
    if (wrong != std::string_view::npos) {
      return Error{Errc::kInvalidArgument,
                   "illegal base64 data at input byte " + std::to_string(wrong)};
    }
    if (chunk.size() == token.size()) return {};
    token.remove_prefix(chunk.size() + 1);
  }
}

// The JWT in a file, between dashed lines or alone; or `name` itself if it is one.
Result<std::string> read_jwt(const std::string& name, const FileReader& files) {
  auto text = files.read(name);
  std::string content;
  if (text) {
    content = *std::move(text);
  } else if (name.rfind(kJwtStart, 0) == 0) {
    content = name;
  } else {
    return text.error();
  }
  std::string token = content;
  for (size_t begin = 0; begin < content.size();) {
    const size_t end = std::min(content.find_first_of("\r\n", begin), content.size());
    const std::string line = content.substr(begin, end - begin);
    if (line.rfind(kJwtStart, 0) == 0) {
      token = line;
      break;
    }
    begin = end + 1;
  }
  PETREL_TRY_STATUS(check_jwt(token));
  return token;
}

// --- resolver ---

// nats-server creates the directory here; Petrel does when it starts, so only what cannot be
// created is an error now.
Step check_directory(Context& context, const Field& field, const std::string& dir) {
  const PathKind kind = context.sources.files.kind(dir);
  if (dir.empty()) {
    context.report.error(&field.node, "dir has no value and needs to point to a directory");
    return stop(context, &field.node, "mkdir : no such file or directory");
  }
  if (kind == PathKind::kMissing || kind == PathKind::kDirectory) return Step::kNext;
  context.report.error(&field.node, "dir needs to point to an accessible directory");
  if (kind != PathKind::kFile) return Step::kNext;
  return stop(context, &field.node, "mkdir " + dir + ": not a directory");
}

struct ResolverDraft {
  ResolverOptions options = {};
  std::string type = {};
  bool has_hard_delete = false;
};

// What the file says, each key by its exact name; others are not looked at.
Step read_resolver_map(Context& context, const Map& map, ResolverDraft& draft) {
  const auto text = [&](std::string_view name, std::string& out) {
    const Node* node = map.find(name);
    if (node == nullptr) return Step::kNext;
    context.last = node;
    const std::string* value = want_string(context, *node);
    if (value == nullptr) return Step::kWrongType;
    out = *value;
    return Step::kNext;
  };
  const auto flag = [&](std::string_view name, bool& out) {
    const Node* node = map.find(name);
    if (node == nullptr) return Step::kNext;
    context.last = node;
    const bool* value = want_bool(context, *node);
    if (value == nullptr) return Step::kWrongType;
    out = *value;
    return Step::kNext;
  };
  ResolverOptions& options = draft.options;
  Step step = text("dir", options.dir);
  if (step == Step::kNext) step = text("type", draft.type);
  if (step == Step::kNext) step = flag("allow_delete", options.allow_delete);
  if (step == Step::kNext) step = flag("hard_delete", options.hard_delete);
  if (step != Step::kNext) return step;
  draft.has_hard_delete = map.find("hard_delete") != nullptr;
  const Node* limit = map.find("limit");
  if (limit == nullptr) return Step::kNext;
  context.last = limit;
  const int64_t* value = want_integer(context, *limit);
  if (value == nullptr) return Step::kWrongType;
  options.limit = *value;
  return Step::kNext;
}

Step read_resolver_times(Context& context, const Field& field, const Map& map,
                         ResolverOptions& options) {
  struct Time {
    std::string_view name;
    Duration ResolverOptions::* member;
  };
  constexpr Time kTimes[] = {{"ttl", &ResolverOptions::ttl},
                             {"interval", &ResolverOptions::interval},
                             {"timeout", &ResolverOptions::timeout}};
  for (const Time& time : kTimes) {
    const Node* node = map.find(time.name);
    if (node == nullptr) continue;
    context.last = node;
    const std::string* text = want_string(context, *node);
    if (text == nullptr) return Step::kWrongType;
    const auto parsed = parse_duration(*text);
    if (!parsed) return stop(context, &field.node, parsed.error().detail);
    options.*time.member = *parsed;
  }
  return Step::kNext;
}

void check_cache(Context& context, const Node& node, const ResolverDraft& draft) {
  if (draft.options.interval.ns != 0) {
    context.report.error(&node, "CACHE does not accept sync");
  }
  if (draft.options.allow_delete) {
    context.report.error(&node, "CACHE does not accept allow_delete");
  }
  if (draft.has_hard_delete) context.report.error(&node, "CACHE does not accept hard_delete");
}

void check_full(Context& context, const Node& node, const ResolverDraft& draft) {
  if (draft.options.ttl.ns != 0) context.report.error(&node, "FULL does not accept ttl");
  if (draft.has_hard_delete && !draft.options.allow_delete) {
    context.report.error(&node, "hard_delete has no effect without delete");
  }
}

Step finish_resolver(Context& context, const Field& field, const Map& map, ResolverDraft& draft) {
  const std::string type = upper(draft.type);
  ResolverOptions& options = draft.options;
  if (type == "MEM" || type == "MEMORY") {
    options.kind = ResolverKind::kMemory;
    return Step::kNext;
  }
  if (type != "CACHE" && type != "FULL") return Step::kNext;
  const Step directory = check_directory(context, field, options.dir);
  if (type == "CACHE") {
    check_cache(context, field.node, draft);
  } else {
    check_full(context, field.node, draft);
  }
  if (map.find("timeout") != nullptr && options.timeout.ns <= 0) {
    return stop(context, &field.node,
                "Fetch timeout " + duration_text(options.timeout) + " is too smal");
  }
  if (directory != Step::kNext) return directory;
  options.kind = type == "CACHE" ? ResolverKind::kCache : ResolverKind::kFull;
  return Step::kNext;
}

// MEMORY, or URL("http://...").
Step resolver_text(Context& context, const Field& field, const std::string& text,
                   ResolverOptions& options) {
  const std::string plain = lower(text);
  if (plain.find("mem") != std::string::npos) {
    options.kind = ResolverKind::kMemory;
    return Step::kNext;
  }
  const size_t start = plain.find("url");
  if (start == std::string::npos) return Step::kNext;
  std::string url;
  const size_t open = start + 3;
  const size_t close = text.find(')', open);
  if (open < text.size() && text[open] == '(' && close != std::string::npos) {
    url = text.substr(open + 1, close - open - 1);
    const auto unwanted = [](char c) { return c == '"' || c == ' ' || c == '\t'; };
    url.erase(std::remove_if(url.begin(), url.end(), unwanted), url.end());
  }
  const auto parsed = parse_url(url);
  if (!parsed) {
    return stop(context, &field.node, "error parsing account resolver url [" + go_quote(url) + "]");
  }
  options.kind = ResolverKind::kUrl;
  options.url = url;
  return Step::kNext;
}

}  // namespace

Step read_operators(Context& context, Options& options, const Field& field) {
  std::vector<std::string> names;
  const std::string unsupported = "error parsing operators: unsupported type ";
  if (const std::string* name = field.node.string()) {
    names.push_back(*name);
  } else if (const Array* array = field.node.array()) {
    for (const NodePtr& node : *array) {
      if (node->string() == nullptr) {
        context.report.error(&field.node, unsupported + "*conf.token where string is expected");
        break;
      }
      names.push_back(*node->string());
    }
  } else {
    context.report.error(&field.node, unsupported + type_name(field.node.value));
  }
  for (const std::string& name : names) {
    auto token = read_jwt(name, context.sources.files);
    if (token) {
      options.operators.operators.push_back(*std::move(token));
    } else {
      context.report.error(&field.node, "error parsing operator JWT: " + token.error().detail);
    }
  }
  return Step::kNext;
}

Step read_trusted_keys(Context& context, Options& options, const Field& field) {
  options.operators.trusted_keys = read_strings(context, field, "trusted");
  for (const std::string& key : options.operators.trusted_keys) {
    if (is_public_nkey(key, NkeyKind::kOperator)) continue;
    context.report.error(
        &field.node, "trust key " + go_quote(key) + " required to be a valid public operator nkey");
  }
  return Step::kNext;
}

Step read_resolver(Context& context, Options& options, const Field& field) {
  ResolverDraft draft;
  Step step = Step::kNext;
  if (const std::string* text = field.node.string()) {
    step = resolver_text(context, field, *text, draft.options);
  } else if (const Map* map = field.node.map()) {
    step = read_resolver_map(context, *map, draft);
    if (step == Step::kNext) step = read_resolver_times(context, field, *map, draft.options);
    if (step == Step::kNext) step = finish_resolver(context, field, *map, draft);
  } else {
    step = stop(context, &field.node,
                "error parsing operator resolver, wrong type " + type_name(field.node.value));
  }
  if (step != Step::kNext) return step;
  if (draft.options.kind == ResolverKind::kNone) {
    return stop(context, &field.node,
                "error parsing account resolver, should be MEM or  URL(\"url\") or a map "
                "containing dir and type state=[FULL|CACHE])");
  }
  options.operators.resolver = std::move(draft.options);
  return Step::kNext;
}

Step read_resolver_tls(Context& context, Options& options, const Field& field) {
  read_tls(context, field.node, TlsUse::kClients, options.operators.resolver_tls);
  return Step::kNext;
}

Step read_resolver_preload(Context& context, Options& options, const Field& field) {
  const Map* map = field.node.map();
  if (map == nullptr) {
    return stop(context, &field.node, "preload should be a map of account_public_key:account_jwt");
  }
  for (const Map::Entry& entry : map->entries()) {
    const std::string* token = entry.node->string();
    if (token == nullptr) {
      context.report.error(entry.node.get(), "preload map value should be a string JWT");
    } else if (!check_jwt(*token)) {
      context.report.error(entry.node.get(), "invalid account JWT");
    } else {
      options.operators.resolver_preload[entry.key] = *token;
    }
  }
  return Step::kNext;
}

Step read_resolver_pinned(Context& context, Options& options, const Field& field) {
  for (std::string& key : read_strings(context, field, "resolver_pinned_accounts")) {
    options.operators.resolver_pinned_accounts.insert(std::move(key));
  }
  return Step::kNext;
}

// --- proxies ---

namespace {

struct TrustedProxy {
  std::string key = {};
};

Step proxy_key(Context& context, TrustedProxy& proxy, const Field& field) {
  const std::string* key = want_string(context, field.node);
  if (key == nullptr) return Step::kWrongType;
  proxy.key = *key;
  if (!is_public_nkey(*key)) {
    context.report.error(&field.node, "invalid proxy key " + go_quote(*key));
  }
  return Step::kNext;
}

const Block<TrustedProxy>& trusted_proxy_block() {
  static const Rule<TrustedProxy> kRules[] = {{"key|public_key", proxy_key}};
  static const Block<TrustedProxy> kBlock{.rules = kRules};
  return kBlock;
}

Step read_trusted_list(Context& context, const Array& array, std::vector<std::string>& keys) {
  for (const NodePtr& node : array) {
    context.last = node.get();
    const Map* map = node->map();
    if (map == nullptr) {
      context.report.error(node.get(), "expected proxies' trusted entry to be a map/struct, got " +
                                           type_name(node->value));
      continue;
    }
    TrustedProxy proxy;
    const Step step = read_block(context, *map, trusted_proxy_block(), proxy);
    if (step != Step::kNext) return step;
    keys.push_back(std::move(proxy.key));
  }
  return Step::kNext;
}

Step trusted(Context& context, Options& options, const Field& field) {
  const Array* array = field.node.array();
  if (array == nullptr) {
    context.report.error(&field.node, "expected proxies' trusted field to be an array, got " +
                                          type_name(field.node.value));
    return Step::kNext;
  }
  std::vector<std::string> keys;
  const Step step =
      guarded(context, field.node, [&] { return read_trusted_list(context, *array, keys); });
  if (step == Step::kNext) options.trusted_proxies = std::move(keys);
  return Step::kNext;
}

}  // namespace

Step read_proxies(Context& context, Options& options, const Field& field) {
  static const Rule<Options> kRules[] = {{"trusted", trusted}};
  static const Block<Options> kBlock{.rules = kRules};
  return read_guarded_map(context, field.node, "expected proxies to be a map/struct", kBlock,
                          options);
}

}  // namespace petrel::conf

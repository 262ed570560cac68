#include "conf/tls_reader.h"

#include "conf/ocsp_peer_reader.h"
#include "conf/tls_files.h"
#include "conf/tls_suites.h"

#include <algorithm>

namespace petrel::conf {
namespace {

constexpr std::string_view kFailed = "error parsing tls config, ";
constexpr Duration kFallbackDelay = Duration::millis(50);

// The block while it is read.
struct Draft {
  TlsOptions tls = {};
  TlsUse use = TlsUse::kClients;
  std::vector<std::string> insecure = {};  // suites that need allow_insecure_cipher_suites
};

template <std::string TlsOptions::* Member>
Step file_name(Context& context, Draft& draft, const Field& field) {
  const std::string* name = field.node.string();
  if (name == nullptr) {
    return stop(context, &field.node,
                std::string(kFailed) + "expected '" + lower(field.key) + "' to be filename");
  }
  draft.tls.*Member = *name;
  return Step::kNext;
}

template <bool TlsOptions::* Member>
Step boolean(Context& context, Draft& draft, const Field& field) {
  const bool* value = field.node.boolean();
  if (value == nullptr) {
    return stop(context, &field.node,
                std::string(kFailed) + "expected '" + lower(field.key) + "' to be a boolean");
  }
  draft.tls.*Member = *value;
  const bool is_check = Member == &TlsOptions::verify_cert_and_check_known_urls;
  if (*value && is_check && draft.use == TlsUse::kClients) {
    return stop(context, &field.node,
                "verify_cert_and_check_known_urls not supported in this context");
  }
  if (*value && (is_check || Member == &TlsOptions::verify_and_map)) draft.tls.verify = true;
  return Step::kNext;
}

// The texts of an array that must not be empty.
Step names(Context& context, const Field& field, std::vector<std::string>& out,
           Step (*check)(Context&, const Node&, const std::string&)) {
  const Array* array = want_array(context, field.node);
  if (array == nullptr) return Step::kWrongType;
  if (array->empty()) {
    return stop(context, &field.node,
                std::string(kFailed) + "'" + lower(field.key) + "' cannot be empty");
  }
  out.clear();
  for (const NodePtr& node : *array) {
    context.last = node.get();
    const std::string* name = want_string(context, *node);
    if (name == nullptr) return Step::kWrongType;
    if (const Step step = check(context, *node, *name); step != Step::kNext) return step;
    out.push_back(*name);
  }
  return Step::kNext;
}

Step check_suite(Context& context, const Node& node, const std::string& name) {
  if (is_listed(secure_suites(), name) || is_listed(insecure_suites(), name)) return Step::kNext;
  return stop(context, &node, "unrecognized cipher " + name);
}

Step check_curve(Context& context, const Node& node, const std::string& name) {
  if (is_listed(curve_names(), name)) return Step::kNext;
  return stop(context, &node, "unrecognized curve preference " + name);
}

Step suites(Context& context, Draft& draft, const Field& field) {
  const Step step = names(context, field, draft.tls.cipher_suites, check_suite);
  for (const std::string& name : draft.tls.cipher_suites) {
    if (is_listed(insecure_suites(), name)) draft.insecure.push_back(name);
  }
  return step;
}

Step curves(Context& context, Draft& draft, const Field& field) {
  return names(context, field, draft.tls.curve_preferences, check_curve);
}

Step timeout(Context& context, Draft& draft, const Field& field) {
  return read_seconds(
      context, field,
      {"error parsing tls config, 'timeout' ", "error parsing tls config, 'timeout' wrong type"},
      draft.tls.timeout);
}

Step rate_limit(Context& context, Draft& draft, const Field& field) {
  const int64_t* value = field.node.integer();
  if (value == nullptr) {
    return stop(context, &field.node,
                "error parsing tls config, 'connection_rate_limit' wrong type");
  }
  draft.tls.connection_rate_limit = *value;
  return Step::kNext;
}

bool is_sha256_hex(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Step pinned(Context& context, Draft& draft, const Field& field) {
  constexpr std::string_view kWhat = "hex-encoded sha256 of DER encoded SubjectPublicKeyInfo";
  const Array* array = field.node.array();
  if (array == nullptr) {
    return stop(
        context, &field.node,
        std::string(kFailed) + "expected 'pinned_certs' to be a list of " + std::string(kWhat));
  }
  for (const NodePtr& node : *array) {
    context.last = node.get();
    const std::string* text = want_string(context, *node);
    if (text == nullptr) return Step::kWrongType;
    const std::string entry = lower(*text);
    if (!is_sha256_hex(entry)) {
      return stop(context, node.get(),
                  std::string(kFailed) + "'pinned_certs' key " + entry + " does not look like " +
                      std::string(kWhat));
    }
    draft.tls.pinned_certs.insert(entry);
  }
  return Step::kNext;
}

Step handshake_first_text(Context& context, Draft& draft, const Field& field,
                          const std::string& text) {
  const std::string word = lower(text);
  if (word == "true" || word == "on") {
    draft.tls.handshake_first = true;
  } else if (word == "false" || word == "off") {
    draft.tls.handshake_first = false;
  } else if (word == "auto" || word == "auto_fallback") {
    draft.tls.handshake_first = true;
    draft.tls.handshake_first_fallback = kFallbackDelay;
  } else if (const auto delay = parse_duration(text)) {
    draft.tls.handshake_first = true;
    draft.tls.handshake_first_fallback = *delay;
  } else {
    return stop(context, &field.node,
                "field " + go_quote(field.key) + "'s value " + go_quote(text) + " is invalid");
  }
  return Step::kNext;
}

Step handshake_first(Context& context, Draft& draft, const Field& field) {
  if (const bool* value = field.node.boolean()) {
    draft.tls.handshake_first = *value;
    return Step::kNext;
  }
  if (const std::string* text = field.node.string()) {
    return handshake_first_text(context, draft, field, *text);
  }
  return stop(context, &field.node,
              "field " + go_quote(field.key) + " should be a boolean or a string, got " +
                  type_name(field.node.value));
}

Step ocsp_peer(Context& context, Draft& draft, const Field& field) {
  return read_ocsp_peer(context, field, draft.tls.ocsp_peer);
}

Step certificate_file(Context& context, CertificatePair& pair, const Map::Entry& entry) {
  const std::string* file = entry.node->string();
  if (file == nullptr) {
    return stop(
        context, entry.node.get(),
        "error parsing certificates config: unsupported type " + type_name(entry.node->value));
  }
  if (entry.key == "cert_file") {
    pair.cert_file = *file;
  } else if (entry.key == "key_file") {
    pair.key_file = *file;
  } else {
    return stop(context, entry.node.get(),
                "error parsing tls certs config, unknown field " + go_quote(entry.key));
  }
  return Step::kNext;
}

Step certificates(Context& context, Draft& draft, const Field& field) {
  const std::string unsupported = "error parsing certificates config: unsupported type ";
  const Array* array = field.node.array();
  if (array == nullptr) return stop(context, &field.node, unsupported + "map[string]interface {}");
  draft.tls.certificates.clear();
  for (const NodePtr& node : *array) {
    const Map* map = node->map();
    if (map == nullptr) return stop(context, node.get(), unsupported + type_name(node->value));
    CertificatePair pair;
    const Node* at = node.get();
    for (const Map::Entry& entry : map->entries()) {
      at = entry.node.get();
      const Step step = certificate_file(context, pair, entry);
      if (step != Step::kNext) return step;
    }
    if (pair.cert_file.empty() || pair.key_file.empty()) {
      return stop(context, at,
                  "error parsing certificates config: both 'cert_file' and 'cert_key' options are "
                  "required");
    }
    draft.tls.certificates.push_back(std::move(pair));
  }
  return Step::kNext;
}

Step min_version(Context& context, Draft& draft, const Field& field) {
  const std::string failed = "error parsing tls config: ";
  const std::string* text = field.node.string();
  if (text == nullptr) {
    return stop(context, &field.node,
                failed + "'min_version' wrong type: " + value_text(field.node.value));
  }
  if (*text == "1.0" || *text == "1.1") {
    return stop(context, &field.node, failed + "unsupported TLS version: TLS " + *text);
  }
  if (*text != "1.2" && *text != "1.3") {
    return stop(context, &field.node, failed + "unknown version: " + *text);
  }
  draft.tls.min_version = *text;
  return Step::kNext;
}

// The certificate stores of Windows: known names that this system cannot use.
Step cert_store(Context& context, Draft&, const Field& field) {
  const std::string* text = field.node.string();
  if (text == nullptr || text->empty()) {
    return stop(context, &field.node, "expected 'cert_store' to be a valid non-empty string");
  }
  const std::string store = lower(*text);
  const bool known = store == "windowscurrentuser" || store == "windowslocalmachine";
  return stop(context, &field.node,
              known ? "cert_store not compatible with current operating system"
                    : "cert store type not implemented");
}

Step cert_match(Context& context, Draft&, const Field& field) {
  const std::string name = lower(field.key);
  const std::string* text = field.node.string();
  if (text == nullptr || text->empty()) {
    return stop(context, &field.node, "expected '" + name + "' to be a valid non-empty string");
  }
  if (name == "cert_match_by" && !has_name("issuer|subject|thumbprint", lower(*text))) {
    return stop(context, &field.node, "cert match by type not implemented");
  }
  return Step::kNext;
}

Step cert_match_skip_invalid(Context& context, Draft&, const Field& field) {
  if (field.node.boolean() != nullptr) return Step::kNext;
  return stop(context, &field.node, "expected 'cert_match_skip_invalid' to be a boolean");
}

Step ca_certs_match(Context& context, Draft&, const Field& field) {
  const Array* array = field.node.array();
  if (array == nullptr) return Step::kNext;
  const bool texts = std::all_of(array->begin(), array->end(),
                                 [](const NodePtr& node) { return node->string() != nullptr; });
  if (texts) return Step::kNext;
  return stop(context, &field.node,
              "error parsing ca_cert_match: unsupported type *conf.token where string is expected");
}

const Block<Draft>& tls_block() {
  static const Rule<Draft> kRules[] = {
      {"cert_file", file_name<&TlsOptions::cert_file>},
      {"key_file", file_name<&TlsOptions::key_file>},
      {"ca_file", file_name<&TlsOptions::ca_file>},
      {"insecure", boolean<&TlsOptions::insecure>},
      {"verify", boolean<&TlsOptions::verify>},
      {"verify_and_map", boolean<&TlsOptions::verify_and_map>},
      {"verify_cert_and_check_known_urls", boolean<&TlsOptions::verify_cert_and_check_known_urls>},
      {"allow_insecure_cipher_suites", boolean<&TlsOptions::allow_insecure_cipher_suites>},
      {"cipher_suites", suites},
      {"curve_preferences", curves},
      {"timeout", timeout},
      {"connection_rate_limit", rate_limit},
      {"pinned_certs", pinned},
      {"handshake_first|first|immediate", handshake_first},
      {"ocsp_peer", ocsp_peer},
      {"certs|certificates", certificates},
      {"min_version", min_version},
      {"cert_store", cert_store},
      {"cert_match_by|cert_match", cert_match},
      {"cert_match_skip_invalid", cert_match_skip_invalid},
      {"ca_certs_match", ca_certs_match},
  };
  static const Block<Draft> kBlock{
      .rules = kRules,
      .unknown_before = "error parsing tls config, unknown field ",
      .unknown = Unknown::kAlwaysStops,
  };
  return kBlock;
}

Step check_draft(Context& context, const Node& node, const Draft& draft) {
  if (!draft.tls.certificates.empty() && !draft.tls.cert_file.empty()) {
    return stop(context, &node,
                std::string(kFailed) + "cannot combine 'cert_file' option with 'certs' option");
  }
  if (!draft.insecure.empty() && !draft.tls.allow_insecure_cipher_suites) {
    std::string names;
    for (const std::string& name : draft.insecure) names += (names.empty() ? "" : ", ") + name;
    return stop(context, &node,
                "insecure cipher suites configured without 'allow_insecure_cipher_suites' option "
                "set: " +
                    names);
  }
  const Status files = check_tls_files(draft.tls, context.sources.files);
  return files ? Step::kNext : stop(context, &node, files.error().detail);
}

}  // namespace

void read_tls(Context& context, const Node& node, TlsUse use, std::optional<TlsOptions>& out) {
  Draft draft;
  draft.use = use;
  const Step step = guarded(context, node, [&] {
    const Map* map = want_map(context, node);
    if (map == nullptr) return Step::kWrongType;
    return read_block(context, *map, tls_block(), draft);
  });
  if (step != Step::kNext) return;
  if (check_draft(context, node, draft) == Step::kNext) out = std::move(draft.tls);
}

}  // namespace petrel::conf

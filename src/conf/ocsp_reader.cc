// ocsp, ocsp_cache and ocsp_peer.
#include "conf/ocsp_peer_reader.h"
#include "conf/tls_reader.h"

namespace petrel::conf {
namespace {

// Seconds as a number or a duration as text.
enum class Seconds : uint8_t { kRead, kBadText, kWrongType };

Seconds seconds_of(const Node& node, Duration& out, std::string& problem) {
  if (const std::string* text = node.string()) {
    const auto parsed = parse_duration(*text);
    if (!parsed) {
      problem = parsed.error().detail;
      return Seconds::kBadText;
    }
    out = *parsed;
    return Seconds::kRead;
  }
  if (const int64_t* integer = node.integer()) {
    out = Duration::seconds(saturated<int32_t>(*integer));
    return Seconds::kRead;
  }
  if (const double* real = node.real()) {
    out = Duration{static_cast<int64_t>(*real * 1e9)};
    return Seconds::kRead;
  }
  problem = "unexpected type";
  return Seconds::kWrongType;
}

// What is wrong in ocsp_peer is reported at the option and, before it, at the block.
Step peer_error(Context& context, const Field& block, const Node& at, const std::string& text) {
  const std::string inner = at.line == 0 ? text : at.position().text() + ": " + text;
  return stop(context, &block.node, inner);
}

bool OcspPeerOptions::* peer_flag(const std::string& name) {
  if (name == "verify") return &OcspPeerOptions::verify;
  if (name == "warn_only") return &OcspPeerOptions::warn_only;
  if (name == "unknown_is_good") return &OcspPeerOptions::unknown_is_good;
  if (name == "allow_when_ca_unreachable") return &OcspPeerOptions::allow_when_ca_unreachable;
  return nullptr;
}

Duration OcspPeerOptions::* peer_duration(const std::string& name) {
  if (name == "ca_timeout") return &OcspPeerOptions::ca_timeout;
  if (name == "allowed_clockskew") return &OcspPeerOptions::allowed_clockskew;
  if (name == "cache_ttl_when_next_update_unset") {
    return &OcspPeerOptions::cache_ttl_when_next_update_unset;
  }
  return nullptr;
}

Step peer_option(Context& context, const Field& block, const Map::Entry& entry,
                 OcspPeerOptions& peer) {
  const std::string name = lower(entry.key);
  const bool* flag = entry.node->boolean();
  if (auto member = peer_flag(name); member != nullptr && flag != nullptr) {
    peer.*member = *flag;
    return Step::kNext;
  }
  auto member = peer_duration(name);
  if (member == nullptr) {
    return peer_error(context, block, *entry.node,
                      "error parsing tls peer config, unknown field [" + go_quote(entry.key) + "]");
  }
  Duration value;
  std::string problem;
  const Seconds read = seconds_of(*entry.node, value, problem);
  if (read != Seconds::kRead) {
    if (name == "allowed_clockskew") problem = "unexpected type";
    return peer_error(context, block, *entry.node,
                      "error parsing tls peer config, conversion error: " + problem);
  }
  if (value.ns >= 0) peer.*member = value;
  return Step::kNext;
}

Step ocsp_mode(Context& context, OcspOptions& ocsp, const Node& node) {
  const std::string* text = want_string(context, node);
  if (text == nullptr) return Step::kWrongType;
  const std::string mode = lower(*text);
  if (mode == "always") {
    ocsp.mode = OcspMode::kAlways;
  } else if (mode == "must") {
    ocsp.mode = OcspMode::kMust;
  } else if (mode == "never") {
    ocsp.mode = OcspMode::kNever;
  } else if (mode == "auto") {
    ocsp.mode = OcspMode::kAuto;
  } else {
    context.report.error(&node, "error parsing ocsp config: unsupported ocsp mode string");
  }
  return Step::kNext;
}

// nats-server 2.15.2 refuses every list of urls because of its type; Petrel reads it.
Step ocsp_urls(Context& context, OcspOptions& ocsp, const Node& node) {
  const Array* array = want_array(context, node);
  if (array == nullptr) return Step::kWrongType;
  ocsp.urls.clear();
  for (const NodePtr& element : *array) {
    const std::string* url = want_string(context, *element);
    if (url == nullptr) return Step::kWrongType;
    ocsp.urls.push_back(*url);
  }
  return Step::kNext;
}

Step ocsp_option(Context& context, OcspOptions& ocsp, const Map::Entry& entry) {
  if (entry.key == "mode") return ocsp_mode(context, ocsp, *entry.node);
  if (entry.key == "urls") return ocsp_urls(context, ocsp, *entry.node);
  if (entry.key == "url") {
    const std::string* url = want_string(context, *entry.node);
    if (url == nullptr) return Step::kWrongType;
    ocsp.urls = {*url};
    return Step::kNext;
  }
  return stop(context, entry.node.get(), "error parsing ocsp config: unsupported field string");
}

Step cache_error(Context& context, const Node& at, const std::string& text) {
  return stop(context, &at, "error parsing OCSP peer cache config, " + text);
}

Step cache_type(Context& context, OcspCacheOptions& cache, const Node& node,
                const std::string& text) {
  const std::string type = lower(text);
  if (type != "none" && type != "local") {
    return cache_error(context, node, "unknown type [" + text + "]");
  }
  cache.local = type == "local";
  return Step::kNext;
}

Step cache_interval(Context& context, OcspCacheOptions& cache, const Node& node) {
  std::string problem;
  Duration interval;
  switch (seconds_of(node, interval, problem)) {
    case Seconds::kBadText:
      return stop(context, &node, "error parsing tls peer config, conversion error: " + problem);
    case Seconds::kWrongType:
      return cache_error(context, node, "conversion error: " + problem);
    case Seconds::kRead:
      break;
  }
  const int64_t seconds = interval.ns / Duration::seconds(1).ns;
  cache.save_interval = Duration::seconds(seconds < 1 ? 1 : seconds);
  return Step::kNext;
}

Step cache_option(Context& context, OcspCacheOptions& cache, const Map::Entry& entry) {
  const std::string name = lower(entry.key);
  const std::string* text = entry.node->string();
  const bool* flag = entry.node->boolean();
  if (name == "save_interval") return cache_interval(context, cache, *entry.node);
  if (name == "type" && text != nullptr) return cache_type(context, cache, *entry.node, *text);
  if (name == "local_store" && text != nullptr) {
    cache.local_store = *text;
  } else if (name == "preserve_revoked" && flag != nullptr) {
    cache.preserve_revoked = *flag;
  } else {
    return cache_error(context, *entry.node, "unknown field [" + go_quote(entry.key) + "]");
  }
  return Step::kNext;
}

}  // namespace

Step read_ocsp_peer(Context& context, const Field& field, std::optional<OcspPeerOptions>& out) {
  OcspPeerOptions peer;
  if (const bool* flag = field.node.boolean()) {
    peer.verify = *flag;
    out = peer;
    return Step::kNext;
  }
  const Map* map = field.node.map();
  if (map == nullptr) {
    return stop(context, &field.node,
                "error parsing ocsp peer config: unsupported type map[string]interface {}");
  }
  for (const Map::Entry& entry : map->entries()) {
    const Step step = peer_option(context, field, entry, peer);
    if (step != Step::kNext) return step;
  }
  out = peer;
  return Step::kNext;
}

Step read_ocsp(Context& context, Options& options, const Field& field) {
  OcspOptions ocsp;
  if (const bool* flag = field.node.boolean()) {
    ocsp.mode = *flag ? OcspMode::kAuto : OcspMode::kNever;
    options.ocsp = ocsp;
    return Step::kNext;
  }
  const Map* map = field.node.map();
  if (map == nullptr) {
    return stop(context, &field.node,
                "error parsing ocsp config: unsupported type " + type_name(field.node.value));
  }
  for (const Map::Entry& entry : map->entries()) {
    const Step step = ocsp_option(context, ocsp, entry);
    if (step != Step::kNext) return step;
  }
  options.ocsp = ocsp;
  return Step::kNext;
}

Step read_ocsp_cache(Context& context, Options& options, const Field& field) {
  OcspCacheOptions cache;
  if (const bool* flag = field.node.boolean()) {
    cache.local = *flag;
    options.ocsp_cache = cache;
    return Step::kNext;
  }
  const Map* map = field.node.map();
  if (map == nullptr) {
    return stop(context, &field.node,
                "error parsing tags: unsupported type " + type_name(field.node.value));
  }
  for (const Map::Entry& entry : map->entries()) {
    const Step step = cache_option(context, cache, entry);
    if (step != Step::kNext) return step;
  }
  options.ocsp_cache = cache;
  return Step::kNext;
}

}  // namespace petrel::conf

// The options whose feature Petrel does not have yet. A row goes when its feature comes.
#include "conf/reader.h"

#include "petrel/conf/startup.h"

#include <algorithm>
#include <string_view>

namespace petrel::conf {
namespace {

struct Feature {
  std::string_view option;  // as in Options::defined
  std::string_view flags;   // those that set it, "|" between them
  bool (*is_used)(const Options&);
};

constexpr Feature kFeatures[] = {
    {"cluster",
     "cluster|cluster_listen|routes|cluster_name|cluster_advertise|no_advertise|connect_retries",
     [](const Options& o) {
       const bool named = !o.cluster.name.empty() && o.cluster.name != o.gateway.name;
       return o.cluster.port != 0 || !o.cluster.routes.empty() || named;
     }},
    {"gateway", "",
     [](const Options& o) { return o.gateway.port != 0 || !o.gateway.name.empty(); }},
    {"leafnodes", "",
     [](const Options& o) { return o.leafnodes.port != 0 || !o.leafnodes.remotes.empty(); }},
    {"websocket", "", [](const Options& o) { return o.websocket.port != 0; }},
    {"mqtt", "", [](const Options& o) { return o.mqtt.port != 0; }},
    {"jetstream.tpm", "",
     [](const Options& o) { return o.jetstream.enabled && !o.jetstream.tpm.keys_file.empty(); }},
    {"default_js_domain", "", [](const Options& o) { return !o.default_js_domain.empty(); }},
    {"prof_port", "profile", [](const Options& o) { return o.prof_port != 0; }},
    {"prof_block_rate", "", [](const Options& o) { return o.prof_block_rate != 0; }},
};

// The flag of the command line that set a feature, "" if none did.
std::string flag_of(const Feature& feature, const std::vector<FlagSetting>& flags) {
  for (const FlagSetting& flag : flags) {
    if (!feature.flags.empty() && has_name(feature.flags, flag.name)) return "--" + flag.name;
  }
  return "";
}

void list_feature(const Feature& feature, const std::vector<FlagSetting>& flags, Options& options) {
  std::string option(feature.option);
  auto place = options.defined.find(option.substr(0, option.find('.')));
  if (place != options.defined.end()) {
    options.unsupported.push_back({option, place->second});
    return;
  }
  const std::string flag = flag_of(feature, flags);
  options.unsupported.push_back({flag.empty() ? option : flag, {}});
}

}  // namespace

void list_unsupported(const std::vector<FlagSetting>& flags, Options& options) {
  options.unsupported.clear();
  for (const Feature& feature : kFeatures) {
    if (feature.is_used(options)) list_feature(feature, flags, options);
  }
}

std::string unsupported_text(const Options& options) {
  std::string out;
  for (const UnsupportedOption& option : options.unsupported) {
    if (option.position.line > 0) out += option.position.text() + ": ";
    const bool is_flag = option.path.rfind("--", 0) == 0;
    out += std::string(is_flag ? "flag " : "option ") + go_quote(option.path) +
           " is not supported by this version of Petrel\n";
  }
  return out;
}

}  // namespace petrel::conf

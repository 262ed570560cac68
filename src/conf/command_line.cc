#include "petrel/conf/command_line.h"

#include "conf/characters.h"
#include "conf/go_flags.h"
#include "conf/go_values.h"
#include "conf/host_port.h"
#include "conf/reader.h"
#include "conf/subject_text.h"
#include "conf/tls_files.h"
#include "conf/usage_text.h"

#include "petrel/base/go_quote.h"

#include <algorithm>

namespace petrel::conf {
namespace {

using Apply = void (*)(Options&, const FlagSetting&);

template <std::string Options::* Member>
void set_text(Options& options, const FlagSetting& setting) {
  options.*Member = setting.text;
}

template <bool Options::* Member>
void set_bool(Options& options, const FlagSetting& setting) {
  options.*Member = setting.on;
}

template <int Options::* Member>
void set_number(Options& options, const FlagSetting& setting) {
  options.*Member = saturated<int>(setting.number);
}

template <std::string ClusterOptions::* Member>
void set_cluster_text(Options& options, const FlagSetting& setting) {
  options.cluster.*Member = setting.text;
}

template <std::string AuthorizationOptions::* Member>
void set_credential(Options& options, const FlagSetting& setting) {
  options.authorization.*Member = setting.text;
  options.authorization.defined = true;
}

void set_log_size_limit(Options& options, const FlagSetting& setting) {
  options.log_size_limit = setting.number;
}

void set_jetstream(Options& options, const FlagSetting& setting) {
  options.jetstream.enabled = setting.on;
}

void set_store_dir(Options& options, const FlagSetting& setting) {
  options.jetstream.store_dir = setting.text;
}

void set_no_advertise(Options& options, const FlagSetting& setting) {
  options.cluster.no_advertise = setting.on;
}

void set_connect_retries(Options& options, const FlagSetting& setting) {
  options.cluster.connect_retries = saturated<int>(setting.number);
}

void set_debug_trace(Options& options, const FlagSetting& setting) {
  options.debug = setting.on;
  options.trace = setting.on;
}

void set_debug_verbose(Options& options, const FlagSetting& setting) {
  set_debug_trace(options, setting);
  options.trace_verbose = setting.on;
}

void set_verbose(Options& options, const FlagSetting& setting) {
  options.trace = setting.on;
  options.trace_verbose = setting.on;
}

// Flags that decide what the program does, or that are looked at together.
void set_nothing(Options&, const FlagSetting&) {}

struct FlagRule {
  FlagShape shape;
  Apply apply;
  bool combined = false;  // sets what others set too, therefore after them
};

constexpr FlagRule kFlags[] = {
    {{"h|help", FlagKind::kBool}, set_nothing},
    {{"v|version", FlagKind::kBool}, set_nothing},
    {{"help_tls", FlagKind::kBool}, set_nothing},
    {{"petrel_version", FlagKind::kBool}, set_nothing},
    {{"t", FlagKind::kBool}, set_nothing},
    {{"c|config", FlagKind::kText}, set_nothing},
    {{"reload_from", FlagKind::kText}, set_nothing},
    {{"sl|signal", FlagKind::kText}, set_nothing},
    {{"p|port", FlagKind::kInteger}, set_number<&Options::port>},
    {{"n|name|server_name", FlagKind::kText}, set_text<&Options::server_name>},
    {{"a|addr|net", FlagKind::kText}, set_text<&Options::host>},
    {{"client_advertise", FlagKind::kText}, set_text<&Options::client_advertise>},
    {{"D|debug", FlagKind::kBool}, set_bool<&Options::debug>},
    {{"V|trace", FlagKind::kBool}, set_bool<&Options::trace>},
    {{"DV", FlagKind::kBool}, set_debug_trace, true},
    {{"DVV", FlagKind::kBool}, set_debug_verbose, true},
    {{"VV", FlagKind::kBool}, set_verbose, true},
    {{"T|logtime", FlagKind::kBool}, set_bool<&Options::logtime>},
    {{"logtime_utc", FlagKind::kBool}, set_bool<&Options::logtime_utc>},
    {{"user", FlagKind::kText}, set_credential<&AuthorizationOptions::user>},
    {{"pass", FlagKind::kText}, set_credential<&AuthorizationOptions::password>},
    {{"auth", FlagKind::kText}, set_credential<&AuthorizationOptions::token>},
    {{"m|http_port", FlagKind::kInteger}, set_number<&Options::http_port>},
    {{"ms|https_port", FlagKind::kInteger}, set_number<&Options::https_port>},
    {{"P|pid", FlagKind::kText}, set_text<&Options::pid_file>},
    {{"ports_file_dir", FlagKind::kText}, set_text<&Options::ports_file_dir>},
    {{"l|log", FlagKind::kText}, set_text<&Options::log_file>},
    {{"log_size_limit", FlagKind::kInteger}, set_log_size_limit},
    {{"s|syslog", FlagKind::kBool}, set_bool<&Options::syslog>},
    {{"r|remote_syslog", FlagKind::kText}, set_text<&Options::remote_syslog>},
    {{"profile", FlagKind::kInteger}, set_number<&Options::prof_port>},
    {{"max_traced_msg_len", FlagKind::kInteger}, set_number<&Options::max_traced_msg_len>},
    {{"js|jetstream", FlagKind::kBool}, set_jetstream},
    {{"sd|store_dir", FlagKind::kText}, set_store_dir},
    {{"routes", FlagKind::kText}, set_nothing},
    {{"cluster|cluster_listen", FlagKind::kText}, set_nothing},
    {{"cluster_name", FlagKind::kText}, set_cluster_text<&ClusterOptions::name>},
    {{"cluster_advertise", FlagKind::kText}, set_cluster_text<&ClusterOptions::advertise>},
    {{"no_advertise", FlagKind::kBool}, set_no_advertise},
    {{"connect_retries", FlagKind::kInteger}, set_connect_retries},
    {{"tls", FlagKind::kBool}, set_nothing},
    {{"tlsverify", FlagKind::kBool}, set_nothing},
    {{"tlscert", FlagKind::kText}, set_nothing},
    {{"tlskey", FlagKind::kText}, set_nothing},
    {{"tlscacert", FlagKind::kText}, set_nothing},
};

const FlagRule& rule_of(const FlagSetting& setting) {
  const auto* rule = std::find_if(std::begin(kFlags), std::end(kFlags), [&](const FlagRule& flag) {
    return has_name(flag.shape.names, setting.name);
  });
  return *rule;
}

// The last setting of a flag, null if it was not given. `names` as in the table.
const FlagSetting* last_of(const std::vector<FlagSetting>& settings, std::string_view names) {
  const FlagSetting* found = nullptr;
  for (const FlagSetting& setting : settings) {
    if (has_name(names, setting.name)) found = &setting;
  }
  return found;
}

std::string text_of(const std::vector<FlagSetting>& settings, std::string_view names) {
  const FlagSetting* setting = last_of(settings, names);
  return setting == nullptr ? "" : setting->text;
}

bool is_on(const std::vector<FlagSetting>& settings, std::string_view names) {
  const FlagSetting* setting = last_of(settings, names);
  return setting != nullptr && setting->on;
}

void print(FlagsResult& result, std::string text) {
  result.action = FlagAction::kPrint;
  result.out = std::move(text);
}

std::string version_text() {
  return std::string(kProgram) + ": v" + std::string(kNatsVersion) + "\n";
}

std::string usage() {
  return std::string(usage_text()) + "\n";
}

// help and version, as flags or as a word.
bool answer_at_once(const std::vector<std::string>& words, FlagsResult& result) {
  const auto& settings = result.settings;
  const std::string word = words.empty() ? "" : lower(words.front());
  if (is_on(settings, "v|version")) {
    print(result, version_text());
  } else if (is_on(settings, "h|help")) {
    print(result, usage());
  } else if (is_on(settings, "help_tls")) {
    print(result, tls_help_text());
  } else if (is_on(settings, "petrel_version")) {
    print(result, "petrel: v" + std::string(kPetrelVersion) + "\n");
  } else if (word == "version") {
    print(result, version_text());
  } else if (word == "help") {
    print(result, usage());
  } else if (!words.empty()) {
    result.action = FlagAction::kPrint;
    result.err = std::string(kProgram) + ": unrecognized command: " + go_quote(words[0]) + "\n";
    result.exit_code = 1;
  } else {
    return false;
  }
  return true;
}

// --- cluster, routes and TLS: flags that are looked at together ---

Status apply_cluster(const std::string& listen, ClusterOptions& cluster) {
  if (listen.empty()) {
    cluster.port = 0;
    return {};
  }
  constexpr std::string_view kRandom = ":-1";
  const bool random = listen.size() >= kRandom.size() &&
                      listen.compare(listen.size() - kRandom.size(), kRandom.size(), kRandom) == 0;
  const std::string address =
      random ? listen.substr(0, listen.size() - kRandom.size()) + ":0" : listen;
  PETREL_TRY(const Url url, parse_url(address));
  PETREL_TRY(const HostPort split, split_host_port(url.host));
  const auto port = parse_int(split.port, "");
  if (!port) return Error{Errc::kInvalidArgument, "expected integer"};
  if (url.has_user && !url.has_password) {
    return Error{Errc::kInvalidArgument, "expected cluster password to be set"};
  }
  cluster.host = split.host;
  cluster.port = random ? -1 : saturated<int>(*port);
  cluster.user = url.user;
  cluster.password = url.password;
  return {};
}

Status apply_routes(const std::string& list, Options& options) {
  options.cluster.routes.clear();
  std::string_view rest = list;
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::vector<std::string> word = split_fields(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (word.empty()) continue;
    PETREL_TRY(const Url url, parse_url(word.front()));
    options.cluster.routes.push_back(url);
  }
  return {};
}

Status apply_tls(const std::vector<FlagSetting>& settings, const Sources& sources,
                 Options& options) {
  const FlagSetting* tls = last_of(settings, "tls");
  if (tls != nullptr && !tls->on) {
    options.tls.reset();
    return {};
  }
  if (last_of(settings, "tls|tlsverify|tlscert|tlskey|tlscacert") == nullptr) return {};
  TlsOptions block;
  block.cert_file = text_of(settings, "tlscert");
  block.key_file = text_of(settings, "tlskey");
  block.ca_file = text_of(settings, "tlscacert");
  block.verify = is_on(settings, "tlsverify");
  if (block.cert_file.empty()) {
    return Error{Errc::kInvalidArgument, "TLS Server certificate must be present and valid"};
  }
  if (block.key_file.empty()) {
    return Error{Errc::kInvalidArgument, "TLS Server private key must be present and valid"};
  }
  PETREL_TRY_STATUS(check_tls_files(block, sources.files));
  options.tls = std::move(block);
  return {};
}

}  // namespace

FlagsResult parse_flags(const std::vector<std::string>& args) {
  std::vector<FlagShape> shapes;
  for (const FlagRule& flag : kFlags) shapes.push_back(flag.shape);
  GoFlags flags = parse_go_flags(shapes, args);
  FlagsResult result;
  if (!flags.error.empty()) {
    print(result, usage());
    result.err = flags.error + "\n";
    return result;
  }
  result.settings = std::move(flags.settings);
  if (answer_at_once(flags.words, result)) return result;
  result.config_file = text_of(result.settings, "c|config");
  result.reload_from = text_of(result.settings, "reload_from");
  result.signal = text_of(result.settings, "sl|signal");
  if (!result.signal.empty()) {
    result.action = FlagAction::kSignal;
  } else if (is_on(result.settings, "t")) {
    result.action = FlagAction::kTestConfig;
  }
  return result;
}

Status apply_flags(const std::vector<FlagSetting>& settings, const Sources& sources,
                   Options& options) {
  for (const bool combined : {false, true}) {
    for (const FlagSetting& setting : settings) {
      const FlagRule& rule = rule_of(setting);
      if (rule.combined == combined) rule.apply(options, setting);
    }
  }
  if (const FlagSetting* cluster = last_of(settings, "cluster|cluster_listen")) {
    PETREL_TRY_STATUS(apply_cluster(cluster->text, options.cluster));
  }
  if (const FlagSetting* routes = last_of(settings, "routes")) {
    PETREL_TRY_STATUS(apply_routes(routes->text, options));
  }
  PETREL_TRY_STATUS(apply_tls(settings, sources, options));
  const bool has_routes = !text_of(settings, "routes").empty();
  const bool listens = !text_of(settings, "cluster|cluster_listen").empty() ||
                       !options.cluster.host.empty() || options.cluster.port != 0;
  if (has_routes && !listens) {
    return Error{Errc::kInvalidArgument,
                 "solicited routes require cluster capabilities, e.g. --cluster"};
  }
  return {};
}

Result<SignalRequest> parse_signal(const std::string& value, const FileReader& files) {
  std::vector<std::string> parts(1);
  for (const char c : value) {
    if (c == '=') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  if (parts.size() > 2) {
    std::string rest;
    for (size_t i = 2; i < parts.size(); ++i) rest += (i > 2 ? " " : "") + parts[i];
    return Error{Errc::kInvalidArgument, "invalid signal parameters: [" + rest + "]"};
  }
  SignalRequest request;
  request.command = parts[0];
  if (parts.size() == 1) return request;
  auto pid = files.read(parts[1]);
  request.pid_expression = pid ? *std::move(pid) : parts[1];
  return request;
}

}  // namespace petrel::conf

#include "petrel/system/request.h"

#include "petrel/jetstream/json_decoder.h"

#include <algorithm>
#include <array>
#include <span>

namespace petrel::system {

namespace {

using jetstream::Field;
using jetstream::GoType;
using jetstream::JsonDecoder;
using jetstream::JsonMode;
using jetstream::read_field;

// The options of all services; each reads those that it knows.
struct Body {
  std::string server_name = {};
  std::string cluster = {};
  std::string host = {};
  bool exact_match = false;
  std::vector<std::string> tags = {};
  std::string domain = {};

  std::string sort = {};
  std::string name = {};
  std::string user = {};
  std::string account = {};
  std::string account_name = {};
  std::string mqtt_client = {};
  std::string filter_subject = {};
  std::string test = {};
  std::string stream = {};
  std::string consumer_name = {};
  std::string group = {};
  std::string queue_filter = {};
  std::vector<std::string> accounts_wanted = {};
  bool auth = false;
  bool subscriptions = false;
  bool subscriptions_detail = false;
  bool accounts = false;
  bool streams = false;
  bool consumer = false;
  bool direct_consumer = false;
  bool config = false;
  bool leader_only = false;
  bool raft = false;
  bool stream_leader_only = false;
  bool include_unused = false;
  bool js_enabled = false;
  bool js_enabled_only = false;
  bool js_server_only = false;
  bool js_meta_only = false;
  bool details = false;
  bool all = false;
  int64_t offset = 0;
  int64_t limit = 0;
  int64_t state = 0;
  int64_t debug = 0;
  int64_t duration = 0;
  uint64_t cid = 0;
};

constexpr GoType kText{"string"};
constexpr GoType kBool{"bool"};
constexpr GoType kInt{"int"};
constexpr GoType kUnsigned{"uint64"};
constexpr GoType kList{"[]string"};

template <auto Member>
constexpr Field<Body> field(Slice name, GoType type, Slice embedded) {
  return {name, type, read_field<Member, Body>, embedded};
}

constexpr Slice kFilter = "EventFilterOptions";
constexpr std::array kFilterFields = {
    field<&Body::server_name>("server_name", kText, kFilter),
    field<&Body::cluster>("cluster", kText, kFilter),
    field<&Body::host>("host", kText, kFilter),
    field<&Body::exact_match>("exact_match", kBool, kFilter),
    field<&Body::tags>("tags", kList, kFilter),
    field<&Body::domain>("domain", kText, kFilter),
};

constexpr Slice kConnz = "ConnzOptions";
constexpr std::array kConnzFields = {
    field<&Body::sort>("sort", GoType{"server.SortOpt"}, kConnz),
    field<&Body::auth>("auth", kBool, kConnz),
    field<&Body::subscriptions>("subscriptions", kBool, kConnz),
    field<&Body::subscriptions_detail>("subscriptions_detail", kBool, kConnz),
    field<&Body::offset>("offset", kInt, kConnz),
    field<&Body::limit>("limit", kInt, kConnz),
    field<&Body::cid>("cid", kUnsigned, kConnz),
    field<&Body::mqtt_client>("mqtt_client", kText, kConnz),
    field<&Body::state>("state", GoType{"server.ConnState"}, kConnz),
    field<&Body::user>("user", kText, kConnz),
    field<&Body::account>("acc", kText, kConnz),
    field<&Body::filter_subject>("filter_subject", kText, kConnz),
};

constexpr Slice kSubsz = "SubszOptions";
constexpr std::array kSubszFields = {
    field<&Body::offset>("offset", kInt, kSubsz),
    field<&Body::limit>("limit", kInt, kSubsz),
    field<&Body::subscriptions>("subscriptions", kBool, kSubsz),
    field<&Body::account>("account", kText, kSubsz),
    field<&Body::test>("test", kText, kSubsz),
};

constexpr std::array kRoutezFields = {
    field<&Body::subscriptions>("subscriptions", kBool, "RoutezOptions"),
    field<&Body::subscriptions_detail>("subscriptions_detail", kBool, "RoutezOptions"),
};

constexpr Slice kGatewayz = "GatewayzOptions";
constexpr std::array kGatewayzFields = {
    field<&Body::name>("name", kText, kGatewayz),
    field<&Body::accounts>("accounts", kBool, kGatewayz),
    field<&Body::account_name>("account_name", kText, kGatewayz),
    field<&Body::subscriptions>("subscriptions", kBool, kGatewayz),
    field<&Body::subscriptions_detail>("subscriptions_detail", kBool, kGatewayz),
};

constexpr std::array kLeafzFields = {
    field<&Body::subscriptions>("subscriptions", kBool, "LeafzOptions"),
    field<&Body::account>("account", kText, "LeafzOptions"),
};

constexpr std::array kAccountzFields = {
    field<&Body::account>("account", kText, "AccountzOptions"),
};

constexpr std::array kAccountStatzFields = {
    field<&Body::accounts_wanted>("accounts", kList, "AccountStatzOptions"),
    field<&Body::include_unused>("include_unused", kBool, "AccountStatzOptions"),
};

constexpr Slice kJsz = "JSzOptions";
constexpr std::array kJszFields = {
    field<&Body::account>("account", kText, kJsz),
    field<&Body::accounts>("accounts", kBool, kJsz),
    field<&Body::streams>("streams", kBool, kJsz),
    field<&Body::consumer>("consumer", kBool, kJsz),
    field<&Body::direct_consumer>("direct_consumer", kBool, kJsz),
    field<&Body::config>("config", kBool, kJsz),
    field<&Body::leader_only>("leader_only", kBool, kJsz),
    field<&Body::offset>("offset", kInt, kJsz),
    field<&Body::limit>("limit", kInt, kJsz),
    field<&Body::raft>("raft", kBool, kJsz),
    field<&Body::stream_leader_only>("stream_leader_only", kBool, kJsz),
};

constexpr Slice kHealthz = "HealthzOptions";
constexpr std::array kHealthzFields = {
    field<&Body::js_enabled>("js-enabled", kBool, kHealthz),
    field<&Body::js_enabled_only>("js-enabled-only", kBool, kHealthz),
    field<&Body::js_server_only>("js-server-only", kBool, kHealthz),
    field<&Body::js_meta_only>("js-meta-only", kBool, kHealthz),
    field<&Body::account>("account", kText, kHealthz),
    field<&Body::stream>("stream", kText, kHealthz),
    field<&Body::consumer_name>("consumer", kText, kHealthz),
    field<&Body::details>("details", kBool, kHealthz),
};

constexpr std::array kProfilezFields = {
    field<&Body::name>("name", kText, "ProfilezOptions"),
    field<&Body::debug>("debug", kInt, "ProfilezOptions"),
    field<&Body::duration>("duration", GoType{"time.Duration"}, "ProfilezOptions"),
};

constexpr std::array kIpqueueszFields = {
    field<&Body::all>("all", kBool, "IpqueueszOptions"),
    field<&Body::queue_filter>("filter", kText, "IpqueueszOptions"),
};

constexpr std::array kRaftzFields = {
    field<&Body::account>("account", kText, "RaftzOptions"),
    field<&Body::group>("group", kText, "RaftzOptions"),
};

constexpr std::array kClientFields = {
    field<&Body::cid>("cid", kUnsigned, {}),
};

struct Schema {
  Slice name;  // Go's, for the texts of errors
  std::span<const Field<Body>> fields;
};

Schema schema_of(Service service) {
  switch (service) {
    case Service::kStatsz:
    case Service::kIdz:
      return {"server.StatszEventOptions", {}};
    case Service::kVarz:
      return {"server.VarzEventOptions", {}};
    case Service::kSubsz:
    case Service::kAccountSubsz:
      return {"server.SubszEventOptions", kSubszFields};
    case Service::kConnz:
    case Service::kAccountConnz:
      return {"server.ConnzEventOptions", kConnzFields};
    case Service::kRoutez:
      return {"server.RoutezEventOptions", kRoutezFields};
    case Service::kGatewayz:
      return {"server.GatewayzEventOptions", kGatewayzFields};
    case Service::kLeafz:
    case Service::kAccountLeafz:
      return {"server.LeafzEventOptions", kLeafzFields};
    case Service::kAccountz:
      return {"server.AccountzEventOptions", kAccountzFields};
    case Service::kJsz:
    case Service::kAccountJsz:
      return {"server.JszEventOptions", kJszFields};
    case Service::kHealthz:
      return {"server.HealthzEventOptions", kHealthzFields};
    case Service::kProfilez:
      return {"server.ProfilezEventOptions", kProfilezFields};
    case Service::kExpvarz:
      return {"server.ExpvarzEventOptions", {}};
    case Service::kIpqueuesz:
      return {"server.IpqueueszEventOptions", kIpqueueszFields};
    case Service::kRaftz:
      return {"server.RaftzEventOptions", kRaftzFields};
    case Service::kReload:
    case Service::kKick:
    case Service::kLameDuck:
      return {"server.EventFilterOptions", {}};
    case Service::kAccountInfo:
      return {"server.AccInfoEventOptions", {}};
    case Service::kAccountConns:
      return {"server.accNumConnsReq", kAccountzFields};
    case Service::kAccountStatz:
    case Service::kAccountsStatz:
      return {"server.AccountStatzEventOptions", kAccountStatzFields};
  }
  return {};
}

class ParamsWriter {
 public:
  explicit ParamsWriter(monitor::Query::Params& params) : params_(params) {}
  void flag(const char* name, bool is_set) {
    if (is_set) params_.emplace_back(name, "1");
  }
  void text(const char* name, const std::string& value) {
    if (!value.empty()) params_.emplace_back(name, value);
  }
  void number(const char* name, int64_t value) {
    if (value != 0) params_.emplace_back(name, std::to_string(value));
  }

 private:
  monitor::Query::Params& params_;
};

void add_connz(const Body& body, ParamsWriter& out) {
  out.text("sort", body.sort);
  out.flag("auth", body.auth);
  if (body.cid != 0) out.text("cid", std::to_string(body.cid));
  out.text("mqtt_client", body.mqtt_client);
  if (body.state == 1) out.text("state", "closed");
  if (body.state == 2) out.text("state", "all");
  out.text("user", body.user);
}

void add_jsz(const Body& body, ParamsWriter& out) {
  out.flag("accounts", body.accounts);
  out.flag("streams", body.streams);
  out.flag("consumers", body.consumer);
  out.flag("direct-consumers", body.direct_consumer);
  out.flag("config", body.config);
  out.flag("leader-only", body.leader_only);
  out.flag("raft", body.raft);
  out.flag("stream-leader-only", body.stream_leader_only);
}

void add_healthz(const Body& body, ParamsWriter& out) {
  out.flag("js-enabled", body.js_enabled);
  out.flag("js-enabled-only", body.js_enabled_only);
  out.flag("js-server-only", body.js_server_only);
  out.flag("js-meta-only", body.js_meta_only);
  out.text("account", body.account);
  out.text("stream", body.stream);
  out.text("consumer", body.consumer_name);
  out.flag("details", body.details);
}

monitor::Query::Params params_of(Service service, const Body& body) {
  monitor::Query::Params params;
  ParamsWriter out(params);
  if (service == Service::kHealthz) {
    add_healthz(body, out);
    return params;
  }
  if (service == Service::kConnz || service == Service::kAccountConnz) add_connz(body, out);
  if (service == Service::kJsz || service == Service::kAccountJsz) add_jsz(body, out);
  if (body.subscriptions_detail) {
    out.text("subs", "detail");
  } else {
    out.flag("subs", body.subscriptions || service == Service::kAccountSubsz);
  }
  out.number("offset", body.offset);
  out.number("limit", body.limit);
  out.text("acc", body.account);
  out.text("test", body.test);
  out.flag("all", body.all);
  return params;
}

bool matches(const std::string& wanted, const std::string& own, bool is_exact) {
  if (wanted.empty()) return true;
  return is_exact ? own == wanted : own.find(wanted) != std::string::npos;
}

}  // namespace

bool ServerFilter::admits(const ServerDescription& server) const {
  if (!matches(name, server.name, is_exact) || !matches(host, server.host, is_exact) ||
      !matches(cluster, server.cluster, is_exact)) {
    return false;
  }
  const bool has_all_tags = std::all_of(tags.begin(), tags.end(), [&](const std::string& tag) {
    return std::find(server.tags.begin(), server.tags.end(), tag) != server.tags.end();
  });
  return has_all_tags && matches(domain, server.domain, true);
}

Result<RequestOptions> parse_options(Service service, Slice body) {
  Body read;
  if (!body.empty()) {
    const Schema schema = schema_of(service);
    std::vector<Field<Body>> fields(schema.fields.begin(), schema.fields.end());
    const bool is_bare = schema.name == "server.EventFilterOptions";
    for (Field<Body> known : kFilterFields) {
      if (is_bare) known.embedded = {};
      fields.push_back(known);
    }
    if (service == Service::kKick || service == Service::kLameDuck) {
      fields.push_back(kClientFields.front());
    }
    std::string wrong =
        jetstream::read_json<Body>(body, JsonMode::kPlain, GoType{schema.name}, read, fields);
    if (!wrong.empty()) return Error{Errc::kInvalidArgument, std::move(wrong)};
  }
  RequestOptions options;
  options.params = params_of(service, read);
  options.filter = {std::move(read.server_name), std::move(read.host), std::move(read.cluster),
                    std::move(read.domain),      std::move(read.tags), read.exact_match};
  options.accounts = std::move(read.accounts_wanted);
  options.include_unused = read.include_unused;
  options.filter_subject = std::move(read.filter_subject);
  options.profile = std::move(read.name);
  options.profile_duration_ns = read.duration;
  options.cid = read.cid;
  return options;
}

std::vector<Door> service_doors(const std::string& server_id) {
  static constexpr std::array<std::pair<const char*, Service>, 15> kServer = {{
      {"STATSZ", Service::kStatsz},
      {"IDZ", Service::kIdz},
      {"VARZ", Service::kVarz},
      {"SUBSZ", Service::kSubsz},
      {"CONNZ", Service::kConnz},
      {"ROUTEZ", Service::kRoutez},
      {"GATEWAYZ", Service::kGatewayz},
      {"LEAFZ", Service::kLeafz},
      {"ACCOUNTZ", Service::kAccountz},
      {"JSZ", Service::kJsz},
      {"HEALTHZ", Service::kHealthz},
      {"PROFILEZ", Service::kProfilez},
      {"EXPVARZ", Service::kExpvarz},
      {"IPQUEUESZ", Service::kIpqueuesz},
      {"RAFTZ", Service::kRaftz},
  }};
  static constexpr std::array<std::pair<const char*, Service>, 7> kAccount = {{
      {"SUBSZ", Service::kAccountSubsz},
      {"CONNZ", Service::kAccountConnz},
      {"LEAFZ", Service::kAccountLeafz},
      {"JSZ", Service::kAccountJsz},
      {"INFO", Service::kAccountInfo},
      {"STATZ", Service::kAccountStatz},
      {"CONNS", Service::kAccountConns},
  }};
  const std::string own = "$SYS.REQ.SERVER." + server_id + ".";
  std::vector<Door> doors = {{"$SYS.REQ.SERVER.PING", Service::kStatsz},
                             {"$SYS.REQ.ACCOUNT.PING.STATZ", Service::kAccountsStatz},
                             {own + "RELOAD", Service::kReload},
                             {own + "KICK", Service::kKick},
                             {own + "LDM", Service::kLameDuck}};
  for (const auto& [name, service] : kServer) {
    doors.push_back({"$SYS.REQ.SERVER.PING." + std::string(name), service});
    doors.push_back({own + name, service});
  }
  for (const auto& [name, service] : kAccount) {
    doors.push_back({"$SYS.REQ.ACCOUNT.*." + std::string(name), service});
  }
  return doors;
}

std::string account_of(Slice subject) {
  constexpr Slice kPrefix = "$SYS.REQ.ACCOUNT.";
  if (!subject.starts_with(kPrefix)) return {};
  const Slice rest = subject.substr(kPrefix.size());
  return std::string(rest.substr(0, rest.find('.')));
}

}  // namespace petrel::system

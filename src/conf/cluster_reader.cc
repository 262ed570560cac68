// cluster { } and gateway { }.
#include "conf/auth_reader.h"
#include "conf/links_reader.h"
#include "conf/tls_reader.h"

namespace petrel::conf {
namespace {

constexpr Duration kRoutePingMax = Duration::seconds(30);

bool has_spaces(const std::string& text) {
  return text.find(' ') != std::string::npos;
}

template <typename T>
Step listen(Context& context, T& target, const Field& field) {
  return read_listen(context, field, target.host, target.port);
}

template <typename T>
Step tls(Context& context, T& target, const Field& field) {
  read_tls(context, field.node, TlsUse::kServers, target.tls);
  return Step::kNext;
}

// "_" is what leaf nodes without a cluster call themselves.
template <typename T>
Step read_name(Context& context, T& target, const Field& field, std::string_view what) {
  const std::string* name = want_string(context, field.node);
  if (name == nullptr) return Step::kWrongType;
  if (has_spaces(*name)) {
    context.report.error(&field.node, std::string(what) + " name cannot contain spaces");
  } else if (*name == "_") {
    context.report.error(&field.node, "cluster name is reserved");
  } else {
    target.name = *name;
  }
  return Step::kNext;
}

// One user and password; false: reported.
template <typename T>
bool read_link_authorization(Context& context, const Field& field, std::string_view what,
                             AuthorizationBlock& block, T& target) {
  if (read_authorization(context, field.node, block) != Step::kNext) return false;
  const std::string prefix = std::string(what) + " authorization does not ";
  std::string problem;
  if (block.has_users) {
    problem = prefix + "allow multiple users";
  } else if (!block.token.empty()) {
    problem = prefix + "support tokens";
  } else if (block.auth_callout) {
    problem = prefix + "support callouts";
  }
  if (!problem.empty()) {
    context.report.error(&field.node, problem);
    return false;
  }
  target.user = block.user;
  target.password = block.password;
  target.auth_timeout = block.timeout;
  return true;
}

// --- cluster ---

std::string direction_problem(const std::optional<SubjectPermission>& permission,
                              const std::string& name) {
  if (!permission) return "";
  if (permission->allow) {
    const std::string problem = subjects_problem(*permission->allow);
    if (!problem.empty()) return "cluster " + name + " allow: " + problem;
  }
  const std::string problem = subjects_problem(permission->deny);
  return problem.empty() ? "" : "cluster " + name + " deny: " + problem;
}

std::string permissions_problem(const PermissionOptions& permissions) {
  const std::string problem = direction_problem(permissions.publish, "import");
  return problem.empty() ? direction_problem(permissions.subscribe, "export") : problem;
}

Step cluster_name(Context& context, ClusterOptions& cluster, const Field& field) {
  return read_name(context, cluster, field, "cluster");
}

Step cluster_authorization(Context& context, ClusterOptions& cluster, const Field& field) {
  AuthorizationBlock block;
  if (!read_link_authorization(context, field, "Cluster", block, cluster)) return Step::kNext;
  if (!block.default_permissions) return Step::kNext;
  const std::string problem = permissions_problem(*block.default_permissions);
  if (!problem.empty()) {
    context.report.error(&field.node, problem);
    return Step::kNext;
  }
  context.report.misuse(&field.node, field.key,
                        "setting \"permissions\" within cluster authorization block is deprecated");
  if (!cluster.permissions) {
    cluster.permissions =
        RoutePermissions{block.default_permissions->publish, block.default_permissions->subscribe};
  }
  return Step::kNext;
}

Step cluster_permissions(Context& context, ClusterOptions& cluster, const Field& field) {
  std::optional<PermissionOptions> permissions;
  if (read_permissions(context, field.node, nullptr, permissions) != Step::kNext) {
    return Step::kNext;
  }
  if (permissions->allow_responses) {
    context.report.error(&field.node, "Cluster permissions do not support dynamic responses");
    return Step::kNext;
  }
  const std::string problem = permissions_problem(*permissions);
  if (problem.empty()) {
    cluster.permissions = RoutePermissions{permissions->publish, permissions->subscribe};
  } else {
    context.report.error(&field.node, problem);
  }
  return Step::kNext;
}

Step routes(Context& context, ClusterOptions& cluster, const Field& field) {
  return read_urls(context, field, "route", cluster.routes);
}

Step cluster_accounts(Context& context, ClusterOptions& cluster, const Field& field) {
  cluster.accounts = read_strings(context, field, "accounts");
  return Step::kNext;
}

Step cluster_compression(Context& context, ClusterOptions& cluster, const Field& field) {
  read_compression(context, field, "s2_fast", cluster.compression);
  return Step::kNext;
}

Step cluster_ping_interval(Context& context, ClusterOptions& cluster, const Field& field) {
  const Step step = read_duration(context, field, "ping_interval", cluster.ping_interval);
  if (step == Step::kNext && cluster.ping_interval > kRoutePingMax) {
    context.report.warning(&field.node, "Cluster 'ping_interval' will reset to " +
                                            duration_text(kRoutePingMax) +
                                            " which is the max for routes");
  }
  return step;
}

const Block<ClusterOptions>& cluster_block() {
  using C = ClusterOptions;
  static const Rule<C> kRules[] = {
      {"name", cluster_name},
      {"listen", listen<C>},
      {"port", &C::port},
      {"host|net", &C::host},
      {"authorization", cluster_authorization},
      {"routes", routes},
      {"tls", tls<C>},
      {"cluster_advertise|advertise", &C::advertise},
      {"no_advertise", &C::no_advertise},
      {"connect_retries", &C::connect_retries},
      {"connect_backoff", &C::connect_backoff},
      {"permissions", cluster_permissions},
      {"pool_size", &C::pool_size},
      {"accounts", cluster_accounts},
      {"compression", cluster_compression},
      {"ping_interval", cluster_ping_interval},
      {"ping_max", &C::ping_max},
      {"write_deadline", DurationField<C>{&C::write_deadline, "write_deadline"}},
      {"write_timeout", &C::write_timeout},
  };
  static const Block<C> kBlock{.rules = kRules};
  return kBlock;
}

// --- gateway ---

Step gateway_name(Context& context, GatewayOptions& gateway, const Field& field) {
  return read_name(context, gateway, field, "gateway");
}

Step gateway_authorization(Context& context, GatewayOptions& gateway, const Field& field) {
  AuthorizationBlock block;
  (void)read_link_authorization(context, field, "Gateway", block, gateway);
  return Step::kNext;
}

Step remote_url(Context& context, RemoteGateway& remote, const Field& field) {
  const std::string* text = want_string(context, field.node);
  if (text == nullptr) return Step::kWrongType;
  (void)read_url(context, field.node, *text, "gateway", remote.urls);
  return Step::kNext;
}

Step remote_urls(Context& context, RemoteGateway& remote, const Field& field) {
  return read_urls(context, field, "gateway", remote.urls);
}

const Block<RemoteGateway>& remote_gateway_block() {
  static const Rule<RemoteGateway> kRules[] = {
      {"name", &RemoteGateway::name},
      {"tls", tls<RemoteGateway>},
      {"url", remote_url},
      {"urls", remote_urls},
  };
  static const Block<RemoteGateway> kBlock{.rules = kRules};
  return kBlock;
}

Step read_remote_gateways(Context& context, const Array& array,
                          std::vector<RemoteGateway>& remotes) {
  for (const NodePtr& node : array) {
    context.last = node.get();
    const Map* map = node->map();
    if (map == nullptr) {
      context.report.error(
          node.get(), "Expected gateway entry to be a map/struct, got " + value_text(node->value));
      continue;
    }
    RemoteGateway remote;
    const Step step = read_block(context, *map, remote_gateway_block(), remote);
    if (step != Step::kNext) return step;
    remotes.push_back(std::move(remote));
  }
  return Step::kNext;
}

Step gateways(Context& context, GatewayOptions& gateway, const Field& field) {
  const Array* array = field.node.array();
  if (array == nullptr) {
    // Without its place, as nats-server reports it; nothing after it is read.
    return stop(context, nullptr,
                "Expected gateways field to be an array, got " + type_name(field.node.value));
  }
  std::vector<RemoteGateway> remotes;
  const Step step =
      guarded(context, field.node, [&] { return read_remote_gateways(context, *array, remotes); });
  if (step == Step::kNext) gateway.gateways = std::move(remotes);
  return Step::kNext;
}

const Block<GatewayOptions>& gateway_block() {
  using G = GatewayOptions;
  static const Rule<G> kRules[] = {
      {"name", gateway_name},
      {"listen", listen<G>},
      {"port", &G::port},
      {"host|net", &G::host},
      {"authorization", gateway_authorization},
      {"tls", tls<G>},
      {"advertise", &G::advertise},
      {"connect_retries", &G::connect_retries},
      {"connect_backoff", &G::connect_backoff},
      {"gateways", gateways},
      {"reject_unknown|reject_unknown_cluster", &G::reject_unknown_cluster},
      {"write_deadline", DurationField<G>{&G::write_deadline, "write_deadline"}},
      {"write_timeout", &G::write_timeout},
  };
  static const Block<G> kBlock{.rules = kRules};
  return kBlock;
}

}  // namespace

Step read_cluster(Context& context, Options& options, const Field& field) {
  return read_guarded_map(context, field.node, "Expected map to define cluster", cluster_block(),
                          options.cluster);
}

Step read_gateway(Context& context, Options& options, const Field& field) {
  return read_guarded_map(context, field.node, "Expected gateway to be a map", gateway_block(),
                          options.gateway);
}

}  // namespace petrel::conf

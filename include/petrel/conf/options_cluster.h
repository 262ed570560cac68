// The cluster, gateway and leafnodes blocks as they stand in the configuration.
// Thread: values, any thread. Source: spec config.md 3.1 to 3.3.
#pragma once

#include "petrel/base/time.h"
#include "petrel/conf/options_auth.h"
#include "petrel/conf/options_tls.h"
#include "petrel/conf/url.h"
#include "petrel/conf/write_timeout.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace petrel::conf {

struct CompressionOptions {
  std::string mode = {};  // normalised: off, accept, s2_auto, s2_fast, s2_better, s2_best, ...
  std::vector<Duration> rtt_thresholds = {};
  friend bool operator==(const CompressionOptions&, const CompressionOptions&) = default;
};

// What may cross a route: import allow/deny and export allow/deny.
struct RoutePermissions {
  std::optional<SubjectPermission> import = {};
  std::optional<SubjectPermission> export_ = {};
  friend bool operator==(const RoutePermissions&, const RoutePermissions&) = default;
};

struct ClusterOptions {
  std::string name = {};
  std::string host = {};
  int port = 0;  // 0: off, -1: the system chooses
  std::string user = {};
  std::string password = {};
  Duration auth_timeout = {};
  std::optional<RoutePermissions> permissions = {};
  std::optional<TlsOptions> tls = {};
  std::string advertise = {};
  bool no_advertise = false;
  int connect_retries = 0;
  bool connect_backoff = false;
  int pool_size = 3;
  std::vector<std::string> accounts = {};
  CompressionOptions compression = {};
  Duration ping_interval = {};  // 0: the global one
  int ping_max = 0;             // 0: the global one
  Duration write_deadline = {};
  WriteTimeoutPolicy write_timeout = WriteTimeoutPolicy::kDefault;
  std::vector<Url> routes = {};
  friend bool operator==(const ClusterOptions&, const ClusterOptions&) = default;
};

struct RemoteGateway {
  std::string name = {};
  std::vector<Url> urls = {};
  std::optional<TlsOptions> tls = {};
  friend bool operator==(const RemoteGateway&, const RemoteGateway&) = default;
};

struct GatewayOptions {
  std::string name = {};
  std::string host = {};
  int port = 0;
  std::string user = {};
  std::string password = {};
  Duration auth_timeout = {};
  std::optional<TlsOptions> tls = {};
  std::string advertise = {};
  int connect_retries = 0;
  bool connect_backoff = false;
  bool reject_unknown_cluster = false;
  Duration write_deadline = {};
  WriteTimeoutPolicy write_timeout = WriteTimeoutPolicy::kDefault;
  std::vector<RemoteGateway> gateways = {};
  friend bool operator==(const GatewayOptions&, const GatewayOptions&) = default;
};

struct LeafUser {
  std::string user = {};
  std::string password = {};
  std::string account = {};  // "": $G
  bool proxy_required = false;
  friend bool operator==(const LeafUser&, const LeafUser&) = default;
};

struct LeafProxy {
  std::string url = {};
  std::string user = {};
  std::string password = {};
  Duration timeout = {};
  std::optional<TlsOptions> tls = {};
  friend bool operator==(const LeafProxy&, const LeafProxy&) = default;
};

struct LeafRemote {
  std::vector<Url> urls = {};
  std::string account = {};  // "": $G
  std::string credentials = {};
  std::string nkey = {};  // seed
  std::optional<TlsOptions> tls = {};
  bool no_randomize = false;
  bool hub = false;
  std::vector<std::string> deny_imports = {};
  std::vector<std::string> deny_exports = {};
  bool ws_compression = false;
  bool ws_no_masking = false;
  CompressionOptions compression = {};
  bool jetstream_cluster_migrate = false;
  Duration jetstream_cluster_migrate_delay = {};
  bool isolate_leafnode_interest = false;
  bool request_isolation = false;
  Duration first_info_timeout = Duration::seconds(1);
  Duration dial_timeout = {};
  bool disabled = false;
  bool ignore_discovered_servers = false;
  LeafProxy proxy = {};
  friend bool operator==(const LeafRemote&, const LeafRemote&) = default;
};

struct LeafnodeOptions {
  std::string host = {};
  int port = 0;
  std::string user = {};
  std::string password = {};
  std::string nkey = {};
  std::string account = {};
  bool proxy_required = false;
  Duration auth_timeout = {};
  std::vector<LeafUser> users = {};
  std::optional<TlsOptions> tls = {};
  std::string advertise = {};
  bool no_advertise = false;
  std::string min_version = {};
  CompressionOptions compression = {};
  bool isolate_leafnode_interest = false;
  Duration reconnect_interval = Duration::seconds(1);
  Duration dial_timeout = {};
  Duration write_deadline = {};
  WriteTimeoutPolicy write_timeout = WriteTimeoutPolicy::kDefault;
  std::vector<LeafRemote> remotes = {};
  friend bool operator==(const LeafnodeOptions&, const LeafnodeOptions&) = default;
};

}  // namespace petrel::conf

// Options: everything that the configuration file and the command line decide, with nats-server's
// defaults. Plain values; a server takes them whole and a reload compares two of them.
// Thread: values, any thread. Source: spec config.md 2.
#pragma once

#include "petrel/base/time.h"
#include "petrel/conf/options_accounts.h"
#include "petrel/conf/options_auth.h"
#include "petrel/conf/options_cluster.h"
#include "petrel/conf/options_jetstream.h"
#include "petrel/conf/options_listeners.h"
#include "petrel/conf/options_operator.h"
#include "petrel/conf/options_tls.h"
#include "petrel/conf/position.h"
#include "petrel/conf/write_timeout.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace petrel::conf {

enum class Backend : uint8_t { kAuto, kIoUring, kEpoll };
enum class DiskBackend : uint8_t { kAuto, kIoUring, kThreads };

// The petrel { } block: options that nats-server does not have.
struct PetrelOptions {
  int loops = 0;  // 0: one per processor
  Backend backend = Backend::kAuto;
  DiskBackend disk_backend = DiskBackend::kAuto;
  bool strict_permissions = true;  // false: `foo.*` admits a subscription to `foo.>`
  int64_t max_memory = 0;          // bytes, 0: no limit
  RateLimit rate_limit = {};       // of every account that has none of its own, but the system's
  friend bool operator==(const PetrelOptions&, const PetrelOptions&) = default;
};

// An option that is present although Petrel has no such feature yet: an error at start, a warning
// under -t.
struct UnsupportedOption {
  std::string path = {};  // "cluster", "accounts.A.jetstream", "--routes"
  Position position = {};
};

struct Options {
  // Files and identity.
  std::string config_file = {};
  std::string digest = {};  // "sha256:<hex>" of the configuration file, "" without one
  std::string server_name = {};
  std::vector<std::string> tags = {};  // lower case, no repeats
  std::map<std::string, std::string> metadata = {};
  std::map<std::string, bool> feature_flags = {};
  std::string pid_file = {};
  std::string ports_file_dir = {};

  // Client listener.
  std::string host = "0.0.0.0";
  int port = 4222;  // -1: the system chooses
  std::string client_advertise = {};
  bool proxy_protocol = false;
  bool allow_non_tls = false;

  // Monitoring and profiling.
  std::string http_host = {};  // "": the same as host, filled in at start
  int http_port = 0;           // 0: off, -1: the system chooses
  int https_port = 0;          // 0: off, -1: the system chooses
  std::string http_base_path = "/";
  int prof_port = 0;
  int prof_block_rate = 0;

  // Logging.
  bool debug = false;
  bool trace = false;
  bool trace_verbose = false;
  bool trace_headers = false;
  bool logtime = true;
  bool logtime_utc = false;
  std::string log_file = {};
  int64_t log_size_limit = 0;  // bytes, 0: no rotation
  int64_t log_max_num = 0;     // files kept, 0: all
  bool syslog = false;
  std::string remote_syslog = {};
  int max_traced_msg_len = 0;  // bytes, 0: no limit

  // Limits of a connection.
  int64_t max_connections = 65536;      // 0 or negative: none is let in
  int64_t max_subscriptions = 0;        // 0: no limit
  uint8_t max_subscription_tokens = 0;  // 0: no limit
  int32_t max_control_line = 4096;
  int32_t max_payload = 1 << 20;
  int64_t max_pending = 64 << 20;
  int max_closed_clients = 10000;
  Duration ping_interval = Duration::minutes(2);
  int ping_max = 2;
  Duration write_deadline = Duration::seconds(10);
  WriteTimeoutPolicy write_timeout = WriteTimeoutPolicy::kDefault;
  bool no_fast_producer_stall = false;
  bool no_header_support = false;
  bool disable_sublist_cache = false;

  // Life cycle.
  Duration lame_duck_duration = Duration::minutes(2);
  Duration lame_duck_grace_period = Duration::seconds(10);
  int connect_error_reports = 3600;
  int reconnect_error_reports = 1;

  // Who may do what.
  AuthorizationOptions authorization = {};
  std::string no_auth_user = {};
  std::vector<MappingOptions> mappings = {};  // of $G, in order of definition
  std::string system_account = {};            // "": $SYS
  bool no_system_account = false;

  PetrelOptions petrel = {};

  // Blocks whose features do not exist yet: read and validated, and listed in `unsupported`.
  std::optional<TlsOptions> tls = {};
  std::vector<AccountOptions> accounts = {};
  ClusterOptions cluster = {};
  GatewayOptions gateway = {};
  LeafnodeOptions leafnodes = {};
  WebsocketOptions websocket = {};
  MqttOptions mqtt = {};
  JetStreamOptions jetstream = {};
  std::map<std::string, std::string> default_js_domain = {};
  OperatorOptions operators = {};
  std::vector<std::string> trusted_proxies = {};
  std::optional<OcspOptions> ocsp = {};
  std::optional<OcspCacheOptions> ocsp_cache = {};

  std::vector<UnsupportedOption> unsupported = {};

  // Every top-level option that the file sets, by its first name, and where.
  std::map<std::string, Position> defined = {};
};

}  // namespace petrel::conf

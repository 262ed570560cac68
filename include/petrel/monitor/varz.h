// /varz: the server as a whole. Blocks of features that do not exist yet are written empty, as
// nats-server writes those that are off.
//
// Thread: values, any thread. Source: spec monitoring.md section 4.1.
#pragma once

#include "petrel/base/time.h"
#include "petrel/monitor/jsz.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace petrel::monitor {

// What changes by configuration only.
struct VarzConfig {
  std::string server_id = {};
  std::string server_name = {};
  std::string version = {};
  int proto = 1;
  std::string runtime = {};  // "go": nats-server's compiler
  std::string host = {};
  int port = 0;
  bool auth_required = false;
  bool tls_required = false;
  bool tls_verify = false;
  bool tls_ocsp_peer_verify = false;
  int64_t max_connections = 0;
  int64_t max_subscriptions = 0;
  Duration ping_interval = {};
  int ping_max = 0;
  std::string http_host = {};
  int http_port = 0;
  std::string http_base_path = {};
  int https_port = 0;
  double auth_timeout_seconds = 0;
  int64_t max_control_line = 0;
  int64_t max_payload = 0;
  int64_t max_pending = 0;
  double tls_timeout_seconds = 2;
  Duration write_deadline = {};
  std::string write_timeout = {};
  WallTime start = {};
  WallTime config_load_time = {};
  std::string config_digest = {};
  std::vector<std::string> tags = {};
  std::map<std::string, std::string> metadata = {};
  std::map<std::string, bool> feature_flags = {};
  std::string system_account = {};
  WallTime tls_cert_not_after = {};  // {}: no certificate
  std::optional<JetStreamSettings> jetstream = {};
};

// What ocsp_peer keeps of responders' answers.
struct OcspPeerCache {
  int64_t hits = 0;
  int64_t misses = 0;
  int64_t responses = 0;
  int64_t revoked = 0;
  int64_t good = 0;
  int64_t unknown = 0;
};

struct VarzRuntime {
  WallTime now = {};
  uint64_t mem = 0;
  int cores = 0;
  int loops = 0;
  double cpu = 0;  // percent of one processor
  uint64_t connections = 0;
  uint64_t total_connections = 0;
  uint64_t in_msgs = 0;
  uint64_t in_bytes = 0;
  uint64_t out_msgs = 0;
  uint64_t out_bytes = 0;
  uint64_t slow_consumers = 0;
  uint64_t stale_connections = 0;
  uint64_t stalled_clients = 0;
  uint64_t subscriptions = 0;
  std::map<std::string, uint64_t> http_req_stats = {};
  JetStreamFigures jetstream = {};
  std::optional<OcspPeerCache> ocsp_peer_cache = {};  // none: no ocsp_peer, or it keeps nothing
};

std::string varz_json(const VarzConfig& config, const VarzRuntime& runtime);

}  // namespace petrel::monitor

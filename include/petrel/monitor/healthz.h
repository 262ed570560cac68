// /healthz: whether the server is ready for clients.
//
// Thread: pure functions. Source: spec monitoring.md section 3.
#pragma once

#include "petrel/base/result.h"
#include "petrel/monitor/query.h"

#include <cstddef>
#include <string>

namespace petrel::monitor {

struct HealthzQuery {
  bool js_enabled = false;  // an old name, logged as such
  bool details = false;
  bool js_enabled_only = false;
  bool js_server_only = false;
  std::string account = {};
  std::string stream = {};
  std::string consumer = {};
  // Errors: the text of the answer with status 400.
  static Result<HealthzQuery> parse(const Query& query);
};

struct Health {
  unsigned status = 200;  // of HTTP
  std::string body = {};
  std::string warning = {};  // to be logged, "" when healthy
};
// What keeps the server from serving clients.
struct Obstacle {
  enum class Kind { kNone, kNoListener, kRecovery };
  Kind kind = Kind::kNone;
  // kRecovery: of how many streams in the store so many are found again.
  size_t streams_recovered = 0;
  size_t streams = 0;
};
// Until the store is recovered nats-server's 500 is a 503 that says how far it is.
Health healthz(const HealthzQuery& query, const Obstacle& obstacle);

// What a check of JetStream found wrong; `type` empty: nothing.
struct AssetFailure {
  unsigned status = 0;
  std::string type = {};  // ACCOUNT, STREAM, CONSUMER, JETSTREAM
  std::string account = {};
  std::string stream = {};
  std::string consumer = {};
  std::string text = {};
};
AssetFailure account_missing(const HealthzQuery& query);
AssetFailure stream_missing(const HealthzQuery& query);
AssetFailure consumer_missing(const HealthzQuery& query);
Health unavailable(const HealthzQuery& query, const AssetFailure& failure);

}  // namespace petrel::monitor

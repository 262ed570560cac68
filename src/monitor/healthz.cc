#include "petrel/monitor/healthz.h"

#include "petrel/base/go_quote.h"
#include "petrel/monitor/json_writer.h"

namespace petrel::monitor {

namespace {

constexpr unsigned kBadRequest = 400;
constexpr unsigned kInternalServerError = 500;

struct Failure {
  unsigned status = 0;
  Slice type = {};
  std::string text = {};
};

Health report(const Failure& failure, bool details) {
  JsonWriter json(0);
  json.begin_object();
  json.field("status", Slice("error"));
  if (details) {
    json.begin_array("errors");
    json.begin_object();
    json.field("type", failure.type);
    json.field("error", Slice(failure.text));
    json.end_object();
    json.end_array();
  } else {
    json.field("error", Slice(failure.text));
  }
  json.end_object();
  return {failure.status, json.take(),
          "Healthcheck failed: " + (details ? "1 errors" : go_quote(failure.text))};
}

}  // namespace

Result<HealthzQuery> HealthzQuery::parse(const Query& query) {
  HealthzQuery wanted;
  PETREL_TRY(wanted.js_enabled, query.boolean("js-enabled"));
  // Without JetStream these change nothing, but have to be right.
  for (const Slice name : {"js-enabled-only", "js-server-only", "js-meta-only"}) {
    if (const Result<bool> given = query.boolean(name); !given) return given.error();
  }
  PETREL_TRY(wanted.details, query.boolean("details"));
  wanted.account = query.text("account");
  wanted.stream = query.text("stream");
  wanted.consumer = query.text("consumer");
  return wanted;
}

Health healthz(const HealthzQuery& query, bool accepts_clients) {
  if (query.account.empty() && !query.stream.empty()) {
    return report(
        {kBadRequest, "BAD_REQUEST", "\"account\" must not be empty when checking stream health"},
        query.details);
  }
  if (query.stream.empty() && !query.consumer.empty()) {
    return report(
        {kBadRequest, "BAD_REQUEST", "\"stream\" must not be empty when checking consumer health"},
        query.details);
  }
  if (!accepts_clients) {
    return report({kInternalServerError, "CONNECTION",
                   "failed to be ready for connections after 1ms: server"},
                  query.details);
  }
  return {.body = "{\"status\":\"ok\"}"};
}

}  // namespace petrel::monitor

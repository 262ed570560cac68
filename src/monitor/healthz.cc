#include "petrel/monitor/healthz.h"

#include "petrel/base/go_quote.h"
#include "petrel/monitor/json_writer.h"

namespace petrel::monitor {

namespace {

constexpr unsigned kBadRequest = 400;
constexpr unsigned kNotFound = 404;
constexpr unsigned kInternalServerError = 500;
constexpr unsigned kServiceUnavailable = 503;

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
  PETREL_TRY(wanted.js_enabled_only, query.boolean("js-enabled-only"));
  PETREL_TRY(wanted.js_server_only, query.boolean("js-server-only"));
  // Of clusters; has to be right all the same.
  if (const Result<bool> given = query.boolean("js-meta-only"); !given) return given.error();
  PETREL_TRY(wanted.details, query.boolean("details"));
  wanted.account = query.text("account");
  wanted.stream = query.text("stream");
  wanted.consumer = query.text("consumer");
  return wanted;
}

Health healthz(const HealthzQuery& query, const Obstacle& obstacle) {
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
  if (obstacle.kind == Obstacle::Kind::kRecovery) {
    const std::string text = "recovering " + std::to_string(obstacle.streams_recovered) + " of " +
                             std::to_string(obstacle.streams) + " streams";
    return unavailable(query, {kServiceUnavailable, "JETSTREAM", {}, {}, {}, text});
  }
  if (obstacle.kind == Obstacle::Kind::kNoListener) {
    return report({kInternalServerError, "CONNECTION",
                   "failed to be ready for connections after 1ms: server"},
                  query.details);
  }
  return {.body = "{\"status\":\"ok\"}"};
}

AssetFailure account_missing(const HealthzQuery& query) {
  return {kNotFound, "ACCOUNT", query.account,
          {},        {},        "JetStream account " + go_quote(query.account) + " not found"};
}

AssetFailure stream_missing(const HealthzQuery& query) {
  return {kNotFound,
          "STREAM",
          query.account,
          query.stream,
          {},
          "JetStream stream " + go_quote(query.stream) + " not found on account " +
              go_quote(query.account)};
}

AssetFailure consumer_missing(const HealthzQuery& query) {
  return {kNotFound,
          "CONSUMER",
          query.account,
          query.stream,
          query.consumer,
          "JetStream consumer " + go_quote(query.consumer) + " not found for stream " +
              go_quote(query.stream) + " on account " + go_quote(query.account)};
}

Health unavailable(const HealthzQuery& query, const AssetFailure& failure) {
  JsonWriter json(0);
  json.begin_object();
  json.field("status", Slice(query.details ? "error" : "unavailable"));
  if (query.details) {
    json.begin_array("errors");
    json.begin_object();
    json.field("type", Slice(failure.type));
    json.field_unless_empty("account", failure.account);
    json.field_unless_empty("stream", failure.stream);
    json.field_unless_empty("consumer", failure.consumer);
    json.field("error", Slice(failure.text));
    json.end_object();
    json.end_array();
  } else {
    json.field("error", Slice(failure.text));
  }
  json.end_object();
  return {failure.status, json.take(),
          "Healthcheck failed: " + (query.details ? "1 errors" : go_quote(failure.text))};
}

}  // namespace petrel::monitor

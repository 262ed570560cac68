#include "shard/jetstream_advisories.h"

#include "petrel/base/go_json.h"
#include "petrel/jetstream/api_json.h"
#include "petrel/proto/header_view.h"

#include <utility>

namespace petrel::shard {

namespace {

constexpr Slice kAuditSubject = "$JS.EVENT.ADVISORY.API";

void send(JetStreamService& service, router::AccountInterest& account,
          const ClientAdvisory& advisory, const std::string& client) {
  const std::string body =
      advisory.front + ",\"client\":" + (client.empty() ? "null" : client) + advisory.back + "}";
  jetstream::OutMessage message;
  message.target = advisory.subject;
  message.subject = advisory.subject;
  message.body = body;
  service.send(account, message);
}

}  // namespace

std::string advisory_begin(JetStreamService& service, Slice kind) {
  std::string json = R"({"type":"io.nats.jetstream.advisory.v1.)";
  json.append(kind).append(R"(","id":")").append(service.next_id()).append("\"");
  append_time_member(json, "timestamp", service.wall_now());
  return json;
}

void append_text_member(std::string& json, Slice key, Slice value) {
  json.append(",\"").append(key).append("\":");
  append_go_json_string(json, value);
}

void append_time_member(std::string& json, Slice key, WallTime time) {
  json.append(",\"").append(key).append("\":\"");
  jetstream::append_time(json, time);
  json.append("\"");
}

std::string domain_member(const JetStreamNode& node) {
  std::string json;
  if (!node.options.domain.empty()) append_text_member(json, "domain", node.options.domain);
  return json;
}

void advise_of_client(JetStreamService& service, router::AccountInterest& account,
                      const jetstream::ApiRequest& request, ClientAdvisory advisory) {
  if (!service.has_interest(account, advisory.subject)) return;
  // A request of another account says itself who asks.
  const auto named = proto::HeaderView(request.header).find("Nats-Request-Info");
  JetStreamNode& node = service.node();
  if (named.has_value() || request.client.slot == ~0U || !node.describe_client) {
    return send(service, account, advisory, std::string(named.value_or(Slice())));
  }
  node.describe_client(request.client, [&node, &account, loop = request.client.loop,
                                        advisory = std::move(advisory)](const std::string& client) {
    send(*node.services[loop], account, advisory, client);
  });
}

void audit(JetStreamService& service, router::AccountInterest& account,
           const jetstream::ApiRequest& request, const std::string& response) {
  if (response.empty() || !service.has_interest(account, kAuditSubject)) return;
  ClientAdvisory advisory;
  advisory.subject = kAuditSubject;
  advisory.front = advisory_begin(service, "api_audit");
  append_text_member(advisory.front, "server", service.node().server_name);
  append_text_member(advisory.back, "subject", request.subject);
  if (!request.body.empty()) append_text_member(advisory.back, "request", request.body);
  append_text_member(advisory.back, "response", response);
  advisory.back += domain_member(service.node());
  advise_of_client(service, account, request, std::move(advisory));
}

}  // namespace petrel::shard

#include "petrel/system/events.h"

#include "petrel/base/base64.h"
#include "petrel/monitor/json_writer.h"
#include "petrel/router/client_info.h"

namespace petrel::system {

namespace {

constexpr size_t kEventIdBytes = 22;
constexpr Slice kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

// `server` and `client` stand in compact JSON already.
void begin_event(monitor::JsonWriter& json, Slice type, const EventHead& head) {
  json.begin_object();
  json.field("type", type);
  json.field("id", Slice(head.id));
  json.field("timestamp", head.at);
  json.key("server");
  json.embed(head.server);
}

router::ClientInfo client_info(const session::SessionView& view) {
  router::ClientInfo info;
  info.start = view.start;
  info.host = view.ip;
  info.id = view.cid;
  info.account = view.account;
  info.user = view.user;
  info.name = view.name;
  info.lang = view.lang;
  info.version = view.version;
  info.jwt = view.jwt;
  info.name_tag = view.account_tag.empty() ? view.account : view.account_tag;
  info.kind = "Client";
  info.client_type = "nats";
  if (view.identity != nullptr) {
    const bool is_key_signed = !view.identity->is_signed_by_account;
    info.issuer_key = is_key_signed ? view.identity->issuer : view.account;
    info.tags = view.identity->tags;
  }
  return info;
}

void write_client(monitor::JsonWriter& json, const router::ClientInfo& info) {
  json.key("client");
  json.embed(info.to_json());
}

void write_traffic(monitor::JsonWriter& json, Slice name, uint64_t msgs, uint64_t bytes) {
  json.begin_object(name);
  json.field("msgs", msgs);
  json.field("bytes", bytes);
  json.end_object();
}

// `server` comes late in events about certificates.
monitor::JsonWriter begin_certificate_event(Slice type, const EventHead& head) {
  monitor::JsonWriter json(0);
  json.begin_object();
  json.field("type", type);
  json.field("id", Slice(head.id));
  json.field("timestamp", head.at);
  return json;
}

void write_certificate(monitor::JsonWriter& json, Slice name, const Certificate& certificate) {
  json.begin_object(name);
  json.field_unless_empty("subject", Slice(certificate.subject));
  json.field_unless_empty("issuer", Slice(certificate.issuer));
  json.field_unless_empty("fingerprint", Slice(certificate.fingerprint));
  json.field_unless_empty("raw", Slice(base64(certificate.der)));
  json.end_object();
}

std::string end_certificate_event(monitor::JsonWriter& json, const EventHead& head, Slice reason) {
  json.key("server");
  json.embed(head.server);
  json.field("reason", reason);
  json.end_object();
  return json.take();
}

}  // namespace

std::string event_id(Prng& prng) {
  std::string id;
  while (id.size() < kEventIdBytes) id.push_back(kDigits[prng.below(kDigits.size())]);
  return id;
}

std::string connect_event(const EventHead& head, const session::SessionView& client) {
  monitor::JsonWriter json(0);
  begin_event(json, "io.nats.server.advisory.v1.client_connect", head);
  write_client(json, client_info(client));
  json.end_object();
  return json.take();
}

// "sent" is what the client sent.
std::string disconnect_event(const EventHead& head, const session::SessionView& client,
                             Slice reason) {
  monitor::JsonWriter json(0);
  begin_event(json, "io.nats.server.advisory.v1.client_disconnect", head);
  router::ClientInfo info = client_info(client);
  info.rtt = client.rtt;
  info.stop = head.at;
  write_client(json, info);
  write_traffic(json, "sent", client.in_msgs, client.in_bytes);
  write_traffic(json, "received", client.out_msgs, client.out_bytes);
  json.field("reason", reason);
  json.end_object();
  return json.take();
}

std::string account_connections_event(const EventHead& head, const monitor::AccountView& account) {
  monitor::JsonWriter json(0);
  begin_event(json, "io.nats.server.advisory.v1.account_connections", head);
  monitor::write_account_statistics(json, account);
  json.end_object();
  return json.take();
}

std::string ocsp_rejected_event(const EventHead& head, const Certificate& peer, Slice reason) {
  monitor::JsonWriter json =
      begin_certificate_event("io.nats.server.advisory.v1.ocsp_peer_reject", head);
  json.field("kind", Slice("Client"));
  write_certificate(json, "peer", peer);
  return end_certificate_event(json, head, reason);
}

std::string ocsp_invalid_event(const EventHead& head, const Certificate& peer,
                               const Certificate& link, Slice reason) {
  monitor::JsonWriter json =
      begin_certificate_event("io.nats.server.advisory.v1.ocsp_peer_link_invalid", head);
  write_certificate(json, "link", link);
  write_certificate(json, "peer", peer);
  return end_certificate_event(json, head, reason);
}

}  // namespace petrel::system

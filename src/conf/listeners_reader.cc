#include "conf/listeners_reader.h"

#include "conf/auth_reader.h"
#include "conf/tls_reader.h"

namespace petrel::conf {
namespace {

template <typename T>
Step listen(Context& context, T& target, const Field& field) {
  return read_listen(context, field, target.host, target.port);
}

template <typename T>
Step tls(Context& context, T& target, const Field& field) {
  read_tls(context, field.node, TlsUse::kClients, target.tls);
  return Step::kNext;
}

template <typename T>
Step authorization(Context& context, T& target, const Field& field) {
  SimpleAuthorization block;
  read_simple_authorization(context, field.node, block);
  target.user = block.user;
  target.password = block.password;
  target.token = block.token;
  target.auth_timeout = block.timeout;
  return Step::kNext;
}

Step allowed_origins(Context& context, WebsocketOptions& websocket, const Field& field) {
  websocket.allowed_origins = read_strings(context, field, "allowed origins");
  return Step::kNext;
}

Step handshake_timeout(Context& context, WebsocketOptions& websocket, const Field& field) {
  if (const int64_t* seconds = field.node.integer()) {
    websocket.handshake_timeout = Duration::seconds(saturated<int32_t>(*seconds));
    return Step::kNext;
  }
  const std::string* text = field.node.string();
  if (text == nullptr) {
    context.report.error(&field.node, "error parsing handshake timeout: unsupported type " +
                                          type_name(field.node.value));
    return Step::kNext;
  }
  const auto parsed = parse_duration(*text);
  if (!parsed) {
    context.report.error(&field.node, parsed.error().detail);
  } else {
    websocket.handshake_timeout = *parsed;
  }
  return Step::kNext;
}

Step headers(Context& context, WebsocketOptions& websocket, const Field& field) {
  const Map* map = field.node.map();
  if (map == nullptr) {
    context.report.error(&field.node,
                         "error parsing headers: unsupported type " + type_name(field.node.value));
    return Step::kNext;
  }
  websocket.headers.clear();
  for (const Map::Entry& entry : map->entries()) {
    if (const std::string* value = entry.node->string()) {
      websocket.headers[entry.key] = *value;
    } else {
      context.report.error(entry.node.get(), "error parsing header key " + entry.key +
                                                 ": unsupported type " +
                                                 type_name(entry.node->value));
    }
  }
  return Step::kNext;
}

const Block<WebsocketOptions>& websocket_block() {
  using W = WebsocketOptions;
  static const Rule<W> kRules[] = {
      {"listen", listen<W>},
      {"port", &W::port},
      {"host|net", &W::host},
      {"advertise", &W::advertise},
      {"no_tls", &W::no_tls},
      {"tls", tls<W>},
      {"same_origin", &W::same_origin},
      {"allowed_origins|allowed_origin|allow_origins|allow_origin|origins|origin", allowed_origins},
      {"handshake_timeout", handshake_timeout},
      {"compress|compression", &W::compression},
      {"authorization|authentication", authorization<W>},
      {"jwt_cookie", &W::jwt_cookie},
      {"user_cookie", &W::user_cookie},
      {"pass_cookie", &W::pass_cookie},
      {"token_cookie", &W::token_cookie},
      {"no_auth_user", &W::no_auth_user},
      {"headers", headers},
      {"ping_interval", DurationField<W>{&W::ping_interval, "ping_interval"}},
  };
  static const Block<W> kBlock{.rules = kRules};
  return kBlock;
}

Step max_ack_pending(Context& context, MqttOptions& mqtt, const Field& field) {
  constexpr int64_t kMax = 65535;
  const int64_t* value = want_integer(context, field.node);
  if (value == nullptr) return Step::kWrongType;
  if (*value < 0 || *value > kMax) {
    context.report.error(&field.node, "invalid value " + std::to_string(*value) +
                                          ", should in [0.." + std::to_string(kMax) + "] range");
  } else {
    mqtt.max_ack_pending = static_cast<uint16_t>(*value);
  }
  return Step::kNext;
}

Step consumer_replicas(Context& context, MqttOptions&, const Field& field) {
  context.report.misuse(&field.node, field.key,
                        "consumer replicas setting ignored in this server version");
  return Step::kNext;
}

const Block<MqttOptions>& mqtt_block() {
  using M = MqttOptions;
  static const Rule<M> kRules[] = {
      {"listen", listen<M>},
      {"port", &M::port},
      {"host|net", &M::host},
      {"tls", tls<M>},
      {"authorization|authentication", authorization<M>},
      {"no_auth_user", &M::no_auth_user},
      {"ack_wait|ackwait", DurationField<M>{&M::ack_wait, "ack_wait"}},
      {"js_api_timeout|api_timeout", DurationField<M>{&M::js_api_timeout, "js_api_timeout"}},
      {"max_ack_pending|max_pending|max_inflight", max_ack_pending},
      {"js_domain", &M::js_domain},
      {"stream_replicas", &M::stream_replicas},
      {"consumer_replicas", consumer_replicas},
      {"consumer_memory_storage", &M::consumer_memory_storage},
      {"consumer_inactive_threshold|consumer_auto_cleanup",
       DurationField<M>{&M::consumer_inactive_threshold, "consumer_inactive_threshold"}},
      {"reject_qos2_publish", &M::reject_qos2_publish},
      {"downgrade_qos2_subscribe", &M::downgrade_qos2_subscribe},
  };
  static const Block<M> kBlock{.rules = kRules};
  return kBlock;
}

}  // namespace

Step read_websocket(Context& context, Options& options, const Field& field) {
  return read_guarded_map(context, field.node, "Expected websocket to be a map", websocket_block(),
                          options.websocket);
}

Step read_mqtt(Context& context, Options& options, const Field& field) {
  return read_guarded_map(context, field.node, "Expected mqtt to be a map", mqtt_block(),
                          options.mqtt);
}

}  // namespace petrel::conf

// The websocket and mqtt blocks as they stand in the configuration.
// Thread: values, any thread. Source: spec config.md 3.4 and 3.5.
#pragma once

#include "petrel/base/time.h"
#include "petrel/conf/options_tls.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace petrel::conf {

struct WebsocketOptions {
  std::string host = {};
  int port = 0;
  std::string advertise = {};
  bool no_tls = false;
  std::optional<TlsOptions> tls = {};
  bool same_origin = false;
  std::vector<std::string> allowed_origins = {};
  Duration handshake_timeout = {};
  bool compression = false;
  std::string user = {};
  std::string password = {};
  std::string token = {};
  Duration auth_timeout = {};
  std::string jwt_cookie = {};
  std::string user_cookie = {};
  std::string pass_cookie = {};
  std::string token_cookie = {};
  std::string no_auth_user = {};
  std::map<std::string, std::string> headers = {};
  Duration ping_interval = {};
  friend bool operator==(const WebsocketOptions&, const WebsocketOptions&) = default;
};

struct MqttOptions {
  std::string host = {};
  int port = 0;
  std::optional<TlsOptions> tls = {};
  std::string user = {};
  std::string password = {};
  std::string token = {};
  Duration auth_timeout = {};
  std::string no_auth_user = {};
  Duration ack_wait = {};
  Duration js_api_timeout = {};
  uint16_t max_ack_pending = 0;
  std::string js_domain = {};
  int stream_replicas = 0;
  bool consumer_memory_storage = false;
  Duration consumer_inactive_threshold = {};
  bool reject_qos2_publish = false;
  bool downgrade_qos2_subscribe = false;
  friend bool operator==(const MqttOptions&, const MqttOptions&) = default;
};

}  // namespace petrel::conf

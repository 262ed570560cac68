// ServerInfo: the INFO that a client gets.
//
// Owner: the server keeps one with what all connections share; a session copies it and sets what
// is its own. Thread: value, any thread.
// Source: spec protocol.md section 2; order of keys and omissions as nats-server 2.15.2 writes
// them.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace petrel::proto {

struct ServerInfo {
  std::string server_id;
  std::string server_name;
  std::string version;
  int32_t proto = 1;
  std::string git_commit;
  std::string go;
  std::string host;
  int32_t port = 0;
  bool headers = true;
  bool auth_required = false;
  bool tls_required = false;
  bool tls_verify = false;
  bool tls_available = false;
  int32_t max_payload = 1 << 20;
  bool jetstream = false;
  std::string ip;
  uint64_t client_id = 0;
  std::string client_ip;
  std::string nonce;
  std::string cluster;
  bool cluster_dynamic = false;
  std::string domain;
  std::vector<std::string> connect_urls;
  std::vector<std::string> ws_connect_urls;
  bool ldm = false;
  std::string compression;
  bool connect_info = false;
  std::string remote_account;
  bool acc_is_sys = false;
  int32_t api_lvl = 0;
  std::string xkey;

  // `{...}`. Empty, zero and false values are left out, except of server_id, server_name, version,
  // proto, go, host, port, headers and max_payload.
  std::string to_json() const;
  // `INFO {...} CRLF`, with the space before CR LF that nats-server writes.
  std::string to_frame() const;
};

// INFO sent by a client is ignored, but closes the connection (without a word) when it is not a
// JSON object whose values have the types of nats-server's INFO.
Status check_client_info(Slice json);

}  // namespace petrel::proto

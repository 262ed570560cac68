#include "petrel/auth/callout_request.h"

#include "auth/base64.h"

#include "petrel/base/go_json.h"

#include <sodium.h>

#include <array>

namespace petrel::auth {

namespace {

void append_list(std::string& out, const std::vector<std::string>& values) {
  out.push_back('[');
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out.push_back(',');
    append_go_json_string(out, values[i]);
  }
  out.push_back(']');
}

// Writes one object, leaving out what is empty.
class Object {
 public:
  explicit Object(std::string& out) : out_(out) { out_.push_back('{'); }
  void text(Slice name, Slice value) {
    if (value.empty()) return;
    key(name);
    append_go_json_string(out_, value);
  }
  void always(Slice name, Slice value) {
    key(name);
    append_go_json_string(out_, value);
  }
  void number(Slice name, int64_t value) {
    key(name);
    out_.append(std::to_string(value));
  }
  void list(Slice name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    key(name);
    append_list(out_, values);
  }
  std::string& nested(Slice name) {
    key(name);
    return out_;
  }
  void end() { out_.push_back('}'); }

 private:
  void key(Slice name) {
    if (out_.back() != '{') out_.push_back(',');
    out_.push_back('"');
    out_.append(name).append("\":");
  }
  std::string& out_;
};

void append_server(std::string& out, const CalloutServer& server) {
  Object object(out);
  object.always("name", server.name);
  object.always("host", server.host);
  object.always("id", server.id);
  object.text("version", server.version);
  object.text("cluster", server.cluster);
  object.list("tags", server.tags);
  object.text("xkey", server.xkey);
  object.end();
}

void append_client(std::string& out, const CalloutRequest& request) {
  const AuthRequest& client = request.client;
  Object object(out);
  object.text("host", client.ip);
  if (client.cid != 0) object.number("id", static_cast<int64_t>(client.cid));
  object.text("user", request.shown_user);
  object.text("name", client.connect.name);
  object.list("tags", client.jwt_tags);
  object.text("name_tag", client.jwt_name);
  object.text("kind", "Client");
  object.text("type", "nats");
  if (!client.connect.sig.empty()) object.text("nonce", client.nonce);
  object.end();
}

void append_connect(std::string& out, const proto::ConnectInfo& connect) {
  Object object(out);
  object.text("jwt", connect.jwt);
  object.text("nkey", connect.nkey);
  object.text("sig", connect.sig);
  object.text("auth_token", connect.auth_token);
  object.text("user", connect.user);
  object.text("pass", connect.pass);
  object.text("name", connect.name);
  object.text("lang", connect.lang);
  object.text("version", connect.version);
  object.number("protocol", connect.protocol);
  object.end();
}

void append_tls(std::string& out, const TlsPeer& tls) {
  Object object(out);
  object.text("version", tls.version);
  object.text("cipher", tls.cipher_suite);
  if (!tls.verified_chain.empty()) {
    std::string& chains = object.nested("verified_chains");
    chains.push_back('[');
    append_list(chains, tls.verified_chain);
    chains.push_back(']');
  }
  object.end();
}

void append_nats(std::string& out, const CalloutRequest& request) {
  Object object(out);
  append_server(object.nested("server_id"), request.server);
  object.always("user_nkey", request.user_nkey);
  append_client(object.nested("client_info"), request);
  append_connect(object.nested("connect_opts"), request.client.connect);
  if (request.client.tls != nullptr) append_tls(object.nested("client_tls"), *request.client.tls);
  object.text("type", "authorization_request");
  object.number("version", 2);
  object.end();
}

std::string hash_id(Slice text) {
  std::array<uint8_t, crypto_generichash_BYTES> hash;
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const uint8_t*>(text.data()),
                     text.size(), nullptr, 0);
  return encode_base64_url({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

}  // namespace

std::string encode_callout_request(const CalloutRequest& request, const SigningKey& server_key) {
  std::string payload;
  Object object(payload);
  object.text("aud", "nats-authorization-request");
  object.number("exp", request.expires);
  object.text("jti", hash_id(request.user_nkey + request.server.id));
  object.number("iat", request.issued_at);
  object.text("iss", request.server.id);
  object.text("sub", request.subject);
  append_nats(object.nested("nats"), request);
  object.end();
  std::string token = encode_base64_url(R"({"typ":"JWT","alg":"ed25519-nkey"})");
  token.append(".").append(encode_base64_url(payload));
  const std::string signature = server_key.sign(token);
  return token.append(".").append(encode_base64_url(signature));
}

}  // namespace petrel::auth

#include "petrel/proto/server_info.h"

#include "petrel/base/go_json.h"

namespace petrel::proto {

namespace {

// Writes the members of one object in the order of the calls.
class MemberWriter {
 public:
  void text(Slice name, Slice value) {
    begin(name);
    append_go_json_string(out_, value);
  }
  void number(Slice name, int64_t value) {
    begin(name);
    out_ += std::to_string(value);
  }
  void flag(Slice name, bool value) {
    begin(name);
    out_ += value ? "true" : "false";
  }
  void text_if_set(Slice name, Slice value) {
    if (!value.empty()) text(name, value);
  }
  void flag_if_set(Slice name, bool value) {
    if (value) flag(name, value);
  }
  void number_if_set(Slice name, uint64_t value) {
    if (value == 0) return;
    begin(name);
    out_ += std::to_string(value);
  }
  void list_if_set(Slice name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    begin(name);
    char before = '[';
    for (const std::string& value : values) {
      out_.push_back(before);
      append_go_json_string(out_, value);
      before = ',';
    }
    out_.push_back(']');
  }
  std::string finish() && {
    out_.push_back('}');
    return std::move(out_);
  }

 private:
  void begin(Slice name) {
    if (out_.size() > 1) out_.push_back(',');
    append_go_json_string(out_, name);
    out_.push_back(':');
  }
  std::string out_ = "{";
};

void write_server(const ServerInfo& info, MemberWriter& out) {
  out.text("server_id", info.server_id);
  out.text("server_name", info.server_name);
  out.text("version", info.version);
  out.number("proto", info.proto);
  out.text_if_set("git_commit", info.git_commit);
  out.text("go", info.go);
  out.text("host", info.host);
  out.number("port", info.port);
  out.flag("headers", info.headers);
  out.flag_if_set("auth_required", info.auth_required);
  out.flag_if_set("tls_required", info.tls_required);
  out.flag_if_set("tls_verify", info.tls_verify);
  out.flag_if_set("tls_available", info.tls_available);
  out.number("max_payload", info.max_payload);
  out.flag_if_set("jetstream", info.jetstream);
}

void write_connection(const ServerInfo& info, MemberWriter& out) {
  out.text_if_set("ip", info.ip);
  out.number_if_set("client_id", info.client_id);
  out.text_if_set("client_ip", info.client_ip);
  out.text_if_set("nonce", info.nonce);
  out.text_if_set("cluster", info.cluster);
  out.flag_if_set("cluster_dynamic", info.cluster_dynamic);
  out.text_if_set("domain", info.domain);
  out.list_if_set("connect_urls", info.connect_urls);
  out.list_if_set("ws_connect_urls", info.ws_connect_urls);
  out.flag_if_set("ldm", info.ldm);
  out.text_if_set("compression", info.compression);
  out.flag_if_set("connect_info", info.connect_info);
  out.text_if_set("remote_account", info.remote_account);
  out.flag_if_set("acc_is_sys", info.acc_is_sys);
  out.number_if_set("api_lvl", static_cast<uint64_t>(info.api_lvl));
  out.text_if_set("xkey", info.xkey);
}

}  // namespace

std::string ServerInfo::to_json() const {
  MemberWriter out;
  write_server(*this, out);
  write_connection(*this, out);
  return std::move(out).finish();
}

std::string ServerInfo::to_frame() const {
  return "INFO " + to_json() + " \r\n";
}

}  // namespace petrel::proto

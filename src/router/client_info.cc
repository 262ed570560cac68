#include "petrel/router/client_info.h"

#include "petrel/base/go_json.h"
#include "petrel/base/go_time.h"

namespace petrel::router {

namespace {

class Members {
 public:
  void text(Slice key, Slice value) {
    if (value.empty()) return;
    begin(key);
    append_go_json_string(json_, value);
  }
  void number(Slice key, int64_t value) {
    if (value == 0) return;
    begin(key);
    json_.append(std::to_string(value));
  }
  void time(Slice key, const std::optional<WallTime>& value) {
    if (value.has_value()) text(key, go_time(*value));
  }
  void list(Slice key, const std::vector<std::string>& values) {
    if (values.empty()) return;
    begin(key);
    json_.push_back('[');
    for (size_t i = 0; i < values.size(); ++i) {
      if (i != 0) json_.push_back(',');
      append_go_json_string(json_, values[i]);
    }
    json_.push_back(']');
  }
  std::string finish() { return json_ + "}"; }

 private:
  void begin(Slice key) {
    if (json_.size() > 1) json_.push_back(',');
    json_.append("\"").append(key).append("\":");
  }
  std::string json_ = "{";
};

}  // namespace

std::string ClientInfo::to_json() const {
  Members out;
  out.time("start", start);
  out.text("host", host);
  out.number("id", static_cast<int64_t>(id));
  out.text("acc", account);
  out.text("svc", service);
  out.text("user", user);
  out.text("name", name);
  out.text("lang", lang);
  out.text("ver", version);
  out.number("rtt", rtt.ns);
  out.text("server", server);
  out.text("cluster", cluster);
  out.time("stop", stop);
  out.text("jwt", jwt);
  out.text("issuer_key", issuer_key);
  out.text("name_tag", name_tag);
  out.list("tags", tags);
  out.text("kind", kind);
  out.text("client_type", client_type);
  return out.finish();
}

}  // namespace petrel::router

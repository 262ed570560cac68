// CONNECT and INFO texts: any bytes are read without harm; what is accepted is accepted again, and
// a trace never shows the password.
#include "petrel/base/check.h"
#include "petrel/base/go_json.h"
#include "petrel/proto/connect_info.h"
#include "petrel/proto/server_info.h"

#include <cstdint>
#include <string>

using petrel::Slice;
using petrel::proto::ConnectInfo;

namespace {

// The strings that were read, written as JSON again, must be read as the same strings.
void check_round_trip(const ConnectInfo& info) {
  std::string json = "{\"name\":";
  petrel::append_go_json_string(json, info.name);
  json += ",\"pass\":";
  petrel::append_go_json_string(json, info.pass);
  json += "}";
  ConnectInfo again;
  PETREL_CHECK(again.merge(json).is_ok());
  PETREL_CHECK(again.name == info.name && again.pass == info.pass);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Slice text(reinterpret_cast<const char*>(data), size);
  ConnectInfo info;
  if (info.merge(text)) {
    check_round_trip(info);
    ConnectInfo again = info;
    PETREL_CHECK(again.merge(text).is_ok());
    PETREL_CHECK(again.name == info.name && again.protocol == info.protocol);
  }
  (void)petrel::proto::check_client_info(text).is_ok();

  const std::string connect = "{\"pass\":\"hunter2\"," + std::string(text);
  PETREL_CHECK(petrel::proto::redact_connect(connect).starts_with("{\"pass\":\"[REDACTED]\","));
  return 0;
}

// Which INFO of a client nats-server would accept (and ignore).
// Source: spec protocol.md section 2 for the fields, Go encoding/json for what fits them.
#include "proto/subject_permission.h"

#include "petrel/proto/json_text.h"
#include "petrel/proto/server_info.h"

#include <array>
#include <limits>

namespace petrel::proto {

namespace {

enum class FieldType : uint8_t {
  kText,
  kFlag,
  kInt32,
  kInt64,
  kUint64,
  kByte,
  kList,
  kPermission,
  kBytes
};

struct InfoField {
  Slice name;
  FieldType type;
};
constexpr std::array<InfoField, 50> kFields = {{
    {"server_id", FieldType::kText},
    {"server_name", FieldType::kText},
    {"version", FieldType::kText},
    {"proto", FieldType::kInt64},
    {"git_commit", FieldType::kText},
    {"go", FieldType::kText},
    {"host", FieldType::kText},
    {"port", FieldType::kInt64},
    {"headers", FieldType::kFlag},
    {"auth_required", FieldType::kFlag},
    {"tls_required", FieldType::kFlag},
    {"tls_verify", FieldType::kFlag},
    {"tls_available", FieldType::kFlag},
    {"max_payload", FieldType::kInt32},
    {"jetstream", FieldType::kFlag},
    {"ip", FieldType::kText},
    {"client_id", FieldType::kUint64},
    {"client_ip", FieldType::kText},
    {"nonce", FieldType::kText},
    {"cluster", FieldType::kText},
    {"cluster_dynamic", FieldType::kFlag},
    {"domain", FieldType::kText},
    {"connect_urls", FieldType::kList},
    {"ws_connect_urls", FieldType::kList},
    {"ldm", FieldType::kFlag},
    {"compression", FieldType::kText},
    {"connect_info", FieldType::kFlag},
    {"remote_account", FieldType::kText},
    {"acc_is_sys", FieldType::kFlag},
    {"api_lvl", FieldType::kInt64},
    {"import", FieldType::kPermission},
    {"export", FieldType::kPermission},
    {"lnoc", FieldType::kFlag},
    {"lnocu", FieldType::kFlag},
    {"ln", FieldType::kFlag},
    {"info_on_connect", FieldType::kFlag},
    {"route_pool_size", FieldType::kInt64},
    {"route_pool_idx", FieldType::kInt64},
    {"route_account", FieldType::kText},
    {"route_acc_add_reqid", FieldType::kText},
    {"gossip_mode", FieldType::kByte},
    {"gateway", FieldType::kText},
    {"gateway_urls", FieldType::kList},
    {"gateway_url", FieldType::kText},
    {"gateway_cmd", FieldType::kByte},
    {"gateway_cmd_payload", FieldType::kBytes},
    {"gateway_nrp", FieldType::kFlag},
    {"gateway_iom", FieldType::kFlag},
    {"leafnode_urls", FieldType::kList},
    {"xkey", FieldType::kText},
}};

bool fits_byte(Slice value) {
  uint64_t number = 0;
  return json::read_unsigned(value, number) && number <= std::numeric_limits<uint8_t>::max();
}

bool fits_int32(Slice value) {
  int64_t number = 0;
  return json::read_integer(value, number) && number >= std::numeric_limits<int32_t>::min() &&
         number <= std::numeric_limits<int32_t>::max();
}

// Standard base64 with padding; line ends inside are skipped.
bool is_base64(Slice text) {
  constexpr Slice kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t digits = 0;
  size_t padding = 0;
  for (const char c : text) {
    if (c == '\r' || c == '\n') continue;
    if (c == '=') {
      ++padding;
    } else if (padding != 0 || kAlphabet.find(c) == Slice::npos) {
      return false;
    } else {
      ++digits;
    }
  }
  return (digits + padding) % 4 == 0 && padding <= 2;
}

bool fits_bytes(Slice value) {
  if (json::is_null(value)) return true;
  if (json::is_string(value)) return is_base64(json::unquote(value));
  if (!json::is_array(value)) return false;
  for (json::Walker elements(value); elements.next();) {
    if (!fits_byte(elements.value())) return false;
  }
  return true;
}

bool fits(FieldType type, Slice value) {
  std::string text;
  std::vector<std::string> list;
  std::optional<SubjectPermission> permission;
  int64_t number = 0;
  uint64_t count = 0;
  bool flag = false;
  switch (type) {
    case FieldType::kText:
      return json::read_string(value, text);
    case FieldType::kFlag:
      return json::read_bool(value, flag);
    case FieldType::kInt32:
      return fits_int32(value);
    case FieldType::kInt64:
      return json::read_integer(value, number);
    case FieldType::kUint64:
      return json::read_unsigned(value, count);
    case FieldType::kByte:
      return fits_byte(value);
    case FieldType::kList:
      return json::read_strings(value, list);
    case FieldType::kPermission:
      return read_permission(value, permission);
    case FieldType::kBytes:
      return fits_bytes(value);
  }
  return false;
}

}  // namespace

Status check_client_info(Slice json) {
  if (!json::is_valid(json)) return Error{Errc::kProtocolViolation, "INFO is not valid JSON"};
  const Slice value = json::trim(json);
  if (json::is_null(value)) return Status::ok();
  if (!json::is_object(value)) return Error{Errc::kProtocolViolation, "INFO is not a JSON object"};
  for (json::Walker members(value); members.next();) {
    for (const InfoField& field : kFields) {
      if (json::is_name(members.name(), field.name) && !fits(field.type, members.value())) {
        return Error{Errc::kProtocolViolation,
                     "INFO field " + members.name() + " has a value of another type"};
      }
    }
  }
  return Status::ok();
}

}  // namespace petrel::proto

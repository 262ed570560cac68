#include "petrel/proto/connect_info.h"

#include "proto/subject_permission.h"

#include "petrel/proto/json_text.h"

#include <array>

namespace petrel::proto {

namespace {

struct BoolField {
  Slice name;
  bool ConnectInfo::* member;
};
constexpr std::array<BoolField, 7> kBoolFields = {{
    {"echo", &ConnectInfo::echo},
    {"verbose", &ConnectInfo::verbose},
    {"pedantic", &ConnectInfo::pedantic},
    {"tls_required", &ConnectInfo::tls_required},
    {"headers", &ConnectInfo::headers},
    {"no_responders", &ConnectInfo::no_responders},
    {"new_account", &ConnectInfo::new_account},
}};

struct StringField {
  Slice name;
  std::string ConnectInfo::* member;
};
constexpr std::array<StringField, 12> kStringFields = {{
    {"nkey", &ConnectInfo::nkey},
    {"jwt", &ConnectInfo::jwt},
    {"sig", &ConnectInfo::sig},
    {"auth_token", &ConnectInfo::auth_token},
    {"user", &ConnectInfo::user},
    {"pass", &ConnectInfo::pass},
    {"name", &ConnectInfo::name},
    {"lang", &ConnectInfo::lang},
    {"version", &ConnectInfo::version},
    {"account", &ConnectInfo::account},
    {"remote_account", &ConnectInfo::remote_account},
    {"proxy_sig", &ConnectInfo::proxy_sig},
}};

// False if the value does not fit the field of that name; names without a field fit anything.
bool set_field(ConnectInfo& info, Slice name, Slice value) {
  for (const StringField& field : kStringFields) {
    if (json::is_name(name, field.name)) return json::read_string(value, info.*field.member);
  }
  for (const BoolField& field : kBoolFields) {
    if (json::is_name(name, field.name)) return json::read_bool(value, info.*field.member);
  }
  if (json::is_name(name, "protocol")) return json::read_integer(value, info.protocol);
  if (json::is_name(name, "import")) return read_permission(value, info.import_permission);
  if (json::is_name(name, "export")) return read_permission(value, info.export_permission);
  return true;
}

}  // namespace

Status ConnectInfo::merge(Slice json) {
  if (!json::is_valid(json)) return Error{Errc::kProtocolViolation, "CONNECT is not valid JSON"};
  const Slice value = json::trim(json);
  if (json::is_null(value)) return Status::ok();
  if (!json::is_object(value)) {
    return Error{Errc::kProtocolViolation, "CONNECT is not a JSON object"};
  }
  ConnectInfo merged = *this;
  for (json::Walker members(value); members.next();) {
    if (!set_field(merged, members.name(), members.value())) {
      return Error{Errc::kProtocolViolation,
                   "CONNECT field " + members.name() + " has a value of another type"};
    }
  }
  *this = std::move(merged);
  return Status::ok();
}

bool read_permission(Slice value, std::optional<SubjectPermission>& out) {
  if (json::is_null(value)) {
    out.reset();
    return true;
  }
  if (!json::is_object(value)) return false;
  if (!out) out.emplace();
  for (json::Walker members(value); members.next();) {
    if (json::is_name(members.name(), "allow")) {
      if (!json::read_strings(members.value(), out->allow)) return false;
    } else if (json::is_name(members.name(), "deny")) {
      if (!json::read_strings(members.value(), out->deny)) return false;
    }
  }
  return true;
}

}  // namespace petrel::proto

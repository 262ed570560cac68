#include "petrel/system/user_info.h"

#include "petrel/monitor/json_writer.h"

namespace petrel::system {

namespace {

void write_subjects(monitor::JsonWriter& json, Slice name,
                    const std::vector<conf::PermissionSubject>& list) {
  if (list.empty()) return;
  json.begin_array(name);
  for (const conf::PermissionSubject& entry : list) {
    json.value(Slice(entry.queue.empty() ? entry.subject : entry.subject + " " + entry.queue));
  }
  json.end_array();
}

void write_side(monitor::JsonWriter& json, Slice name,
                const std::optional<conf::SubjectPermission>& side) {
  json.begin_object(name);
  if (side && side->allow) write_subjects(json, "allow", *side->allow);
  if (side) write_subjects(json, "deny", side->deny);
  json.end_object();
}

void write_permissions(monitor::JsonWriter& json, const auth::Permissions& permissions) {
  const conf::PermissionOptions& options = permissions.options();
  json.begin_object("permissions");
  write_side(json, "publish", options.publish);
  write_side(json, "subscribe", options.subscribe);
  if (const auto& responses = permissions.responses(); responses.has_value()) {
    json.begin_object("responses");
    json.field("max", responses->max);
    json.field("ttl", responses->expires.ns);
    json.end_object();
  }
  json.end_object();
}

}  // namespace

std::string user_info_json(const UserInfo& info) {
  monitor::JsonWriter json(0);
  json.begin_object();
  json.field("user", Slice(info.user));
  json.field("account", Slice(info.account));
  json.field_unless_empty("account_name", Slice(info.account_name));
  json.field_unless_empty("user_name", Slice(info.user_name));
  if (info.permissions != nullptr) write_permissions(json, *info.permissions);
  if (info.expires) {
    const int64_t seconds = info.expires->ns / Duration::seconds(1).ns;
    json.field_unless_empty("expires", seconds * Duration::seconds(1).ns);
  }
  json.end_object();
  return json.take();
}

}  // namespace petrel::system

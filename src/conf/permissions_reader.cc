// Permissions: publish, subscribe, allow_responses.
#include "conf/auth_reader.h"
#include "conf/subject_text.h"

#include <algorithm>

namespace petrel::conf {
namespace {

// A subject, where allowed with a queue behind it. The problem with it, or "".
std::string split_subject(const std::string& text, bool with_queue, PermissionSubject& out) {
  if (is_valid_subject(text)) {
    out = {text, ""};
    return "";
  }
  const auto invalid = [](const std::string& subject) {
    return "subject " + go_quote(subject) + " is not a valid subject";
  };
  if (!with_queue) return invalid(text);
  const std::vector<std::string> fields = split_fields(text);
  if (fields.size() != 2) return invalid(text);
  if (!is_valid_subject(fields[0])) return invalid(fields[0]);
  if (!is_valid_subject(fields[1])) return "queue " + go_quote(fields[1]) + " is not a valid queue";
  out = {fields[0], fields[1]};
  return "";
}

Step read_texts(Context& context, const Node& node, const Node* at,
                std::vector<std::string>& texts) {
  if (const std::string* text = node.string()) {
    texts.push_back(*text);
    return Step::kNext;
  }
  const Array* array = node.array();
  if (array == nullptr) {
    return stop(context, at,
                "Expected subject permissions to be a subject, or array of subjects, got " +
                    type_name(node.value));
  }
  for (const NodePtr& element : *array) {
    const std::string* text = element->string();
    if (text == nullptr) {
      return stop(context, element.get(), "Subject in permissions array cannot be cast to string");
    }
    texts.push_back(*text);
  }
  return Step::kNext;
}

struct ListRule {
  bool with_queue;
  const Node* at;  // where a bad subject is reported
};

Step read_list(Context& context, const Node& node, ListRule rule,
               std::vector<PermissionSubject>& out) {
  std::vector<std::string> texts;
  const Step step = read_texts(context, node, rule.at, texts);
  if (step != Step::kNext) return step;
  std::vector<PermissionSubject> subjects;
  for (const std::string& text : texts) {
    PermissionSubject subject;
    const std::string problem = split_subject(text, rule.with_queue, subject);
    if (!problem.empty()) return stop(context, rule.at, problem);
    subjects.push_back(std::move(subject));
  }
  out = std::move(subjects);
  return Step::kNext;
}

// An empty list is no list: everything is allowed.
void set_allow(SubjectPermission& permission, std::vector<PermissionSubject> subjects) {
  permission.allow.reset();
  if (!subjects.empty()) permission.allow = std::move(subjects);
}

void read_allow_deny(Context& context, const Map& map, bool with_queue,
                     SubjectPermission& permission) {
  for (const Map::Entry& entry : map.entries()) {
    const std::string name = lower(entry.key);
    const Node* node = entry.node.get();
    std::vector<PermissionSubject> subjects;
    if (name == "allow") {
      const Step step = read_list(context, *node, {with_queue, node}, subjects);
      if (step == Step::kNext) set_allow(permission, std::move(subjects));
    } else if (name == "deny") {
      const Step step = read_list(context, *node, {with_queue, node}, subjects);
      if (step == Step::kNext) permission.deny = std::move(subjects);
    } else if (!node->used_as_variable) {
      context.report.error(node, "Unknown field name " + go_quote(entry.key) +
                                     " parsing subject permissions, only 'allow' or 'deny' are "
                                     "permitted");
    }
  }
}

// A list, or a map of allow and deny. A list has no place of its own in messages.
void read_direction(Context& context, const Node& node, bool with_queue,
                    std::optional<SubjectPermission>& out) {
  SubjectPermission permission;
  if (const Map* map = node.map()) {
    out.reset();
    if (map->empty()) return;
    read_allow_deny(context, *map, with_queue, permission);
  } else {
    std::vector<PermissionSubject> subjects;
    const Step step = read_list(context, node, {with_queue, nullptr}, subjects);
    if (step != Step::kNext) return;
    set_allow(permission, std::move(subjects));
  }
  out = std::move(permission);
}

Step publish(Context& context, PermissionOptions& permissions, const Field& field) {
  read_direction(context, field.node, false, permissions.publish);
  return Step::kNext;
}

Step subscribe(Context& context, PermissionOptions& permissions, const Field& field) {
  read_direction(context, field.node, true, permissions.subscribe);
  return Step::kNext;
}

Step responses_max(Context& context, ResponsePermission& responses, const Field& field) {
  const int64_t* max = want_integer(context, field.node);
  if (max == nullptr) return Step::kWrongType;
  if (*max != 0) responses.max = *max;
  return Step::kNext;
}

Step responses_expires(Context& context, ResponsePermission& responses, const Field& field) {
  const std::string* text = field.node.string();
  if (text == nullptr) {
    return stop(context, &field.node, "error parsing expires, not a duration string");
  }
  const auto expires = parse_duration(*text);
  if (!expires) {
    return stop(context, &field.node, "error parsing expires: " + expires.error().detail);
  }
  if (expires->ns != 0) responses.expires = *expires;
  return Step::kNext;
}

const Block<ResponsePermission>& responses_block() {
  static const Rule<ResponsePermission> kRules[] = {
      {"max|max_msgs|max_messages|max_responses", responses_max},
      {"expires|expiration|ttl", responses_expires},
  };
  static const Block<ResponsePermission> kBlock{
      .rules = kRules,
      .unknown_before = "Unknown field ",
      .unknown_after = " parsing permissions",
  };
  return kBlock;
}

Step allow_responses(Context& context, PermissionOptions& permissions, const Field& field) {
  permissions.allow_responses.reset();
  if (const bool* allowed = field.node.boolean()) {
    if (*allowed) permissions.allow_responses = ResponsePermission{};
    return Step::kNext;
  }
  const Map* map = field.node.map();
  if (map == nullptr) {
    context.report.error(&field.node,
                         "error parsing response permissions, expected a boolean or a map");
    return Step::kNext;
  }
  ResponsePermission responses;
  const Step step = guarded(
      context, field.node, [&] { return read_block(context, *map, responses_block(), responses); });
  if (step == Step::kNext) permissions.allow_responses = responses;
  return Step::kNext;
}

const Block<PermissionOptions>& permissions_block() {
  static const Rule<PermissionOptions> kRules[] = {
      {"pub|publish|import", publish},
      {"sub|subscribe|export", subscribe},
      {"publish_allow_responses|allow_responses", allow_responses},
  };
  static const Block<PermissionOptions> kBlock{
      .rules = kRules,
      .unknown_before = "Unknown field ",
      .unknown_after = " parsing permissions",
  };
  return kBlock;
}

}  // namespace

Step read_permissions(Context& context, const Node& node, const Node* at,
                      std::optional<PermissionOptions>& out) {
  const Map* map = node.map();
  if (map == nullptr) {
    return stop(context, at,
                "Expected permissions to be a map/struct, got " + value_text(node.value));
  }
  PermissionOptions permissions;
  const Step step = guarded(
      context, node, [&] { return read_block(context, *map, permissions_block(), permissions); });
  if (step != Step::kNext) return Step::kStop;
  if (permissions.allow_responses) {
    // Who may answer may publish nothing else, unless it is allowed explicitly.
    if (!permissions.publish) permissions.publish.emplace();
    if (!permissions.publish->allow) permissions.publish->allow.emplace();
  }
  out = std::move(permissions);
  return Step::kNext;
}

Step read_subjects(Context& context, const Node& node, std::vector<std::string>& out) {
  std::vector<PermissionSubject> subjects;
  const Step step = read_list(context, node, {false, &node}, subjects);
  if (step != Step::kNext) return step;
  out.clear();
  for (PermissionSubject& subject : subjects) out.push_back(std::move(subject.subject));
  return Step::kNext;
}

std::string subjects_problem(const std::vector<PermissionSubject>& subjects) {
  for (const PermissionSubject& entry : subjects) {
    const std::string text =
        entry.queue.empty() ? entry.subject : entry.subject + " " + entry.queue;
    if (!is_valid_subject(text)) return "subject " + go_quote(text) + " is not a valid subject";
  }
  return "";
}

void apply_default_permissions(std::vector<UserOptions>& users,
                               const std::optional<PermissionOptions>& defaults) {
  if (!defaults) return;
  for (UserOptions& user : users) {
    if (!user.permissions) user.permissions = defaults;
  }
}

}  // namespace petrel::conf

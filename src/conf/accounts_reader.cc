#include "conf/accounts_reader.h"

#include "conf/auth_reader.h"
#include "conf/mapping_reader.h"
#include "conf/rate_limit_reader.h"
#include "conf/subject_text.h"

#include "petrel/base/nkey_text.h"

#include <set>

namespace petrel::conf {
namespace {

constexpr std::string_view kGlobalAccount = "$G";

// An account while it is read.
struct Draft {
  AccountOptions account = {};
  const Node* users_at = nullptr;
};

Step nkey(Context& context, Draft& draft, const Field& field) {
  const std::string* key = field.node.string();
  if (key == nullptr || !is_public_nkey(*key, NkeyKind::kAccount)) {
    context.report.error(&field.node, "Not a valid public nkey for an account: " +
                                          go_quote(value_text(field.node.value)));
    return Step::kNext;
  }
  draft.account.nkey = *key;
  return Step::kNext;
}

Step imports(Context& context, Draft& draft, const Field& field) {
  read_imports(context, field.node, draft.account.imports);
  return Step::kNext;
}

Step exports(Context& context, Draft& draft, const Field& field) {
  read_exports(context, field.node, draft.account.exports);
  return Step::kNext;
}

Step jetstream(Context& context, Draft& draft, const Field& field) {
  read_account_jetstream(context, field.node, draft.account.jetstream);
  return Step::kNext;
}

Step users(Context& context, Draft& draft, const Field& field) {
  draft.users_at = &field.node;
  (void)read_users(context, field.node, nullptr, draft.account.users);
  return Step::kNext;
}

Step default_permissions(Context& context, Draft& draft, const Field& field) {
  (void)read_permissions(context, field.node, &field.node, draft.account.default_permissions);
  return Step::kNext;
}

Step mappings(Context& context, Draft& draft, const Field& field) {
  read_mappings(context, field.node, draft.account.mappings);
  return Step::kNext;
}

template <int32_t AccountLimits::* Member>
Step limit(Context& context, AccountLimits& limits, const Field& field) {
  const int64_t* value = want_integer(context, field.node);
  if (value == nullptr) return Step::kWrongType;
  limits.*Member = saturated<int32_t>(*value);
  return Step::kNext;
}

const Block<AccountLimits>& limits_block() {
  static const Rule<AccountLimits> kRules[] = {
      {"max_connections|max_conn", limit<&AccountLimits::max_connections>},
      {"max_subscriptions|max_subs", limit<&AccountLimits::max_subscriptions>},
      {"max_payload|max_pay", limit<&AccountLimits::max_payload>},
      {"max_leafnodes|max_leafs", limit<&AccountLimits::max_leafnodes>},
  };
  static const Block<AccountLimits> kBlock{
      .rules = kRules,
      .unknown_before = "Unknown field ",
      .unknown_after = " parsing account limits",
  };
  return kBlock;
}

Step limits(Context& context, Draft& draft, const Field& field) {
  const Map* map = field.node.map();
  if (map == nullptr) {
    context.report.error(&field.node, "Expected account limits to be a map/struct, got " +
                                          value_text(field.node.value));
    return Step::kNext;
  }
  (void)guarded(context, field.node,
                [&] { return read_block(context, *map, limits_block(), draft.account.limits); });
  return Step::kNext;
}

Step trace_destination(Context& context, Draft& draft, const Field& field) {
  const std::string* subject = field.node.string();
  if (subject == nullptr) {
    return stop(
        context, &field.node,
        "Field " + go_quote(field.key) + " should be a string, got " + type_name(field.node.value));
  }
  if (!is_valid_subject(*subject) || !is_literal(*subject)) {
    return stop(context, &field.node, "Trace destination " + go_quote(*subject) + " is not valid");
  }
  draft.account.trace_destination = *subject;
  return Step::kNext;
}

Step trace_sampling(Context& context, Draft& draft, const Field& field) {
  int64_t percent = 0;
  if (const int64_t* number = field.node.integer()) {
    percent = *number;
  } else if (const std::string* text = field.node.string()) {
    std::string digits = *text;
    if (!digits.empty() && digits.back() == '%') digits.pop_back();
    const auto parsed = parse_int(digits, "");
    if (!parsed) {
      return stop(context, &field.node,
                  "Invalid trace destination sampling value " + go_quote(*text));
    }
    percent = *parsed;
  } else {
    return stop(context, &field.node,
                "Trace destination sampling field " + go_quote(field.key) +
                    " should be an integer or a percentage, got " + type_name(field.node.value));
  }
  if (percent <= 0 || percent > 100) {
    return stop(context, &field.node,
                "Ttrace destination sampling value " + std::to_string(percent) +
                    " is invalid, needs to be [1..100]");
  }
  draft.account.trace_sampling = static_cast<int>(percent);
  return Step::kNext;
}

Step trace_map(Context& context, Draft& draft, const Field& field, const Map& map) {
  for (const Map::Entry& entry : map.entries()) {
    const std::string name = lower(entry.key);
    const Field inner{entry.key, *entry.node};
    Step step = Step::kNext;
    if (name == "dest") {
      step = trace_destination(context, draft, inner);
    } else if (name == "sampling") {
      step = trace_sampling(context, draft, inner);
    } else if (!entry.node->used_as_variable) {
      step = stop(context, entry.node.get(),
                  "Unknown field " + go_quote(entry.key) +
                      " parsing account message trace map/struct " + go_quote(field.key));
    }
    if (step != Step::kNext) return step;
  }
  return Step::kNext;
}

Step msg_trace(Context& context, Draft& draft, const Field& field) {
  Step step = Step::kNext;
  if (field.node.string() != nullptr) {
    step = trace_destination(context, draft, field);
  } else if (const Map* map = field.node.map()) {
    step = trace_map(context, draft, field, *map);
  } else {
    step = stop(context, &field.node,
                "Expected account message trace " + go_quote(field.key) +
                    " to be a string or a map/struct, got " + type_name(field.node.value));
  }
  if (step != Step::kNext) return Step::kNext;
  AccountOptions& account = draft.account;
  if (!account.trace_destination.empty() && account.trace_sampling == 0) {
    account.trace_sampling = 100;
  } else if (account.trace_destination.empty() && account.trace_sampling > 0) {
    context.report.warning(&field.node,
                           "Trace destination sampling ignored since no destination was set");
    account.trace_sampling = 0;
  }
  return Step::kNext;
}

Step rate_limit(Context& context, AccountOptions& account, const Field& field) {
  return read_rate_limit(context, field, account.rate_limit.emplace());
}

// What nats-server does not have of an account.
Step petrel(Context& context, Draft& draft, const Field& field) {
  static const Rule<AccountOptions> kRules[] = {{"rate_limit", rate_limit}};
  static const Block<AccountOptions> kBlock{.rules = kRules};
  return read_guarded_map(context, field.node, "Expected petrel to be a map", kBlock,
                          draft.account);
}

const Block<Draft>& account_block() {
  static const Rule<Draft> kRules[] = {
      {"nkey", nkey},
      {"imports", imports},
      {"exports", exports},
      {"jetstream", jetstream},
      {"users", users},
      {"default_permissions", default_permissions},
      {"mappings|maps", mappings},
      {"limits", limits},
      {"msg_trace|trace_dest", msg_trace},
      {"petrel", petrel},
  };
  static const Block<Draft> kBlock{.rules = kRules};
  return kBlock;
}

// Users of accounts exclude a single user or token for all, and share one space of names.
void check_users(Context& context, const Draft& draft, std::set<std::string>& names) {
  if (draft.account.users.empty()) return;
  const AuthorizationOptions& single = context.options.authorization;
  if (!single.user.empty()) {
    context.report.error(draft.users_at, "Can not have a single user/pass and accounts");
    return;
  }
  if (!single.token.empty()) {
    context.report.error(draft.users_at, "Can not have a token and accounts");
    return;
  }
  for (const UserOptions& user : draft.account.users) {
    const bool is_nkey = !user.nkey.empty();
    const std::string& name = is_nkey ? user.nkey : user.user;
    if (names.insert(name).second) continue;
    context.report.error(draft.users_at, std::string("Duplicate ") + (is_nkey ? "nkey " : "user ") +
                                             go_quote(name) + " detected");
  }
}

Step read_account(Context& context, const Map::Entry& entry, std::set<std::string>& names) {
  const Node* node = entry.node.get();
  if (node->used_as_variable) return Step::kNext;
  const Map* map = node->map();
  if (map == nullptr) {
    context.report.error(node, "Expected map entries for accounts");
    return Step::kNext;
  }
  if (entry.key == kGlobalAccount) {
    context.report.error(node, go_quote(entry.key) + " is a Reserved Account");
    return Step::kNext;
  }
  Draft draft;
  draft.account.name = entry.key;
  draft.account.position = node->position();
  const Step step = read_block(context, *map, account_block(), draft);
  if (step != Step::kNext) return step;
  apply_default_permissions(draft.account.users, draft.account.default_permissions);
  check_users(context, draft, names);
  context.options.accounts.push_back(std::move(draft.account));
  return Step::kNext;
}

Step read_names(Context& context, const Array& array) {
  std::set<std::string> seen;
  for (const NodePtr& node : array) {
    context.last = node.get();
    const std::string* name = want_string(context, *node);
    if (name == nullptr) return Step::kWrongType;
    if (*name == kGlobalAccount) {
      context.report.error(node.get(), go_quote(*name) + " is a Reserved Account");
    } else if (!seen.insert(*name).second) {
      context.report.error(node.get(), "Duplicate Account Entry: " + *name);
    } else {
      AccountOptions account;
      account.name = *name;
      account.position = node->position();
      context.options.accounts.push_back(std::move(account));
    }
  }
  return Step::kNext;
}

}  // namespace

Step read_accounts(Context& context, Options& options, const Field& field) {
  const Step step = guarded(context, field.node, [&] {
    if (const Array* array = field.node.array()) return read_names(context, *array);
    const Map* map = field.node.map();
    if (map == nullptr) return Step::kNext;
    std::set<std::string> names = known_users(options);
    for (const Map::Entry& entry : map->entries()) {
      context.last = entry.node.get();
      const Step one = read_account(context, entry, names);
      if (one != Step::kNext) return one;
    }
    return Step::kNext;
  });
  // As nats-server, links are only looked at when everything before was right.
  if (step == Step::kNext && context.report.errors().empty()) {
    check_account_links(context, field.node);
  }
  return Step::kNext;
}

}  // namespace petrel::conf

#include "conf/auth_reader.h"

#include "petrel/base/nkey_text.h"

#include <cstdio>

namespace petrel::conf {
namespace {

constexpr Duration kTimeoutWarning = Duration::seconds(60);
constexpr std::string_view kConnectionTypes =
    "STANDARD|WEBSOCKET|LEAFNODE|LEAFNODE_WS|MQTT|MQTT_WS|IN_PROCESS";

// --- users ---

Step connection_types(Context& context, UserOptions& user, const Field& field) {
  std::vector<std::string> unknown;
  user.allowed_connection_types.clear();
  for (const std::string& name : read_strings(context, field, "allowed connection types")) {
    std::string type = upper(name);
    (has_name(kConnectionTypes, type) ? user.allowed_connection_types : unknown)
        .push_back(std::move(type));
  }
  if (unknown.empty()) return Step::kNext;
  context.report.error(&field.node, "invalid connection types " + quoted_list(unknown, &go_quote));
  return Step::kNext;
}

Step user_permissions(Context& context, UserOptions& user, const Field& field) {
  (void)read_permissions(context, field.node, &field.node, user.permissions);
  return Step::kNext;
}

const Block<UserOptions>& user_block() {
  static const Rule<UserOptions> kRules[] = {
      {"nkey", &UserOptions::nkey},
      {"user|username", &UserOptions::user},
      {"pass|password", &UserOptions::password},
      {"permission|permissions|authorization", user_permissions},
      {"allowed_connection_types|connection_types|clients", connection_types},
      {"proxy_required", &UserOptions::proxy_required},
  };
  static const Block<UserOptions> kBlock{.rules = kRules};
  return kBlock;
}

// Reported at the last option of the user.
Step check_user(Context& context, const Node& at, const UserOptions& user) {
  if (user.nkey.empty() && user.user.empty()) {
    return stop(context, &at, "User entry requires a user");
  }
  if (user.nkey.empty()) return Step::kNext;
  if (!is_public_nkey(user.nkey, NkeyKind::kUser)) {
    return stop(context, &at, "Not a valid public nkey for a user");
  }
  if (!user.user.empty() || !user.password.empty()) {
    return stop(context, &at, "Nkey users do not take usernames or passwords");
  }
  return Step::kNext;
}

Step read_user(Context& context, const Node& node, std::vector<UserOptions>& users) {
  const Map* map = node.map();
  if (map == nullptr) {
    context.report.error(&node,
                         "Expected user entry to be a map/struct, got " + value_text(node.value));
    return Step::kNext;
  }
  UserOptions user;
  user.position = node.position();
  Step step = read_block(context, *map, user_block(), user);
  if (step != Step::kNext) return step;
  const Node& last = map->empty() ? node : *map->entries().back().node;
  step = check_user(context, last, user);
  if (step == Step::kNext) users.push_back(std::move(user));
  return step;
}

// --- auth callout ---

Step callout_issuer(Context& context, AuthCalloutOptions& callout, const Field& field) {
  const std::string* issuer = want_string(context, field.node);
  if (issuer == nullptr) return Step::kWrongType;
  callout.issuer = *issuer;
  if (is_public_nkey(*issuer, NkeyKind::kAccount)) return Step::kNext;
  return stop(context, &field.node,
              "Expected callout user to be a valid public account nkey, got " + go_quote(*issuer));
}

Step callout_xkey(Context& context, AuthCalloutOptions& callout, const Field& field) {
  const std::string* xkey = want_string(context, field.node);
  if (xkey == nullptr) return Step::kWrongType;
  callout.xkey = *xkey;
  if (is_public_nkey(*xkey, NkeyKind::kCurve)) return Step::kNext;
  return stop(context, &field.node,
              "Expected callout xkey to be a valid public xkey, got " + go_quote(*xkey));
}

Step callout_names(Context& context, const Field& field, std::string_view what,
                   std::vector<std::string>& out) {
  const Array* array = field.node.array();
  if (array == nullptr) {
    return stop(context, &field.node,
                "Expected " + std::string(what) + " field to be an array, got *conf.token");
  }
  for (const NodePtr& node : *array) {
    context.last = node.get();
    const std::string* name = want_string(context, *node);
    if (name == nullptr) return Step::kWrongType;
    out.push_back(*name);
  }
  return Step::kNext;
}

Step callout_users(Context& context, AuthCalloutOptions& callout, const Field& field) {
  return callout_names(context, field, "auth_users", callout.auth_users);
}

Step callout_accounts(Context& context, AuthCalloutOptions& callout, const Field& field) {
  return callout_names(context, field, "allowed accounts", callout.allowed_accounts);
}

const Block<AuthCalloutOptions>& callout_block() {
  static const Rule<AuthCalloutOptions> kRules[] = {
      {"issuer", callout_issuer},
      {"account|acc", &AuthCalloutOptions::account},
      {"auth_users|users", callout_users},
      {"xkey|key", callout_xkey},
      {"allowed_accounts", callout_accounts},
  };
  static const Block<AuthCalloutOptions> kBlock{
      .rules = kRules,
      .unknown_before = "Unknown field ",
      .unknown_after = " parsing authorization callout",
  };
  return kBlock;
}

Step auth_callout(Context& context, AuthorizationBlock& block, const Field& field) {
  const Map* map = field.node.map();
  if (map == nullptr) {
    context.report.error(&field.node, "Expected authorization callout to be a map/struct, got " +
                                          value_text(field.node.value));
    return Step::kNext;
  }
  AuthCalloutOptions callout;
  const Step step = guarded(context, field.node,
                            [&] { return read_block(context, *map, callout_block(), callout); });
  if (step != Step::kNext) return Step::kNext;
  const Node* last = map->empty() ? &field.node : map->entries().back().node.get();
  if (callout.account.empty()) callout.account = "$G";
  if (callout.issuer.empty()) {
    context.report.error(last, "Authorization callouts require an issuer to be specified");
  } else if (callout.auth_users.empty()) {
    context.report.error(last, "Authorization callouts require authorized users to be specified");
  } else {
    block.auth_callout = std::move(callout);
  }
  return Step::kNext;
}

// --- the block ---

Step block_timeout(Context& context, AuthorizationBlock& block, const Field& field) {
  const Step step = read_seconds(context, field,
                                 {"error parsing authorization config, 'timeout' ",
                                  "error parsing authorization config, 'timeout' wrong type"},
                                 block.timeout);
  if (step == Step::kNext) check_auth_timeout(context, field, block.timeout);
  return step;
}

Step block_users(Context& context, AuthorizationBlock& block, const Field& field) {
  if (read_users(context, field.node, &field.node, block.users) == Step::kNext) {
    block.has_users = true;
  }
  return Step::kNext;
}

Step block_permissions(Context& context, AuthorizationBlock& block, const Field& field) {
  (void)read_permissions(context, field.node, &field.node, block.default_permissions);
  return Step::kNext;
}

const Block<AuthorizationBlock>& authorization_block() {
  static const Rule<AuthorizationBlock> kRules[] = {
      {"user|username", &AuthorizationBlock::user},
      {"pass|password", &AuthorizationBlock::password},
      {"token", &AuthorizationBlock::token},
      {"timeout", block_timeout},
      {"users", block_users},
      {"default_permission|default_permissions|permissions", block_permissions},
      {"auth_callout|auth_hook", auth_callout},
      {"proxy_required", &AuthorizationBlock::proxy_required},
  };
  static const Block<AuthorizationBlock> kBlock{.rules = kRules};
  return kBlock;
}

Step add_users(Context& context, Options& options, const Field& field,
               std::vector<UserOptions> users) {
  std::set<std::string> known = known_users(options);
  for (UserOptions& user : users) {
    const std::string& name = user.nkey.empty() ? user.user : user.nkey;
    if (!known.insert(name).second) {
      return stop(context, &field.node,
                  std::string("Duplicate ") + (user.nkey.empty() ? "user " : "nkey ") +
                      go_quote(name) + " detected");
    }
    options.authorization.users.push_back(std::move(user));
  }
  return Step::kNext;
}

Step check_one_way(Context& context, const Node& node, const AuthorizationBlock& block,
                   bool has_users) {
  const bool has_user = !block.user.empty();
  if ((has_user || !block.password.empty()) && !block.token.empty()) {
    return stop(context, &node, "Cannot have a user/pass and token");
  }
  if (!has_users) return Step::kNext;
  if (has_user) return stop(context, &node, "Can not have a single user/pass and a users array");
  if (!block.token.empty()) return stop(context, &node, "Can not have a token and a users array");
  return Step::kNext;
}

const Block<SimpleAuthorization>& simple_block() {
  static const Rule<SimpleAuthorization> kRules[] = {
      {"user|username", &SimpleAuthorization::user},
      {"pass|password", &SimpleAuthorization::password},
      {"token", &SimpleAuthorization::token},
      {"timeout",
       [](Context&, SimpleAuthorization& block, const Field& field) {
         block.timeout = Duration::seconds(1);
         if (const int64_t* integer = field.node.integer()) {
           block.timeout = Duration::seconds(saturated<int32_t>(*integer));
         } else if (const double* real = field.node.real()) {
           block.timeout = Duration{static_cast<int64_t>(*real * 1e9)};
         }
         return Step::kNext;
       }},
  };
  static const Block<SimpleAuthorization> kBlock{.rules = kRules};
  return kBlock;
}

}  // namespace

Step read_users(Context& context, const Node& node, const Node* at, std::vector<UserOptions>& out) {
  const Array* array = node.array();
  if (array == nullptr) {
    return stop(context, at, "Expected users field to be an array, got " + value_text(node.value));
  }
  std::vector<UserOptions> users;
  const Step step = guarded(context, node, [&] {
    for (const NodePtr& element : *array) {
      context.last = element.get();
      const Step one = read_user(context, *element, users);
      if (one != Step::kNext) return one;
    }
    return Step::kNext;
  });
  if (step == Step::kNext) out = std::move(users);
  return step;
}

std::set<std::string> known_users(const Options& options) {
  std::set<std::string> names;
  const auto add = [&names](const std::vector<UserOptions>& users) {
    for (const UserOptions& user : users) names.insert(user.nkey.empty() ? user.user : user.nkey);
  };
  add(options.authorization.users);
  for (const AccountOptions& account : options.accounts) add(account.users);
  return names;
}

void check_auth_timeout(Context& context, const Field& field, Duration timeout) {
  if (timeout <= kTimeoutWarning) return;
  char seconds[64];
  std::snprintf(seconds, sizeof(seconds), "%f", static_cast<double>(timeout.ns) / 1e9);
  context.report.misuse(&field.node, field.key,
                        "timeout of " + value_text(field.node.value) + " (" + seconds +
                            " seconds) is high, consider keeping it under 60 seconds. possibly "
                            "caused by unquoted duration; use '1m' instead of 1m, for example");
}

Step read_authorization(Context& context, const Node& node, AuthorizationBlock& out) {
  const Step step = guarded(context, node, [&] {
    const Map* map = want_map(context, node);
    if (map == nullptr) return Step::kWrongType;
    return read_block(context, *map, authorization_block(), out);
  });
  apply_default_permissions(out.users, out.default_permissions);
  return step;
}

Step read_client_authorization(Context& context, Options& options, const Field& field) {
  AuthorizationBlock block;
  const Step step = read_authorization(context, field.node, block);
  if (step != Step::kNext) return step;
  AuthorizationOptions& target = options.authorization;
  target.defined = true;
  target.user = block.user;
  target.password = block.password;
  target.token = block.token;
  target.proxy_required = block.proxy_required;
  target.default_permissions = block.default_permissions;
  target.auth_callout = block.auth_callout;
  if (block.timeout.ns != 0) target.timeout = block.timeout;
  const bool has_users = block.has_users || !known_users(options).empty();
  const Step checked = check_one_way(context, field.node, block, has_users);
  if (checked != Step::kNext) return checked;
  return add_users(context, options, field, std::move(block.users));
}

void read_simple_authorization(Context& context, const Node& node, SimpleAuthorization& out) {
  (void)guarded(context, node, [&] {
    const Map* map = want_map(context, node);
    if (map == nullptr) return Step::kWrongType;
    return read_block(context, *map, simple_block(), out);
  });
}

}  // namespace petrel::conf

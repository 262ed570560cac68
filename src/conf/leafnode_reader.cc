// leafnodes { }: the listener and who may connect. Remotes are in leaf_remote_reader.cc.
#include "conf/auth_reader.h"
#include "conf/links_reader.h"
#include "conf/tls_reader.h"
#include "conf/version_text.h"

#include "petrel/base/nkey_text.h"

#include <set>

namespace petrel::conf {
namespace {

Step nkey(Context& context, LeafnodeOptions& leaf, const Field& field) {
  const std::string* key = want_string(context, field.node);
  if (key == nullptr) return Step::kWrongType;
  if (!is_public_nkey(*key, NkeyKind::kUser)) {
    context.report.error(&field.node, "Not a valid public nkey for leafnode authorization");
  }
  leaf.nkey = *key;
  return Step::kNext;
}

Step auth_timeout(Context& context, LeafnodeOptions& leaf, const Field& field) {
  const Step step =
      read_seconds(context, field,
                   {"error parsing leafnode authorization config, 'timeout' ",
                    "error parsing leafnode authorization config, 'timeout' wrong type"},
                   leaf.auth_timeout);
  if (step == Step::kNext) check_auth_timeout(context, field, leaf.auth_timeout);
  return step;
}

const Block<LeafUser>& user_block() {
  static const Rule<LeafUser> kRules[] = {
      {"user|username", &LeafUser::user},
      {"pass|password", &LeafUser::password},
      {"account", &LeafUser::account},
      {"proxy_required", &LeafUser::proxy_required},
  };
  static const Block<LeafUser> kBlock{.rules = kRules};
  return kBlock;
}

Step read_leaf_users(Context& context, const Array& array, std::vector<LeafUser>& users) {
  for (const NodePtr& node : array) {
    context.last = node.get();
    const Map* map = node->map();
    if (map == nullptr) {
      context.report.error(
          node.get(), "Expected user entry to be a map/struct, got " + value_text(node->value));
      continue;
    }
    LeafUser user;
    const Step step = read_block(context, *map, user_block(), user);
    if (step != Step::kNext) return step;
    users.push_back(std::move(user));
  }
  return Step::kNext;
}

Step users(Context& context, LeafnodeOptions& leaf, const Field& field) {
  const Array* array = field.node.array();
  if (array == nullptr) {
    context.report.error(
        &field.node, "Expected users field to be an array, got " + value_text(field.node.value));
    return Step::kNext;
  }
  std::vector<LeafUser> list;
  const Step step =
      guarded(context, field.node, [&] { return read_leaf_users(context, *array, list); });
  if (step == Step::kNext) leaf.users = std::move(list);
  return Step::kNext;
}

const Block<LeafnodeOptions>& authorization_block() {
  using L = LeafnodeOptions;
  static const Rule<L> kRules[] = {
      {"user|username", &L::user},
      {"pass|password", &L::password},
      {"nkey", nkey},
      {"timeout", auth_timeout},
      {"users", users},
      {"account", &L::account},
      {"proxy_required", &L::proxy_required},
  };
  static const Block<L> kBlock{.rules = kRules};
  return kBlock;
}

std::string users_problem(const LeafnodeOptions& leaf) {
  if (leaf.users.empty()) return "";
  if (!leaf.user.empty()) return "can not have a single user/pass and a users array";
  if (!leaf.nkey.empty()) return "can not have a single nkey and a users array";
  std::set<std::string> names;
  for (const LeafUser& user : leaf.users) {
    if (names.insert(user.user).second) continue;
    return "duplicate user " + go_quote(user.user) + " detected in leafnode authorization";
  }
  return "";
}

Step authorization(Context& context, LeafnodeOptions& leaf, const Field& field) {
  const Step step = guarded(context, field.node, [&] {
    const Map* map = want_map(context, field.node);
    if (map == nullptr) return Step::kWrongType;
    return read_block(context, *map, authorization_block(), leaf);
  });
  if (step != Step::kNext) return Step::kNext;
  const std::string problem = users_problem(leaf);
  if (!problem.empty()) context.report.error(&field.node, problem);
  return Step::kNext;
}

Step listen(Context& context, LeafnodeOptions& leaf, const Field& field) {
  return read_listen(context, field, leaf.host, leaf.port);
}

Step remotes(Context& context, LeafnodeOptions& leaf, const Field& field) {
  read_leaf_remotes(context, field.node, leaf.remotes);
  return Step::kNext;
}

Step tls(Context& context, LeafnodeOptions& leaf, const Field& field) {
  read_tls(context, field.node, TlsUse::kClients, leaf.tls);
  return Step::kNext;
}

Step min_version(Context& context, LeafnodeOptions& leaf, const Field& field) {
  const std::string* text = want_string(context, field.node);
  if (text == nullptr) return Step::kWrongType;
  const auto version = parse_version(*text);
  if (!version) {
    context.report.error(&field.node,
                         "invalid leafnode's minimum version: " + version.error().detail);
  } else if (*version < Version{2, 8, 0}) {
    context.report.error(&field.node, "the minimum version should be at least 2.8.0");
  } else {
    leaf.min_version = *text;
  }
  return Step::kNext;
}

Step compression(Context& context, LeafnodeOptions& leaf, const Field& field) {
  read_compression(context, field, "s2_auto", leaf.compression);
  return Step::kNext;
}

const Block<LeafnodeOptions>& leafnode_block() {
  using L = LeafnodeOptions;
  static const Rule<L> kRules[] = {
      {"listen", listen},
      {"port", &L::port},
      {"host|net", &L::host},
      {"authorization", authorization},
      {"remotes", remotes},
      {"reconnect|reconnect_delay|reconnect_interval",
       DurationField<L>{&L::reconnect_interval, "reconnect"}},
      {"dial_timeout", DurationField<L>{&L::dial_timeout, "dial_timeout"}},
      {"tls", tls},
      {"leafnode_advertise|advertise", &L::advertise},
      {"no_advertise", &L::no_advertise},
      {"min_version|minimum_version", min_version},
      {"compression", compression},
      {"isolate_leafnode_interest|isolate", &L::isolate_leafnode_interest},
      {"write_deadline", DurationField<L>{&L::write_deadline, "write_deadline"}},
      {"write_timeout", &L::write_timeout},
  };
  static const Block<L> kBlock{.rules = kRules};
  return kBlock;
}

}  // namespace

Step read_leafnodes(Context& context, Options& options, const Field& field) {
  return read_guarded_map(context, field.node, "Expected map to define a leafnode",
                          leafnode_block(), options.leafnodes);
}

}  // namespace petrel::conf

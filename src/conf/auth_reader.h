// Reads authorization { }, users and permissions, wherever they stand.
// Thread: control. Source: spec config.md 5.
#pragma once

#include "conf/reader.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace petrel::conf {

// authorization { } of the clients, of a cluster or of a gateway.
struct AuthorizationBlock {
  std::string user = {};
  std::string password = {};
  std::string token = {};
  Duration timeout = {};
  bool has_users = false;
  std::vector<UserOptions> users = {};
  std::optional<PermissionOptions> default_permissions = {};
  std::optional<AuthCalloutOptions> auth_callout = {};
  bool proxy_required = false;
};

// Reads the block; what is wrong is reported. kStop: nothing of it is to be used.
Step read_authorization(Context& context, const Node& node, AuthorizationBlock& out);

// authorization { } of the clients.
Step read_client_authorization(Context& context, Options& options, const Field& field);

// The users array. `at` is where a list that is none is reported, null for no place.
Step read_users(Context& context, const Node& node, const Node* at, std::vector<UserOptions>& out);

// Users without permissions of their own get `defaults`.
void apply_default_permissions(std::vector<UserOptions>& users,
                               const std::optional<PermissionOptions>& defaults);

// Names and nkeys of all users read so far.
std::set<std::string> known_users(const Options& options);

// A permissions map. `at` as in read_users.
Step read_permissions(Context& context, const Node& node, const Node* at,
                      std::optional<PermissionOptions>& out);

// Subjects of a deny_imports and the like: no queues.
Step read_subjects(Context& context, const Node& node, std::vector<std::string>& out);

// user, password, token and timeout alone: websocket and mqtt.
struct SimpleAuthorization {
  std::string user = {};
  std::string password = {};
  std::string token = {};
  Duration timeout = {};
};
void read_simple_authorization(Context& context, const Node& node, SimpleAuthorization& out);

// Warns about a timeout that was probably meant as something else.
void check_auth_timeout(Context& context, const Field& field, Duration timeout);

// The reason why a subject list is refused, "" if it is not.
std::string subjects_problem(const std::vector<PermissionSubject>& subjects);

}  // namespace petrel::conf

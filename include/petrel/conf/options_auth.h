// Users, permissions and subject mappings as they stand in the configuration.
// Thread: values, any thread. Source: spec config.md 5 and 7.
#pragma once

#include "petrel/base/time.h"
#include "petrel/conf/position.h"

#include <optional>
#include <string>
#include <vector>

namespace petrel::conf {

// One entry of an allow or deny list. A subscribe entry may name a queue ("orders.> workers").
struct PermissionSubject {
  std::string subject = {};
  std::string queue = {};  // "": any queue
  friend bool operator==(const PermissionSubject&, const PermissionSubject&) = default;
};

// allow not set: everything is allowed. allow set but empty: nothing is.
struct SubjectPermission {
  std::optional<std::vector<PermissionSubject>> allow = {};
  std::vector<PermissionSubject> deny = {};
  friend bool operator==(const SubjectPermission&, const SubjectPermission&) = default;
};

// allow_responses: how often and how long a user may answer a request it received.
struct ResponsePermission {
  int64_t max = 1;                          // negative: no limit
  Duration expires = Duration::minutes(2);  // negative: no limit
  friend bool operator==(const ResponsePermission&, const ResponsePermission&) = default;
};

struct PermissionOptions {
  std::optional<SubjectPermission> publish = {};
  std::optional<SubjectPermission> subscribe = {};
  std::optional<ResponsePermission> allow_responses = {};
  friend bool operator==(const PermissionOptions&, const PermissionOptions&) = default;
};

// A user with a password, or with an nkey (then `user` is empty).
struct UserOptions {
  std::string user = {};
  std::string password = {};                               // plain text or a bcrypt hash
  std::string nkey = {};                                   // public key U...
  std::optional<PermissionOptions> permissions = {};       // not set: default_permissions, else all
  std::vector<std::string> allowed_connection_types = {};  // upper case; empty: all
  bool proxy_required = false;
  Position position = {};
};

struct AuthCalloutOptions {
  std::string issuer = {};
  std::string account = {};
  std::string xkey = {};
  std::vector<std::string> auth_users = {};
  std::vector<std::string> allowed_accounts = {};
  friend bool operator==(const AuthCalloutOptions&, const AuthCalloutOptions&) = default;
};

struct AuthorizationOptions {
  bool defined = false;       // the block stands in the file or a flag set a user or token
  std::string user = {};      // single user
  std::string password = {};  // plain text or a bcrypt hash
  std::string token = {};     // plain text or a bcrypt hash
  // Time a client has to send CONNECT. Not set: 2 s, or TLS timeout + 1 s.
  std::optional<Duration> timeout = {};
  std::vector<UserOptions> users = {};
  std::optional<PermissionOptions> default_permissions = {};
  std::optional<AuthCalloutOptions> auth_callout = {};
  bool proxy_required = false;
};

// One destination of a mapped subject.
struct MappingDestination {
  std::string subject = {};
  uint8_t weight = 100;      // percent
  std::string cluster = {};  // "": any cluster
  friend bool operator==(const MappingDestination&, const MappingDestination&) = default;
};

struct MappingOptions {
  std::string source = {};
  std::vector<MappingDestination> destinations = {};
  friend bool operator==(const MappingOptions&, const MappingOptions&) = default;
};

}  // namespace petrel::conf

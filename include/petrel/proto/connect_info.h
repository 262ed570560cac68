// ConnectInfo: what a client says in CONNECT.
//
// Owner: one ClientSession. Thread: the connection's loop.
// Limits: the text is at most one control line; nesting of unknown fields at most 10,000 levels,
// read without recursion.
// Errors: text that is not JSON or a value of another type than its field is kProtocolViolation
// (nats-server closes without a word).
// Source: spec protocol.md section 3; Go encoding/json for the reading of names and values.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace petrel::proto {

// Subjects that a link may import or export.
struct SubjectPermission {
  std::vector<std::string> allow;
  std::vector<std::string> deny;
};

struct ConnectInfo {
  bool echo = true;
  bool verbose = true;
  bool pedantic = true;
  bool tls_required = false;
  bool headers = false;
  bool no_responders = false;
  bool new_account = false;
  int64_t protocol = 0;
  std::string nkey;
  std::string jwt;
  std::string sig;
  std::string auth_token;
  std::string user;
  std::string pass;
  std::string name;
  std::string lang;
  std::string version;
  std::string account;
  std::string remote_account;  // leaf nodes
  std::string proxy_sig;
  std::optional<SubjectPermission> import_permission;  // routes and leaf nodes
  std::optional<SubjectPermission> export_permission;

  // Takes over what `json` says; fields it does not name, or names with null, keep their value.
  // Names match without regard to case; of a name given twice the last counts. On error nothing
  // has changed.
  Status merge(Slice json);
};

// The arguments of CONNECT as a trace may show them: the values of pass..., auth_token..., sig,
// proxy_sig and nkey replaced by [REDACTED]. Works on any text, JSON or not.
std::string redact_connect(Slice args);

}  // namespace petrel::proto

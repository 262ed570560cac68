// Operator mode and trusted proxies as they stand in the configuration.
// Thread: values, any thread. Source: spec config.md 2 and 8.
#pragma once

#include "petrel/base/time.h"
#include "petrel/conf/options_tls.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace petrel::conf {

enum class ResolverKind : uint8_t { kNone, kMemory, kUrl, kFull, kCache };

struct ResolverOptions {
  ResolverKind kind = ResolverKind::kNone;
  std::string url = {};
  std::string dir = {};
  bool allow_delete = false;
  bool hard_delete = false;
  int64_t limit = 0;
  Duration ttl = {};
  Duration interval = {};
  Duration timeout = {};
  friend bool operator==(const ResolverOptions&, const ResolverOptions&) = default;
};

struct OperatorOptions {
  std::vector<std::string> operators = {};  // JWTs
  std::vector<std::string> trusted_keys = {};
  ResolverOptions resolver = {};
  std::optional<TlsOptions> resolver_tls = {};
  std::map<std::string, std::string> resolver_preload = {};
  std::set<std::string> resolver_pinned_accounts = {};
  std::string default_sentinel = {};
};

}  // namespace petrel::conf

// AuthEnvironment: what the decisions over clients and accounts ask of the server around them.
//
// Owner: AuthService. Thread: all of it may be called from the thread that decides.
#pragma once

#include "server/identity.h"

#include "petrel/auth/account.h"
#include "petrel/base/time.h"
#include "petrel/conf/options.h"
#include "petrel/router/account_registry.h"
#include "petrel/server.h"
#include "petrel/shard/shard.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace petrel::server {

struct AuthEnvironment {
  const Identity& identity;
  router::AccountRegistry& accounts;
  std::function<void(LogLevel, const std::string&)> say;
  std::function<WallTime()> wall_now;
  // The configuration in force.
  std::function<std::shared_ptr<const conf::Options>()> options;
  uint16_t loops = 1;
  // Runs a task on a loop, later.
  std::function<void(uint16_t, std::function<void(shard::Shard&)>)> post;
  // Runs a task on every loop and waits for it.
  std::function<void(const std::function<void(uint16_t, shard::Shard&)>&)> on_every_loop;
  // An account of the configuration. Null: there is none of this name.
  std::function<auth::AccountPtr(const std::string&)> find_account;
  // Says what accounts are from now on.
  std::function<void(const std::vector<auth::AccountPtr>&)> describe;
  // Runs a task on the thread that decides, later. False: too much waits.
  std::function<bool(std::function<void()>)> decide_later;
  // Has `at` reported to the keeper: the claims of an account expire then.
  std::function<void(const std::string& account, WallTime at)> watch_expiry;
};

}  // namespace petrel::server

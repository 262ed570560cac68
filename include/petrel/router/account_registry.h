// AccountRegistry: the AccountInterest of every account of the server, by name. An account that was
// named once stays, whatever the configuration says later.
//
// Owner: Server. Thread: any; looked up when a connection authenticates and by the control plane,
// never for a message.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/mutex.h"
#include "petrel/router/account_interest.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace petrel::router {

class AccountRegistry {
 public:
  // `seed` of the hashes of all indexes; `loops`: how many will write traffic.
  explicit AccountRegistry(uint64_t seed = 0, uint16_t loops = 1);
  ~AccountRegistry();
  AccountRegistry(const AccountRegistry&) = delete;
  AccountRegistry& operator=(const AccountRegistry&) = delete;

  // The account of this name, made when it is asked for the first time.
  AccountInterest& get(Slice name);
  // Null: nobody asked for it yet.
  AccountInterest* find(Slice name) const;
  // $G.
  AccountInterest& global() { return *global_; }
  // In order of names. `visit` may not call back.
  void for_each(const std::function<void(AccountInterest&)>& visit) const;

 private:
  const uint64_t seed_;
  const uint16_t loops_;
  mutable SharedMutex mutex_;
  std::map<std::string, std::unique_ptr<AccountInterest>, std::less<>> accounts_
      PETREL_GUARDED_BY(mutex_);
  AccountInterest* global_ = nullptr;
};

}  // namespace petrel::router

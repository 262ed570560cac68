// AccountRegistry: the AccountInterest of every account of the server, by name, and their links to
// each other. An account that was named once stays, whatever the configuration says later.
//
// Owner: Server. Thread: any; looked up when a connection authenticates and by the control plane,
// never for a message.
#pragma once

#include "petrel/auth/account.h"
#include "petrel/base/block.h"
#include "petrel/base/mutex.h"
#include "petrel/router/account_interest.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

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

  // What is said of accounts from now on, and what follows for imports. Accounts not named keep
  // what was said before. One caller at a time.
  void describe(const std::vector<auth::AccountPtr>& accounts);
  // The same for all accounts: those not named are gone, with their imports and exports.
  void describe_all(const auth::AccountSnapshot& snapshot);
  // What was said last. Null: nothing, or the account is gone.
  auth::AccountPtr description(Slice name) const;

 private:
  using Descriptions = std::map<std::string, auth::AccountPtr, std::less<>>;
  void link(const std::string& name, const Descriptions& known);
  AccountLinks make_links(const auth::Account& account, const AccountLinks& before,
                          const Descriptions& known);
  void add_link(const std::shared_ptr<ServiceLink>& made, const AccountLinks& before,
                AccountLinks& links);
  void add_system_links(const auth::AccountPtr& importer, const AccountLinks& before,
                        const Descriptions& known, AccountLinks& links);

  const uint64_t seed_;
  const uint16_t loops_;
  uint64_t last_link_ = 0;
  std::string system_;  // name of the system account; "": there is none
  mutable SharedMutex mutex_;
  std::map<std::string, std::unique_ptr<AccountInterest>, std::less<>> accounts_
      PETREL_GUARDED_BY(mutex_);
  Descriptions descriptions_ PETREL_GUARDED_BY(mutex_);
  AccountInterest* global_ = nullptr;
};

}  // namespace petrel::router

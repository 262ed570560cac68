#include "petrel/router/account_registry.h"

#include "petrel/base/hash.h"

namespace petrel::router {

AccountRegistry::AccountRegistry(uint64_t seed, uint16_t loops) : seed_(seed), loops_(loops) {
  global_ = &get("$G");
}

AccountRegistry::~AccountRegistry() = default;

AccountInterest& AccountRegistry::get(Slice name) {
  if (AccountInterest* known = find(name); known != nullptr) return *known;
  const WriterLock lock(mutex_);
  auto& place = accounts_[std::string(name)];
  if (place == nullptr) {
    place = std::make_unique<AccountInterest>(std::string(name), hash_bytes(name, seed_), loops_);
  }
  return *place;
}

AccountInterest* AccountRegistry::find(Slice name) const {
  const ReaderLock lock(mutex_);
  const auto found = accounts_.find(name);
  return found == accounts_.end() ? nullptr : found->second.get();
}

void AccountRegistry::for_each(const std::function<void(AccountInterest&)>& visit) const {
  const ReaderLock lock(mutex_);
  for (const auto& [name, account] : accounts_) visit(*account);
}

}  // namespace petrel::router

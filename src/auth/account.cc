#include "petrel/auth/account.h"

#include <algorithm>

namespace petrel::auth {

namespace {

// JetStream belongs to $G as long as no other account could have it.
bool has_only_system_account(const conf::Options& options) {
  return std::all_of(options.accounts.begin(), options.accounts.end(),
                     [&options](const conf::AccountOptions& account) {
                       return account.name == kSystemAccount ||
                              account.name == options.system_account;
                     });
}

Result<AccountPtr> make_account(const conf::AccountOptions& options, bool is_system) {
  auto account = std::make_shared<Account>();
  account->name = options.name;
  account->is_system = is_system;
  account->limits = options.limits;
  account->rate_limit = options.rate_limit;
  account->jetstream = options.jetstream;
  account->mapping_options = options.mappings;
  PETREL_TRY(account->mappings, make_mappings(options.mappings));
  account->exports = options.exports;
  account->imports = options.imports;
  account->trace_destination = options.trace_destination;
  account->trace_sampling = options.trace_sampling;
  return AccountPtr(std::move(account));
}

Result<AccountPtr> make_global(const conf::Options& options) {
  conf::AccountOptions global;
  global.name = kGlobalAccount;
  global.mappings = options.mappings;
  if (options.jetstream.enabled && has_only_system_account(options)) global.jetstream.emplace();
  return make_account(global, false);
}

}  // namespace

conf::RateLimit rate_limit_of(const Account* account, const conf::RateLimit& otherwise) {
  if (account == nullptr) return otherwise;
  if (account->rate_limit) return *account->rate_limit;
  return account->is_system ? conf::RateLimit{} : otherwise;
}

Result<std::vector<subject::SubjectMapping>> make_mappings(
    const std::vector<conf::MappingOptions>& options) {
  std::vector<subject::SubjectMapping> mappings;
  for (const conf::MappingOptions& mapping : options) {
    std::vector<subject::WeightedDestination> destinations;
    for (const conf::MappingDestination& destination : mapping.destinations) {
      destinations.push_back({destination.subject, destination.weight, destination.cluster});
    }
    PETREL_TRY(subject::SubjectMapping made,
               subject::SubjectMapping::create(mapping.source, destinations));
    mappings.push_back(std::move(made));
  }
  return mappings;
}

Result<std::shared_ptr<const AccountSnapshot>> AccountSnapshot::create(
    const conf::Options& options) {
  auto snapshot = std::make_shared<AccountSnapshot>();
  auto& accounts = snapshot->accounts_;
  PETREL_TRY(snapshot->global_, make_global(options));
  accounts[kGlobalAccount] = snapshot->global_;
  const bool has_system = !options.no_system_account || !options.system_account.empty();
  const std::string system =
      options.system_account.empty() ? kSystemAccount : options.system_account;
  for (const conf::AccountOptions& entry : options.accounts) {
    PETREL_TRY(accounts[entry.name], make_account(entry, has_system && entry.name == system));
  }
  if (has_system && system == kSystemAccount && !accounts.contains(system)) {
    conf::AccountOptions implied;
    implied.name = system;
    PETREL_TRY(accounts[system], make_account(implied, true));
  }
  if (has_system) {
    snapshot->system_ = snapshot->find(system);
    const bool is_operator_mode =
        !options.operators.operators.empty() || !options.operators.trusted_keys.empty();
    if (snapshot->system_ == nullptr && !is_operator_mode) {
      return Error{Errc::kInvalidArgument, "error resolving system account: account missing"};
    }
  }
  return std::shared_ptr<const AccountSnapshot>(std::move(snapshot));
}

AccountPtr AccountSnapshot::find(Slice name) const {
  const auto found = accounts_.find(name);
  return found == accounts_.end() ? nullptr : found->second;
}

}  // namespace petrel::auth

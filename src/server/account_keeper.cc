#include "server/account_keeper.h"

#include "server/account_connections.h"

#include "petrel/auth/jwt.h"

namespace petrel::server {

namespace {

constexpr const char* kInvalid = "account validation failed";

}  // namespace

auth::AccountMaking AccountKeeper::making() const {
  return {.trust = *trust_,
          .now = now_seconds(),
          .strict_permissions = environment_.options()->petrel.strict_permissions,
          .find = [this](const std::string& name) { return find(name); }};
}

AccountKeeper::AccountPtr AccountKeeper::find(const std::string& name) const {
  const auto found = accounts_.find(name);
  return found == accounts_.end() || disabled_.count(name) != 0 ? nullptr : found->second;
}

Result<auth::AccountClaims> AccountKeeper::verify(const std::string& token) const {
  PETREL_TRY(auth::AccountClaims claims, auth::decode_account_claims(token));
  const auth::Issues issues = auth::validate(claims, now_seconds());
  if (!trust_->trusts(claims.issuer) || auth::first_blocking(issues, true) != nullptr) {
    return Error{Errc::kInvalidArgument, kInvalid};
  }
  return claims;
}

void AccountKeeper::lookup(const std::string& name, Found found) {
  if (const AccountPtr known = find(name)) {
    const int64_t expires = known->claims.expires;
    if (expires == 0 || now_seconds() <= expires) {
      found(known, "");
      return;
    }
  }
  if (disabled_.count(name) != 0) {
    found(nullptr, "account missing");
    return;
  }
  const auto [entry, is_new] = pending_.try_emplace(name);
  entry->second.waiting.push_back(std::move(found));
  if (!is_new) return;
  resolver_.fetch(name, [this, name](const Result<std::string>& token) { fetched(name, token); });
}

void AccountKeeper::fetched(const std::string& name, const Result<std::string>& token) {
  if (!token) {
    fail(name, token.error().detail);
    return;
  }
  auto claims = verify(*token);
  if (!claims || claims->subject != name) {
    fail(name, claims ? kInvalid : claims.error().detail);
    return;
  }
  Pending& pending = pending_[name];
  pending.claims = *std::move(claims);
  pending.token = *token;
  std::set<std::string> exporters;
  for (const auth::ImportClaim& import : pending.claims.imports) {
    // Who is being fetched already may wait for this one: no circles.
    if (accounts_.count(import.account) == 0 && pending_.count(import.account) == 0) {
      exporters.insert(import.account);
    }
  }
  pending.missing = exporters.size() + 1;
  for (const std::string& exporter : exporters) {
    lookup(exporter, [this, name](const AccountPtr&, const std::string&) { exporter_came(name); });
  }
  exporter_came(name);
}

void AccountKeeper::exporter_came(const std::string& name) {
  const auto pending = pending_.find(name);
  if (pending == pending_.end() || --pending->second.missing > 0) return;
  finish(name);
}

void AccountKeeper::finish(const std::string& name) {
  const auto found = pending_.find(name);
  Pending pending = std::move(found->second);
  pending_.erase(found);
  install(std::move(pending.claims), pending.token);
  const AccountPtr account = find(name);
  for (const Found& waiting : pending.waiting) waiting(account, "");
}

void AccountKeeper::fail(const std::string& name, const std::string& why) {
  const auto found = pending_.find(name);
  if (found == pending_.end()) return;
  const Pending pending = std::move(found->second);
  pending_.erase(found);
  for (const Found& waiting : pending.waiting) waiting(nullptr, why);
}

void AccountKeeper::install(auth::AccountClaims claims, const std::string& token) {
  const std::string name = claims.subject;
  for (const auth::ImportClaim& import : claims.imports) importers_[import.account].insert(name);
  std::vector<std::string> problems;
  const auto made = auth::make_jwt_account(std::move(claims), token, making(), &problems);
  for (const std::string& problem : problems) environment_.say(LogLevel::kError, problem);
  AccountPtr before = std::exchange(accounts_[name], made);
  disabled_.erase(name);
  environment_.describe({made->account});
  watch(*made);
  if (before != nullptr) announce(before, made);
  complete_importers(name);
}

// Until the claims end, or the first import that another account granted for a time.
void AccountKeeper::watch(const auth::JwtAccount& account) {
  int64_t end = account.claims.expires;
  if (account.imports_end > 0 && (end == 0 || account.imports_end < end)) end = account.imports_end;
  if (end > 0) environment_.watch_expiry(account.claims.subject, WallTime{end * 1'000'000'000});
}

// What an update means for those who are connected.
void AccountKeeper::announce(const AccountPtr& before, const AccountPtr& after) {
  close_excess_connections(environment_, *after->account);
  const auth::SignerChange signers = auth::compare_signers(*before, *after);
  environment_.on_every_loop(
      [&](uint16_t /*loop*/, shard::Shard& shard) { shard.account_changed(*after, signers); });
}

// Accounts that import from this one and could not until now, or may not any longer.
void AccountKeeper::complete_importers(const std::string& exporter) {
  const auto found = importers_.find(exporter);
  if (found == importers_.end()) return;
  for (const std::string& name : std::set<std::string>(found->second)) {
    if (name != exporter && accounts_.count(name) != 0) import_again(name);
  }
}

void AccountKeeper::import_again(const std::string& name) {
  const AccountPtr before = accounts_[name];
  const auto made = auth::make_jwt_account(before->claims, before->token, making(), nullptr);
  accounts_[name] = made;
  watch(*made);
  if (made->account->imports == before->account->imports) return;
  environment_.describe({made->account});
  announce(before, made);
}

std::string AccountKeeper::update(const std::string& name, const std::string& token) {
  const auto known = accounts_.find(name);
  if (known == accounts_.end()) return "";
  const bool is_same = known->second->token == token && disabled_.count(name) == 0;
  if (is_same && !known->second->is_incomplete) return "";
  auto claims = verify(token);
  if (!claims) return claims.error().detail;
  if (claims->subject != name) return kInvalid;
  // Exporters that are not known yet come first; the update itself does not wait for them.
  for (const auth::ImportClaim& import : claims->imports) {
    if (accounts_.count(import.account) != 0) continue;
    lookup(import.account, [](const AccountPtr&, const std::string&) {});
  }
  install(*std::move(claims), token);
  return "";
}

void AccountKeeper::disable(const std::string& name) {
  if (accounts_.count(name) == 0) return;
  disabled_.insert(name);
  environment_.on_every_loop(
      [&name](uint16_t /*loop*/, shard::Shard& shard) { shard.account_expired(name); });
}

void AccountKeeper::expire(const std::string& name) {
  const AccountPtr account = find(name);
  if (account == nullptr) return;
  const int64_t now = now_seconds();
  if (account->claims.expires == 0 || now < account->claims.expires) {
    if (account->imports_end > 0 && now >= account->imports_end) import_again(name);
    return;
  }
  environment_.on_every_loop(
      [&name](uint16_t /*loop*/, shard::Shard& shard) { shard.account_expired(name); });
}

void AccountKeeper::add_temporary_system_account() {
  auth::AccountClaims claims;
  claims.subject = trust_->system_account();
  auth::AccountLimitClaims& limits = claims.limits;
  limits.connections = limits.subscriptions = limits.payload = limits.leafnodes = auth::kNoLimit;
  limits.imports = limits.exports = auth::kNoLimit;
  install(std::move(claims), "");
}

}  // namespace petrel::server

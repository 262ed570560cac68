#include "server/account_resolver.h"

#include "petrel/auth/jwt.h"
#include "petrel/base/go_quote.h"
#include "petrel/base/nkey_text.h"
#include "petrel/conf/url.h"
#include "petrel/net/http_fetch.h"

namespace petrel::server {

namespace {

constexpr Duration kFetchTimeout = Duration::millis(1900);
constexpr size_t kFetchThreads = 2;
constexpr size_t kFetchesMax = 4096;
constexpr int64_t kCacheLimit = 1000;

Error missing() {
  return {Errc::kNotFound, "account missing"};
}

std::string redacted(const std::string& url) {
  const auto parsed = conf::parse_url(url);
  return parsed && parsed->has_password ? parsed->text_with(parsed->user + ":xxxxx") : url;
}

}  // namespace

Result<std::unique_ptr<AccountResolver>> AccountResolver::create(AuthEnvironment& environment,
                                                                 const auth::OperatorTrust& trust,
                                                                 AskOthers ask_others) {
  std::unique_ptr<AccountResolver> resolver(new AccountResolver(environment));
  resolver->ask_others_ = std::move(ask_others);
  PETREL_TRY_STATUS(resolver->prepare(trust));
  return resolver;
}

Status AccountResolver::prepare(const auth::OperatorTrust& trust) {
  const conf::OperatorOptions from = environment_.options()->operators;
  options_ = from.resolver;
  tls_ = from.resolver_tls;
  if (options_.kind == conf::ResolverKind::kNone) {
    options_.kind = conf::ResolverKind::kUrl;
    options_.url = trust.account_server_url() + "/accounts";
  }
  if (options_.timeout.ns <= 0) options_.timeout = kFetchTimeout;
  const bool is_cache = options_.kind == conf::ResolverKind::kCache;
  if (is_cache || options_.kind == conf::ResolverKind::kFull) {
    if (!trust.has_operators()) {
      return Error{Errc::kInvalidArgument, "Could not start resolver: no operator key found"};
    }
    JwtDirectory::Options directory;
    directory.dir = options_.dir;
    directory.limit = options_.limit <= 0 && is_cache ? kCacheLimit : options_.limit;
    directory.is_cache = is_cache;
    directory.ttl = options_.ttl;
    if (is_cache || options_.hard_delete) {
      directory.deletion = JwtDirectory::Deletion::kRemove;
    } else if (options_.allow_delete) {
      directory.deletion = JwtDirectory::Deletion::kRename;
    }
    PETREL_TRY(directory_, JwtDirectory::open(directory, environment_.wall_now()));
  }
  if (options_.kind == conf::ResolverKind::kUrl) {
    if (options_.url.empty() || options_.url.back() != '/') options_.url.push_back('/');
    fetchers_ = std::make_unique<net::WorkerPool>(kFetchThreads, kFetchesMax);
    // Whether anybody is there at all.
    if (const auto answer = fetch_url(""); !answer) return answer.error();
  }
  return preload(from.resolver_preload);
}

Status AccountResolver::preload(const std::map<std::string, std::string>& tokens) {
  if (tokens.empty()) return {};
  if (options_.kind == conf::ResolverKind::kUrl) {
    return Error{Errc::kInvalidArgument,
                 "resolver preloads only available for writeable resolver types MEM/DIR/CACHE_DIR"};
  }
  for (const auto& [account, token] : tokens) {
    const auto claims = auth::decode_account_claims(token);
    if (!claims) {
      return Error{Errc::kInvalidArgument,
                   "preload account error for " + go_quote(account) + ": " + claims.error().detail};
    }
    const WallTime now = environment_.wall_now();
    if (claims->expires > 0 && claims->expires < now.ns / 1'000'000'000) {
      environment_.say(LogLevel::kWarn, "Account [" + account + "] is expired");
    }
    if (directory_ != nullptr) {
      static_cast<void>(directory_->save_if_newer(account, token, now));
    } else {
      memory_[account] = token;
    }
  }
  return {};
}

Result<std::string> AccountResolver::fetch_url(const std::string& account) const {
  const std::string url = options_.url + account;
  const auto answer = net::http_fetch(
      url, {.timeout = options_.timeout, .ca_file = tls_ ? tls_->ca_file : std::string()});
  const std::string about = "could not fetch <" + go_quote(redacted(url)) + ">: ";
  if (!answer) return Error{Errc::kIo, about + answer.error().detail};
  if (answer->status != 200) {
    return Error{Errc::kNotFound, about + std::to_string(answer->status) + " " + answer->reason};
  }
  return answer->body;
}

void AccountResolver::fetch(const std::string& account, Done done) {
  if (!is_public_nkey(account, NkeyKind::kAccount)) {
    done(Error{Errc::kInvalidArgument, "will only fetch valid account keys"});
    return;
  }
  if (directory_ != nullptr) {
    fetch_from_directory(account, std::move(done));
    return;
  }
  if (fetchers_ == nullptr) {
    const auto found = memory_.find(account);
    done(found == memory_.end() ? Result<std::string>(missing())
                                : Result<std::string>(found->second));
    return;
  }
  const bool is_queued = fetchers_->push([this, account, done] {
    Result<std::string> token = fetch_url(account);
    static_cast<void>(environment_.decide_later([done, token = std::move(token)] { done(token); }));
  });
  if (!is_queued) done(Error{Errc::kFull, "too many accounts are being fetched"});
}

void AccountResolver::fetch_from_directory(const std::string& account, Done done) {
  if (auto token = directory_->load(account, environment_.wall_now()); token && !token->empty()) {
    done(*std::move(token));
    return;
  }
  ask_others_(
      account, options_.timeout,
      [this, account, done = std::move(done)](const Result<std::string>& token) {
        if (token) {
          static_cast<void>(directory_->save_if_newer(account, *token, environment_.wall_now()));
        }
        done(token);
      });
}

}  // namespace petrel::server

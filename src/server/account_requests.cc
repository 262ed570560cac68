#include "server/account_requests.h"

#include "petrel/auth/jwt.h"
#include "petrel/base/go_json.h"
#include "petrel/base/go_quote.h"
#include "petrel/base/nkey_text.h"
#include "petrel/system/server_description.h"

#include <algorithm>

namespace petrel::server {

namespace {

constexpr const char* kStrict = "operator requires issuer to be a signing key";
constexpr Duration kSyncInterval = Duration::minutes(1);
constexpr Duration kExpiryCheckMin = Duration::millis(100);
constexpr Duration kExpiryCheckMax = Duration::minutes(1);
constexpr const char* kForeign = "subject does not match jwt content";

// The account in "$SYS.REQ.ACCOUNT.<id>.CLAIMS..." and the older "$SYS.ACCOUNT.<id>.CLAIMS.UPDATE".
std::string account_of(const std::string& subject) {
  const std::string prefix =
      subject.rfind("$SYS.REQ.", 0) == 0 ? "$SYS.REQ.ACCOUNT." : "$SYS.ACCOUNT.";
  return subject.substr(prefix.size(), subject.find('.', prefix.size()) - prefix.size());
}

void append_field(std::string& out, Slice name, Slice value) {
  if (out.back() != '{') out.push_back(',');
  append_go_json_string(out, name);
  out.push_back(':');
  append_go_json_string(out, value);
}

}  // namespace

AccountRequests::AccountRequests(AuthEnvironment& environment, InternalEndpoints& endpoints,
                                 std::shared_ptr<const auth::OperatorTrust> trust,
                                 AccountResolver& resolver, AccountKeeper& keeper)
    : environment_(environment),
      endpoints_(endpoints),
      trust_(std::move(trust)),
      resolver_(resolver),
      keeper_(keeper),
      pack_inbox_("$SYS._INBOX." + environment.identity.id + ".packs") {}

void AccountRequests::serve_one(const std::string& subject, const std::string& queue,
                                Handler handler) {
  endpoints_.serve(
      trust_->system_account(), subject, queue, [this, handler](const InternalMessage& request) {
        static_cast<void>(
            environment_.decide_later([this, handler, request] { (this->*handler)(request); }));
      });
}

void AccountRequests::serve() {
  const bool has_directory = resolver_.directory() != nullptr;
  const Handler update =
      has_directory ? &AccountRequests::update_named : &AccountRequests::update_known;
  serve_one("$SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE", "", update);
  serve_one("$SYS.ACCOUNT.*.CLAIMS.UPDATE", "", update);
  if (!has_directory) return;
  serve_one("$SYS.REQ.CLAIMS.UPDATE", "", &AccountRequests::update_any);
  serve_one("$SYS.REQ.CLAIMS.LIST", "", &AccountRequests::list);
  serve_one("$SYS.REQ.CLAIMS.DELETE", "", &AccountRequests::remove);
  environment_.say(LogLevel::kInfo,
                   std::string(is_cache() ? "Managing some jwt" : "Managing all jwt") +
                       " in exclusive directory " + resolver_.options().dir);
  if (is_cache()) return;
  serve_one("$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP", "", &AccountRequests::lookup);
  serve_one("$SYS.REQ.CLAIMS.PACK", "responder", &AccountRequests::pack);
  serve_one(pack_inbox_, "", &AccountRequests::take_pack);
}

void AccountRequests::start() {
  if (resolver_.directory() == nullptr) return;
  const conf::ResolverOptions& options = resolver_.options();
  if (!is_cache()) {
    const bool is_set = options.interval.ns > 0;
    repeat("pack", is_set ? options.interval : kSyncInterval, &AccountRequests::ask_for_packs);
  } else if (options.ttl.ns > 0) {
    repeat("ttl", std::clamp(options.ttl / 2, kExpiryCheckMin, kExpiryCheckMax),
           &AccountRequests::forget_unused);
  }
}

void AccountRequests::repeat(const std::string& name, Duration every, Step step) {
  const WallTime at = environment_.wall_now() + every;
  environment_.post(0, [this, name, every, step, at](shard::Shard&) {
    endpoints_.call_at(name, at, [this, name, every, step] {
      static_cast<void>(environment_.decide_later([this, name, every, step] {
        (this->*step)();
        repeat(name, every, step);
      }));
    });
  });
}

std::string AccountRequests::words(const char* full, const char* cache) const {
  return is_cache() ? cache : full;
}

// --- updates ---

void AccountRequests::store(const InternalMessage& request, const auth::AccountClaims& claims) {
  const std::string& account = claims.subject;
  if (is_cache() && keeper_.find(account) == nullptr) {
    respond(request, {account, "jwt update cache skipped", ""});
    return;
  }
  const int64_t now = environment_.wall_now().ns / 1'000'000'000;
  if (std::string why = auth::check_account_claims(claims, now, false); !why.empty()) {
    respond(request, {account, words("jwt validation failed", "jwt update cache validation failed"),
                      std::move(why)});
    return;
  }
  const std::string failed =
      words("jwt update resulted in error", "jwt update cache resulted in error");
  // nats-server stores what an untrusted issuer signed and says that all is well.
  if (!trust_->trusts(claims.issuer)) {
    respond(request, {account, failed, "account validation failed"});
    return;
  }
  const auto saved = resolver_.directory()->save(account, request.body, environment_.wall_now());
  if (!saved) {
    respond(request, {account, failed, saved.error().detail});
    return;
  }
  if (std::string why = keeper_.update(account, request.body); !why.empty()) {
    environment_.say(LogLevel::kError, "DirResolver - Update for account " + go_quote(account) +
                                           " resulted in error " + why);
  }
  respond(request, {account, words("jwt updated", "jwt updated cache"), ""});
}

void AccountRequests::update_named(const InternalMessage& request) {
  const std::string account = account_of(request.subject);
  const std::string failed =
      words("jwt update resulted in error", "jwt update cache resulted in error");
  const auto claims = auth::decode_account_claims(request.body);
  if (!claims) {
    respond(request, {words("n/a", account.c_str()), failed, claims.error().detail});
  } else if (claims->subject != account) {
    respond(request, {account, failed, kForeign});
  } else if (trust_->refuses_identity_key(claims->issuer)) {
    respond(request, {account, failed, kStrict});
  } else {
    store(request, *claims);
  }
}

void AccountRequests::update_any(const InternalMessage& request) {
  const std::string failed =
      words("jwt update resulted in error", "jwt update cache resulted in error");
  const auto claims = auth::decode_account_claims(request.body);
  if (!claims) {
    respond(request, {"n/a", failed, claims.error().detail});
  } else if (trust_->refuses_identity_key(claims->issuer)) {
    respond(request, {claims->subject, failed, kStrict});
  } else {
    store(request, *claims);
  }
}

// Without a directory: only accounts that are in use.
void AccountRequests::update_known(const InternalMessage& request) {
  const std::string account = account_of(request.subject);
  const char* failed = "jwt update resulted in error";
  if (request.body.empty()) {
    respond(request, {account, "jwt update error", "request body is empty"});
    return;
  }
  const auto claims = auth::decode_account_claims(request.body);
  if (!claims) {
    respond(request, {account, failed, claims.error().detail});
  } else if (claims->subject != account) {
    respond(request, {account, failed, kForeign});
  } else if (keeper_.find(account) == nullptr) {
    respond(request, {account, "jwt update skipped", ""});
  } else if (std::string why = keeper_.update(account, request.body); !why.empty()) {
    respond(request, {account, failed, std::move(why)});
  } else {
    respond(request, {account, "jwt updated", ""});
  }
}

// --- lists ---

void AccountRequests::lookup(const InternalMessage& request) {
  const std::string account = account_of(request.subject);
  if (!is_public_nkey(account)) return;
  reply(request,
        resolver_.directory()->load(account, environment_.wall_now()).value_or(std::string()));
}

void AccountRequests::list(const InternalMessage& request) {
  std::string body = "{\"data\":[";
  bool is_first = true;
  resolver_.directory()->for_each(environment_.wall_now(),
                                  [&](const std::string& account, const std::string&) {
                                    if (!std::exchange(is_first, false)) body.push_back(',');
                                    append_go_json_string(body, account);
                                  });
  body.append("],\"server\":").append(server_json()).append("}");
  reply(request, std::move(body));
}

Result<std::vector<std::string>> AccountRequests::read_removal(const std::string& token,
                                                               std::string& by) const {
  const auto wrong = [](const char* text) { return Error{Errc::kInvalidArgument, text}; };
  PETREL_TRY(const auth::GenericClaims claims, auth::decode_generic_claims(token));
  by = claims.subject;
  if (!resolver_.options().allow_delete && !is_cache()) {
    return wrong("delete must be enabled in server config");
  }
  if (claims.subject != claims.issuer) return wrong("not self signed");
  if (!trust_->may_delete(claims.issuer)) return wrong("not trusted");
  if (!claims.accounts) return wrong("malformed request");
  for (const std::string& account : *claims.accounts) {
    if (!is_public_nkey(account, NkeyKind::kAccount)) return wrong("malformed request");
    if (account == trust_->system_account()) {
      return wrong("not allowed to delete system account");
    }
  }
  return *claims.accounts;
}

void AccountRequests::remove(const InternalMessage& request) {
  std::string by;
  const auto accounts = read_removal(request.body, by);
  if (!accounts) {
    respond(request, {"", "delete accounts request by " + by + " failed", accounts.error().detail});
    return;
  }
  size_t removed = 0;
  std::string errors;
  for (const std::string& account : *accounts) {
    if (const Status status = resolver_.directory()->remove(account); !status) {
      errors += (errors.empty() ? "" : "\n") + status.error().detail;
      continue;
    }
    keeper_.disable(account);
    ++removed;
  }
  std::string message = "deleted " + std::to_string(removed) + " accounts";
  if (!errors.empty()) {
    message += ", failed for " + std::to_string(accounts->size() - removed);
  }
  respond(request, {"", std::move(message), std::move(errors)});
}

// Tells another server all accounts, unless it has the same ones.
void AccountRequests::pack(const InternalMessage& request) {
  if (request.reply.empty()) return;
  const JwtDirectory::Hash& hash = resolver_.directory()->hash();
  const Slice ours(reinterpret_cast<const char*>(hash.data()), hash.size());
  if (request.body != ours) {
    resolver_.directory()->for_each(environment_.wall_now(),
                                    [&](const std::string& account, const std::string& token) {
                                      reply(request, account + "|" + token);
                                    });
  }
  reply(request, "");
}

void AccountRequests::forget_unused() {
  resolver_.directory()->expire(environment_.wall_now());
}

// Asks one of the other servers for the accounts that it has and we may lack.
void AccountRequests::ask_for_packs() {
  const JwtDirectory::Hash& hash = resolver_.directory()->hash();
  InternalMessage question;
  question.account = trust_->system_account();
  question.subject = "$SYS.REQ.CLAIMS.PACK";
  question.reply = pack_inbox_;
  question.body.assign(hash.begin(), hash.end());
  environment_.post(
      0, [this, question = std::move(question)](shard::Shard&) { endpoints_.send(question); });
}

// Lines "account|JWT"; an empty message ends them.
void AccountRequests::take_pack(const InternalMessage& packed) {
  const WallTime now = environment_.wall_now();
  for (size_t begin = 0; begin < packed.body.size();) {
    const size_t end = std::min(packed.body.find('\n', begin), packed.body.size());
    const std::string line = packed.body.substr(begin, end - begin);
    begin = end + 1;
    if (line.empty()) continue;
    const size_t bar = line.find('|');
    const std::string account = line.substr(0, bar);
    const auto claims =
        auth::decode_account_claims(bar == std::string::npos ? "" : Slice(line).substr(bar + 1));
    if (!claims || claims->subject != account || !trust_->trusts(claims->issuer)) {
      environment_.say(LogLevel::kError, "DirResolver - Merging resulted in error: " +
                                             (claims ? account : claims.error().detail));
      return;
    }
    const std::string token = line.substr(bar + 1);
    const auto saved = resolver_.directory()->save_if_newer(account, token, now);
    if (saved && *saved) static_cast<void>(keeper_.update(account, token));
  }
}

void AccountRequests::reread_directory() {
  if (resolver_.directory() == nullptr) return;
  for (const std::string& account : resolver_.directory()->reread(environment_.wall_now())) {
    const auto token = resolver_.directory()->load(account, environment_.wall_now());
    if (!token) continue;
    if (std::string why = keeper_.update(account, *token); !why.empty()) {
      environment_.say(LogLevel::kError, "DirResolver - Update for account " + go_quote(account) +
                                             " resulted in error " + why);
    }
  }
}

// --- answers ---

std::string AccountRequests::server_json() {
  const auto described =
      system::ServerDescription::of(*environment_.options(), environment_.identity.id);
  return described.to_json(++sent_, environment_.wall_now());
}

void AccountRequests::respond(const InternalMessage& request, const Outcome& outcome) {
  const std::string about = outcome.account.empty() ? "" : " - " + outcome.account;
  if (outcome.error.empty()) {
    environment_.say(LogLevel::kDebug, outcome.message + about);
  } else {
    environment_.say(LogLevel::kError, outcome.message + about + " - " + outcome.error);
  }
  std::string body = "{\"server\":" + server_json();
  body.append(outcome.error.empty() ? ",\"data\":{" : ",\"error\":{");
  if (!outcome.account.empty()) append_field(body, "account", outcome.account);
  if (body.back() != '{') body.push_back(',');
  body.append("\"code\":").append(outcome.error.empty() ? "200" : "500");
  if (outcome.error.empty()) {
    append_field(body, "message", outcome.message);
  } else {
    append_field(body, "description", outcome.message + " - " + outcome.error);
  }
  reply(request, body.append("}}"));
}

void AccountRequests::reply(const InternalMessage& request, std::string body) {
  if (request.reply.empty()) return;
  InternalMessage message;
  message.account = request.account;
  message.subject = request.reply;
  message.body = std::move(body);
  environment_.post(
      0, [this, message = std::move(message)](shard::Shard&) { endpoints_.send(message); });
}

}  // namespace petrel::server

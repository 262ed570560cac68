#include "petrel/auth/jwt_account.h"

#include "petrel/auth/jwt.h"
#include "petrel/base/go_quote.h"
#include "petrel/subject/subject.h"

#include <algorithm>
#include <limits>
#include <set>

namespace petrel::auth {

namespace {

int32_t limit_of(int64_t claim) {
  return static_cast<int32_t>(std::clamp<int64_t>(claim, std::numeric_limits<int32_t>::min(),
                                                  std::numeric_limits<int32_t>::max()));
}

// --- JetStream ---

int64_t unlimited_if_zero(int64_t claim) {
  return claim > 0 ? claim : -1;
}

conf::AccountJetStreamLimits jetstream_limits(const JetStreamClaim& claim) {
  conf::AccountJetStreamLimits limits;
  limits.max_memory = claim.memory;
  limits.max_store = claim.disk;
  limits.max_streams = claim.streams;
  limits.max_consumers = claim.consumers;
  limits.max_ack_pending = unlimited_if_zero(claim.max_ack_pending);
  limits.memory_max_stream_bytes = unlimited_if_zero(claim.memory_max_stream_bytes);
  limits.store_max_stream_bytes = unlimited_if_zero(claim.disk_max_stream_bytes);
  limits.max_bytes_required = claim.max_bytes_required;
  return limits;
}

bool has_storage(const JetStreamClaim& claim) {
  return claim.memory != 0 || claim.disk != 0;
}

void take_jetstream(const AccountClaims& claims, Account& account) {
  const bool is_owner = claims.cluster_traffic == "owner";
  const AccountLimitClaims& limits = claims.limits;
  for (const auto& [tier, claim] : limits.tiers) {
    account.jetstream_tiers[tier] = jetstream_limits(claim);
  }
  const bool has_tier = std::any_of(limits.tiers.begin(), limits.tiers.end(),
                                    [](const auto& tier) { return has_storage(tier.second); });
  if (has_tier) {
    account.jetstream.emplace();
  } else if (limits.tiers.empty() && has_storage(limits.jetstream)) {
    account.jetstream = jetstream_limits(limits.jetstream);
  } else {
    account.jetstream_tiers.clear();
    return;
  }
  account.jetstream->cluster_traffic_owner = is_owner;
}

// --- exports ---

conf::ExportOptions export_of(const ExportClaim& claim) {
  conf::ExportOptions out;
  out.subject = claim.subject;
  out.is_service = claim.kind == ShareKind::kService;
  out.account_token_position = static_cast<int64_t>(claim.account_token_position);
  if (claim.response_type == "Stream") out.response_type = conf::ResponseType::kStreamed;
  if (claim.response_type == "Chunked") out.response_type = conf::ResponseType::kChunked;
  out.response_threshold = Duration{claim.response_threshold_ns};
  if (claim.latency) {
    out.latency =
        conf::LatencyOptions{claim.latency->results, static_cast<int>(claim.latency->sampling)};
  }
  out.allow_trace = claim.allow_trace;
  return out;
}

// --- imports ---

conf::ImportOptions import_of(const ImportClaim& claim) {
  conf::ImportOptions out;
  out.is_service = claim.kind == ShareKind::kService;
  out.account = claim.account;
  out.subject = claim.subject;
  out.share = claim.share;
  out.allow_trace = claim.allow_trace;
  if (!claim.local_subject.empty()) {
    out.to = claim.local_subject;
  } else if (!out.is_service) {
    out.prefix = claim.to;
  } else if (!claim.to.empty()) {
    // The older form names what the importer asks for first.
    out.subject = claim.to;
    out.to = claim.subject;
  }
  return out;
}

std::string token_at(const std::string& subject, uint64_t position) {
  size_t begin = 0;
  for (uint64_t i = 1; i < position; ++i) {
    begin = subject.find('.', begin);
    if (begin == std::string::npos) return "";
    ++begin;
  }
  return subject.substr(begin, subject.find('.', begin) - begin);
}

// Whether the exporter gave that token, and still stands by it.
bool is_activated(const ImportClaim& import, const std::string& importer,
                  const ExportClaim& granted, const JwtAccount& exporter, int64_t now) {
  if (import.token.empty()) return false;
  const auto token = decode_activation_claims(import.token);
  if (!token || token->subject != importer) return false;
  const bool is_own = token->issuer_account.empty();
  if (is_own ? token->issuer != exporter.claims.subject
             : token->issuer_account != exporter.claims.subject) {
    return false;
  }
  const UserScope* scope = nullptr;
  if (!is_own && !exporter.has_issuer(token->issuer, &scope)) return false;
  if (token->expires != 0 && token->expires <= now) return false;
  if (token->not_before > now || token->import_kind != import.kind) return false;
  const bool is_renamed = import.kind == ShareKind::kService && !import.to.empty();
  if (!is_contained_in(is_renamed ? import.to : import.subject, token->import_subject)) {
    return false;
  }
  return !is_revoked(granted.revocations, token->subject, token->issued_at);
}

bool is_granted(const ImportClaim& import, const std::string& importer, const JwtAccount& exporter,
                int64_t now) {
  const std::string subject = import_of(import).subject;
  for (const ExportClaim& entry : exporter.claims.exports) {
    if (entry.kind != import.kind) continue;
    if (entry.subject != subject && !subject::is_subset_match(subject, entry.subject)) continue;
    if (entry.account_token_position > 0 &&
        token_at(subject, entry.account_token_position) == importer) {
      return true;
    }
    if (entry.account_token_position > 0 && !entry.token_required) continue;
    if (!entry.token_required || is_activated(import, importer, entry, exporter, now)) return true;
  }
  return false;
}

void take_imports(const AccountClaims& claims, const AccountMaking& making, JwtAccount& made,
                  std::vector<std::string>* problems, Account& account) {
  for (const ImportClaim& import : claims.imports) {
    const auto exporter = making.find ? making.find(import.account) : nullptr;
    std::string problem;
    if (exporter == nullptr) {
      problem = "Can't locate account [" + import.account + "] for import of [" + import.subject +
                "] " + (import.kind == ShareKind::kService ? "service" : "stream") +
                " (err=account missing)";
    } else if (!is_granted(import, claims.subject, *exporter, making.now)) {
      problem = "Error adding " +
                std::string(import.kind == ShareKind::kService ? "service" : "stream") +
                " import to account [" + claims.subject + "]: " + go_quote(import.subject) +
                " is not exported to it";
    }
    if (problem.empty()) {
      account.imports.push_back(import_of(import));
      if (const auto token = decode_activation_claims(import.token); token && token->expires > 0) {
        made.imports_end =
            made.imports_end == 0 ? token->expires : std::min(made.imports_end, token->expires);
      }
      continue;
    }
    made.is_incomplete = true;
    if (problems != nullptr) problems->push_back(std::move(problem));
  }
}

void take_limits(const AccountLimitClaims& limits, conf::AccountLimits& out) {
  out.max_connections = limit_of(limits.connections);
  out.max_subscriptions = limit_of(limits.subscriptions);
  out.max_payload = limit_of(limits.payload);
  out.max_leafnodes = limit_of(limits.leafnodes);
}

void take_trace(const AccountClaims& claims, Account& account) {
  if (!claims.trace || !subject::is_valid_literal(claims.trace->destination)) return;
  account.trace_destination = claims.trace->destination;
  const int64_t sampling = claims.trace->sampling;
  account.trace_sampling = sampling <= 0 || sampling > 100 ? 100 : static_cast<int>(sampling);
}

}  // namespace

std::shared_ptr<const JwtAccount> make_jwt_account(AccountClaims claims, std::string token,
                                                   const AccountMaking& making,
                                                   std::vector<std::string>* problems) {
  auto made = std::make_shared<JwtAccount>();
  auto account = std::make_shared<Account>();
  account->name = claims.subject;
  account->name_tag = claims.name;
  account->is_system = claims.subject == making.trust.system_account();
  take_limits(claims.limits, account->limits);
  take_jetstream(claims, *account);
  take_trace(claims, *account);
  for (const ExportClaim& entry : claims.exports) account->exports.push_back(export_of(entry));
  take_imports(claims, making, *made, problems, *account);
  if (auto mappings = make_mappings(claims.mappings)) {
    account->mappings = *std::move(mappings);
    account->mapping_options = claims.mappings;
  } else if (problems != nullptr) {
    problems->push_back("Error adding subject mapping for account [" + claims.subject +
                        "]: " + mappings.error().detail);
  }
  if (const auto permissions = permission_options(claims.default_permissions)) {
    made->default_permissions =
        std::make_shared<const Permissions>(*permissions, making.strict_permissions);
  }
  made->is_strict = making.trust.is_strict(claims.issuer);
  made->claims = std::move(claims);
  made->token = std::move(token);
  made->account = std::move(account);
  return made;
}

std::string check_account_claims(const AccountClaims& claims, int64_t now, bool with_time) {
  std::string errors;
  for (const Issue& issue : validate(claims, now)) {
    if (!issue.is_blocking || (issue.is_time && !with_time)) continue;
    errors += (errors.empty() ? "" : " ") + issue.text;
  }
  if (!errors.empty()) return "validation errors: [" + errors + "]";
  for (const conf::MappingOptions& mapping : claims.mappings) {
    std::set<std::string> seen;
    const std::string quoted = "mapping " + go_quote(mapping.source);
    if (!subject::is_valid_subject(mapping.source)) return quoted + ": invalid subject";
    for (const conf::MappingDestination& destination : mapping.destinations) {
      if (!seen.insert(destination.subject).second) {
        return quoted + ": duplicate entry for " + go_quote(destination.subject);
      }
    }
    if (const auto made = make_mappings({mapping}); !made) {
      return quoted + ": " + made.error().detail;
    }
  }
  return "";
}

}  // namespace petrel::auth

// What is wrong with claims beside their signature. Texts as nats-server's.
#include "auth/source_network.h"

#include "petrel/auth/jwt.h"
#include "petrel/base/go_quote.h"
#include "petrel/base/nkey_text.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace petrel::auth {

namespace {

constexpr size_t kInfoBytesMax = 8 * 1024;

class Report {
 public:
  void error(std::string text) { issues_.push_back({std::move(text), true, false}); }
  void time(std::string text) { issues_.push_back({std::move(text), true, true}); }
  void warning(std::string text) { issues_.push_back({std::move(text), false, false}); }
  Issues take() { return std::move(issues_); }

 private:
  Issues issues_;
};

std::vector<Slice> split(Slice text, char at) {
  std::vector<Slice> parts;
  while (true) {
    const size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == Slice::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool has_wildcards(const std::string& subject) {
  const std::vector<Slice> tokens = split(subject, '.');
  return tokens.back() == ">" || std::find(tokens.begin(), tokens.end(), "*") != tokens.end();
}

void check_subject(const std::string& subject, Report& report) {
  if (subject.empty()) {
    report.error("subject cannot be empty");
    return;
  }
  if (subject.find(' ') != std::string::npos) {
    report.error("subject " + go_quote(subject) + " cannot have spaces");
  }
  if (subject.front() == '.' || subject.back() == '.') {
    report.error("subject " + go_quote(subject) + " cannot start or end with a `.`");
  }
  if (subject.find("..") != std::string::npos) {
    report.error("subject " + go_quote(subject) + " cannot contain consecutive `.`");
  }
}

void check_common(const Claims& claims, int64_t now, Report& report) {
  if (claims.expires > 0 && now > claims.expires) report.time("claim is expired");
  if (claims.not_before > 0 && claims.not_before > now) report.time("claim is not yet valid");
}

// --- users ---

void check_permission(const std::vector<std::string>& list, bool may_name_queue, Report& report) {
  for (const std::string& entry : list) {
    const std::vector<Slice> parts = split(entry, ' ');
    if (parts.size() > 2) {
      report.error("Permission Subject \"" + entry + "\" contains too many spaces");
      continue;
    }
    for (const Slice part : parts) check_subject(std::string(part), report);
    if (parts.size() == 2 && !may_name_queue) {
      report.error("Permission Subject \"" + entry + "\" is not allowed to contain queue");
    }
  }
}

void check_permissions(const PermissionClaims& permissions, Report& report) {
  check_permission(permissions.subscribe_allow, true, report);
  check_permission(permissions.subscribe_deny, true, report);
  check_permission(permissions.publish_allow, false, report);
  check_permission(permissions.publish_deny, false, report);
}

bool is_clock_time(const std::string& text) {
  const std::vector<Slice> parts = split(text, ':');
  if (parts.size() != 3) return false;
  constexpr int kMax[] = {23, 59, 59};
  for (size_t i = 0; i < 3; ++i) {
    int value = -1;
    const char* end = parts[i].data() + parts[i].size();
    const auto read = std::from_chars(parts[i].data(), end, value);
    // The hour may have one digit.
    const bool has_digits = parts[i].size() == 2 || (i == 0 && parts[i].size() == 1);
    if (!has_digits || read.ec != std::errc{} || read.ptr != end || value < 0 || value > kMax[i]) {
      return false;
    }
  }
  return true;
}

void check_times(const std::vector<TimeRange>& times, Report& report) {
  for (const TimeRange& range : times) {
    if (range.start.empty()) {
      report.error("time ranges start must contain a start");
    } else if (!is_clock_time(range.start)) {
      report.error("start in time range is invalid " + go_quote(range.start));
    }
    if (range.end.empty()) {
      report.error("time ranges end must contain an end");
    } else if (!is_clock_time(range.end)) {
      report.error("end in time range is invalid " + go_quote(range.end));
    }
  }
}

// --- accounts ---

bool is_number(Slice text) {
  const char* end = text.data() + text.size();
  int value = 0;
  const auto read = std::from_chars(text.data(), end, value);
  return !text.empty() && read.ec == std::errc{} && read.ptr == end;
}

bool ends_open(const std::string& subject) {
  return subject == ">" || (subject.size() > 1 && subject.substr(subject.size() - 2) == ".>");
}

// "$1" in a local subject stands for the first "*".
std::string plain_subject(const std::string& local) {
  std::string out;
  for (const Slice token : split(local, '.')) {
    if (!out.empty()) out.push_back('.');
    const bool is_reference = token.size() > 1 && token[0] == '$' && is_number(token.substr(1));
    out.append(is_reference ? Slice("*") : token);
  }
  return out;
}

void check_local_subject(const std::string& local, const std::string& from, Report& report) {
  check_subject(local, report);
  if (from.empty()) report.error("subject cannot be empty");
  if (ends_open(local) != ends_open(from)) {
    report.error("both, renaming subject and subject, need to end or not end in >");
  }
  const std::vector<Slice> tokens = split(from, '.');
  const auto wildcards = std::count(tokens.begin(), tokens.end(), "*");
  std::ptrdiff_t references = 0;
  for (const Slice token : split(local, '.')) {
    if (token == "*") ++references;
    if (token.size() < 2 || token[0] != '$' || !is_number(token.substr(1))) continue;
    int index = 0;
    std::from_chars(token.data() + 1, token.data() + token.size(), index);
    if (index > wildcards) {
      report.error("Reference $" + std::to_string(index) + " in " + go_quote(local) +
                   " reference * in " + go_quote(from) + " that do not exist");
    } else {
      ++references;
    }
  }
  if (references != wildcards) {
    report.error("subject does not contain enough * or reference wildcards $[0-9]");
  }
}

const char* kind_name(ShareKind kind) {
  if (kind == ShareKind::kStream) return "stream";
  return kind == ShareKind::kService ? "service" : "unknown";
}

void check_activation(const ImportClaim& import, const AccountClaims& account, Report& report) {
  const std::string quoted = go_quote(import.subject);
  const auto token = decode_activation_claims(import.token);
  if (!token) {
    report.error("import " + quoted + " contains an invalid activation token");
    return;
  }
  if (token->issuer != import.account && token->issuer_account != import.account) {
    report.error("activation token doesn't match account for import " + quoted);
  }
  if (token->subject != account.subject) {
    report.error("activation token doesn't match account it is being included in, " + quoted);
  }
  if (token->import_kind != import.kind) {
    report.error(std::string("mismatch between token import type ") +
                 kind_name(token->import_kind) + " and type of import " + kind_name(import.kind));
  }
  if (token->import_kind == ShareKind::kUnknown) report.error("invalid import type: \"unknown\"");
  check_subject(token->import_subject, report);
  if (!token->issuer_account.empty() &&
      !is_public_nkey(token->issuer_account, NkeyKind::kAccount)) {
    report.error("account_id is not an account public key");
  }
  const bool is_renamed = import.kind == ShareKind::kService && !import.to.empty();
  if (!is_contained_in(is_renamed ? import.to : import.subject, token->import_subject)) {
    report.error("activation token import subject " + go_quote(token->import_subject) +
                 " doesn't match import " + quoted);
  }
}

void check_import(const ImportClaim& import, const AccountClaims& account, Report& report) {
  const bool is_service = import.kind == ShareKind::kService;
  if (import.kind == ShareKind::kUnknown) report.error("invalid import type: \"unknown\"");
  if (is_service && import.allow_trace) report.error("AllowTrace only valid for stream import");
  if (import.account.empty()) report.error("account to import from is not specified");
  if (!import.to.empty()) {
    report.warning("the field to has been deprecated (use LocalSubject instead)");
  }
  check_subject(import.subject, report);
  if (!import.local_subject.empty()) {
    check_local_subject(import.local_subject, import.subject, report);
    if (!import.to.empty()) report.error("Local Subject replaces To");
  }
  if (import.share && !is_service) {
    report.error("sharing information (for latency tracking) is only valid for services: " +
                 go_quote(import.subject));
  }
  if (!import.token.empty()) check_activation(import, account, report);
}

// Services of one account may not overlap where they are imported.
void check_imports(const AccountClaims& account, Report& report) {
  std::map<std::string, std::set<std::string>> subjects;
  for (const ImportClaim& import : account.imports) {
    if (import.kind == ShareKind::kService) {
      std::string subject = import.to;
      if (subject.empty()) subject = plain_subject(import.local_subject);
      if (subject.empty()) subject = import.subject;
      for (const std::string& other : subjects[import.account]) {
        if (is_contained_in(subject, other) || is_contained_in(other, subject)) {
          report.error("overlapping subject namespace for " + go_quote(subject) + " and " +
                       go_quote(other) + " in same account " + go_quote(import.account));
        }
      }
      subjects[import.account].insert(std::move(subject));
    }
    check_import(import, account, report);
  }
}

void check_token_position(const ExportClaim& entry, Report& report) {
  const std::string position = std::to_string(entry.account_token_position);
  const std::vector<Slice> tokens = split(entry.subject, '.');
  if (!has_wildcards(entry.subject)) {
    report.error("Account Token Position can only be used with wildcard subjects: " +
                 entry.subject);
  } else if (entry.account_token_position > tokens.size()) {
    report.error("Account Token Position " + position + " exceeds length of subject '" +
                 entry.subject + "'");
  } else if (const Slice token = tokens[entry.account_token_position - 1]; token != "*") {
    report.error("Account Token Position " + position + " matches '" + std::string(token) +
                 "' but must match a * in: " + entry.subject);
  }
}

void check_latency(const ExportClaim& entry, Report& report) {
  if (!entry.latency) return;
  if (entry.kind != ShareKind::kService)
    report.error("latency tracking only permitted for services");
  if (entry.latency->sampling < 0 || entry.latency->sampling > 100) {
    report.error("sampling percentage needs to be between 1-100");
  }
  check_subject(entry.latency->results, report);
  if (has_wildcards(entry.latency->results)) {
    report.error("results subject can not contain wildcards");
  }
}

void check_export(const ExportClaim& entry, Report& report) {
  const bool is_service = entry.kind == ShareKind::kService;
  const std::string& type = entry.response_type;
  if (entry.kind == ShareKind::kUnknown) report.error("invalid export type: \"unknown\"");
  if (is_service && !type.empty() && type != "Singleton" && type != "Chunked" && type != "Stream") {
    report.error("invalid response type for service: " + go_quote(type));
  }
  if (entry.kind == ShareKind::kStream) {
    if (!type.empty()) report.error("invalid response type for stream: " + go_quote(type));
    if (entry.allow_trace) report.error("AllowTrace only valid for service export");
  }
  check_latency(entry, report);
  if (entry.response_threshold_ns < 0) report.error("negative response threshold is invalid");
  if (entry.response_threshold_ns > 0 && !is_service) {
    report.error("response threshold only valid for services");
  }
  check_subject(entry.subject, report);
  if (entry.account_token_position > 0) check_token_position(entry, report);
}

void check_exports(const AccountClaims& account, Report& report) {
  std::set<std::string> told;
  for (const ExportClaim& entry : account.exports) {
    check_export(entry, report);
    for (const ExportClaim& other : account.exports) {
      const bool is_same_kind = entry.kind == other.kind;
      if (&entry == &other || !is_same_kind || !is_contained_in(entry.subject, other.subject)) {
        continue;
      }
      if (!told.insert(kind_name(other.kind) + other.subject).second) continue;
      report.error(std::string(kind_name(other.kind)) + " export subject " +
                   go_quote(other.subject) + " already exports " + go_quote(entry.subject));
    }
  }
}

void check_mappings(const AccountClaims& account, Report& report) {
  for (const conf::MappingOptions& mapping : account.mappings) {
    const std::string quoted = "Mapping " + go_quote(mapping.source);
    check_subject(mapping.source, report);
    std::map<std::string, unsigned> totals;
    for (const conf::MappingDestination& destination : mapping.destinations) {
      check_subject(destination.subject, report);
      if (destination.weight > 100) {
        report.error(quoted + " has a weight " + std::to_string(destination.weight) +
                     " that exceeds 100");
      }
      totals[destination.cluster] += destination.weight;
    }
    for (const auto& [cluster, total] : totals) {
      if (total <= 100) continue;
      report.error(quoted + (cluster.empty() ? "" : " in cluster " + go_quote(cluster)) +
                   " exceeds 100% among all of it's weighted to mappings");
    }
  }
}

void check_callout(const CalloutClaims& callout, Report& report) {
  const std::vector<std::string>& accounts = callout.allowed_accounts;
  if (!accounts.empty() && callout.auth_users.empty()) {
    report.error("External authorization cannot have accounts without users specified");
  }
  for (const std::string& user : callout.auth_users) {
    if (!is_public_nkey(user, NkeyKind::kUser)) {
      report.error("AuthUser " + go_quote(user) + " is not a valid user public key");
    }
  }
  for (const std::string& account : accounts) {
    if (account == kAnyAccount) {
      if (accounts.size() > 1) {
        report.error("AllowedAccounts can only be a list of accounts or \"*\"");
      }
    } else if (!is_public_nkey(account, NkeyKind::kAccount)) {
      report.error("Account " + go_quote(account) + " is not a valid account public key");
    }
  }
  if (!callout.xkey.empty() && !is_public_nkey(callout.xkey, NkeyKind::kCurve)) {
    report.error("XKey " + go_quote(callout.xkey) + " is not a valid public xkey");
  }
}

void check_trace(const AccountClaims& account, Report& report) {
  if (!account.trace) return;
  Report subject;
  check_subject(account.trace->destination, subject);
  if (const Issues issues = subject.take(); !issues.empty()) {
    report.error("the account Trace.Destination " + issues.front().text);
  }
  if (has_wildcards(account.trace->destination)) {
    report.error("the account Trace.Destination subject " + go_quote(account.trace->destination) +
                 " is not a valid publish subject");
  }
  if (account.trace->sampling < 0 || account.trace->sampling > 100) {
    report.error("the account Trace.Sampling value '" + std::to_string(account.trace->sampling) +
                 "' is not valid, should be in the range [1..100]");
  }
}

void check_account_limits(const AccountClaims& account, Report& report) {
  const AccountLimitClaims& limits = account.limits;
  if (!limits.tiers.empty() && limits.tiers.count("") != 0) {
    report.error("Tiered JetStream Limits can not contain a blank \"\" tier name");
  }
  const auto exceeds = [](size_t count, int64_t limit) {
    return limit != kNoLimit && static_cast<int64_t>(count) > limit;
  };
  if (exceeds(account.imports.size(), limits.imports)) {
    report.error("the account contains more imports than allowed by the operator");
  }
  if (limits.exports == kNoLimit) return;
  if (exceeds(account.exports.size(), limits.exports)) {
    report.error("the account contains more exports than allowed by the operator");
  }
  if (limits.wildcard_exports) return;
  for (const ExportClaim& entry : account.exports) {
    if (!has_wildcards(entry.subject)) continue;
    report.error("the account contains wildcard exports that are not allowed by the operator");
  }
}

void check_signing_keys(const AccountClaims& account, Report& report) {
  for (const auto& [key, scope] : account.signing_keys) {
    if (is_public_nkey(key, NkeyKind::kAccount)) continue;
    report.error(scope ? key + " is not an account public key"
                       : go_quote(key) + " is not a valid account signing key");
  }
}

}  // namespace

bool is_contained_in(const std::string& subject, const std::string& other) {
  const std::vector<Slice> mine = split(subject, '.');
  const std::vector<Slice> theirs = split(other, '.');
  if (mine.size() > theirs.size() && theirs.back() != ">") return false;
  if (mine.size() < theirs.size()) return false;
  for (size_t i = 0; i < theirs.size(); ++i) {
    if (i + 1 == theirs.size() && theirs[i] == ">") return true;
    if (theirs[i] != mine[i] && theirs[i] != "*") return false;
  }
  return true;
}

const Issue* first_blocking(const Issues& issues, bool with_time) {
  for (const Issue& issue : issues) {
    if (issue.is_blocking && (with_time || !issue.is_time)) return &issue;
  }
  return nullptr;
}

Issues validate(const OperatorClaims& claims, int64_t now) {
  Report report;
  check_common(claims, now, report);
  for (const std::string& key : claims.signing_keys) {
    if (!is_public_nkey(key, NkeyKind::kOperator)) {
      report.error(key + " is not an operator public key");
    }
  }
  if (!claims.system_account.empty() &&
      !is_public_nkey(claims.system_account, NkeyKind::kAccount)) {
    report.error(claims.system_account + " is not an account public key");
  }
  return report.take();
}

Issues validate(const AccountClaims& claims, int64_t now) {
  Report report;
  check_common(claims, now, report);
  check_imports(claims, report);
  check_exports(claims, report);
  check_permissions(claims.default_permissions, report);
  check_mappings(claims, report);
  check_callout(claims.callout, report);
  check_trace(claims, report);
  check_account_limits(claims, report);
  check_signing_keys(claims, report);
  if (claims.description.size() > kInfoBytesMax) report.error("Description is too long");
  if (claims.info_url.size() > kInfoBytesMax) report.error("Info URL is too long");
  if (const std::string& traffic = claims.cluster_traffic;
      !traffic.empty() && traffic != "system" && traffic != "owner") {
    report.error("unknown cluster traffic option: " + go_quote(traffic));
  }
  return report.take();
}

Issues validate(const UserClaims& claims, int64_t now) {
  Report report;
  check_common(claims, now, report);
  check_permissions(claims.limits.permissions, report);
  for (const std::string& network : claims.limits.source_networks) {
    if (!is_network(network)) {
      report.error("invalid cidr " + go_quote(network) + " in user src limits");
    }
  }
  check_times(claims.limits.times, report);
  if (!claims.issuer_account.empty() &&
      !is_public_nkey(claims.issuer_account, NkeyKind::kAccount)) {
    report.error("account_id is not an account public key");
  }
  return report.take();
}

Issues validate(const AuthResponseClaims& claims, int64_t now) {
  Report report;
  if (!is_public_nkey(claims.subject, NkeyKind::kUser)) {
    report.error("Subject must be a user public key");
  }
  if (!is_public_nkey(claims.audience, NkeyKind::kServer)) {
    report.error("Audience must be a server public key");
  }
  if (claims.error.empty() && claims.jwt.empty()) report.error("Error or Jwt is required");
  if (!claims.error.empty() && !claims.jwt.empty()) report.error("Only Error or Jwt can be set");
  if (!claims.issuer_account.empty() &&
      !is_public_nkey(claims.issuer_account, NkeyKind::kAccount)) {
    report.error("issuer_account is not an account public key");
  }
  check_common(claims, now, report);
  return report.take();
}

}  // namespace petrel::auth

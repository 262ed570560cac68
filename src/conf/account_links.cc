// Matches the imports of all accounts with their exports, in the order nats-server does: stream
// exports, service exports, stream imports, service imports.
#include "conf/accounts_reader.h"
#include "conf/subject_mapping.h"
#include "conf/subject_text.h"

#include <map>
#include <set>

namespace petrel::conf {
namespace {

constexpr size_t kCycleDepthMax = 1024;

struct Export {
  std::set<std::string> approved = {};  // empty and no position: everyone
  int64_t account_position = 0;
  ResponseType response_type = ResponseType::kSingleton;
};

struct Account;

struct Import {
  const Account* account;
  std::string from;
  std::string to;
};

struct Account {
  const AccountOptions* options = nullptr;
  std::map<std::string, Export> streams = {};
  std::map<std::string, Export> services = {};
  std::vector<Import> stream_imports = {};
  std::vector<Import> service_imports = {};

  const std::string& name() const { return options->name; }
};

bool admits(const Export& entry, const std::string& account, const std::string* subject) {
  if (entry.account_position > 0) {
    if (subject == nullptr) return false;
    const auto tokens = subject_tokens(*subject);
    const auto position = static_cast<size_t>(entry.account_position);
    return position <= tokens.size() && tokens[position - 1] == account;
  }
  return entry.approved.empty() || entry.approved.count(account) > 0;
}

bool is_authorized(const std::map<std::string, Export>& exports, const std::string& account,
                   const std::string& subject) {
  const auto exact = exports.find(subject);
  if (exact != exports.end()) return admits(exact->second, account, nullptr);
  for (const auto& [exported, entry] : exports) {
    if (is_subset(subject, exported)) return admits(entry, account, &subject);
  }
  return false;
}

// Whether a message that `account` would import comes back to an account it was seen in. "" if not.
class CycleSearch {
 public:
  explicit CycleSearch(const std::string& start) { visited_.insert(start); }

  std::string streams(const Account& account, const std::string& subject) {
    if (visited_.size() >= kCycleDepthMax) return "search cycle depth exhausted";
    bool exported = false;
    for (const auto& [name, entry] : account.streams) {
      exported = exported || is_subset(subject, name);
    }
    if (!exported) return "";
    for (const Import& import : account.stream_imports) {
      if (!collide(subject, import.to)) continue;
      if (visited_.count(import.account->name()) > 0) return "import forms a cycle";
      visited_.insert(account.name());
      const bool narrower = is_subset(import.to, subject);
      const std::string problem = streams(*import.account, narrower ? import.to : subject);
      if (!problem.empty()) return problem;
    }
    return "";
  }

  std::string services(const Account& account, const std::string& subject) {
    if (visited_.size() >= kCycleDepthMax) return "search cycle depth exhausted";
    for (const Import& import : account.service_imports) {
      if (!collide(subject, import.to)) continue;
      if (visited_.count(import.account->name()) > 0) return "import forms a cycle";
      visited_.insert(account.name());
      const bool narrower = is_subset(import.from, subject);
      const std::string problem = services(*import.account, narrower ? import.from : subject);
      if (!problem.empty()) return problem;
    }
    return "";
  }

 private:
  std::set<std::string> visited_;
};

class Linker {
 public:
  Linker(Context& context, const Node& node) : context_(context), node_(node) {
    for (const AccountOptions& options : context.options.accounts) {
      accounts_[options.name].options = &options;
    }
  }

  void run() {
    for_each([this](Account& account) { add_exports(account, false); });
    for_each([this](Account& account) { add_exports(account, true); });
    for_each([this](Account& account) { add_imports(account, false); });
    for_each([this](Account& account) { add_imports(account, true); });
  }

 private:
  template <typename Body>
  void for_each(Body body) {
    for (const AccountOptions& options : context_.options.accounts) body(accounts_[options.name]);
  }

  Account* find(const std::string& name) {
    const auto found = accounts_.find(name);
    return found == accounts_.end() ? nullptr : &found->second;
  }

  void error(const std::string& text) { context_.report.error(&node_, text); }

  void add_exports(Account& account, bool services) {
    for (const ExportOptions& options : account.options->exports) {
      if (options.is_service == services) add_export(account, options);
    }
  }

  void add_export(Account& account, const ExportOptions& options) {
    const std::string kind = options.is_service ? "service" : "stream";
    Export entry;
    for (const std::string& name : options.accounts) {
      if (find(name) != nullptr) {
        entry.approved.insert(name);
      } else {
        error(go_quote(name) + " account not defined for " + kind + " export");
      }
    }
    entry.account_position = options.account_token_position;
    if (!is_position_possible(options)) {
      error("Error adding " + kind + " export " + go_quote(options.subject) +
            ": sublist: invalid subject");
      return;
    }
    auto& exports = options.is_service ? account.services : account.streams;
    const auto [existing, added] = exports.try_emplace(options.subject, entry);
    if (!added) existing->second.approved.merge(entry.approved);
    if (!options.is_service) return;
    if (options.response_type != ResponseType::kSingleton) {
      existing->second.response_type = options.response_type;
    }
    if (options.latency) check_latency(account, options, existing->second);
  }

  static bool is_position_possible(const ExportOptions& options) {
    if (options.account_token_position <= 0) return options.account_token_position == 0;
    const auto tokens = subject_tokens(options.subject);
    const auto position = static_cast<size_t>(options.account_token_position);
    return position <= tokens.size() && tokens[position - 1] == "*";
  }

  void check_latency(const Account& account, const ExportOptions& options, const Export& entry) {
    const std::string failed = "Error adding service latency sampling for ";
    if (context_.options.no_system_account) {
      error(failed + go_quote(options.subject) + ": system account not setup");
      return;
    }
    const std::string& results = options.latency->subject;
    std::string problem;
    if (!is_valid_subject(results) || has_wildcard(results) || is_exported(account, results)) {
      problem = "invalid publish subject";
    } else if (entry.response_type != ResponseType::kSingleton) {
      problem = "bad service response type";
    }
    if (problem.empty()) return;
    error(failed + go_quote(options.subject) + " on subject " + go_quote(results) + ": " + problem);
  }

  static bool is_exported(const Account& account, const std::string& subject) {
    for (const auto& [exported, entry] : account.services) {
      if (exported == subject || is_subset(subject, exported)) return true;
    }
    return false;
  }

  void add_imports(Account& account, bool services) {
    for (const ImportOptions& options : account.options->imports) {
      if (options.is_service != services) continue;
      const std::string kind = services ? "service" : "stream";
      Account* exporter = find(options.account);
      if (exporter == nullptr) {
        error(go_quote(options.account) + " account not defined for " + kind + " import");
        continue;
      }
      const std::string problem = services ? add_service_import(account, *exporter, options)
                                           : add_stream_import(account, *exporter, options);
      if (!problem.empty()) {
        error("Error adding " + kind + " import " + go_quote(options.subject) + ": " + problem);
      } else if (services && !is_sharing_possible(account, options)) {
        error("Error setting service import sharing " + go_quote(options.subject) +
              ": service import not found");
      }
    }
  }

  static std::string add_stream_import(Account& account, Account& exporter,
                                       const ImportOptions& options) {
    const std::string& from = options.subject;
    if (!is_valid_subject(from) || !is_authorized(exporter.streams, account.name(), from)) {
      return "stream import not authorized";
    }
    std::string to = options.to.empty() ? from : options.to;
    if (!options.prefix.empty()) {
      if (!is_literal(options.prefix)) {
        return "stream import prefix can not contain wildcard tokens";
      }
      to = options.prefix + (options.prefix.back() == '.' ? "" : ".") + from;
    }
    for (const std::string& subject : {to, from}) {
      std::string problem = CycleSearch(account.name()).streams(exporter, subject);
      if (!problem.empty()) return problem;
    }
    if (has_wildcard(from) && to != from) {
      const Status mapping = check_import_mapping(from, number_wildcards(to));
      if (!mapping) {
        return "failed to create mapping transform for stream import subject from " +
               go_quote(from) + " to " + go_quote(to) + ": " + mapping.error().detail;
      }
      to = unnumber_wildcards(to);
    }
    for (const Import& import : account.stream_imports) {
      if (import.account == &exporter && import.from == from) return "stream import already exists";
    }
    account.stream_imports.push_back({&exporter, from, to});
    return "";
  }

  // Here `from` is what the importing account requests, `to` what the exporter serves.
  static std::string add_service_import(Account& account, Account& exporter,
                                        const ImportOptions& options) {
    std::string from = options.to.empty() ? options.subject : options.to;
    std::string to = options.subject;
    if (!is_valid_subject(from) || !is_valid_subject(to)) return "sublist: invalid subject";
    if (!is_authorized(exporter.services, account.name(), to)) {
      return "service import not authorized";
    }
    const std::string requested = has_wildcard(to) ? unnumber_wildcards(from) : from;
    std::string problem = CycleSearch(account.name()).services(exporter, requested);
    if (!problem.empty()) return problem;
    for (const Import& import : account.service_imports) {
      if (import.account != &exporter || import.from != from) continue;
      return "duplicate service import subject " + go_quote(from) +
             ", previously used in import for account " + go_quote(exporter.name()) + ", subject " +
             go_quote(import.to);
    }
    if (has_wildcard(to) && to != from) {
      to = unnumber_wildcards(to);
      const Status mapping = check_import_mapping(to, number_wildcards(from));
      if (!mapping) {
        return "failed to create mapping transform for service import subject from " +
               go_quote(from) + " to " + go_quote(to) + ": " + mapping.error().detail;
      }
      from = unnumber_wildcards(from);
    }
    account.service_imports.push_back({&exporter, from, to});
    return "";
  }

  static bool is_sharing_possible(const Account& account, const ImportOptions& options) {
    for (const Import& import : account.service_imports) {
      if (import.account->name() == options.account && import.to == options.subject) return true;
    }
    return false;
  }

  Context& context_;
  const Node& node_;
  std::map<std::string, Account> accounts_;
};

}  // namespace

void check_account_links(Context& context, const Node& node) {
  Linker(context, node).run();
}

}  // namespace petrel::conf

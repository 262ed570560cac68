#include "petrel/router/account_registry.h"

#include "petrel/base/hash.h"

#include <algorithm>
#include <set>

namespace petrel::router {

namespace {

struct SystemImport {
  Slice from;
  Slice before;  // of the account's name, in the system account
  Slice after;
  bool share;
  bool of_system_account;
  conf::ResponseType response_type;
};

constexpr SystemImport kSystemImports[] = {
    {"$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.ACCOUNT.", ".CONNZ", false, false,
     conf::ResponseType::kStreamed},
    {"$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.ACCOUNT.", ".CONNZ", false, false,
     conf::ResponseType::kStreamed},
    {"$SYS.REQ.ACCOUNT.PING.STATZ", "$SYS.REQ.ACCOUNT.", ".STATZ", false, false,
     conf::ResponseType::kStreamed},
    {"$SYS.REQ.USER.INFO", "$SYS.REQ.USER.", ".INFO", true, true, conf::ResponseType::kSingleton},
};

std::string system_of(const std::map<std::string, auth::AccountPtr, std::less<>>& known) {
  for (const auto& [name, account] : known) {
    if (account->is_system) return name;
  }
  return "";
}

subject::Subscriber subscriber_of(const ServiceLink& link) {
  return {static_cast<uint32_t>(link.id), static_cast<uint32_t>(link.id >> 32), kNoLoop,
          kServiceFlag};
}

bool is_same(const ServiceLink& a, const ServiceLink& b) {
  return a.importer == b.importer && a.exporter == b.exporter &&
         a.exporter_config == b.exporter_config && a.importer_config == b.importer_config &&
         a.exported == b.exported && a.from == b.from && a.to == b.to && a.share == b.share &&
         a.allow_trace == b.allow_trace && a.response_type == b.response_type &&
         a.threshold == b.threshold && a.latency == b.latency &&
         a.transform.has_value() == b.transform.has_value() &&
         (!a.transform || a.transform->destination() == b.transform->destination());
}

}  // namespace

// --- AccountInterest ---

std::shared_ptr<const AccountLinks> AccountInterest::links() const {
  const MutexLock lock(mutex_);
  return links_;
}

void AccountInterest::set_links(std::shared_ptr<const AccountLinks> links) {
  imports_streams.store(!links->streams.empty());
  const MutexLock lock(mutex_);
  links_ = std::move(links);
}

// --- AccountRegistry ---

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

auth::AccountPtr AccountRegistry::description(Slice name) const {
  const ReaderLock lock(mutex_);
  const auto found = descriptions_.find(name);
  return found == descriptions_.end() ? nullptr : found->second;
}

void AccountRegistry::describe(const std::vector<auth::AccountPtr>& accounts) {
  std::set<std::string> changed;
  Descriptions known;
  {
    const WriterLock lock(mutex_);
    for (const auth::AccountPtr& account : accounts) {
      descriptions_[account->name] = account;
      changed.insert(account->name);
    }
    known = descriptions_;
  }
  const std::string system = system_of(known);
  if (std::exchange(system_, system) != system) {
    for (const auto& [name, account] : known) changed.insert(name);
  }
  // Whoever imports from a changed account depends on it.
  std::set<std::string> concerned = changed;
  for (const auto& [name, account] : known) {
    for (const conf::ImportOptions& import : account->imports) {
      if (changed.contains(import.account)) concerned.insert(name);
    }
  }
  for (const std::string& name : concerned) link(name, known);
}

void AccountRegistry::describe_all(const auth::AccountSnapshot& snapshot) {
  std::set<std::string> concerned;
  {
    const WriterLock lock(mutex_);
    for (const auto& [name, account] : descriptions_) concerned.insert(name);
    descriptions_ = snapshot.all();
  }
  system_ = system_of(snapshot.all());
  for (const auto& [name, account] : snapshot.all()) concerned.insert(name);
  for (const std::string& name : concerned) link(name, snapshot.all());
}

// A link that stays the same keeps its id, so that requests on their way find it.
AccountLinks AccountRegistry::make_links(const auth::Account& account, const AccountLinks& before,
                                         const Descriptions& known) {
  AccountLinks links;
  const auth::AccountPtr importer = known.find(account.name)->second;
  for (const conf::ImportOptions& import : account.imports) {
    const auto exporter = known.find(import.account);
    if (exporter == known.end()) continue;
    const conf::ExportOptions* exported =
        find_export(*exporter->second, account.name, import.subject, import.is_service);
    if (exported == nullptr) continue;
    AccountInterest& source = get(import.account);
    if (!import.is_service) {
      if (auto made = make_stream_link(import, source); made != nullptr) {
        links.streams.push_back(std::move(made));
      }
      continue;
    }
    const std::shared_ptr<ServiceLink> made = make_service_link(import, *exported);
    if (made == nullptr) continue;
    made->importer = &get(account.name);
    made->exporter = &source;
    made->importer_config = importer;
    made->exporter_config = exporter->second;
    add_link(made, before, links);
  }
  add_system_links(importer, before, known, links);
  return links;
}

void AccountRegistry::add_link(const std::shared_ptr<ServiceLink>& made, const AccountLinks& before,
                               AccountLinks& links) {
  const auto same = std::find_if(before.services.begin(), before.services.end(),
                                 [&made](const auto& old) { return is_same(*old, *made); });
  if (same != before.services.end()) {
    links.services.push_back(*same);
    return;
  }
  made->id = ++last_link_;
  links.services.push_back(made);
}

// What every account may ask of the system account, about itself.
void AccountRegistry::add_system_links(const auth::AccountPtr& importer, const AccountLinks& before,
                                       const Descriptions& known, AccountLinks& links) {
  const auto system = known.find(system_);
  if (system == known.end()) return;
  for (const SystemImport& import : kSystemImports) {
    if (importer->name == system_ && !import.of_system_account) continue;
    const bool is_taken =
        std::any_of(links.services.begin(), links.services.end(), [&](const auto& link) {
          return link->from == import.from && link->exporter->name == system_;
        });
    if (is_taken) continue;
    auto made = std::make_shared<ServiceLink>();
    made->importer = &get(importer->name);
    made->exporter = &get(system_);
    made->importer_config = importer;
    made->exporter_config = system->second;
    made->from = import.from;
    made->to = std::string(import.before) + importer->name + std::string(import.after);
    made->exported = made->to;
    made->share = import.share;
    made->response_type = import.response_type;
    add_link(made, before, links);
  }
}

void AccountRegistry::link(const std::string& name, const Descriptions& known) {
  AccountInterest& interest = get(name);
  const std::shared_ptr<const AccountLinks> before = interest.links();
  const auto described = known.find(name);
  auto after = std::make_shared<AccountLinks>();
  if (described != known.end()) *after = make_links(*described->second, *before, known);
  interest.set_links(after);
  for (const auto& old : before->services) {
    if (after->find_service(old->id) == nullptr) {
      interest.index.remove(old->from, Slice(), subscriber_of(*old));
    }
  }
  for (const auto& made : after->services) {
    if (before->find_service(made->id) == nullptr) {
      interest.index.insert(made->from, Slice(), subscriber_of(*made));
    }
  }
}

}  // namespace petrel::router

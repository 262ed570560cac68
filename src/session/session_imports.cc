// What a session has to do with other accounts: shadows of its subscriptions, what services are
// told.
#include "petrel/session/client_session.h"

#include <algorithm>

namespace petrel::session {

void ClientSession::add_shadows(uint32_t slot) {
  const std::shared_ptr<const router::AccountLinks> links = account->links();
  const std::string subject(context_.router.subscriptions().at(slot).subject());
  for (const auto& link : links->streams) {
    const auto shadow = link->shadow_subject(subject, context_.prng);
    if (shadow.has_value()) add_shadow(slot, link, *shadow);
  }
}

// The shadow has the sid and the queue of the subscription, in the account of the exporter.
void ClientSession::add_shadow(uint32_t slot, const std::shared_ptr<const router::StreamLink>& link,
                               Slice subject) {
  router::SubscriptionTable& table = context_.router.subscriptions();
  const std::string queue(table.at(slot).queue());
  const std::string sid(table.at(slot).sid());
  const uint32_t made = table.add(*this, subject, queue, sid);
  table.at(made).shadow = std::make_unique<const router::Shadow>(router::Shadow{link});
  link->exporter->shadows.fetch_add(1);
  link->exporter->index.insert(
      subject, queue,
      {made, table.at(made).generation, context_.router.loop(), router::kShadowFlag});
  if (shadows_ == nullptr) shadows_ = std::make_unique<decltype(shadows_)::element_type>();
  (*shadows_)[slot].push_back(made);
  context_.counters.subscriptions.add(1);
}

void ClientSession::remove_shadow(uint32_t shadow) {
  router::SubscriptionTable& table = context_.router.subscriptions();
  const router::Subscription& entry = table.at(shadow);
  router::AccountInterest& exporter = *entry.shadow->link->exporter;
  exporter.index.remove(entry.subject(), entry.queue(),
                        {shadow, entry.generation, context_.router.loop(), router::kShadowFlag});
  exporter.shadows.fetch_sub(1);
  table.remove(shadow);
  context_.counters.subscriptions.sub(1);
}

void ClientSession::remove_shadows(uint32_t slot) {
  if (shadows_ == nullptr) return;
  const auto found = shadows_->find(slot);
  if (found == shadows_->end()) return;
  for (const uint32_t shadow : found->second) remove_shadow(shadow);
  shadows_->erase(found);
}

// The imports of the account changed: shadows that stay lose no message.
void ClientSession::refresh_shadows() {
  const std::shared_ptr<const router::AccountLinks> links = account->links();
  if (links->streams.empty() && shadows_ == nullptr) return;
  router::SubscriptionTable& table = context_.router.subscriptions();
  std::vector<uint32_t> slots;
  sids_.for_each([&slots](uint32_t slot) { slots.push_back(slot); });
  for (const uint32_t slot : slots) {
    std::vector<uint32_t> before;
    if (shadows_ != nullptr) std::swap(before, (*shadows_)[slot]);
    const std::string subject(table.at(slot).subject());
    for (const auto& link : links->streams) {
      const auto wanted = link->shadow_subject(subject, context_.prng);
      if (!wanted.has_value()) continue;
      const auto kept = std::find_if(before.begin(), before.end(), [&](uint32_t shadow) {
        const router::Subscription& entry = table.at(shadow);
        return entry.subject() == *wanted && entry.shadow->link->is_same(*link);
      });
      if (kept == before.end()) {
        add_shadow(slot, link, *wanted);
      } else {
        (*shadows_)[slot].push_back(*kept);
        before.erase(kept);
      }
    }
    for (const uint32_t shadow : before) remove_shadow(shadow);
  }
}

router::ClientInfo ClientSession::client_info(bool is_detailed) const {
  router::ClientInfo info;
  info.account = account->name;
  info.rtt = rtt_;
  if (!is_detailed) return info;
  info.start = start_;
  info.host = peer_.ip;
  info.id = cid_;
  info.server = context_.config->info.server_name;
  info.cluster = context_.config->cluster_name;
  info.kind = "Client";
  info.client_type = "nats";
  if (user_ != nullptr) info.user = user_->name;
  if (details_ != nullptr) {
    info.name = details_->connect.name;
    info.lang = details_->connect.lang;
    info.version = details_->connect.version;
    if (info.user.empty()) info.user = presented_user();
  }
  return info;
}

}  // namespace petrel::session

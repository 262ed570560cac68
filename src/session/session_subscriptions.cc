// SUB, UNSUB and what permissions say about deliveries.
#include "petrel/base/go_quote.h"
#include "petrel/session/client_session.h"
#include "petrel/subject/subject.h"

#include <algorithm>

namespace petrel::session {

namespace {
constexpr size_t kTextBytesMax = 65535;  // of a subject or a queue name
}

void ClientSession::on_subscribe(const proto::Op& op) {
  if (!admit_subscription(op)) return;
  router::SubscriptionTable& table = context_.router.subscriptions();
  if (sids_.find(table, op.sid) == SidMap::kNone) {
    if (!subject::is_valid_subject(op.subject) || op.subject.size() > kTextBytesMax ||
        op.queue.size() > kTextBytesMax) {
      send_error("Invalid Subject");
      return;
    }
    const uint32_t slot = table.add(*this, op.subject, op.queue, op.sid);
    sids_.insert(table, slot);
    account->index.insert(op.subject, op.queue,
                          {slot, table.at(slot).generation, context_.router.loop(), 0});
    context_.counters.subscriptions.add(1);
    if (account->imports_streams.load(std::memory_order_relaxed)) add_shadows(slot);
    if (user_ != nullptr && user_->permissions != nullptr &&
        user_->permissions->overlaps_deny(op.subject, op.queue)) {
      checks_delivery = true;
    }
  }
  if (verbose_) send_ok();
}

bool ClientSession::admit_subscription(const proto::Op& op) {
  const SessionConfig& config = *context_.config;
  const bool is_denied =
      op.queue == "_sys_" || (user_ != nullptr && user_->permissions != nullptr &&
                              !user_->permissions->may_subscribe(op.subject, op.queue));
  if (is_denied) {
    refuse_subscription(op.subject, op.queue, op.sid);
    return false;
  }
  if (config.max_subscription_tokens > 0 &&
      std::count(op.subject.begin(), op.subject.end(), '.') + 1 > config.max_subscription_tokens) {
    const std::string quoted = go_quote(op.subject);
    send_error("Permissions Violation for Subscription to " + quoted + ", too many tokens");
    log(LogLevel::kError, "Subscription Violation Too Many Tokens - Subject " + quoted + ", SID " +
                              std::string(op.sid));
    return false;
  }
  const int64_t limit = max_subscriptions();
  if (limit >= 0 && static_cast<int64_t>(sids_.size()) >= limit) {
    send_error("maximum subscriptions exceeded");
    log(LogLevel::kError, "maximum subscriptions exceeded");
    return false;
  }
  return true;
}

// What the server, the account and the user allow; the least of it counts.
int64_t ClientSession::max_subscriptions() const {
  int64_t limit = -1;
  if (context_.config->max_subscriptions > 0) limit = context_.config->max_subscriptions;
  const auto lower = [&limit](int64_t other) {
    if (other >= 0) limit = limit >= 0 ? std::min(limit, other) : other;
  };
  if (tenant_ != nullptr) lower(tenant_->limits.max_subscriptions);
  if (user_ != nullptr) lower(user_->max_subscriptions);
  return limit;
}

void ClientSession::refuse_subscription(Slice subject, Slice queue, Slice sid) {
  std::string error = "Permissions Violation for Subscription to " + go_quote(subject);
  std::string line = "Subscription Violation - Subject " + go_quote(subject);
  if (!queue.empty()) {
    error.append(" using queue ").append(go_quote(queue));
    line.append(", Queue: ").append(go_quote(queue));
  }
  line.append(", SID ").append(sid);
  send_error(error);
  log(LogLevel::kError, std::move(line));
}

void ClientSession::on_unsubscribe(const proto::Op& op) {
  router::SubscriptionTable& table = context_.router.subscriptions();
  const uint32_t slot = sids_.find(table, op.sid);
  if (verbose_) send_ok();
  if (slot == SidMap::kNone) return;
  router::Subscription& subscription = table.at(slot);
  if (op.max > 0 && static_cast<uint64_t>(op.max) > subscription.delivered) {
    subscription.max = static_cast<uint64_t>(op.max);
    return;
  }
  remove_subscription(slot);
}

void ClientSession::on_max_delivered(uint32_t subscription_slot) {
  remove_subscription(subscription_slot);
}

void ClientSession::remove_subscription(uint32_t slot) {
  router::SubscriptionTable& table = context_.router.subscriptions();
  const router::Subscription& subscription = table.at(slot);
  if (is_traced) {
    context_.host.log(LogLevel::kTrace, *this,
                      "<-> [DELSUB " + std::string(subscription.sid()) + "]");
  }
  account->index.remove(subscription.subject(), subscription.queue(),
                        {slot, subscription.generation, context_.router.loop(), 0});
  context_.router.imports().interest_lost(*account, subscription.subject());
  remove_shadows(slot);
  sids_.erase(table, slot);
  table.remove(slot);
  context_.counters.subscriptions.sub(1);
}

void ClientSession::remove_all_subscriptions() {
  std::vector<uint32_t> slots;
  slots.reserve(sids_.size());
  sids_.for_each([&](uint32_t slot) { slots.push_back(slot); });
  router::SubscriptionTable& table = context_.router.subscriptions();
  for (const uint32_t slot : slots) {
    const router::Subscription& subscription = table.at(slot);
    account->index.remove(subscription.subject(), subscription.queue(),
                          {slot, subscription.generation, context_.router.loop(), 0});
    context_.router.imports().interest_lost(*account, subscription.subject());
    remove_shadows(slot);
    table.remove(slot);
  }
  sids_.clear();
  context_.counters.subscriptions.sub(slots.size());
}

// After a reload: subscriptions that the user may no longer have are taken away.
void ClientSession::prune_subscriptions() {
  const auth::Permissions* permissions = user_ != nullptr ? user_->permissions.get() : nullptr;
  checks_delivery = context_.config->no_fast_producer_stall;
  refresh_shadows();
  if (permissions == nullptr) return;
  router::SubscriptionTable& table = context_.router.subscriptions();
  std::vector<uint32_t> denied;
  sids_.for_each([&](uint32_t slot) {
    const router::Subscription& entry = table.at(slot);
    if (!permissions->may_subscribe(entry.subject(), entry.queue())) denied.push_back(slot);
    if (permissions->overlaps_deny(entry.subject(), entry.queue())) checks_delivery = true;
  });
  for (const uint32_t slot : denied) {
    const router::Subscription& entry = table.at(slot);
    std::string text = "Permissions Violation for Subscription to " + go_quote(entry.subject());
    if (entry.is_queue()) text.append(" using queue ").append(go_quote(entry.queue()));
    text.append(" (sid ").append(go_quote(entry.sid())).append(")");
    send_error(text);
    log(LogLevel::kInfo, "Removed sub " + go_quote(entry.sid()) + " (subject " +
                             go_quote(entry.subject()) + ") for user " +
                             go_quote(presented_user()) + " - not authorized");
    remove_subscription(slot);
  }
}

bool ClientSession::may_receive(const router::Subscription& subscription,
                                const router::Message& message) {
  if (is_congested && context_.config->no_fast_producer_stall) return false;
  return user_ == nullptr || user_->permissions == nullptr ||
         user_->permissions->may_receive(
             context_.router.shown_subject(subscription, message.subject), subscription.queue());
}

}  // namespace petrel::session

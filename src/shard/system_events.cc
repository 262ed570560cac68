#include "petrel/shard/system_events.h"

#include "petrel/shard/internal_message.h"
#include "petrel/system/events.h"

#include <algorithm>

namespace petrel::shard {

namespace {

constexpr Duration kTellAgain = Duration::seconds(30);
constexpr Duration kIdle = Duration::hours(1);

}  // namespace

SystemEvents::SystemEvents(router::AccountRegistry& accounts, std::atomic<uint64_t>& sequence,
                           std::shared_ptr<const EventSource> source)
    : accounts_(accounts), sequence_(sequence) {
  set_source(std::move(source));
}

void SystemEvents::set_source(std::shared_ptr<const EventSource> source) {
  source_ = std::move(source);
  system_ = &accounts_.get(source_->system_account);
}

// Clients in the system account, or subscriptions that it exports events to.
bool SystemEvents::is_heard() const {
  return system_->connections.load(std::memory_order_relaxed) > 0 ||
         system_->shadows.load(std::memory_order_relaxed) > 0;
}

// --- what happens ---

void SystemEvents::add(Kind kind, session::SessionView view, session::CloseReason reason) {
  Event event;
  event.client = std::make_unique<ClientEvent>(ClientEvent{kind, std::move(view), reason});
  events_.push_back(std::move(event));
}

void SystemEvents::client_changed(const session::ClientSession& client,
                                  session::ClientChange change, session::CloseReason reason) {
  switch (change) {
    case session::ClientChange::kMoved:
      account_changed(*client.account);
      return;
    case session::ClientChange::kAccepted:
      if (is_heard()) add(Kind::kConnect, client.view({.user = true}), reason);
      return;
    case session::ClientChange::kLoginFailed:
      // Heard in an account of its own, which may have listeners while the system account has none.
      add(Kind::kLoginFailed, client.view({.user = true}), reason);
      return;
    case session::ClientChange::kRefused:
      if (is_heard()) add(Kind::kRefused, client.view({.user = true}), reason);
      return;
  }
}

void SystemEvents::client_closed(const session::SessionView& last) {
  if (!is_heard()) return;
  session::SessionView view = last;
  view.subscriptions.clear();
  add(Kind::kDisconnect, std::move(view),
      last.reason.value_or(session::CloseReason::kClientClosed));
}

void SystemEvents::account_changed(router::AccountInterest& account) {
  changed_.push_back(&account);
  if (!is_heard()) return;
  Event event;
  event.account = std::make_unique<monitor::AccountView>(monitor::account_figures(account));
  events_.push_back(std::move(event));
}

// --- telling ---

std::string SystemEvents::server_json(WallTime wall_now) {
  return source_->server.to_json(sequence_.fetch_add(1) + 1, wall_now);
}

void SystemEvents::send_client_event(router::Router& router, const ClientEvent& event,
                                     WallTime wall_now) {
  router::AccountInterest* to = system_;
  session::SessionView view = event.view;
  InternalMessage message;
  switch (event.kind) {
    case Kind::kConnect:
      message.subject = "$SYS.ACCOUNT." + view.account + ".CONNECT";
      break;
    case Kind::kDisconnect:
      message.subject = "$SYS.ACCOUNT." + view.account + ".DISCONNECT";
      break;
    case Kind::kRefused:
      message.subject = "$SYS.SERVER." + source_->server.id + ".CLIENT.AUTH.ERR";
      break;
    case Kind::kLoginFailed:
      if (!source_->callout_account.empty()) view.account = source_->callout_account;
      to = &accounts_.get(view.account);
      message.subject = "$SYS.ACCOUNT.CLIENT.AUTH.ERR";
      break;
  }
  if (!router.has_interest(*to, message.subject)) return;
  const system::EventHead head{system::event_id(router.prng()), wall_now, server_json(wall_now)};
  message.body =
      event.kind == Kind::kConnect
          ? system::connect_event(head, view)
          : system::disconnect_event(head, view, session::close_reason_text(event.reason));
  route_internal(router, *to, message);
}

void SystemEvents::send_account_event(router::Router& router, monitor::AccountView& account,
                                      WallTime wall_now) {
  const auth::AccountPtr description = accounts_.description(account.name);
  if (description != nullptr) account.tag = description->name_tag;
  const std::string id = system::event_id(router.prng());
  for (const std::string& subject : {"$SYS.SERVER.ACCOUNT." + account.name + ".CONNS",
                                     "$SYS.ACCOUNT." + account.name + ".SERVER.CONNS"}) {
    if (!router.has_interest(*system_, subject)) continue;
    InternalMessage message;
    message.subject = subject;
    message.body =
        system::account_connections_event({id, wall_now, server_json(wall_now)}, account);
    route_internal(router, *system_, message);
  }
}

// Every loop that had connections of an account watches it; the first that finds it due tells for
// all.
Instant SystemEvents::tell_again(router::Router& router, Instant now, WallTime wall_now) {
  for (router::AccountInterest* account : std::exchange(changed_, {})) {
    account->connections_told_ns.store(now.ns, std::memory_order_relaxed);
    if (told_again_.empty()) tell_next_ = now + kTellAgain;
    told_again_.insert(account);
  }
  if (told_again_.empty()) return now + kIdle;
  if (now < tell_next_) return tell_next_;
  tell_next_ = now + kTellAgain;
  for (auto at = told_again_.begin(); at != told_again_.end();) {
    router::AccountInterest& account = **at;
    if (account.connections.load(std::memory_order_relaxed) == 0) {
      at = told_again_.erase(at);
      continue;
    }
    int64_t told_ns = account.connections_told_ns.load(std::memory_order_relaxed);
    const bool is_due = told_ns + kTellAgain.ns <= now.ns;
    if (is_due && account.connections_told_ns.compare_exchange_strong(told_ns, now.ns)) {
      told_ns = now.ns;
      if (is_heard()) {
        monitor::AccountView figures = monitor::account_figures(account);
        send_account_event(router, figures, wall_now);
      }
    }
    tell_next_ = std::min(tell_next_, Instant{told_ns} + kTellAgain);
    ++at;
  }
  return tell_next_;
}

Instant SystemEvents::run(router::Router& router, Instant now, WallTime wall_now) {
  for (Event& event : std::exchange(events_, {})) {
    if (event.client != nullptr) {
      send_client_event(router, *event.client, wall_now);
    } else {
      send_account_event(router, *event.account, wall_now);
    }
  }
  const Instant again = tell_again(router, now, wall_now);
  // What was sent may have closed a client.
  return events_.empty() && changed_.empty() ? again : now;
}

}  // namespace petrel::shard

#include "server/system_account.h"

#include "petrel/system/user_info.h"

#include <chrono>
#include <latch>

namespace petrel::server {

namespace {

constexpr const char* kStatszTimer = "statsz";

WallTime wall_now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count()};
}

// What the client may know of itself. `is_imported`: it asked through a service import.
std::string user_info_of(const session::ClientSession& client, bool is_imported) {
  const session::SessionView view = client.view({.user = true});
  system::UserInfo info;
  if (is_imported) {
    info.user = view.user;
    info.account = view.account;
    info.account_name = view.account_tag.empty() ? view.account : view.account_tag;
    if (view.identity != nullptr) info.user_name = view.identity->name;
  }
  if (const auth::User* user = client.user(); user != nullptr) {
    info.permissions = user->permissions.get();
    if (user->ends) info.expires = *user->ends - wall_now();
  }
  return system::user_info_json(info);
}

}  // namespace

SystemAccount::SystemAccount(SystemAccountHost host)
    : host_(std::move(host)), answers_(host_.monitored, sequence_) {}

void SystemAccount::open() {
  source_ = std::make_shared<const shard::EventSource>(host_.source());
  worker_ = std::make_unique<net::WorkerPool>(1, kRequestsWaiting);
  account_ = &host_.monitored.accounts.get(source_->system_account);
  for (uint16_t loop = 0; loop < host_.monitored.loops.size(); ++loop) {
    auto endpoints = std::make_unique<InternalEndpoints>(host_.monitored.accounts, loop);
    auto events =
        std::make_unique<shard::SystemEvents>(host_.monitored.accounts, sequence_, source_);
    endpoints_.push_back(endpoints.get());
    events_.push_back(events.get());
    LoopThread& thread = *host_.monitored.loops[loop];
    thread.watch_clients(events.get());
    thread.add_service(std::move(events));
    thread.add_service(std::move(endpoints));
  }
  for (uint16_t loop = 0; loop < endpoints_.size(); ++loop) {
    open_doors(loop, source_->system_account);
  }
}

// Each loop answers its own clients; the rest comes to the first.
void SystemAccount::open_doors(uint16_t loop, const std::string& account) {
  InternalEndpoints& endpoints = *endpoints_[loop];
  endpoints.serve(account, "$SYS.REQ.USER.*.INFO", "",
                  [this, loop](const Message& request) { take_user_question(loop, request); });
  if (loop != 0) return;
  for (const system::Door& door : system::service_doors(host_.monitored.id)) {
    endpoints.serve(
        account, door.subject, "",
        [this, service = door.service](const Message& request) { take(service, request); });
  }
  endpoints.serve(account, "$SYS.DEBUG.SUBSCRIBERS", "", [this](const Message& request) {
    if (request.reply.empty()) return;
    static_cast<void>(
        worker_->push([this, request] { send(answers_.count_subscribers(request)); }));
  });
}

void SystemAccount::start() {
  host_.monitored.loops.front()->run_task([this](shard::Shard& /*shard*/) { broadcast_later(); });
}

void SystemAccount::stop() {
  if (worker_ != nullptr) worker_->close();
}

void SystemAccount::reload() {
  auto now = std::make_shared<const shard::EventSource>(host_.source());
  const bool is_moved = now->system_account != source_->system_account;
  source_ = now;
  account_ = &host_.monitored.accounts.get(now->system_account);
  for (uint16_t loop = 0; loop < events_.size(); ++loop) {
    host_.monitored.loops[loop]->run_task([this, loop, now, is_moved](shard::Shard& /*shard*/) {
      events_[loop]->set_source(now);
      if (!is_moved) return;
      endpoints_[loop]->close_doors();
      open_doors(loop, now->system_account);
    });
  }
}

bool SystemAccount::is_heard() const {
  const router::AccountInterest& account = *account_.load();
  return account.connections.load() > 0 || account.shadows.load() > 0;
}

// --- requests ---

void SystemAccount::take(system::Service service, const Message& request) {
  if (service == system::Service::kReload) {
    begin_reload(request);
    return;
  }
  // In the next turn the figures count the request itself.
  host_.monitored.loops.front()->run_task([this, service, request](shard::Shard& /*shard*/) {
    static_cast<void>(worker_->push([this, service, request] {
      if (auto answer = answers_.answer(service, request)) send(*std::move(answer));
    }));
  });
}

void SystemAccount::take_user_question(uint16_t loop, const Message& request) {
  if (!request.client || request.reply.empty()) return;
  host_.monitored.loops[loop]->run_task([this, request](shard::Shard& shard) {
    const session::ClientSession* client = shard.find_session(*request.client);
    if (client == nullptr) return;
    const bool is_imported = request.header.find("Nats-Request-Info:") != std::string::npos;
    const auto described =
        system::ServerDescription::of(host_.monitored.config.get()->options, host_.monitored.id);
    const std::string server = described.to_json(sequence_.fetch_add(1) + 1, wall_now());
    Message reply;
    reply.account = request.account;
    reply.subject = request.reply;
    reply.body = system::success_json(server, user_info_of(*client, is_imported));
    send(std::move(reply));
  });
}

void SystemAccount::begin_reload(const Message& request) {
  static_cast<void>(worker_->push([this, request] {
    std::optional<Message> refusal;
    if (!answers_.admits_reload(request, refusal)) {
      if (refusal) send(*std::move(refusal));
      return;
    }
    const auto answer = [this, request](const Status& status) {
      send(answers_.after_reload(request, status));
    };
    if (host_.reload) {
      host_.reload(answer);
    } else {
      answer(Error{Errc::kUnsupported,
                   "can only reload config when a file is provided using -c or --config"});
    }
  }));
}

void SystemAccount::send(Message message) {
  host_.monitored.loops.front()->run_task(
      [this, message = std::move(message)](shard::Shard& /*shard*/) {
        endpoints_.front()->send(message);
      });
}

// --- events ---

void SystemAccount::broadcast_later() {
  endpoints_.front()->call_at(kStatszTimer, wall_now() + ramp_.next(), [this] {
    if (is_heard()) {
      static_cast<void>(worker_->push([this] {
        Message message;
        message.account = account_.load()->name;
        message.subject = "$SYS.SERVER." + host_.monitored.id + ".STATSZ";
        message.body = answers_.statsz();
        send(std::move(message));
      }));
    }
    broadcast_later();
  });
}

void SystemAccount::tell(const std::string& what,
                         const std::function<std::string(const system::EventHead&)>& body) {
  if (!is_heard()) return;
  const auto described =
      system::ServerDescription::of(host_.monitored.config.get()->options, host_.monitored.id);
  Prng prng(random_seed());
  const WallTime now = wall_now();
  Message message;
  message.account = account_.load()->name;
  message.subject = "$SYS.SERVER." + host_.monitored.id + "." + what;
  message.body =
      body({system::event_id(prng), now, described.to_json(sequence_.fetch_add(1) + 1, now)});
  send(std::move(message));
}

void SystemAccount::tell_ocsp_rejected(const system::Certificate& peer, const std::string& reason) {
  tell("OCSP.PEER.CONN.REJECT", [&](const system::EventHead& head) {
    return system::ocsp_rejected_event(head, peer, reason);
  });
}

void SystemAccount::tell_ocsp_invalid(const system::Certificate& peer,
                                      const system::Certificate& link, const std::string& reason) {
  tell("OCSP.PEER.LINK.INVALID", [&](const system::EventHead& head) {
    return system::ocsp_invalid_event(head, peer, link, reason);
  });
}

void SystemAccount::announce(const std::string& what) {
  if (!is_heard()) return;
  Message message;
  message.subject = "$SYS.SERVER." + host_.monitored.id + "." + what;
  message.body = source_->server.to_json(sequence_.fetch_add(1) + 1, wall_now());
  std::latch done(1);
  host_.monitored.loops.front()->run_task([this, &message, &done](shard::Shard& shard) {
    shard::route_internal(shard.router(), *account_.load(), message);
    shard.router().post_batches();
    done.count_down();
  });
  done.wait();
}

}  // namespace petrel::server

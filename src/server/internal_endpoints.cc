#include "server/internal_endpoints.h"

#include <algorithm>

namespace petrel::server {

namespace {
constexpr Duration kIdle = Duration::hours(1);
}

// One subscription.
class InternalEndpoints::Door final : public router::Endpoint {
 public:
  Door(router::BufferPool& buffers, uint16_t loop, std::string of, Request on_request)
      : Endpoint(buffers, loop), account_(std::move(of)), on_request_(std::move(on_request)) {}

  void take(const router::Subscription& /*subscription*/, const router::Message& message) override {
    InternalMessage request;
    request.account = account_;
    request.subject = std::string(message.subject);
    request.reply = std::string(message.reply());
    request.header = std::string(message.body().substr(0, message.header_bytes));
    request.body = std::string(message.body().substr(message.header_bytes));
    if (message.publisher != nullptr && !message.publisher->is_endpoint) {
      request.client = message.publisher->handle;
    }
    on_request_(std::move(request));
  }

  const std::string& account_name() const { return account_; }
  uint32_t subscription = 0;

 private:
  const std::string account_;
  const Request on_request_;
};

InternalEndpoints::InternalEndpoints(router::AccountRegistry& accounts, std::string inbox)
    : accounts_(accounts), inbox_(std::move(inbox)) {}

InternalEndpoints::InternalEndpoints(router::AccountRegistry& accounts, uint16_t loop)
    : accounts_(accounts), loop_(loop) {}

InternalEndpoints::~InternalEndpoints() = default;

void InternalEndpoints::serve(const std::string& account, const std::string& subject,
                              const std::string& queue, Request on_request) {
  planned_doors_.push_back({account, subject, queue, std::move(on_request)});
}

void InternalEndpoints::close_doors() {
  must_close_doors_ = true;
}

void InternalEndpoints::open_doors(router::Router& router) {
  if (std::exchange(must_close_doors_, false)) {
    for (const auto& door : doors_) {
      router.remove_endpoint(accounts_.get(door->account_name()), door->subscription);
    }
    doors_.clear();
  }
  for (DoorPlan& plan : std::exchange(planned_doors_, {})) {
    doors_.push_back(
        std::make_unique<Door>(router.buffers(), loop_, plan.account, std::move(plan.on_request)));
    doors_.back()->subscription =
        router.add_endpoint(accounts_.get(plan.account), *doors_.back(), plan.subject, plan.queue);
  }
}

void InternalEndpoints::listen_for_answers(const std::string& account) {
  if (!answers_.insert(account).second) return;
  serve(account, inbox_ + ".*", "",
        [this](const InternalMessage& message) { take_answer(message); });
}

void InternalEndpoints::take_answer(const InternalMessage& message) {
  const auto found = questions_.find(message.subject);
  if (found == questions_.end()) return;
  if (message.body.empty() && !found->second.takes_empty) return;
  finish(message.subject, message.body);
}

void InternalEndpoints::finish(const std::string& question, std::optional<std::string> body) {
  const auto found = questions_.find(question);
  const Answered answered = std::move(found->second.answered);
  due_.erase({found->second.until, question});
  questions_.erase(found);
  answered(std::move(body));
}

void InternalEndpoints::send(InternalMessage message) {
  Sending sending;
  sending.message = std::move(message);
  sending_.push_back(std::move(sending));
}

void InternalEndpoints::ask(InternalMessage message, Duration timeout, bool takes_empty,
                            Answered answered) {
  if (questions_.size() + sending_.size() >= kWaitingMax) {
    answered(std::nullopt);
    return;
  }
  listen_for_answers(message.account);
  Sending sending;
  sending.question = inbox_ + "." + std::to_string(++last_question_);
  message.reply = sending.question;
  sending.message = std::move(message);
  sending.timeout = timeout;
  sending.takes_empty = takes_empty;
  sending.answered = std::move(answered);
  sending_.push_back(std::move(sending));
}

void InternalEndpoints::call_at(const std::string& name, WallTime at, std::function<void()> call) {
  alarms_[name] = {at, std::move(call)};
}

void InternalEndpoints::send_all(router::Router& router, Instant now) {
  for (Sending& sending : std::exchange(sending_, {})) {
    if (sending.question.empty()) {
      route_internal(router, accounts_.get(sending.message.account), sending.message);
      continue;
    }
    const Instant until = now + sending.timeout;
    questions_[sending.question] = {until, sending.takes_empty, std::move(sending.answered)};
    due_.emplace(until, sending.question);
    // Nobody is there to answer: that is known at once.
    if (route_internal(router, accounts_.get(sending.message.account), sending.message) == 0)
      finish(sending.question, std::nullopt);
  }
}

Instant InternalEndpoints::expire_questions(Instant now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    finish(std::string(due_.begin()->second), std::nullopt);
  }
  return due_.empty() ? now + kIdle : due_.begin()->first;
}

Instant InternalEndpoints::ring_alarms(Instant now, WallTime wall_now) {
  Instant next = now + kIdle;
  for (auto alarm = alarms_.begin(); alarm != alarms_.end();) {
    if (alarm->second.at > wall_now) {
      next = std::min(next, now + (alarm->second.at - wall_now));
      ++alarm;
      continue;
    }
    const std::function<void()> call = std::move(alarm->second.call);
    alarm = alarms_.erase(alarm);
    call();
  }
  return next;
}

Instant InternalEndpoints::run(router::Router& router, Instant now, WallTime wall_now) {
  open_doors(router);
  send_all(router, now);
  const Instant question = expire_questions(now);
  const Instant alarm = ring_alarms(now, wall_now);
  if (!sending_.empty() || !planned_doors_.empty() || must_close_doors_) return now;
  return std::min(question, alarm);
}

}  // namespace petrel::server

#include "server/auth_endpoints.h"

#include <algorithm>

namespace petrel::server {

namespace {
constexpr Duration kIdle = Duration::hours(1);
}

// One subscription.
class AuthEndpoints::Door final : public router::Endpoint {
 public:
  Door(router::BufferPool& buffers, std::string of, Request on_request)
      : Endpoint(buffers, 0), account_(std::move(of)), on_request_(std::move(on_request)) {}

  void take(const router::Subscription& /*subscription*/, const router::Message& message) override {
    AuthMessage request;
    request.account = account_;
    request.subject = std::string(message.subject);
    request.reply = std::string(message.reply());
    request.header = std::string(message.body().substr(0, message.header_bytes));
    request.body = std::string(message.body().substr(message.header_bytes));
    on_request_(std::move(request));
  }

 private:
  const std::string account_;
  const Request on_request_;
};

AuthEndpoints::AuthEndpoints(router::AccountRegistry& accounts, std::string inbox)
    : accounts_(accounts), inbox_(std::move(inbox)) {}

AuthEndpoints::~AuthEndpoints() = default;

void AuthEndpoints::serve(const std::string& account, const std::string& subject,
                          const std::string& queue, Request on_request) {
  planned_doors_.push_back({account, subject, queue, std::move(on_request)});
}

void AuthEndpoints::open_doors(router::Router& router) {
  for (DoorPlan& plan : std::exchange(planned_doors_, {})) {
    doors_.push_back(
        std::make_unique<Door>(router.buffers(), plan.account, std::move(plan.on_request)));
    router.add_endpoint(accounts_.get(plan.account), *doors_.back(), plan.subject, plan.queue);
  }
}

void AuthEndpoints::listen_for_answers(const std::string& account) {
  if (!answers_.insert(account).second) return;
  serve(account, inbox_ + ".*", "", [this](const AuthMessage& message) { take_answer(message); });
}

void AuthEndpoints::take_answer(const AuthMessage& message) {
  const auto found = questions_.find(message.subject);
  if (found == questions_.end()) return;
  if (message.body.empty() && !found->second.takes_empty) return;
  finish(message.subject, message.body);
}

void AuthEndpoints::finish(const std::string& question, std::optional<std::string> body) {
  const auto found = questions_.find(question);
  const Answered answered = std::move(found->second.answered);
  due_.erase({found->second.until, question});
  questions_.erase(found);
  answered(std::move(body));
}

void AuthEndpoints::send(AuthMessage message) {
  Sending sending;
  sending.message = std::move(message);
  sending_.push_back(std::move(sending));
}

void AuthEndpoints::ask(AuthMessage message, Duration timeout, bool takes_empty,
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

void AuthEndpoints::call_at(const std::string& name, WallTime at, std::function<void()> call) {
  alarms_[name] = {at, std::move(call)};
}

uint32_t AuthEndpoints::route(router::Router& router, const AuthMessage& message) {
  std::string tail = message.reply;
  if (!tail.empty()) tail.push_back(' ');
  std::string sizes;
  if (!message.header.empty()) sizes = std::to_string(message.header.size()) + " ";
  sizes += std::to_string(message.header.size() + message.body.size());
  tail.append(sizes).append("\r\n").append(message.header).append(message.body).append("\r\n");
  router::Message out;
  out.subject = message.subject;
  out.tail = tail;
  out.reply_bytes = static_cast<uint32_t>(message.reply.size());
  out.sizes_bytes = static_cast<uint32_t>(sizes.size());
  out.header_bytes = static_cast<uint32_t>(message.header.size());
  return router.route(accounts_.get(message.account), out);
}

void AuthEndpoints::send_all(router::Router& router, Instant now) {
  for (Sending& sending : std::exchange(sending_, {})) {
    if (sending.question.empty()) {
      route(router, sending.message);
      continue;
    }
    const Instant until = now + sending.timeout;
    questions_[sending.question] = {until, sending.takes_empty, std::move(sending.answered)};
    due_.emplace(until, sending.question);
    // Nobody is there to answer: that is known at once.
    if (route(router, sending.message) == 0) finish(sending.question, std::nullopt);
  }
}

Instant AuthEndpoints::expire_questions(Instant now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    finish(std::string(due_.begin()->second), std::nullopt);
  }
  return due_.empty() ? now + kIdle : due_.begin()->first;
}

Instant AuthEndpoints::ring_alarms(Instant now, WallTime wall_now) {
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

Instant AuthEndpoints::run(router::Router& router, Instant now, WallTime wall_now) {
  open_doors(router);
  send_all(router, now);
  const Instant question = expire_questions(now);
  const Instant alarm = ring_alarms(now, wall_now);
  if (!sending_.empty() || !planned_doors_.empty()) return now;
  return std::min(question, alarm);
}

}  // namespace petrel::server

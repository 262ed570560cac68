#include "shard/hosted_stream.h"

#include "petrel/router/account_links.h"
#include "petrel/router/endpoint.h"
#include "petrel/router/router.h"
#include "petrel/shard/jetstream_service.h"

#include <algorithm>
#include <utility>

namespace petrel::shard {

namespace {

constexpr Slice kApiPrefix = "$JS.API.";

}  // namespace

// One kind of subject of one stream; what comes is the stream's.
class HostedStream::StreamInlet final : public router::Endpoint {
 public:
  StreamInlet(HostedStream& hosted, jetstream::Inlet inlet)
      : Endpoint(hosted.service_.router().buffers(), hosted.service_.router().loop()),
        hosted_(hosted),
        inlet_(inlet) {
    account = hosted.place_.account;
  }
  void take(const router::Subscription& subscription, const router::Message& message) override {
    if (subscription.shadow != nullptr) return take_imported(subscription, message);
    const Slice domain = hosted_.domain_prefix_;
    if (domain.empty() || !message.subject.starts_with(domain)) {
      return hosted_.stream_->take(inlet_, message, subscription.subject());
    }
    mapped_.assign(kApiPrefix).append(message.subject.substr(domain.size()));
    router::Message plain = message;
    plain.subject = mapped_;
    target_.assign(kApiPrefix).append(subscription.subject().substr(domain.size()));
    hosted_.stream_->take(inlet_, plain, target_);
  }

  void observe(router::RouteObserver& observer, const router::Message& message) const override {
    if (inlet_ != jetstream::Inlet::kPublish) return;
    const jetstream::PublishOutlook outlook = hosted_.stream_->foresee(message);
    observer.on_intake(
        {hosted_.stream_->config().name, outlook.subject, outlook.error, outlook.has_no_interest});
  }

 private:
  // From another account: the stream sees it as its own account does.
  void take_imported(const router::Subscription& subscription, const router::Message& message) {
    router::Router& router = hosted_.service_.router();
    mapped_.assign(router.shown_subject(subscription, message.subject));
    target_.assign(router.shown_subject(subscription, subscription.subject()));
    router::Message plain = message;
    plain.subject = mapped_;
    hosted_.stream_->take(inlet_, plain, target_);
  }

  HostedStream& hosted_;
  const jetstream::Inlet inlet_;
  std::string mapped_;  // what came in the domain's form, in the plain one
  std::string target_;
};

HostedStream::HostedStream(JetStreamService& service, StreamPlace place)
    : service_(service), place_(std::move(place)) {
  const std::string& domain = service.node().options.domain;
  if (!domain.empty()) domain_prefix_ = "$JS." + domain + ".API.";
}

HostedStream::~HostedStream() {
  stream_.reset();
  for (const auto& [slot, interest] : subscriptions_) {
    service_.router().remove_endpoint(*place_.account, slot);
    if (interest.in_domain) service_.router().remove_endpoint(*place_.account, *interest.in_domain);
    for (const uint32_t shadow : interest.shadows) remove_shadow(shadow);
  }
}

void HostedStream::adopt(std::unique_ptr<jetstream::Stream> stream, jetstream::SoloGroup* group) {
  stream_ = std::move(stream);
  group_ = group;
}

Instant HostedStream::now() const {
  return service_.now();
}
WallTime HostedStream::wall_now() const {
  return service_.wall_now();
}
Prng& HostedStream::prng() {
  return service_.prng();
}

uint32_t HostedStream::send(jetstream::Stream& /*stream*/, const jetstream::OutMessage& message) {
  return service_.send(*place_.account, message);
}

bool HostedStream::has_interest(jetstream::Stream& /*stream*/, Slice subject,
                                std::optional<Slice> queue) {
  return queue ? place_.account->index.has_exact(subject, *queue)
               : service_.has_interest(*place_.account, subject);
}

uint32_t HostedStream::subscribe(jetstream::Stream& /*stream*/, jetstream::Inlet inlet,
                                 Slice subject, Slice queue) {
  const auto at = static_cast<size_t>(inlet);
  if (inlets_[at] == nullptr) inlets_[at] = std::make_unique<StreamInlet>(*this, inlet);
  const uint32_t slot =
      service_.router().add_endpoint(*place_.account, *inlets_[at], subject, queue);
  Interest interest{at, {}, {}};
  update_shadows(interest, subject, queue);
  if (!domain_prefix_.empty() && subject.starts_with(kApiPrefix)) {
    const std::string in_domain = domain_prefix_ + std::string(subject.substr(kApiPrefix.size()));
    interest.in_domain =
        service_.router().add_endpoint(*place_.account, *inlets_[at], in_domain, queue);
  }
  subscriptions_.emplace(slot, interest);
  return slot;
}

// What the account imports of other accounts is heard there. Shadows that stay lose no message.
void HostedStream::update_shadows(Interest& interest, Slice subject, Slice queue) {
  const auto inlet = static_cast<jetstream::Inlet>(interest.inlet);
  if (inlet != jetstream::Inlet::kPublish && inlet != jetstream::Inlet::kReply) return;
  std::vector<uint32_t> before = std::exchange(interest.shadows, {});
  router::SubscriptionTable& table = service_.router().subscriptions();
  const std::shared_ptr<const router::AccountLinks> links = place_.account->links();
  for (const auto& link : links->streams) {
    const auto wanted = link->shadow_subject(subject, service_.prng());
    if (!wanted.has_value()) continue;
    const auto kept = std::find_if(before.begin(), before.end(), [&](uint32_t shadow) {
      const router::Subscription& entry = table.at(shadow);
      return entry.subject() == *wanted && entry.shadow->link->is_same(*link);
    });
    if (kept != before.end()) {
      interest.shadows.push_back(*kept);
      before.erase(kept);
      continue;
    }
    const uint32_t made = table.add(*inlets_[interest.inlet], *wanted, queue, Slice());
    table.at(made).shadow = std::make_unique<const router::Shadow>(router::Shadow{link});
    link->exporter->shadows.fetch_add(1);
    link->exporter->index.insert(
        *wanted, queue,
        {made, table.at(made).generation, service_.router().loop(), router::kShadowFlag});
    interest.shadows.push_back(made);
  }
  for (const uint32_t shadow : before) remove_shadow(shadow);
}

void HostedStream::refresh_shadows() {
  const std::shared_ptr<const router::AccountLinks> links = place_.account->links();
  if (std::exchange(links_, links) == links) return;
  for (auto& [slot, interest] : subscriptions_) {
    const router::Subscription& own = service_.router().subscriptions().at(slot);
    // The table may move them when it grows.
    const std::string subject(own.subject());
    const std::string queue(own.queue());
    update_shadows(interest, subject, queue);
  }
}

void HostedStream::remove_shadow(uint32_t shadow) {
  router::SubscriptionTable& table = service_.router().subscriptions();
  const router::Subscription& entry = table.at(shadow);
  router::AccountInterest& exporter = *entry.shadow->link->exporter;
  exporter.index.remove(entry.subject(), entry.queue(),
                        {shadow, entry.generation, service_.router().loop(), router::kShadowFlag});
  exporter.shadows.fetch_sub(1);
  table.remove(shadow);
}

void HostedStream::unsubscribe(jetstream::Stream& /*stream*/, uint32_t subscription) {
  const auto at = subscriptions_.find(subscription);
  if (at == subscriptions_.end()) return;
  if (at->second.in_domain) {
    service_.router().remove_endpoint(*place_.account, *at->second.in_domain);
  }
  for (const uint32_t shadow : at->second.shadows) remove_shadow(shadow);
  service_.router().remove_endpoint(*place_.account, subscription);
  subscriptions_.erase(at);
}

void HostedStream::wake(jetstream::Stream& /*stream*/) {
  service_.wake(*this);
}

void HostedStream::wake_at(jetstream::Stream& /*stream*/, Instant when) {
  service_.wake_at(*this, when);
}

void HostedStream::advise(jetstream::Stream& /*stream*/, Slice subject, std::string body) {
  service_.advise(*place_.account, subject, std::move(body));
}

void HostedStream::advise_system(jetstream::Stream& /*stream*/, Slice subject, std::string body) {
  JetStreamNode& node = service_.node();
  router::AccountInterest& system = node.accounts->get(node.system_account);
  if (&system != place_.account) service_.advise(system, subject, std::move(body));
}

void HostedStream::log(jetstream::LogLevel level, std::string text) {
  service_.node().log(level, std::move(text));
}

Slice HostedStream::server_name() const {
  return service_.node().server_name;
}
Slice HostedStream::domain() const {
  return service_.node().options.domain;
}
std::string HostedStream::next_id() {
  return service_.next_id();
}

std::string HostedStream::time_zone(Slice name) {
  return service_.node().time_zone ? service_.node().time_zone(name) : std::string();
}

std::string HostedStream::short_hash(Slice text) {
  return service_.node().short_hash(std::string(text));
}
bool HostedStream::has_long_ack_subjects() {
  return service_.node().has_long_ack_subjects;
}

jetstream::BufferLimits HostedStream::buffer_limits() {
  jetstream::BufferLimits limits;
  const conf::JetStreamOptions& options = service_.node().options;
  if (options.max_buffered_msgs > 0) {
    limits.messages = static_cast<uint64_t>(options.max_buffered_msgs);
  }
  if (options.max_buffered_size > 0)
    limits.bytes = static_cast<uint64_t>(options.max_buffered_size);
  return limits;
}

jetstream::BatchLimits HostedStream::batch_limits() {
  jetstream::BatchLimits limits;
  const BatchUsage& server = *service_.node().batches;
  const auto replace = [](uint64_t& limit, const std::atomic<int64_t>& configured) {
    const int64_t value = configured.load(std::memory_order_relaxed);
    if (value > 0) limit = static_cast<uint64_t>(value);
  };
  replace(limits.atomic_open, server.stream_open_max);
  replace(limits.fast_open, server.stream_open_max);
  replace(limits.messages, server.messages_max);
  const int64_t silence = server.silence_ns.load(std::memory_order_relaxed);
  if (silence > 0) limits.silence = Duration::nanos(silence);
  return limits;
}

std::shared_ptr<void> HostedStream::open_batch(bool is_fast) {
  constexpr int64_t kAtomicMax = 1000;
  constexpr int64_t kFastMax = 50'000;
  const std::shared_ptr<BatchUsage> server = service_.node().batches;
  const int64_t configured = server->open_max.load(std::memory_order_relaxed);
  const int64_t usual = is_fast ? kFastMax : kAtomicMax;
  std::atomic<int64_t>& open = is_fast ? server->fast_open : server->atomic_open;
  if (open.fetch_add(1) >= (configured > 0 ? configured : usual)) {
    open.fetch_sub(1);
    return nullptr;
  }
  return std::shared_ptr<void>(
      &open, [server](void* of) { static_cast<std::atomic<int64_t>*>(of)->fetch_sub(1); });
}

bool HostedStream::may_store(jetstream::Stream& stream, uint64_t more) {
  return !is_server_full(stream, more) && place_.account_usage->allows(place_.is_memory, more);
}

bool HostedStream::is_server_full(jetstream::Stream& /*stream*/, uint64_t more) {
  // What is left of a full disk belongs to acks, purges and checkpoints.
  if (!place_.is_memory && service_.is_disk_full()) return true;
  return !service_.node().usage->allows(place_.is_memory, more);
}

void HostedStream::on_usage(jetstream::Stream& /*stream*/, int64_t bytes) {
  place_.account_usage->add(place_.is_memory, bytes);
  service_.node().usage->add(place_.is_memory, bytes);
}

void HostedStream::on_consumers(jetstream::Stream& /*stream*/, int64_t consumers) {
  place_.account_usage->consumers.fetch_add(consumers, std::memory_order_relaxed);
}

}  // namespace petrel::shard

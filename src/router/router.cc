#include "petrel/router/router.h"

#include "router/imported_message.h"

#include "petrel/base/check.h"
#include "petrel/base/copy_bytes.h"
#include "petrel/base/same_bytes.h"
#include "petrel/subject/subject.h"

#include <algorithm>
#include <charconv>

namespace petrel::router {

namespace {

constexpr uint32_t kPortalSlot = ~0U;  // stands for no subscription: the answer to a request
// Subjects under it are used once, each with several tokens of its own: no plan is worth keeping.
constexpr Slice kUsedOnce = "$JS.ACK.";

// Inboxes: answers that come one after the other mostly go to one.
constexpr Slice kAnswers = "_INBOX.";

// Whether the entry's plan is that of the subject. Answers to one inbox share a plan, which is at
// hand while each subject's own would have to be fetched from memory.
bool is_of(const PlanEntry& entry, Slice subject) {
  const Slice key = entry.key;
  if (!entry.is_shared) return same_bytes(key, subject);
  return subject.size() > key.size() && subject[key.size()] == '.' &&
         same_bytes(key, subject.substr(0, key.size())) &&
         subject.find('.', key.size() + 1) == Slice::npos;
}

}  // namespace

Router::Router(const RouterOptions& options, RouterPort& port)
    : loop_(options.loop),
      port_(port),
      prng_(options.seed),
      batch_pool_(BlockPool::create(DeliveryBatch::kBlockBytes, 32)),
      batches_(options.loops),
      imports_(*this) {}

void Router::begin_turn(size_t receivers) {
  flush_bytes_ = turn_bytes() > kHeavyTurnBytes
                     ? std::clamp(kBuffersInUse / std::max<size_t>(receivers, 1), kFlushBytesMin,
                                  kFlushBytesHeavy)
                     : kFlushBytes;
  turn_start_ = delivered_bytes_;
}

// --- plans ---

const DeliveryPlan& Router::plan_for(AccountInterest& account, Slice subject) {
  if (last_ != nullptr && last_->account == &account && is_of(*last_, subject) &&
      account.index.is_current(last_->stamp)) {
    return last_->plan;
  }
  if (subject.starts_with(kUsedOnce)) {
    subject::InterestStamp stamp;
    account.index.match(subject, match_, stamp);
    build_plan(account, subject, scratch_plan_, false);
    return scratch_plan_;
  }
  const uint64_t hash = PlanCache::hash_of(account, subject, false);
  if (PlanEntry* entry = cache_.find(hash, account, subject, false); entry != nullptr) {
    last_ = entry;
    if (!account.index.is_current(entry->stamp)) {
      account.index.match(subject, match_, entry->stamp);
      build_plan(account, subject, entry->plan, true);
    }
    return entry->plan;
  }
  return plan_on_miss(account, subject, hash);
}

const DeliveryPlan& Router::plan_on_miss(AccountInterest& account, Slice subject, uint64_t hash) {
  const bool is_repeated = cache_.wants(hash);
  const bool is_answer = subject.starts_with(kAnswers);
  const size_t dot = subject.rfind('.');
  const Slice prefix = dot == Slice::npos ? Slice() : subject.substr(0, dot);
  uint64_t shared_hash = 0;
  PlanEntry* shared = nullptr;
  subject::InterestStamp shared_stamp;
  if ((!is_repeated || is_answer) && !prefix.empty()) {
    shared_hash = PlanCache::hash_of(account, prefix, true);
    shared = cache_.find(shared_hash, account, prefix, true);
    if (shared != nullptr && account.index.is_current(shared->stamp)) {
      if (is_answer) last_ = shared;
      return shared->plan;
    }
    shared_stamp = account.index.shared_stamp(prefix);
  }
  subject::InterestStamp stamp;
  account.index.match(subject, match_, stamp);
  const bool is_too_large = match_.plain.size() + match_.members.size() > PlanCache::kTargetsMax;
  const bool is_shared =
      !is_repeated && !prefix.empty() && match_.shareable && cache_.wants(shared_hash);
  if (is_too_large || (!is_repeated && !is_shared)) {
    build_plan(account, subject, scratch_plan_, false);
    return scratch_plan_;
  }
  PlanEntry& entry =
      is_repeated
          ? cache_.insert(hash, account, subject, false)
          : (shared != nullptr ? *shared : cache_.insert(shared_hash, account, prefix, true));
  if (&entry == last_) last_ = nullptr;  // its place was taken over
  entry.stamp = is_repeated ? stamp : shared_stamp;
  build_plan(account, subject, entry.plan, is_repeated);
  return entry.plan;
}

void Router::build_plan(AccountInterest& account, Slice subject, DeliveryPlan& plan,
                        bool with_prefixes, Shadows shadows) {
  plan.clear();
  std::sort(match_.plain.begin(), match_.plain.end(),
            [](const auto& a, const auto& b) { return a.loop < b.loop; });
  for (const subject::Subscriber& subscriber : match_.plain) {
    if (subscriber.flags != 0) [[unlikely]] {
      if (subscriber.flags == kShadowFlag && shadows == Shadows::kLeftOut) continue;
      if (subscriber.flags != kShadowFlag) {
        add_import(account, subscriber, plan);
        continue;
      }
    }
    if (subscriber.loop == loop_) {
      DeliveryPlan::Local entry{subscriber.slot, subscriber.generation, 0, 0};
      if (with_prefixes) add_prefix(plan, entry, subject);
      plan.local.push_back(entry);
      continue;
    }
    const auto at = static_cast<uint32_t>(plan.remote_targets.size());
    if (plan.remote_runs.empty() || plan.remote_runs.back().loop != subscriber.loop) {
      plan.remote_runs.push_back({at, at, subscriber.loop});
    }
    plan.remote_targets.push_back({subscriber.slot, subscriber.generation});
    plan.remote_runs.back().end = at + 1;
  }
  build_groups(subject, plan, with_prefixes, shadows);
  plan.is_spread = with_prefixes && is_spread(plan, subscriptions_);
}

bool Router::is_spread(const DeliveryPlan& plan, SubscriptionTable& subscriptions) {
  if (!plan.groups.empty() || !plan.imports.empty() || plan.local.size() > kSpreadTargetsMax) {
    return false;
  }
  std::vector<const Receiver*> receivers;
  for (const DeliveryPlan::Local& entry : plan.local) {
    const Subscription* subscription = subscriptions.find(entry.slot, entry.generation);
    if (subscription == nullptr || entry.prefix_bytes == 0) return false;
    receivers.push_back(subscription->receiver);
  }
  std::sort(receivers.begin(), receivers.end());
  return std::adjacent_find(receivers.begin(), receivers.end()) == receivers.end();
}

void Router::build_groups(Slice subject, DeliveryPlan& plan, bool with_prefixes, Shadows shadows) {
  for (const subject::MatchResult::Group& group : match_.groups) {
    const auto begin = static_cast<uint32_t>(plan.members.size());
    for (uint32_t i = group.begin; i < group.end; ++i) {
      const subject::Subscriber& subscriber = match_.members[i];
      if (subscriber.flags != 0 && shadows == Shadows::kLeftOut) continue;
      DeliveryPlan::Member member{{subscriber.slot, subscriber.generation, 0, 0}, subscriber.loop};
      if (with_prefixes && subscriber.loop == loop_) add_prefix(plan, member.local, subject);
      plan.members.push_back(member);
    }
    const auto end = static_cast<uint32_t>(plan.members.size());
    if (end != begin) plan.groups.push_back({begin, end, group.queue});
  }
}

void Router::add_import(AccountInterest& account, const subject::Subscriber& subscriber,
                        DeliveryPlan& plan) {
  if (subscriber.flags == kPortalFlag) {
    plan.imports.push_back({nullptr, subscriber.loop});
    return;
  }
  const uint64_t id = uint64_t{subscriber.generation} << 32 | subscriber.slot;
  // Absent: the configuration changed meanwhile.
  if (auto link = account.links()->find_service(id); link != nullptr) {
    plan.imports.push_back({std::move(link), kNoLoop});
  }
}

void Router::add_prefix(DeliveryPlan& plan, DeliveryPlan::Local& entry, Slice subject) {
  const Subscription* subscription = subscriptions_.find(entry.slot, entry.generation);
  if (subscription == nullptr) return;
  entry.prefix_offset = static_cast<uint32_t>(plan.prefixes.size());
  plan.prefixes.append(format_prefix(*subscription, subject));
  entry.prefix_bytes = static_cast<uint32_t>(plan.prefixes.size()) - entry.prefix_offset;
}

Slice Router::format_prefix(const Subscription& subscription, Slice subject) {
  constexpr Slice kVerb = "HMSG ";
  const Slice shown = shown_subject(subscription, subject);
  const Slice sid = subscription.sid();
  scratch_prefix_.resize(kVerb.size() + shown.size() + sid.size() + 2);
  char* to = copy_bytes(scratch_prefix_.data(), kVerb);
  to = copy_bytes(to, shown);
  *to++ = ' ';
  to = copy_bytes(to, sid);
  *to = ' ';
  return scratch_prefix_;
}

Slice Router::shown_subject(const Subscription& subscription, Slice subject) {
  if (subscription.shadow == nullptr) [[likely]]
    return subject;
  const StreamLink& link = *subscription.shadow->link;
  // A subject that the import does not speak of is one that a stream shows as it was stored.
  if (!subject::subject_matches(subject, link.from)) return subject;
  link.local_subject(subject, prng_, scratch_subject_);
  return scratch_subject_;
}

// --- deliveries ---

// The receiver knows no headers: cut them off and tell the size of what is left.
void Router::append_without_headers(Receiver& to, const Message& message, Slice prefix) {
  const Slice payload = message.body().substr(message.header_bytes);
  scratch_sizes_.assign(message.reply());
  if (message.reply_bytes != 0) scratch_sizes_.push_back(' ');
  scratch_sizes_.append(std::to_string(payload.size())).append("\r\n");
  scratch_sizes_.append(payload).append("\r\n");
  to.outbound.append(prefix.substr(1), scratch_sizes_);
  delivered_bytes_ += scratch_sizes_.size();
  if (to.is_traced) to.trace_delivery(prefix.substr(1), message);
}

inline void Router::append_frame(Receiver& to, const Message& message, Slice prefix) {
  if (message.header_bytes != 0 && !to.headers) [[unlikely]] {
    append_without_headers(to, message, prefix);
    return;
  }
  if (message.header_bytes == 0) prefix.remove_prefix(1);
  delivered_bytes_ += prefix.size() + message.tail.size();
  if (message.tail.size() > DeliveryBatch::kCopyBytesMax && message.block != nullptr) {
    to.outbound.append(prefix);
    to.outbound.append_reference(message.tail, *message.block);
  } else {
    to.outbound.append(prefix, message.tail);
  }
  if (to.is_traced) [[unlikely]]
    to.trace_delivery(prefix, message);
}

inline bool Router::deliver(uint32_t slot, Subscription& subscription, const Message& message,
                            Slice prefix) {
  Receiver& to = *subscription.receiver;
  if (to.is_closed || (&to == message.publisher && !to.echo)) return false;
  if (to.checks_delivery && !to.may_receive(subscription, message)) [[unlikely]]
    return false;
  if (to.is_endpoint) {
    ++subscription.delivered;
    static_cast<Endpoint&>(to).take(subscription, message);
    return true;
  }
  if (to.tracks_replies && message.reply_bytes != 0) [[unlikely]]
    to.note_reply(message.reply());
  if (prefix.empty()) prefix = format_prefix(subscription, message.subject);
  ++subscription.delivered;
  append_frame(to, message, prefix);
  ++to.out_msgs;
  to.out_bytes += message.body_bytes();
  touch(to);
  const size_t pending = to.outbound.pending_bytes();
  if (pending >= flush_bytes_ || pending > to.max_pending - to.max_pending / 4) [[unlikely]] {
    on_high_pending(to);
  }
  if (subscription.max != 0 && subscription.delivered >= subscription.max) [[unlikely]] {
    to.on_max_delivered(slot);
  }
  return true;
}

uint32_t Router::route(AccountInterest& account, const Message& message) {
  return deliver_planned<Shown::kPlanned>(account, plan_for(account, message.subject),
                                          message.subject, message);
}

size_t Router::route_repeats(AccountInterest& account, const Repeats& repeats) {
  const DeliveryPlan& plan = plan_for(account, repeats.first.subject);
  if (plan.is_empty()) return repeats.count;
  const size_t frame_bytes = repeats.first.tail.size() + repeats.first.subject.size();
  if (plan.is_spread && repeats.first.tail.size() <= DeliveryBatch::kCopyBytesMax) {
    Repeats some = repeats;
    some.count = std::min(repeats.count, kRepeatedBytes / frame_bytes);
    deliver_spread(account, plan, some);
    return some.count;
  }
  Message message = repeats.first;
  size_t done = 0;
  do {
    // The plan is asked for each time: a delivery may have changed who is interested.
    route(account, message);
    message.tail = Slice(message.tail.data() + repeats.stride, message.tail.size());
    ++done;
  } while (done < repeats.count && !stall_requested_ && !message.publisher->is_closed &&
           delivered_bytes_ < repeats.delivered_end);
  return done;
}

// Connection by connection: each gets its messages in order, and its buffer is at hand meanwhile.
void Router::deliver_spread(AccountInterest& account, const DeliveryPlan& plan,
                            const Repeats& repeats) {
  for (const DeliveryPlan::Run& run : plan.remote_runs) {
    const std::span<const Target> targets =
        std::span(plan.remote_targets).subspan(run.begin, run.end - run.begin);
    Message message = repeats.first;
    for (size_t i = 0; i < repeats.count; ++i) {
      send_to_loop(run.loop, message, {&account, {}, targets, Slice()});
      message.tail = Slice(message.tail.data() + repeats.stride, message.tail.size());
    }
  }
  for (const DeliveryPlan::Local& entry : plan.local) {
    deliver_repeats(entry, plan.prefix_of(entry), repeats);
  }
}

void Router::deliver_repeats(const DeliveryPlan::Local& entry, Slice prefix,
                             const Repeats& repeats) {
  Subscription* subscription = subscriptions_.find(entry.slot, entry.generation);
  if (subscription == nullptr) return;
  Receiver& to = *subscription->receiver;
  const bool is_plain = !to.checks_delivery && !to.is_endpoint && !to.is_traced &&
                        subscription->max == 0 && to.max_pending > 4 * kRepeatedBytes &&
                        (repeats.first.header_bytes == 0 || to.headers);
  if (!is_plain) [[unlikely]] {
    Message message = repeats.first;
    for (size_t i = 0; i < repeats.count; ++i) {
      subscription = subscriptions_.find(entry.slot, entry.generation);
      if (subscription == nullptr) return;
      deliver(entry.slot, *subscription, message, prefix);
      message.tail = Slice(message.tail.data() + repeats.stride, message.tail.size());
    }
    return;
  }
  if (to.is_closed || (&to == repeats.first.publisher && !to.echo)) return;
  if (repeats.first.header_bytes == 0) prefix.remove_prefix(1);
  to.outbound.append_each(prefix, repeats.first.tail, repeats.stride, repeats.count);
  subscription->delivered += repeats.count;
  to.out_msgs += repeats.count;
  to.out_bytes += repeats.count * repeats.first.body_bytes();
  delivered_bytes_ += repeats.count * (prefix.size() + repeats.first.tail.size());
  touch(to);
  const size_t pending = to.outbound.pending_bytes();
  if (pending >= flush_bytes_ || pending > to.max_pending - to.max_pending / 4) [[unlikely]] {
    on_high_pending(to);
  }
}

uint32_t Router::route_to(AccountInterest& account, Slice target, const Message& message) {
  return deliver_planned<Shown::kOther>(account, plan_for(account, target), target, message);
}

uint32_t Router::route_imported(AccountInterest& account, Slice target, const Message& message) {
  if (account.shadows.load(std::memory_order_relaxed) == 0) {
    return deliver_planned<Shown::kOther>(account, plan_for(account, target), target, message);
  }
  subject::InterestStamp stamp;
  account.index.match(target, match_, stamp);
  DeliveryPlan plan;
  build_plan(account, target, plan, false, Shadows::kLeftOut);
  return deliver_planned<Shown::kOther>(account, plan, target, message);
}

template <Router::Shown kShown>
inline uint32_t Router::deliver_planned(AccountInterest& account, const DeliveryPlan& plan,
                                        Slice target, const Message& message) {
  uint32_t delivered = 0;
  for (const DeliveryPlan::Local& entry : plan.local) {
    Subscription* subscription = subscriptions_.find(entry.slot, entry.generation);
    if (subscription == nullptr) continue;
    const Slice prefix = kShown == Shown::kPlanned ? plan.prefix_of(entry) : Slice();
    if (deliver(entry.slot, *subscription, message, prefix)) ++delivered;
  }
  for (const DeliveryPlan::Run& run : plan.remote_runs) {
    const std::span<const Target> targets =
        std::span(plan.remote_targets).subspan(run.begin, run.end - run.begin);
    send_to_loop(run.loop, message, {&account, {}, targets, Slice()});
    delivered += run.end - run.begin;
  }
  for (const DeliveryPlan::Group& group : plan.groups) {
    if (deliver_to_group<kShown>(account, plan, group, message)) ++delivered;
  }
  if (!plan.imports.empty()) [[unlikely]] {
    // Comes last, because what it routes may take the place of this plan.
    const std::vector<DeliveryPlan::Import> imports = plan.imports;
    delivered += imports_.deliver(imports, target, message);
  }
  return delivered;
}

template <Router::Shown kShown>
bool Router::deliver_to_group(AccountInterest& account, const DeliveryPlan& plan,
                              const DeliveryPlan::Group& group, const Message& message) {
  const uint32_t count = group.end - group.begin;
  auto pick = count == 1 ? 0U : static_cast<uint32_t>(prng_.below(count));
  for (uint32_t i = 0; i < count; ++i) {
    const DeliveryPlan::Member& member = plan.members[group.begin + pick];
    if (++pick == count) pick = 0;
    if (member.loop != loop_) {
      const Target target{member.local.slot, member.local.generation};
      send_to_loop(member.loop, message, {&account, {}, {&target, 1}, group.queue});
      return true;
    }
    Subscription* subscription = subscriptions_.find(member.local.slot, member.local.generation);
    if (subscription == nullptr) continue;
    const Slice prefix = kShown == Shown::kPlanned ? plan.prefix_of(member.local) : Slice();
    if (deliver(member.local.slot, *subscription, message, prefix)) {
      return true;
    }
  }
  return false;
}

// --- traced messages: slower, and every step is told ---

uint32_t Router::route_observed(AccountInterest& account, const Message& message,
                                RouteObserver& observer, bool is_dry) {
  return observe_plan(account, message, observer, is_dry, Shadows::kIncluded);
}

uint32_t Router::route_imported_observed(AccountInterest& account, const Message& message,
                                         RouteObserver& observer, bool is_dry) {
  return observe_plan(account, message, observer, is_dry, Shadows::kLeftOut);
}

uint32_t Router::observe_plan(AccountInterest& account, const Message& message,
                              RouteObserver& observer, bool is_dry, Shadows shadows) {
  subject::InterestStamp stamp;
  account.index.match(message.subject, match_, stamp);
  build_plan(account, message.subject, scratch_plan_, false, shadows);
  const DeliveryPlan& plan = scratch_plan_;
  uint32_t delivered = 0;
  for (const DeliveryPlan::Local& entry : plan.local) {
    if (observe(entry, message, observer, is_dry)) ++delivered;
  }
  for (const DeliveryPlan::Run& run : plan.remote_runs) {
    const std::span<const Target> targets =
        std::span(plan.remote_targets).subspan(run.begin, run.end - run.begin);
    for (size_t i = 0; i < targets.size(); ++i) observer.on_egress({});
    if (!is_dry) send_to_loop(run.loop, message, {&account, {}, targets, Slice()});
    delivered += run.end - run.begin;
  }
  for (const DeliveryPlan::Group& group : plan.groups) {
    if (observe_group(account, group, message, observer, is_dry)) ++delivered;
  }
  if (plan.imports.empty()) return delivered;
  const std::vector<DeliveryPlan::Import> imports = plan.imports;
  return delivered + imports_.deliver_observed(imports, message.subject, message, observer, is_dry);
}

bool Router::observe(const DeliveryPlan::Local& entry, const Message& message,
                     RouteObserver& observer, bool is_dry) {
  Subscription* subscription = subscriptions_.find(entry.slot, entry.generation);
  if (subscription == nullptr) return false;
  Receiver& to = *subscription->receiver;
  if (subscription->shadow != nullptr) {
    observer.on_stream_export(to.account->name, shown_subject(*subscription, message.subject));
    if (!subscription->shadow->link->allow_trace) {
      return is_dry || deliver(entry.slot, *subscription, message, Slice());
    }
  }
  if (to.is_endpoint) return observe_endpoint(entry, message, observer, is_dry);
  Egress egress{&to, subscription->subject(), subscription->queue(), EgressOutcome::kDelivered};
  if (to.is_closed) {
    egress.outcome = EgressOutcome::kClosed;
  } else if (&to == message.publisher && !to.echo) {
    egress.outcome = EgressOutcome::kNoEcho;
  } else if (to.checks_delivery && !to.may_receive(*subscription, message)) {
    egress.outcome = EgressOutcome::kRefused;
  }
  observer.on_egress(egress);
  if (egress.outcome != EgressOutcome::kDelivered) return false;
  return is_dry || deliver(entry.slot, *subscription, message, Slice());
}

// What is delivered again later must not be traced then.
bool Router::observe_endpoint(const DeliveryPlan::Local& entry, const Message& message,
                              RouteObserver& observer, bool is_dry) {
  Subscription& subscription = *subscriptions_.find(entry.slot, entry.generation);
  static_cast<Endpoint*>(subscription.receiver)->observe(observer, message);
  if (is_dry) return true;
  const ImportedMessage untraced(
      message, message.subject, message.reply(),
      {.trace_destination = std::string(kTraceDisabled), .replaces_trace = true});
  return deliver(entry.slot, subscription, untraced.message(), Slice());
}

bool Router::observe_group(AccountInterest& account, const DeliveryPlan::Group& group,
                           const Message& message, RouteObserver& observer, bool is_dry) {
  const uint32_t count = group.end - group.begin;
  auto pick = static_cast<uint32_t>(prng_.below(count));
  for (uint32_t i = 0; i < count; ++i) {
    const DeliveryPlan::Member& member = scratch_plan_.members[group.begin + pick];
    if (++pick == count) pick = 0;
    if (member.loop == loop_) {
      if (observe(member.local, message, observer, is_dry)) return true;
      continue;
    }
    observer.on_egress({nullptr, {}, group.queue, EgressOutcome::kDelivered});
    const Target target{member.local.slot, member.local.generation};
    if (!is_dry) send_to_loop(member.loop, message, {&account, {}, {&target, 1}, group.queue});
    return true;
  }
  return false;
}

// Much waits for one receiver: try to send it at once; what is still too much makes a slow
// consumer, what is nearly too much slows the publisher down.
void Router::on_high_pending(Receiver& to) {
  post_batches();
  port_.flush_early(to);
  const size_t pending = to.outbound.pending_bytes();
  if (pending > to.max_pending) {
    to.on_pending_exceeded();
  } else if (pending > to.max_pending - to.max_pending / 4) {
    to.is_congested = true;
    stall_requested_ = true;
  }
}

void Router::send_to_loop(uint16_t loop, const Message& message, Delivery delivery) {
  std::unique_ptr<DeliveryBatch>& batch = batches_[loop];
  if (batch == nullptr) batch = std::make_unique<DeliveryBatch>(batch_pool_);
  delivery.publisher =
      message.publisher != nullptr ? message.publisher->handle : ConnectionHandle{~0U, 0, loop_};
  std::span<const Target> targets = delivery.targets;
  while (!targets.empty()) {
    delivery.targets = targets.first(std::min(targets.size(), DeliveryBatch::kTargetsMax));
    batch->add(delivery, message);
    targets = targets.subspan(delivery.targets.size());
  }
  delivered_bytes_ += message.tail.size();
  if (batch->charged_bytes() > kFlushBytes) {
    if (port_.inbox_bytes(loop) > kInboxBytesMax) stall_requested_ = true;
    post_batches();
  }
}

void Router::send_to_portal(uint16_t loop, Slice envelope, const Message& message) {
  const Target portal{kPortalSlot, 0};
  send_to_loop(loop, message, {nullptr, {}, {&portal, 1}, envelope});
}

void Router::post_batches() {
  // Loop 0 comes last: it hands requests on to other loops, where they must not overtake what was
  // published before them.
  for (size_t loop = batches_.size(); loop-- > 0;) {
    if (batches_[loop] != nullptr) {
      port_.post(static_cast<uint16_t>(loop), std::move(batches_[loop]));
    }
  }
}

void Router::deliver_batch(const DeliveryBatch& batch) {
  const bool stall_before = std::exchange(stall_requested_, false);
  ConnectionHandle asked{~0U, 0, 0};
  batch.for_each_run([&](DeliveryBatch::Run& run) {
    const ConnectionHandle publisher = run.delivery().publisher;
    batch_publisher_ = &publisher;
    deliver_run(run);
    batch_publisher_ = nullptr;
    if (take_stall_request() && publisher.slot != ~0U && !(publisher == asked)) {
      asked = publisher;
      port_.ask_to_stall(asked);
    }
  });
  stall_requested_ = stall_before;
}

ConnectionHandle Router::publisher_of(const Message& message) const {
  if (message.publisher != nullptr) return message.publisher->handle;
  return batch_publisher_ == nullptr ? ConnectionHandle{~0U, 0, loop_} : *batch_publisher_;
}

void Router::deliver_run(DeliveryBatch::Run& run) {
  if (!run.delivery().queue.empty() && run.delivery().targets.front().slot == kPortalSlot) {
    Message answer;
    while (run.next(answer)) imports_.answer_from_other_loop(run.delivery().queue, answer);
    return;
  }
  // The prefixes are the same for all messages of the run.
  const std::span<const Target> targets = run.delivery().targets;
  run_prefixes_.clear();
  run_ends_.clear();
  for (const Target& target : targets) {
    const Subscription* subscription = subscriptions_.find(target.slot, target.generation);
    if (subscription != nullptr) run_prefixes_.append(format_prefix(*subscription, run.subject()));
    run_ends_.push_back(run_prefixes_.size());
  }
  Message message;
  while (run.next(message)) {
    size_t begin = 0;
    for (size_t i = 0; i < targets.size(); ++i) {
      Subscription* subscription = subscriptions_.find(targets[i].slot, targets[i].generation);
      const Slice prefix = Slice(run_prefixes_).substr(begin, run_ends_[i] - begin);
      begin = run_ends_[i];
      const bool taken =
          subscription != nullptr && deliver(targets[i].slot, *subscription, message, prefix);
      if (!taken && !run.delivery().queue.empty()) redeliver_to_group(run.delivery(), message);
    }
  }
}

// The member that another loop picked is gone: pick again as of now.
void Router::redeliver_to_group(const Delivery& delivery, const Message& message) {
  subject::InterestStamp stamp;
  delivery.account->index.match(message.subject, match_, stamp);
  DeliveryPlan plan;
  build_plan(*delivery.account, message.subject, plan, false);
  for (const DeliveryPlan::Group& group : plan.groups) {
    if (group.queue != delivery.queue) continue;
    deliver_to_group<Shown::kOther>(*delivery.account, plan, group, message);
    return;
  }
}

uint32_t Router::add_endpoint(AccountInterest& account, Endpoint& endpoint, Slice subject,
                              Slice queue) {
  const uint32_t slot = subscriptions_.add(endpoint, subject, queue, Slice());
  account.index.insert(subject, queue, {slot, subscriptions_.at(slot).generation, loop_, 0});
  return slot;
}

void Router::remove_endpoint(AccountInterest& account, uint32_t subscription_slot) {
  const Subscription& subscription = subscriptions_.at(subscription_slot);
  account.index.remove(subscription.subject(), subscription.queue(),
                       {subscription_slot, subscription.generation, loop_, 0});
  subscriptions_.remove(subscription_slot);
}

Subscription* Router::own_subscription(AccountInterest& account, Receiver& receiver,
                                       Slice subject) {
  for (const DeliveryPlan::Local& entry : plan_for(account, subject).local) {
    Subscription* subscription = subscriptions_.find(entry.slot, entry.generation);
    if (subscription != nullptr && subscription->receiver == &receiver) return subscription;
  }
  return nullptr;
}

}  // namespace petrel::router

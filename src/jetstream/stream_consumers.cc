#include "jetstream/stream_consumers.h"

#include "jetstream/consumer_ack_subject.h"
#include "jetstream/stream_core.h"
#include "jetstream/stream_entry.h"

#include "petrel/base/check.h"
#include "petrel/jetstream/api_json.h"
#include "petrel/jetstream/api_requests.h"
#include "petrel/subject/subject.h"

#include <algorithm>

namespace petrel::jetstream {
namespace {

constexpr size_t kMessagesPerRun = 256;
constexpr size_t kFewConsumers = 8;

// Token `number` (from 0) of a subject; empty: not there.
Slice token_at(Slice subject, size_t number) {
  subject::TokenReader reader(subject);
  for (size_t i = 0; reader.next(); ++i) {
    if (i == number) return reader.token();
  }
  return {};
}

// Internal consumers of mirrors and sources count for no limit.
bool is_limited(const Consumer& consumer) {
  return !consumer.config().direct && !consumer.config().sourcing;
}

// Where the consumer's name stands: the forms with domain and account have two tokens more.
Slice consumer_of(Inlet inlet, Slice subject) {
  switch (inlet) {
    case Inlet::kPull:
      return token_at(subject, 6);
    case Inlet::kAck:
      return token_at(subject, subject::token_count(subject) >= 11 ? 5 : 3);
    case Inlet::kFlow:
      return token_at(subject, subject::token_count(subject) >= 7 ? 5 : 3);
    default:
      return {};
  }
}

}  // namespace

StreamConsumers::~StreamConsumers() = default;

// --- applied entries ---

StreamConsumers::Slot& StreamConsumers::add(uint64_t id, std::unique_ptr<Consumer> consumer) {
  uint32_t number = 0;
  if (free_slots_.empty()) {
    number = static_cast<uint32_t>(slots_.size());
    slots_.push_back(nullptr);
  } else {
    number = free_slots_.back();
    free_slots_.pop_back();
  }
  slots_[number] = std::make_unique<Slot>();
  Slot& slot = *slots_[number];
  slot.id = id;
  slot.number = number;
  slot.filters = consumer->config().filters();
  slot.consumer = std::move(consumer);
  by_name_[slot.consumer->name()] = &slot;
  by_id_[id] = &slot;
  by_consumer_[slot.consumer.get()] = &slot;
  if (is_limited(*slot.consumer)) ++limited_;
  index(slot);
  return slot;
}

void StreamConsumers::create(uint64_t id, WallTime created, Slice name,
                             const ConsumerConfig& config) {
  if (slot_of(name) != nullptr) {
    update(name, config);
    return;
  }
  Slot& slot = add(id, make_consumer(ConsumerSetup{config, created, true}, core_.stream));
  if (is_serving_) serve(slot);
}

void StreamConsumers::update(Slice name, const ConsumerConfig& config) {
  Slot* slot = slot_of(name);
  if (slot == nullptr) return;
  const std::vector<std::string> before = slot->filters;
  unindex(*slot);
  slot->consumer->update(config);
  slot->filters = slot->consumer->config().filters();
  index(*slot);
  if (before != slot->filters) drop_unneeded(before);
  if (is_serving_) wake(*slot->consumer);
}

void StreamConsumers::remove(Slice name) {
  Slot* slot = slot_of(name);
  if (slot == nullptr) return;
  const std::vector<std::string> filters = slot->filters;
  if (is_serving_) {
    slot->consumer->stop("Consumer Deleted");
    unserve(*slot);
  }
  unindex(*slot);
  if (is_limited(*slot->consumer)) --limited_;
  by_name_.erase(slot->consumer->name());
  by_id_.erase(slot->id);
  by_consumer_.erase(slot->consumer.get());
  buried_.push_back(std::move(slots_[slot->number]));
  free_slots_.push_back(slot->number);
  drop_unneeded(filters);
}

void StreamConsumers::apply_state(uint64_t id, Slice bytes) {
  Slot* slot = slot_by_id(id);
  if (slot == nullptr) return;
  is_applying_ = true;
  slot->consumer->apply(bytes);
  is_applying_ = false;
  flush_settled();
}

void StreamConsumers::pause(uint64_t id, WallTime until) {
  if (Slot* slot = slot_by_id(id); slot != nullptr) slot->consumer->pause(until);
}

void StreamConsumers::reset(uint64_t id, uint64_t sequence) {
  Slot* slot = slot_by_id(id);
  if (slot == nullptr) return;
  slot->settled_up_to = 0;
  slot->consumer->reset(sequence);
}

Status StreamConsumers::restore(uint64_t id, WallTime created, Slice config, Slice snapshot) {
  PETREL_TRY(ConsumerConfig read, read_consumer_config(config));
  auto consumer = make_consumer(ConsumerSetup{std::move(read), created, false}, core_.stream);
  PETREL_TRY_STATUS(consumer->restore(snapshot));
  add(id, std::move(consumer));
  return {};
}

std::string StreamConsumers::snapshot() const {
  EntryWriter out;
  out.u32(static_cast<uint32_t>(by_name_.size()));
  for (const auto& [name, slot] : by_name_) {
    out.u64(slot->id);
    out.i64(slot->consumer->created().ns);
    out.sized(consumer_config_json(slot->consumer->config()));
    out.sized(slot->consumer->snapshot());
  }
  return out.take();
}

// --- the index of filters ---

void StreamConsumers::index(Slot& slot) {
  if (slot.filters.empty()) {
    unfiltered_.push_back(&slot);
    return;
  }
  filtered_.push_back(&slot);
  if (filters_ != nullptr) {
    add_filters(slot);
  } else if (filtered_.size() > kFewConsumers) {
    // An index costs more than a stream with a few consumers.
    filters_ = std::make_unique<subject::SubjectIndex>();
    for (const Slot* filtered : filtered_) add_filters(*filtered);
  }
}

void StreamConsumers::add_filters(const Slot& slot) {
  for (const std::string& filter : slot.filters) {
    filters_->insert(filter, {}, subject::Subscriber{slot.number, 0, 0, 0});
  }
}

void StreamConsumers::unindex(Slot& slot) {
  if (slot.filters.empty()) {
    std::erase(unfiltered_, &slot);
    return;
  }
  std::erase(filtered_, &slot);
  if (filters_ == nullptr) return;
  for (const std::string& filter : slot.filters) {
    filters_->remove(filter, {}, subject::Subscriber{slot.number, 0, 0, 0});
  }
}

void StreamConsumers::match(Slice subject) const {
  matched_.assign(unfiltered_.begin(), unfiltered_.end());
  if (filters_ == nullptr) {
    for (Slot* slot : filtered_) {
      const bool admits = std::any_of(
          slot->filters.begin(), slot->filters.end(),
          [&](const std::string& filter) { return subject::subject_matches(subject, filter); });
      if (admits) matched_.push_back(slot);
    }
    return;
  }
  match_result_.clear();
  filters_->match(subject, match_result_, stamp_);
  for (const subject::Subscriber& found : match_result_.plain) {
    Slot* slot = slots_[found.slot].get();
    // Two filters of one consumer may both admit the subject.
    if (slot->filters.size() == 1 ||
        std::find(matched_.begin(), matched_.end(), slot) == matched_.end()) {
      matched_.push_back(slot);
    }
  }
}

bool StreamConsumers::has_interest(Slice subject) const {
  if (!unfiltered_.empty()) return true;
  if (filtered_.empty()) return false;
  match(subject);
  return !matched_.empty();
}

// --- messages ---

void StreamConsumers::on_stored(uint64_t sequence, Slice subject, uint64_t bytes) {
  if (by_name_.empty()) return;
  match(subject);
  for (Slot* slot : matched_) slot->consumer->on_stored(sequence, subject, bytes);
}

void StreamConsumers::on_removed(uint64_t sequence, Slice subject) {
  if (by_name_.empty()) return;
  match(subject);
  // A consumer may ask something of the stream that matches again.
  const std::vector<Slot*> told = matched_;
  for (Slot* slot : told) slot->consumer->on_removed(sequence, subject);
}

void StreamConsumers::on_purged(uint64_t first) {
  for (const auto& [name, slot] : by_name_) slot->consumer->on_purged(first);
}

void StreamConsumers::on_purged_matches(const std::string& filter, uint64_t first) {
  const auto is_within = [&](const std::string& of) {
    return subject::is_subset_match(of, filter);
  };
  const auto is_around = [&](const std::string& of) {
    return subject::is_subset_match(filter, of);
  };
  for (const auto& [name, slot] : by_name_) {
    const std::vector<std::string>& filters = slot->filters;
    const bool is_all = !filters.empty() && std::all_of(filters.begin(), filters.end(), is_within);
    if (is_all) {
      slot->consumer->on_purged(first);
    } else if (filters.empty() || std::any_of(filters.begin(), filters.end(), is_within) ||
               std::any_of(filters.begin(), filters.end(), is_around)) {
      slot->consumer->on_purged(core_.store->state().first_sequence);
    }
  }
}

// --- retention ---

bool StreamConsumers::is_needed(uint64_t sequence, Slice subject, const Slot* besides) const {
  match(subject);
  return std::any_of(matched_.begin(), matched_.end(), [&](const Slot* slot) {
    return slot != besides && slot->consumer->needs(sequence);
  });
}

void StreamConsumers::settle(Consumer& consumer, uint64_t sequence) {
  if (core_.config.retention == Retention::kLimits) return;
  settled_.emplace_back(slot_of(consumer).number, sequence);
  if (!is_applying_) flush_settled();
}

void StreamConsumers::settle_up_to(Consumer& consumer, uint64_t sequence) {
  if (core_.config.retention == Retention::kLimits) return;
  Slot& slot = slot_of(consumer);
  const store::MessageStore& messages = *core_.store;
  uint64_t from = std::max(slot.settled_up_to + 1, messages.state().first_sequence);
  slot.settled_up_to = std::max(slot.settled_up_to, sequence);
  for (;;) {
    const uint64_t found = messages.next_match(slot.filters, from);
    if (found == 0 || found > sequence) break;
    settled_.emplace_back(slot.number, found);
    from = found + 1;
  }
  if (!is_applying_) flush_settled();
}

// A consumer is not asked back while it applies: what it settled is handled behind it.
void StreamConsumers::flush_settled() {
  while (!settled_.empty()) {
    const std::vector<std::pair<uint32_t, uint64_t>> batch = std::move(settled_);
    settled_.clear();
    for (const auto& [number, sequence] : batch) {
      if (number < slots_.size() && slots_[number] != nullptr) {
        settle_now(*slots_[number], sequence);
      }
    }
  }
}

void StreamConsumers::settle_now(const Slot& slot, uint64_t sequence) {
  const auto known = core_.store->known(sequence);
  if (!known) return;
  if (core_.config.retention == Retention::kInterest &&
      is_needed(sequence, known->subject, &slot)) {
    return;
  }
  core_.apply.remove_message(sequence, false);
}

// Interest retention: messages that matched `filters` may have lost the last one that wanted them.
void StreamConsumers::drop_unneeded(const std::vector<std::string>& filters) {
  if (core_.config.retention != Retention::kInterest) return;
  const store::MessageStore& messages = *core_.store;
  uint64_t from = messages.state().first_sequence;
  while (const uint64_t found = messages.next_match(filters, from)) {
    const auto known = messages.known(found);
    if (known && !is_needed(found, known->subject, nullptr))
      core_.apply.remove_message(found, false);
    from = found + 1;
  }
}

// --- turns ---

void StreamConsumers::start() {
  is_serving_ = true;
  for (const auto& [name, slot] : by_name_) serve(*slot);
}

void StreamConsumers::stop(Slice reason) {
  if (!is_serving_) return;
  is_serving_ = false;
  for (const auto& [name, slot] : by_name_) {
    slot->consumer->stop(reason);
    unserve(*slot);
  }
}

void StreamConsumers::serve(Slot& slot) {
  const ConsumerConfig& config = slot.consumer->config();
  const std::string place = core_.config.name + "." + slot.consumer->name();
  const std::string long_place = reply_scope(core_.host, core_.account) + place;
  const auto subscribe = [&](Inlet inlet, const std::string& subject) {
    slot.subscriptions.push_back(core_.host.subscribe(core_.stream, inlet, subject, {}));
  };
  if (config.ack_policy == AckPolicy::kAll || config.ack_policy == AckPolicy::kExplicit) {
    subscribe(Inlet::kAck, "$JS.ACK." + place + ".>");
    subscribe(Inlet::kAck, "$JS.ACK." + long_place + ".*.*.*.*.>");
  }
  if (config.flow_control) {
    subscribe(Inlet::kFlow, "$JS.FC." + place + ".>");
    subscribe(Inlet::kFlow, "$JS.FC." + long_place + ".>");
  }
  // A push consumer answers pulls too: with a status.
  subscribe(Inlet::kPull, "$JS.API.CONSUMER.MSG.NEXT." + place);
  slot.consumer->start();
  wake(*slot.consumer);
}

void StreamConsumers::unserve(Slot& slot) {
  for (const uint32_t subscription : slot.subscriptions) {
    core_.host.unsubscribe(core_.stream, subscription);
  }
  slot.subscriptions.clear();
}

// A consumer that is being made asks before it stands here; it is woken when it starts.
void StreamConsumers::wake(Consumer& consumer) {
  const auto found = by_consumer_.find(&consumer);
  if (found == by_consumer_.end() || found->second->is_ready) return;
  Slot& slot = *found->second;
  slot.is_ready = true;
  ready_.push_back(slot.number);
  core_.host.wake(core_.stream);
}

void StreamConsumers::wake_all() {
  for (const auto& [name, slot] : by_name_) wake(*slot->consumer);
}

void StreamConsumers::wake_at(Consumer& consumer, Instant when) {
  const auto found = by_consumer_.find(&consumer);
  if (found == by_consumer_.end()) return;
  Slot& slot = *found->second;
  if (slot.due.ns != 0 && slot.due <= when) return;
  slot.due = when;
  due_.emplace(when.ns, slot.number);
  core_.host.wake_at(core_.stream, when);
}

bool StreamConsumers::run(size_t budget, Instant now) {
  buried_.clear();
  while (!due_.empty() && due_.begin()->first <= now.ns) {
    const auto [ns, number] = *due_.begin();
    due_.erase(due_.begin());
    Slot* slot = slots_[number].get();
    if (slot == nullptr || slot->due.ns != ns) continue;
    slot->due = {};
    if (!slot->is_ready) {
      slot->is_ready = true;
      ready_.push_back(number);
    }
  }
  // One round: who has more stands behind the others.
  for (size_t left = ready_.size(); left != 0 && budget != 0; --left, --budget) {
    const uint32_t number = ready_.front();
    ready_.pop_front();
    Slot* slot = slots_[number].get();
    if (slot == nullptr || !slot->is_ready) continue;
    slot->is_ready = false;
    const uint64_t id = slot->id;
    const bool has_more = slot->consumer->run(kMessagesPerRun);
    slot = slots_[number].get();
    if (has_more && slot != nullptr && slot->id == id && !slot->is_ready) {
      slot->is_ready = true;
      ready_.push_back(number);
    }
  }
  return !ready_.empty();
}

Instant StreamConsumers::next_due() const {
  return due_.empty() ? Instant{} : Instant{due_.begin()->first};
}

// --- from clients ---

void StreamConsumers::take(Inlet inlet, Slice subject, Slice reply, Slice header, Slice body) {
  Slot* slot = slot_of(consumer_of(inlet, subject));
  if (slot == nullptr) return;
  switch (inlet) {
    case Inlet::kPull:
      slot->consumer->on_pull(reply, header, body);
      break;
    case Inlet::kAck:
      slot->consumer->on_ack(subject, reply, body);
      break;
    case Inlet::kFlow:
      slot->consumer->on_flow_reply(subject, header);
      break;
    default:
      break;
  }
}

// --- who is there ---

StreamConsumers::Slot* StreamConsumers::slot_of(Slice name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

StreamConsumers::Slot& StreamConsumers::slot_of(const Consumer& consumer) const {
  const auto found = by_consumer_.find(&consumer);
  PETREL_CHECK(found != by_consumer_.end());
  return *found->second;
}

StreamConsumers::Slot* StreamConsumers::slot_by_id(uint64_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

uint64_t StreamConsumers::id_of(const Consumer& consumer) const {
  return slot_of(consumer).id;
}

Consumer* StreamConsumers::find(Slice name) const {
  const Slot* slot = slot_of(name);
  return slot == nullptr ? nullptr : slot->consumer.get();
}

uint64_t StreamConsumers::id_of(Slice name) const {
  const Slot* slot = slot_of(name);
  return slot == nullptr ? 0 : slot->id;
}

std::vector<Consumer*> StreamConsumers::all() const {
  std::vector<Consumer*> all;
  all.reserve(by_name_.size());
  for (const auto& [name, slot] : by_name_) all.push_back(slot->consumer.get());
  return all;
}

std::vector<const ConsumerConfig*> StreamConsumers::configs() const {
  std::vector<const ConsumerConfig*> configs;
  configs.reserve(by_name_.size());
  for (const auto& [name, slot] : by_name_) configs.push_back(&slot->consumer->config());
  return configs;
}

}  // namespace petrel::jetstream

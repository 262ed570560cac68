#include "stream_sim.h"

#include "petrel/jetstream/consumer.h"
#include "petrel/jetstream/consumer_config.h"
#include "petrel/store/message_store.h"

#include <algorithm>
#include <cstdio>

namespace petrel::sim {

using jetstream::Inlet;

namespace {

constexpr store::GroupId kGroup = 7;
constexpr int kSteps = 1500;
constexpr int kTurnsMax = 20'000;
constexpr char kIds[] = "/d/streams/S/ids-";
constexpr Slice kDamagedIds = "message ids are damaged";
constexpr size_t kIdMemory = 1 << 20;
constexpr size_t kIdMemoryMin = 3000;

std::string body_of(uint64_t number) {
  return "message " + std::to_string(number) + std::string(number % 50, 'x');
}

}  // namespace

StreamSim::StreamSim(uint64_t seed, bool trace)
    : SimHost(seed, seed * 31 + 5, trace),
      plan_(seed * 7 + 1),
      id_memory_(std::make_shared<MemoryBudget>(seed % 2 == 0 ? kIdMemory : kIdMemoryMin)),
      may_damage_ids_(seed % 4 == 1) {
  jetstream::StreamConfig wanted;
  wanted.name = "S";
  wanted.subjects = {"s.>"};
  wanted.duplicate_window = Duration::hours(24);
  auto checked = check_stream_config(wanted, {});
  if (checked) config_ = *checked;
}

std::string StreamSim::run() {
  boot();
  for (int step = 0; step < kSteps && error_.empty(); ++step) {
    act();
    turn();
  }
  settle();
  if (error_.empty() && delivered_.size() != hosted_.stream->state().messages) {
    fail("the worker got " + std::to_string(delivered_.size()) + " of " +
         std::to_string(hosted_.stream->state().messages) + " messages");
  }
  if (error_.empty() && acknowledged_.size() < 50) fail("the simulation did next to nothing");
  return error_.empty() ? "" : error_ + " (after " + std::to_string(crashes_) + " crashes)";
}

// --- life ---

void StreamSim::boot() {
  store::JournalOptions options;
  options.segment_bytes_min = 16 << 10;
  options.segment_bytes_max = 64 << 10;
  options.total_bytes_max = 256 << 10;
  options.reserve_bytes = 0;
  const std::unique_ptr<store::JournalTail> tail = open_journal(options);
  if (tail == nullptr) return;
  hosted_ = open_stream({config_, kGroup, crashes_ == 0, id_memory_}, tail.get());
  if (!error_.empty()) return;
  old_journals_ = tail->files();
  check_store();
  hosted_.stream->start();
  hosted_.stream->checkpoint();
  is_consumer_there_ = hosted_.stream->find_consumer("c") != nullptr;
  if (!is_consumer_there_) create_consumer();
  repeat_unanswered();
}

void StreamSim::crash() {
  ++crashes_;
  if (trace_) std::printf("crash\n");
  // They only close their files; what was under way is lost with the power.
  hosted_ = {};
  journal_.reset();
  disk_.crash();
  if (may_damage_ids_) damage_ids();
  ack_replies_.clear();
  boot();
}

void StreamSim::damage_ids() {
  for (const std::string& path : disk_.paths()) {
    std::string* bytes = disk_.bytes_of(path);
    if (!path.starts_with(kIds) || bytes == nullptr || bytes->empty() || plan_.below(4) != 0) {
      continue;
    }
    (*bytes)[plan_.below(bytes->size())] ^= static_cast<char>(1U << plan_.below(8));
  }
}

void StreamSim::turn() {
  if (!error_.empty()) return;
  tick();
  while (hosted_.stream->run(64)) {
  }
  journal_->commit();
  if (!old_journals_.empty() && hosted_.group->checkpoints() > 0) {
    for (const std::string& path : old_journals_) disk_.remove_file(path, [](int) {});
    old_journals_.clear();
  }
}

void StreamSim::act() {
  const uint64_t dice = plan_.below(1000);
  if (dice < 500) {
    publish_next();
  } else if (dice < 650) {
    pull();
  } else if (dice < 660) {
    hosted_.stream->checkpoint();
  } else if (dice < 668) {
    crash();
  } else if (dice < 680 && !unanswered_.empty()) {
    publish(*unanswered_.begin());
  } else if (dice < 700) {
    publish_again();
  }
}

// No more crashes: everything that was begun ends.
void StreamSim::settle() {
  for (int i = 0; i < kTurnsMax && error_.empty(); ++i) {
    const bool is_done = unanswered_.empty() && is_consumer_there_ &&
                         delivered_.size() >= hosted_.stream->state().messages;
    if (is_done) break;
    if (i % 20 == 0) pull();
    if (i % 500 == 499) repeat_unanswered();
    turn();
  }
  if (error_.empty()) check_store();
}

void StreamSim::check_store() {
  std::set<uint64_t> numbers;
  uint64_t last_number = 0;
  const store::StoreState& state = hosted_.stream->state();
  if (state.messages != state.last_sequence) fail("sequences have gaps");
  std::map<uint64_t, uint64_t> by_sequence;
  for (uint64_t sequence = 1; sequence <= state.last_sequence && error_.empty(); ++sequence) {
    store::StoredMessage message;
    const auto status = read(*hosted_.stream, sequence, message);
    if (status != store::ReadStatus::kFound) {
      return fail("message " + std::to_string(sequence) + " cannot be read");
    }
    const uint64_t number = number_behind(message.body, "message ");
    if (message.body != body_of(number)) fail("the body of a message is not what was published");
    if (!numbers.insert(number).second) {
      fail("message " + std::to_string(number) + " is stored twice");
    }
    if (number < last_number) fail("the order of the publisher is lost");
    last_number = number;
    by_sequence[sequence] = number;
  }
  for (const auto& [number, sequence] : acknowledged_) {
    if (by_sequence[sequence] != number) {
      return fail("message " + std::to_string(number) + " was acknowledged as " +
                  std::to_string(sequence) + " and is not there");
    }
  }
}

// --- publisher ---

void StreamSim::publish(uint64_t number) {
  const std::string header = "NATS/1.0\r\nNats-Msg-Id: id-" + std::to_string(number) + "\r\n\r\n";
  const std::string subject = "s." + std::to_string(number % 5);
  const std::string reply = "pub." + std::to_string(number);
  take(*hosted_.stream, Inlet::kPublish, {subject, header, body_of(number), reply});
}

// A window of 32: the order of what is repeated is that of the first time.
void StreamSim::publish_next() {
  if (unanswered_.size() >= 32) return;
  unanswered_.insert(next_number_);
  publish(next_number_++);
}

// What was answered long ago: the answer is the same.
void StreamSim::publish_again() {
  if (acknowledged_.empty()) return;
  const uint64_t far = plan_.below(next_number_);
  const auto again = acknowledged_.lower_bound(far);
  publish(again == acknowledged_.end() ? acknowledged_.begin()->first : again->first);
}

void StreamSim::repeat_unanswered() {
  for (const uint64_t number : unanswered_) publish(number);
}

void StreamSim::on_answer(uint64_t number, Slice body) {
  const uint64_t sequence = number_behind(body, "{\"stream\":\"S\",\"seq\":");
  if (sequence == 0 && may_damage_ids_ && body.find(kDamagedIds) != Slice::npos) {
    unanswered_.erase(number);  // whether it is there is not known
    return;
  }
  if (sequence == 0) return fail("refused: " + std::string(body));
  const auto [known, is_new] = acknowledged_.emplace(number, sequence);
  if (!is_new && known->second != sequence) fail("two sequences for one message");
  // The answer is lost on its way: the publisher repeats, now or after a crash.
  if (plan_.below(10) == 0) return;
  unanswered_.erase(number);
}

// --- worker ---

void StreamSim::create_consumer() {
  jetstream::ConsumerConfig wanted;
  wanted.name = wanted.durable_name = "c";
  wanted.ack_policy = jetstream::AckPolicy::kExplicit;
  wanted.ack_wait = Duration::seconds(1);
  auto checked = check_consumer_config(wanted, config_, {});
  if (!checked) return fail("consumer: " + checked.error().description);
  hosted_.stream->create_consumer(*checked,
                                  [this](const jetstream::ApiError* error, jetstream::Consumer*) {
                                    if (error == nullptr) is_consumer_there_ = true;
                                  });
}

void StreamSim::pull() {
  if (!is_consumer_there_) return;
  take(*hosted_.stream, Inlet::kPull,
       {.subject = "$JS.API.CONSUMER.MSG.NEXT.S.c",
        .body = "{\"batch\":10,\"expires\":500000000}",
        .reply = "work"});
}

void StreamSim::on_delivery(const jetstream::OutMessage& message) {
  // $JS.ACK.S.c.<deliveries>.<stream sequence>...
  size_t at = 0;
  for (int dots = 0; dots < 5; ++dots) at = message.reply.find('.', at) + 1;
  const uint64_t sequence = number_behind(message.reply.substr(at), "");
  if (sequence == 0) return;
  if (confirmed_.contains(sequence)) {
    return fail("message " + std::to_string(sequence) + " came again after its confirmed ack");
  }
  delivered_.insert(sequence);
  if (plan_.below(4) == 0) return;  // not acked: comes again
  ack_replies_[next_ack_] = sequence;
  const std::string subject(message.reply);
  const std::string reply = "acked." + std::to_string(next_ack_++);
  take(*hosted_.stream, Inlet::kAck, {.subject = subject, .body = "+ACK", .reply = reply});
}

uint32_t StreamSim::send(jetstream::Stream&, const jetstream::OutMessage& message) {
  if (const uint64_t number = number_behind(message.target, "pub."); number != 0) {
    on_answer(number, message.body);
  } else if (const uint64_t ack = number_behind(message.target, "acked."); ack != 0) {
    confirmed_.insert(ack_replies_[ack]);
  } else if (message.target == "work" && !message.reply.empty()) {
    on_delivery(message);
  }
  return 1;
}

// --- journal ---

void StreamSim::on_synced(uint64_t position) {
  if (hosted_.group != nullptr) hosted_.group->on_synced(position);
}

void StreamSim::on_checkpoint_wanted(store::GroupId) {
  if (hosted_.stream != nullptr) hosted_.stream->checkpoint();
}

void StreamSim::log(jetstream::LogLevel level, std::string text) {
  const bool is_expected = may_damage_ids_ && text.find("messages whose ids") != std::string::npos;
  if (level == jetstream::LogLevel::kError && !is_expected) fail(text);
  SimHost::log(level, std::move(text));
}

}  // namespace petrel::sim

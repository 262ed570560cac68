// Random pulls, acks, removals and crashes against a naive model: no message is skipped, none is
// forgotten, counters are exact.
#include "consumer_world.h"
#include "jetstream/consumer_ack_subject.h"

#include <gtest/gtest.h>

#include <map>

namespace petrel::jetstream {
namespace {

using World = ConsumerWorld;

// What a consumer with explicit acks must know, in the simplest form.
struct Model {
  std::set<uint64_t> stored;                // matching and still there
  std::map<uint64_t, uint32_t> deliveries;  // waited for
  uint64_t next = 1;                        // nothing below is new
  uint64_t delivered = 0;

  uint64_t pending() const {
    return static_cast<uint64_t>(std::distance(stored.lower_bound(next), stored.end()));
  }
};

class Trial {
 public:
  explicit Trial(uint64_t seed) : random_(seed) {
    ConsumerConfig config = World::pull_config();
    config.ack_wait = Duration::seconds(2);
    config.max_ack_pending = 20;
    if (random_.chance(500)) config.filter_subjects = {"a.*", "b"};
    is_filtered_ = !config.filter_subjects.empty();
    world_.open(config);
  }

  void step() {
    switch (random_.below(12)) {
      case 0:
      case 1:
      case 2:
        return store();
      case 3:
      case 4:
        return pull();
      case 5:
      case 6:
      case 7:
        return ack();
      case 8:
        return nak();
      case 9:
        return remove();
      case 10:
        return pass();
      default:
        return random_.chance(300) ? restart() : world_.checkpoint();
    }
  }

  void check() {
    look();
    const ConsumerInfoView info = world_.info();
    ASSERT_EQ(info.num_pending, model_.pending());
    ASSERT_EQ(info.num_ack_pending, model_.deliveries.size());
    ASSERT_EQ(info.delivered.consumer_seq, model_.delivered);
    uint64_t redelivered = 0;
    for (const auto& [sequence, count] : model_.deliveries) redelivered += count > 1 ? 1 : 0;
    ASSERT_EQ(info.num_redelivered, redelivered);
    // Nothing that is waited for lies below the floor, nothing that is done is needed.
    if (!model_.deliveries.empty()) {
      ASSERT_LT(info.ack_floor.stream_seq, model_.deliveries.begin()->first);
    }
    for (const uint64_t sequence : model_.stored) {
      ASSERT_EQ(world_.consumer().needs(sequence),
                sequence >= model_.next || model_.deliveries.count(sequence) != 0)
          << sequence;
    }
  }

  // In the end every message is delivered until it is acked.
  void drain() {
    for (int i = 0; i < 200 && !(model_.deliveries.empty() && model_.pending() == 0); ++i) {
      for (int n = 0; n < 10; ++n) pull();
      look();
      while (!model_.deliveries.empty()) ack();
      world_.pass(Duration::seconds(1));
      look();
    }
    check();
    ASSERT_EQ(model_.pending(), 0U);
    ASSERT_TRUE(model_.deliveries.empty());
  }

 private:
  void store() {
    static constexpr const char* kSubjects[] = {"a.1", "a.2", "b", "c", "d.x"};
    for (uint64_t left = 1 + random_.below(5); left > 0; --left) {
      const std::string subject = kSubjects[random_.below(5)];
      const uint64_t sequence = world_.store(subject);
      if (!is_filtered_ || subject[0] == 'a' || subject == "b") model_.stored.insert(sequence);
      all_.insert(sequence);
    }
    world_.turn();
  }
  void pull() {
    if (world_.info().num_waiting > 5) return;
    world_.pull("inbox", std::to_string(1 + random_.below(4)));
  }
  // Takes over what was delivered and checks that it had to be.
  void look() {
    for (const OutgoingMessage& sent : world_.take("inbox")) {
      const AckSubject at = parse_ack_subject(sent.reply);
      ++model_.delivered;
      ASSERT_EQ(at.consumer_sequence, model_.delivered);
      const auto known = model_.deliveries.find(at.stream_sequence);
      if (known != model_.deliveries.end()) {
        ASSERT_EQ(at.deliveries, ++known->second);
        replies_[at.stream_sequence] = sent;
        continue;
      }
      const auto first = model_.stored.lower_bound(model_.next);
      ASSERT_NE(first, model_.stored.end());
      ASSERT_EQ(at.stream_sequence, *first) << "skipped";
      ASSERT_EQ(at.deliveries, 1U);
      model_.deliveries[at.stream_sequence] = 1;
      model_.next = at.stream_sequence + 1;
      replies_[at.stream_sequence] = sent;
    }
  }
  uint64_t any_pending() {
    auto place = model_.deliveries.begin();
    std::advance(place, static_cast<int64_t>(random_.below(model_.deliveries.size())));
    return place->first;
  }
  void ack() {
    look();
    if (model_.deliveries.empty()) return;
    const uint64_t sequence = any_pending();
    model_.deliveries.erase(sequence);
    world_.ack(replies_[sequence], random_.chance(100) ? "+TERM" : "+ACK");
  }
  void nak() {
    look();
    if (model_.deliveries.empty()) return;
    world_.ack(replies_[any_pending()], random_.chance(500) ? "-NAK" : "-NAK 700ms");
  }
  void remove() {
    look();
    if (all_.empty()) return;
    auto place = all_.begin();
    std::advance(place, static_cast<int64_t>(random_.below(all_.size())));
    const uint64_t sequence = *place;
    all_.erase(place);
    model_.stored.erase(sequence);
    model_.deliveries.erase(sequence);
    world_.remove(sequence);
  }
  void pass() {
    look();
    world_.pass(Duration::millis(static_cast<int64_t>(random_.below(1500))));
  }
  void restart() {
    look();
    world_.crash();
  }

  World world_;
  Prng random_;
  Model model_;
  bool is_filtered_ = false;
  std::set<uint64_t> all_;
  std::map<uint64_t, OutgoingMessage> replies_;
};

TEST(ConsumerModel, AgreesWithANaiveOne) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Trial trial(seed);
    for (int i = 0; i < 300; ++i) {
      trial.step();
      ASSERT_NO_FATAL_FAILURE(trial.check()) << "step " << i;
    }
    ASSERT_NO_FATAL_FAILURE(trial.drain());
  }
}

}  // namespace
}  // namespace petrel::jetstream

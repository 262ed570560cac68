// Random changes of a store and its model, and random questions to both. One seed, one history.
#pragma once

#include "unit/store/store_model.h"

namespace petrel::store {

class StoreWorkload {
 public:
  explicit StoreWorkload(uint64_t seed) : prng_(seed) {}

  uint64_t below(uint64_t n) { return prng_.next() % n; }

  void change(MessageStore& store, StoreModel& model) {
    const uint64_t dice = below(100);
    if (dice < 60) {
      const uint64_t burst = below(8) + 1;
      for (uint64_t i = 0; i < burst; ++i) append(store, model);
    } else if (dice < 64) {
      time_ += static_cast<int64_t>(below(5));
      const uint64_t sequence = model.last + 1 + below(3);
      store.skip(sequence, {time_});
      model.skip(sequence, time_);
    } else if (dice < 90) {
      remove(store, model, below(8) == 0);
    } else if (dice < 93) {
      const uint64_t below_this = model.first + below(30);
      const uint64_t before = model.messages.size();
      model.purge_below(below_this);
      ASSERT_EQ(store.purge_below(below_this, nullptr), before - model.messages.size());
    } else if (dice < 94 && below(10) == 0) {
      model.purge_below(model.last + 1);
      store.purge_below(model.last + 1, nullptr);
    }
  }

  void compare(MessageStore& store, const StoreModel& model) {
    expect_same_state(store, model);
    const uint64_t at = model.first + below(model.last + 3 - model.first);
    expect_same_lookups(store, model, filters(), at);
    expect_same_gaps(store, model);
    expect_same_times(store, model, static_cast<int64_t>(below(static_cast<uint64_t>(time_) + 3)));
    for (int i = 0; i < 3; ++i) {
      const uint64_t sequence = model.first + below(model.last + 2 - model.first);
      const auto known = store.known(sequence);
      const auto expected = model.messages.find(sequence);
      ASSERT_EQ(known.has_value(), expected != model.messages.end());
      ASSERT_EQ(store.contains(sequence), known.has_value());
      if (!known) continue;
      ASSERT_EQ(known->subject, expected->second.subject);
      ASSERT_EQ(known->time.ns, expected->second.time);
      ASSERT_EQ(known->bytes, model.counted(expected->second));
    }
  }

  Filters filters() {
    static const std::vector<Filters> kSome = {{},
                                               {">"},
                                               {"a.*"},
                                               {"*.1"},
                                               {"a.1"},
                                               {"a.1", "b.2"},
                                               {"b.>", "a.3"},
                                               {"*.*.c"},
                                               {"zz.>"},
                                               {"a.*", "*.2"},
                                               {"b.7", "b.8", "a.0", "nothing"}};
    return kSome[below(kSome.size())];
  }

 private:
  std::string subject() {
    std::string text(1, static_cast<char>('a' + below(2)));
    text += "." + std::to_string(below(below(2) == 0 ? 3 : 40));
    if (below(5) == 0) text += ".c";
    return text;
  }
  void append(MessageStore& store, StoreModel& model) {
    time_ += static_cast<int64_t>(below(5));
    ModelMessage message;
    message.time = time_;
    message.subject = subject();
    if (below(4) == 0)
      message.header = "NATS/1.0\r\nX: " + std::to_string(below(1000)) + "\r\n\r\n";
    const uint64_t length = below(below(20) == 0 ? 3000 : 60);
    message.body = std::string(length, static_cast<char>('a' + below(26)));
    const uint64_t sequence = model.last + 1;
    store.append({sequence, {message.time}, message.subject, message.header, message.body});
    model.append(sequence, std::move(message));
  }
  void remove(MessageStore& store, StoreModel& model, bool erase) {
    const uint64_t span = model.last + 1 - model.first;
    const uint64_t sequence =
        below(3) == 0 ? model.first : model.first + (span == 0 ? 0 : below(span));
    const auto known = model.messages.find(sequence);
    const auto removed = store.remove(sequence, erase);
    ASSERT_EQ(removed.has_value(), known != model.messages.end());
    if (!removed) return;
    ASSERT_EQ(removed->subject, known->second.subject);
    ASSERT_EQ(removed->bytes, model.counted(known->second));
    model.remove(sequence);
  }

  Prng prng_;
  int64_t time_ = 1000;
};

}  // namespace petrel::store

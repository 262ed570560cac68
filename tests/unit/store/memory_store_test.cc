#include "unit/store/store_model.h"
#include "unit/store/store_workload.h"

#include "petrel/store/message_store.h"

#include <algorithm>

namespace petrel::store {
namespace {

class NoListener : public MessageStore::Listener {
 public:
  void on_readable() override {}
  void on_checkpoint(uint64_t applied_index, int error) override {
    checkpointed = applied_index;
    checkpoint_error = error;
  }
  void on_damaged(uint64_t, uint64_t, const std::string&) override { ADD_FAILURE(); }
  uint64_t checkpointed = 0;
  int checkpoint_error = -1;
};

class MemoryStoreTest : public testing::Test {
 protected:
  void add(uint64_t sequence, Slice subject, Slice body = "x", Slice header = {}) {
    store_->append({sequence, {static_cast<int64_t>(sequence) * 10}, subject, header, body});
  }
  std::string body_of(uint64_t sequence) {
    StoredMessage message;
    return store_->read(sequence, message) == ReadStatus::kFound ? std::string(message.body)
                                                                 : "missing";
  }
  NoListener listener_;
  std::unique_ptr<MessageStore> store_ = make_memory_store(listener_);
};

TEST_F(MemoryStoreTest, NewStoreHasNeverHeldAMessage) {
  EXPECT_EQ(store_->state().first_sequence, 0U);
  EXPECT_EQ(store_->state().last_sequence, 0U);
  EXPECT_EQ(store_->next_match({}, 1), 0U);
  EXPECT_EQ(store_->first_at_or_after({0}), 1U);
}

TEST_F(MemoryStoreTest, CountsBytesAsNatsServerDoesInMemory) {
  add(1, "foo", "12", "NATS/1.0\r\n\r\n");
  EXPECT_EQ(store_->state().bytes, 16U + 3 + 12 + 2);
  EXPECT_EQ(store_->counted_bytes(3, 12, 2), store_->state().bytes);
  EXPECT_EQ(store_->known(1)->bytes, store_->state().bytes);
}

TEST_F(MemoryStoreTest, ReadsWhatWasAppendedWhileTheBlockIsHeld) {
  add(1, "foo.bar", "hello", "NATS/1.0\r\nA: b\r\n\r\n");
  StoredMessage message;
  ASSERT_EQ(store_->read(1, message), ReadStatus::kFound);
  store_->remove(1, false);
  EXPECT_EQ(message.subject, "foo.bar");
  EXPECT_EQ(message.header, "NATS/1.0\r\nA: b\r\n\r\n");
  EXPECT_EQ(message.body, "hello");
  EXPECT_EQ(store_->read(1, message), ReadStatus::kMissing);
}

TEST_F(MemoryStoreTest, EmptiedStoreBeginsBehindItsLastSequence) {
  add(1, "a");
  add(2, "a");
  store_->remove(1, false);
  EXPECT_EQ(store_->state().first_sequence, 2U);
  store_->remove(2, false);
  EXPECT_EQ(store_->state().first_sequence, 3U);
  EXPECT_EQ(store_->state().last_sequence, 2U);
  EXPECT_EQ(store_->state().first_time.ns, 0);
  EXPECT_EQ(store_->state().last_time.ns, 20);
}

TEST_F(MemoryStoreTest, WhatWasCountedIsFoundAsItIsNow) {
  for (uint64_t sequence = 1; sequence <= 400; ++sequence) {
    add(sequence, (sequence % 40 == 0 ? "few." : "many.") + std::to_string(sequence));
  }
  EXPECT_EQ(store_->count_matches({"few.*"}, 1), 10U);
  store_->remove(80, false);
  add(401, "few.401");
  add(402, "few.40");
  std::vector<uint64_t> found(20);
  found.resize(store_->next_matches({"few.*"}, 1, found));
  EXPECT_EQ(found, (std::vector<uint64_t>{40, 120, 160, 200, 240, 280, 320, 360, 400, 401, 402}));
  EXPECT_EQ(store_->next_match({"few.*"}, 41), 120U);
  EXPECT_EQ(store_->count_matches({"few.*"}, 1), 11U);
  store_->purge_below(161, nullptr);
  EXPECT_EQ(store_->next_match({"few.*"}, 1), 200U);
}

TEST_F(MemoryStoreTest, PurgeTellsEachMessageItRemoves) {
  for (uint64_t sequence = 1; sequence <= 5; ++sequence) add(sequence, "s.x");
  std::vector<uint64_t> gone;
  EXPECT_EQ(store_->purge_below(
                4, [&](const RemovedMessage& removed) { gone.push_back(removed.sequence); }),
            3U);
  EXPECT_EQ(gone, (std::vector<uint64_t>{1, 2, 3}));
  EXPECT_EQ(store_->purge_below(20, nullptr), 2U);
  EXPECT_EQ(store_->state().first_sequence, 20U);
  EXPECT_EQ(store_->state().last_sequence, 19U);
}

TEST_F(MemoryStoreTest, AdvanceMovesTheBeginningOfAnEmptyStore) {
  store_->advance(100);
  EXPECT_EQ(store_->state().first_sequence, 100U);
  EXPECT_EQ(store_->state().last_sequence, 99U);
  add(100, "a");
  EXPECT_EQ(store_->state().first_sequence, 100U);
}

TEST_F(MemoryStoreTest, TotalsFollowDeletedEnds) {
  for (uint64_t sequence = 1; sequence <= 6; ++sequence) add(sequence, "k");
  store_->remove(1, false);
  store_->remove(6, false);
  store_->remove(3, false);
  const SubjectTotals totals = store_->totals_of("k");
  EXPECT_EQ(totals.messages, 3U);
  EXPECT_EQ(totals.first_sequence, 2U);
  EXPECT_EQ(totals.last_sequence, 5U);
}

TEST_F(MemoryStoreTest, SubjectsComeInPages) {
  for (uint64_t sequence = 1; sequence <= 9; ++sequence) {
    add(sequence, "p." + std::to_string(10 - sequence));
  }
  const auto page = store_->subjects({"p.*"}, "p.3", 2);
  ASSERT_EQ(page.size(), 2U);
  EXPECT_EQ(page[0].subject, "p.4");
  EXPECT_EQ(page[1].subject, "p.5");
}

TEST_F(MemoryStoreTest, ReadsBackAcrossManySegments) {
  constexpr uint64_t kMessages = 200'000;
  for (uint64_t sequence = 1; sequence <= kMessages; ++sequence) {
    add(sequence, "n." + std::to_string(sequence % 1000), std::to_string(sequence));
  }
  for (uint64_t sequence = 1; sequence <= kMessages; sequence += 997) {
    EXPECT_EQ(body_of(sequence), std::to_string(sequence));
  }
  EXPECT_EQ(store_->count_matches({"n.7"}, 1), 200U);
  EXPECT_EQ(store_->count_matches({"n.7"}, 100'008), 99U);
  EXPECT_EQ(store_->next_match({"n.7"}, 100'008), 101'007U);
  EXPECT_EQ(store_->last_match({"n.7"}, 100'006), 99'007U);
  EXPECT_EQ(store_->count_matches({"n.*"}, 100'001), 100'000U);
}

// Walks over the matches of filters that admit few of many subjects.
TEST_F(MemoryStoreTest, FindsWhatWildcardsAdmitAmongManySubjects) {
  constexpr uint64_t kMessages = 300'000;
  const auto subject_of = [](uint64_t sequence) {
    return "a." + std::to_string(sequence % 1000) + "." + std::to_string(sequence % 3000);
  };
  const auto walk = [this](const Filters& filters, uint64_t from) {
    std::vector<uint64_t> found;
    while (const uint64_t next = store_->next_match(filters, from)) {
      found.push_back(next);
      from = next + 1;
    }
    return found;
  };
  for (uint64_t sequence = 1; sequence <= kMessages; ++sequence)
    add(sequence, subject_of(sequence));
  std::vector<uint64_t> expected;
  for (uint64_t sequence = 7; sequence <= kMessages; sequence += 1000) expected.push_back(sequence);
  EXPECT_EQ(walk({"a.7.>"}, 1), expected);
  // What was deleted since is passed over, what came since is found.
  store_->remove(150'007, false);
  std::erase(expected, 150'007);
  add(kMessages + 1, "a.7.new");
  expected.push_back(kMessages + 1);
  EXPECT_EQ(walk({"a.7.>"}, 1), expected);
  std::erase_if(expected, [](uint64_t sequence) { return sequence < 200'000; });
  EXPECT_EQ(walk({"a.7.>"}, 200'000), expected);
  for (uint64_t sequence = 200'003; sequence <= kMessages; sequence += 3000) {
    if (sequence % 3000 == 2003) expected.push_back(sequence);
  }
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(walk({"a.7.>", "a.3.2003"}, 200'000), expected);
  EXPECT_EQ(walk({"*.nobody.>"}, 1), std::vector<uint64_t>{});
}

TEST_F(MemoryStoreTest, CheckpointIsAnsweredAtOnce) {
  store_->checkpoint(42, "state");
  EXPECT_EQ(listener_.checkpointed, 42U);
  EXPECT_EQ(listener_.checkpoint_error, 0);
}

TEST_F(MemoryStoreTest, DoesWhatTheModelDoes) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    NoListener listener;
    const auto store = make_memory_store(listener);
    StoreModel model({16, 0});
    StoreWorkload workload(seed);
    for (int step = 0; step < 600; ++step) {
      workload.change(*store, model);
      if (step % 5 == 0) workload.compare(*store, model);
      if (HasFatalFailure()) return;
    }
  }
}

// Nearly everything is deleted, so that frames and segments are given back and copied together.
TEST_F(MemoryStoreTest, KeepsTheRightOnesWhenMostAreDeleted) {
  const std::string body(500, 'b');
  for (uint64_t sequence = 1; sequence <= 50'000; ++sequence) {
    add(sequence, sequence % 2 == 0 ? "even" : "odd", body + std::to_string(sequence));
  }
  for (uint64_t sequence = 1; sequence <= 50'000; ++sequence) {
    if (sequence % 50 != 0) store_->remove(sequence, false);
  }
  EXPECT_EQ(store_->state().messages, 1000U);
  EXPECT_EQ(store_->count_matches({"even"}, 25'000), 501U);
  EXPECT_EQ(store_->count_matches({"odd"}, 1), 0U);
  for (uint64_t sequence = 50; sequence <= 50'000; sequence += 50) {
    ASSERT_EQ(body_of(sequence), body + std::to_string(sequence));
  }
  EXPECT_EQ(store_->deleted_sequences(3), (std::vector<uint64_t>{51, 52, 53}));
}

}  // namespace
}  // namespace petrel::store

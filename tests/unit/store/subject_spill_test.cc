// A table of subjects that does not fit into its budget: every answer is the one of a model, also
// when what is on disk is damaged, cannot be written or is only half there.
#include "unit/store/fake_disk.h"
#include "unit/store/store_model.h"

#include "petrel/store/message_store.h"

namespace petrel::store {
namespace {

class QuietListener : public MessageStore::Listener {
 public:
  void on_readable() override {}
  void on_checkpoint(uint64_t applied_index, int error) override {
    if (error == 0) checkpointed = applied_index;
  }
  void on_damaged(uint64_t first, uint64_t last, const std::string& what) override {
    ADD_FAILURE() << first << "-" << last << ": " << what;
  }
  uint64_t checkpointed = 0;
};

class SubjectSpillTest : public testing::Test {
 protected:
  void open(size_t budget, size_t segment_bytes = 20'000) {
    options_.directory = "/s";
    options_.segment_bytes = segment_bytes;
    options_.index_bytes = 50'000;
    budget_ = std::make_shared<MemoryBudget>(budget);
    options_.subject_memory = budget_;
    reopen();
  }
  void reopen() {
    store_ = nullptr;
    disk_.drain();
    auto found = open_file_store(disk_, options_, listener_);
    ASSERT_TRUE(found.is_ok());
    store_ = std::move(found->store);
  }
  void checkpoint() {
    store_->checkpoint(++applied_, "x");
    disk_.drain();
    ASSERT_EQ(listener_.checkpointed, applied_);
  }
  void add(const std::string& subject) {
    const uint64_t sequence = model_.last + 1;
    ModelMessage message;
    message.time = static_cast<int64_t>(sequence);
    message.subject = subject;
    message.body = "b" + std::to_string(sequence);
    store_->append({sequence, {message.time}, message.subject, {}, message.body});
    model_.append(sequence, std::move(message));
  }
  void remove(uint64_t sequence) {
    ASSERT_EQ(store_->remove(sequence, false).has_value(), model_.remove(sequence)) << sequence;
  }
  std::string some_subject() {
    return "k." + std::to_string(prng_.below(5)) + "." + std::to_string(prng_.below(3000));
  }
  uint64_t some_sequence() { return model_.first + prng_.below(model_.last + 2 - model_.first); }
  std::vector<std::string> runs() const {
    std::vector<std::string> paths;
    for (const auto& [path, file] : disk_.files) {
      if (path.ends_with(".run") && !file->bytes.empty()) paths.push_back(path);
    }
    return paths;
  }
  void flip_a_bit() {
    const auto paths = runs();
    if (paths.empty()) return;
    std::string& bytes = *disk_.contents(paths[prng_.below(paths.size())]);
    bytes[prng_.below(bytes.size())] ^= 1;
  }
  void compare() {
    static const std::vector<Filters> kSome = {
        {},     {"k.1.*"}, {"*.2.7"}, {"k.3.12"}, {"k.0.>", "k.4.1"}, {"k.2.1", "k.2.2", "no"},
        {"z.>"}};
    expect_same_state(*store_, model_);
    expect_same_lookups(*store_, model_, kSome[prng_.below(kSome.size())], some_sequence());
  }
  void change() {
    const uint64_t dice = prng_.below(1000);
    if (dice < 700) {
      for (int n = 0; n < 20; ++n) add(some_subject());
    } else if (dice < 860) {
      remove(some_sequence());
    } else if (dice < 870) {
      const uint64_t below = model_.first + prng_.below(400);
      model_.purge_below(below);
      store_->purge_below(below, nullptr);
    } else if (dice < 872) {
      model_.purge_below(model_.last + 1);
      store_->purge_below(model_.last + 1, nullptr);
    } else if (dice < 950) {
      store_->maintain();
    } else {
      for (uint64_t n = prng_.below(20); n > 0; --n) disk_.step();
    }
  }

  FakeDisk disk_;
  Prng prng_{1};
  QuietListener listener_;
  FileStoreOptions options_;
  std::shared_ptr<MemoryBudget> budget_;
  std::unique_ptr<MessageStore> store_;
  StoreModel model_{{30, 4}};
  uint64_t applied_ = 0;
};

TEST_F(SubjectSpillTest, KeepsItsBudgetAndFindsEverything) {
  open(100'000, 100'000);
  constexpr uint64_t kSubjects = 60'000;
  for (uint64_t n = 0; n < kSubjects; ++n) {
    store_->append({n + 1, {1}, "orders." + std::to_string(n * 7919 % kSubjects), {}, "b"});
    if (n % 1000 == 0) disk_.drain();
    if (n % 1000 == 0) store_->maintain();
  }
  EXPECT_FALSE(runs().empty());
  // A table in memory takes 5 MB.
  EXPECT_LT(budget_->used(), 1'500'000U);
  EXPECT_EQ(store_->state().subjects, kSubjects);
  EXPECT_EQ(store_->totals_of("orders.7919").last_sequence, 2U);
  EXPECT_EQ(store_->totals_of("orders.x").messages, 0U);
  EXPECT_EQ(store_->count_matches({"orders.1234*"}, 1), 0U);
  EXPECT_EQ(store_->count_matches({"orders.*"}, 1), kSubjects);
  const auto page = store_->subjects({"orders.*"}, "orders.1999", 3);
  ASSERT_EQ(page.size(), 3U);
  EXPECT_EQ(page[0].subject, "orders.19990");
  EXPECT_EQ(page[2].subject, "orders.19992");
  EXPECT_EQ(store_->purge_below(kSubjects + 1, nullptr), kSubjects);
  EXPECT_EQ(store_->state().subjects, 0U);
  store_->maintain();
  disk_.drain();
  EXPECT_TRUE(runs().empty());
}

// A purge by filter passes over every segment in one go, without the disk being looked after.
TEST_F(SubjectSpillTest, KeepsItsBudgetWhileManySegmentsArePassed) {
  open(300'000, 100'000);
  constexpr uint64_t kSubjects = 100'000;
  for (uint64_t n = 0; n < kSubjects; ++n) {
    const std::string subject = "o." + std::to_string(n % 100) + "." + std::to_string(n);
    store_->append({n + 1, {1}, subject, {}, "b"});
    if (n % 1000 == 0) disk_.drain();
  }
  disk_.drain();
  for (int n = 0; n < 200; ++n) store_->maintain();
  const size_t before = budget_->used();
  size_t most = 0;
  uint64_t gone = 0;
  while (const uint64_t found = store_->next_match({"o.7.>"}, 1)) {
    ASSERT_TRUE(store_->remove(found, false));
    most = std::max(most, budget_->used());
    ++gone;
  }
  EXPECT_EQ(gone, kSubjects / 100);
  EXPECT_EQ(store_->state().subjects, kSubjects - gone);
  EXPECT_LT(most, before + 1'000'000U);
}

// Each lookup brings the subjects of a whole segment back, many more than leave with one run.
TEST_F(SubjectSpillTest, KeepsItsBudgetWhileMessagesAreLookedUpAtRandom) {
  open(1'000'000, 4 << 20);
  constexpr uint64_t kSubjects = 300'000;
  for (uint64_t n = 0; n < kSubjects; ++n) {
    store_->append({n + 1, {1}, "o." + std::to_string(n), {}, "b"});
    if (n % 1000 == 0) disk_.drain();
  }
  for (int n = 0; n < 200; ++n) {
    disk_.drain();
    store_->maintain();
  }
  StoredMessage message;
  size_t most = 0;
  for (int n = 0; n < 60; ++n) {
    const uint64_t wanted = prng_.below(kSubjects);
    const uint64_t found = store_->last_match({"o." + std::to_string(wanted)}, ~uint64_t{0});
    ASSERT_EQ(found, wanted + 1);
    while (store_->read(found, message) == ReadStatus::kPending) disk_.drain();
    most = std::max(most, budget_->used());
  }
  // Those of all segments take 28 MB.
  EXPECT_LT(most, 18'000'000U);
}

TEST_F(SubjectSpillTest, AnswersAsTheModelDoes) {
  open(60'000);
  size_t most = 0;
  for (int step = 0; step < 3000 && !HasFatalFailure(); ++step) {
    change();
    if (step % 20 == 0) compare();
    most = std::max(most, runs().size());
    if (step % 400 == 399) {
      checkpoint();
      reopen();
      compare();
    }
  }
  EXPECT_GT(most, 3U);
}

TEST_F(SubjectSpillTest, DamageOnDiskChangesNoAnswer) {
  open(60'000);
  int flips = 0;
  for (int step = 0; step < 2000 && !HasFatalFailure(); ++step) {
    change();
    if (step % 50 == 0) {
      store_->maintain();
      disk_.drain();
      flips += runs().empty() ? 0 : 1;
      flip_a_bit();
    }
    if (step % 25 == 0) compare();
  }
  EXPECT_GT(flips, 30);
}

TEST_F(SubjectSpillTest, WhatCannotBeWrittenStaysInMemory) {
  open(60'000);
  for (int step = 0; step < 600 && !HasFatalFailure(); ++step) {
    for (int n = 0; n < 20; ++n) add(some_subject());
    store_->maintain();
    if (step == 40) {
      // Nothing that is written from now on gets there, but for what segments write.
      disk_.drain();
      disk_.refused_suffix = ".run";
    }
    if (step == 400) disk_.refused_suffix = "";
    disk_.step();
    if (step % 25 == 0) compare();
  }
  disk_.drain();
}

TEST_F(SubjectSpillTest, RunsOfAProcessBeforeAreRemoved) {
  open(20'000);
  for (int n = 0; n < 2000; ++n) add(some_subject());
  checkpoint();
  store_->maintain();
  disk_.drain();
  const auto before = runs();
  ASSERT_FALSE(before.empty());
  // Killed: the files stay.
  std::map<std::string, std::string> left;
  for (const auto& path : before) left[path] = *disk_.contents(path);
  store_ = nullptr;
  disk_.drain();
  for (const auto& [path, bytes] : left) {
    disk_.files[path] = std::make_shared<FakeDisk::File>();
    disk_.files[path]->bytes = bytes;
  }
  reopen();
  disk_.drain();
  for (const auto& path : before) EXPECT_EQ(disk_.contents(path), nullptr) << path;
  compare();
}

}  // namespace
}  // namespace petrel::store

// Message ids that lie on disk against Dedupe, which has them all in memory: ids come, come again,
// expire; the store is checkpointed, opened again, loses power; files are damaged.

#include "petrel/store/message_ids.h"

#include "store/id_run.h"
#include "unit/store/fake_disk.h"

#include "petrel/base/prng.h"
#include "petrel/store/dedupe.h"
#include "petrel/store/message_store.h"
#include "petrel/store/store_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace petrel::store {
namespace {

const std::string kDirectory = "/store/streams/S";
constexpr int64_t kWindow = 4000;

struct Added {
  std::string id;
  uint64_t sequence = 0;
  WallTime time = {};
};

struct Plan {
  size_t budget = 20'000;
  bool is_encrypted = false;
  Compression compression = Compression::kNone;
};

class IdWorld final : public MessageStore::Listener {
 public:
  IdWorld(uint64_t seed, const Plan& plan)
      : disk(seed), prng_(seed), budget_(std::make_shared<MemoryBudget>(plan.budget)) {
    options_.directory = kDirectory;
    options_.compression = plan.compression;
    options_.id_memory = budget_;
    if (plan.is_encrypted) options_.encryption.key = std::string(kEncryptionKeyBytes, 'k');
    open();
  }

  void on_readable() override {}
  void on_checkpoint(uint64_t applied_index, int error) override {
    if (error == 0) durable_ = applied_index;
  }
  void on_damaged(uint64_t, uint64_t, const std::string&) override {}

  MessageIds& ids() { return store_->ids(); }
  size_t runs() const {
    return static_cast<size_t>(std::count_if(
        disk.files.begin(), disk.files.end(),
        [](const auto& file) { return file.first.starts_with(kDirectory + "/ids-"); }));
  }

  void add() {
    Added added;
    added.sequence = ++sequence_;
    added.time.ns = time_ += static_cast<int64_t>(prng_.below(3));
    added.id = some_id();
    apply(added);
    model_.add(added.id, added.sequence, added.time);
    model_.expire(WallTime{added.time.ns - kWindow});
    log_.push_back(std::move(added));
  }
  void ask() {
    const std::string id = some_id();
    const Dedupe::Entry* expected = model_.find(id);
    MessageIds::Known known;
    const auto found = ids().find(id, WallTime{time_ - kWindow}, known);
    ASSERT_EQ(found, expected == nullptr ? MessageIds::Lookup::kNew : MessageIds::Lookup::kKnown)
        << id;
    if (expected == nullptr) return;
    EXPECT_EQ(known.sequence, expected->sequence);
    EXPECT_EQ(known.time, expected->time);
  }
  void expect_all() {
    size_t count = 0;
    ids().visit([&](Slice id, const MessageIds::Known& known) {
      ++count;
      const Dedupe::Entry* expected = model_.find(id);
      ASSERT_NE(expected, nullptr) << id;
      EXPECT_EQ(known.sequence, expected->sequence);
    });
    size_t expected = 0;
    model_.visit([&](const Dedupe::Entry&) { ++expected; });
    EXPECT_EQ(count, expected);
  }
  void checkpoint() {
    if (!store_->is_checkpointing()) store_->checkpoint(log_.size(), {});
  }
  void end_checkpoint() {
    checkpoint();
    disk.drain();
  }
  void reopen(bool is_crash) {
    store_ = nullptr;
    if (is_crash) {
      disk.crash();
    } else {
      disk.drain();
    }
    open();
  }
  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) {
      const uint64_t dice = prng_.below(1000);
      if (dice < 600) {
        add();
      } else if (dice < 900) {
        ask();
      } else if (dice < 990) {
        disk.poll();
      } else if (dice < 998) {
        checkpoint();
      } else {
        reopen(prng_.chance(500));
      }
    }
  }

  FakeDisk disk;

 private:
  // Most are new, some came a moment ago, some long ago.
  std::string some_id() {
    const uint64_t far = prng_.chance(300) ? 5000 : 50;
    const uint64_t number = sequence_ + 1 - prng_.below(std::min(far, sequence_ + 1));
    return std::string(1 + number % 40, static_cast<char>('a' + number % 26)) +
           std::to_string(number);
  }
  void apply(const Added& added) {
    ids().add(added.id, added.sequence, added.time);
    ids().expire(WallTime{added.time.ns - kWindow});
  }
  void open() {
    if (!options_.encryption.key.empty()) {
      options_.encryption.nonce_seed = std::string(16, static_cast<char>(++opened_));
    }
    auto found = open_file_store(disk, options_, *this);
    ASSERT_TRUE(found.is_ok()) << found.error().detail;
    ASSERT_GE(found->applied_index, durable_);
    ASSERT_FALSE(found->is_rebuilt);
    store_ = std::move(found->store);
    for (size_t i = static_cast<size_t>(found->applied_index); i < log_.size(); ++i) apply(log_[i]);
  }

  Prng prng_;
  std::shared_ptr<MemoryBudget> budget_;
  FileStoreOptions options_;
  std::unique_ptr<MessageStore> store_;
  Dedupe model_;
  std::vector<Added> log_;  // what a journal brings back
  uint64_t durable_ = 0;
  uint64_t sequence_ = 0;
  int64_t time_ = 1'000'000;
  int opened_ = 0;
};

void run_histories(const Plan& plan, uint64_t count) {
  for (uint64_t seed = 1; seed <= count; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    IdWorld world(seed, plan);
    world.run(20'000);
    world.expect_all();
    if (testing::Test::HasFailure()) return;
  }
}

TEST(MessageIds, OnDiskAreTheIdsThatMemoryWouldHold) {
  run_histories({}, 10);
}

TEST(MessageIds, OnDiskWithNextToNoMemory) {
  run_histories({.budget = 1000}, 5);
}

TEST(MessageIds, OnDiskEncryptedAndCompressed) {
  run_histories({.is_encrypted = true, .compression = Compression::kS2}, 3);
}

// Many runs become few, and those that are over go.
TEST(MessageIds, RunsAreMergedAndRemoved) {
  IdWorld world(1, {.budget = 6000});
  size_t most = 0;
  for (int i = 0; i < 60'000; ++i) {
    world.add();
    world.disk.poll();
    if (i % 500 == 0) world.end_checkpoint();
    most = std::max(most, world.runs());
  }
  world.expect_all();
  EXPECT_GT(most, 8U);
  EXPECT_LT(most, 40U);
}

TEST(MessageIds, WriteErrorsKeepThemInMemory) {
  IdWorld world(3, {.budget = 4000});
  for (int round = 0; round < 50; ++round) {
    world.disk.fail_writes_after = round % 3 == 0 ? 2 : -1;
    world.disk.fail_syncs_after = round % 3 == 1 ? 2 : -1;
    for (int i = 0; i < 200; ++i) {
      world.add();
      world.ask();
      world.disk.poll();
    }
  }
  world.expect_all();
}

class DamagedRun : public testing::Test {
 protected:
  DamagedRun() : world_(5, {.budget = 4000}) {
    while (world_.runs() < 4) {
      world_.add();
      world_.disk.poll();
    }
    world_.end_checkpoint();
  }
  // Nothing that is known counts as new; returns what is refused.
  size_t refused(const std::vector<std::string>& known) {
    size_t count = 0;
    for (const std::string& id : known) {
      MessageIds::Known ignored;
      const auto found = world_.ids().find(id, {}, ignored);
      EXPECT_NE(found, MessageIds::Lookup::kNew) << id;
      count += found == MessageIds::Lookup::kUnreadable ? 1 : 0;
    }
    return count;
  }
  std::vector<std::string> all() {
    std::vector<std::string> ids;
    world_.ids().visit([&](Slice id, const MessageIds::Known&) { ids.emplace_back(id); });
    return ids;
  }
  // Of a small one every id may stand in a newer run again.
  std::string largest_run() {
    std::string largest;
    size_t bytes = 0;
    for (const auto& [path, file] : world_.disk.files) {
      if (!path.starts_with(kDirectory + "/ids-") || file->bytes.size() <= bytes) continue;
      largest = path;
      bytes = file->bytes.size();
    }
    return largest;
  }
  IdWorld world_;
};

TEST_F(DamagedRun, NeverCallsAKnownIdNew) {
  const std::vector<std::string> known = all();
  const std::string path = largest_run();
  const std::string whole = *world_.disk.contents(path);
  size_t refusals = 0;
  for (size_t at = 0; at < whole.size(); at += 7) {
    *world_.disk.contents(path) = whole;
    (*world_.disk.contents(path))[at] ^= 0x10;
    world_.reopen(false);
    refusals += refused(known);
    if (HasFailure()) return;
  }
  EXPECT_GT(refusals, 0U);
  *world_.disk.contents(path) = whole;
  world_.reopen(false);
  EXPECT_EQ(refused(known), 0U);
}

TEST_F(DamagedRun, ThatIsMissingRefusesUntilItIsOver) {
  const std::vector<std::string> known = all();
  const std::string path = largest_run();
  world_.disk.files.erase(path);
  world_.reopen(false);
  EXPECT_GT(refused(known), 0U);
  EXPECT_EQ(world_.ids().take_damage(), path);
  CheckReport report;
  check_store(world_.disk, kDirectory, {}, report);
  ASSERT_EQ(report.damaged.size(), 1U);
  EXPECT_EQ(report.damaged.front().file, path);
  EXPECT_EQ(world_.ids().take_damage(), "");
  MessageIds::Known ignored;
  EXPECT_EQ(world_.ids().find("never seen", {}, ignored), MessageIds::Lookup::kUnreadable);
  EXPECT_EQ(world_.ids().find("never seen", WallTime{2'000'000}, ignored),
            MessageIds::Lookup::kNew);
}

// The filter and the index of a large run are several frames, each written in a step of its own.
class LargeRun : public testing::Test {
 protected:
  static constexpr size_t kIds = 100'000;
  static constexpr size_t kPart = 64 << 10;

  LargeRun() {
    for (size_t i = 0; i < kIds; ++i) ids_.push_back("id-" + std::to_string(i));
    std::sort(ids_.begin(), ids_.end(), [](const std::string& a, const std::string& b) {
      return hash_bytes(a) < hash_bytes(b);
    });
    IdRunRecord record;
    record.id = 1;
    IdRunWriter writer(disk_, codec_, kPath, record, kIds);
    EXPECT_TRUE(writer.open());
    for (const std::string& id : ids_) {
      writer.add({hash_bytes(id), 7, WallTime{1}, id});
    }
    while (!writer.finish()) ++parts_;
    disk_.drain();
    EXPECT_TRUE(writer.is_done());
    record_ = writer.take()->record();
  }
  IdRun loaded() {
    IdRun run(disk_, codec_, kPath, record_);
    run.load();
    return run;
  }
  // How many of as many ids that were never added the filter lets pass.
  static size_t passed(const IdRun& run) {
    size_t count = 0;
    for (size_t i = 0; i < 1000; ++i) count += run.may_hold(hash_bytes("new " + std::to_string(i)));
    return count;
  }
  bool holds_all(const IdRun& run) const {
    return std::all_of(ids_.begin(), ids_.end(), [&run](const std::string& id) {
      Dedupe::Entry found;
      const uint64_t hash = hash_bytes(id);
      return run.may_hold(hash) && run.find(hash, id, found) == IdLookup::kFound;
    });
  }

  const std::string kPath = "/ids-1";
  FakeDisk disk_{1};
  FrameCodec codec_{Compression::kNone, {}};
  std::vector<std::string> ids_;
  IdRunRecord record_;
  size_t parts_ = 0;
};

TEST_F(LargeRun, IsReadFromItsParts) {
  EXPECT_GE(parts_, 3U);
  const IdRun run = loaded();
  EXPECT_TRUE(holds_all(run));
  EXPECT_LT(passed(run), 50U);
}

TEST_F(LargeRun, IsNotBelievedWithAPartOfItsFilter) {
  std::string& bytes = *disk_.contents(kPath);
  const size_t frame = kFrameHeadBytes + kPart;
  bytes.replace(record_.filter_offset, frame, bytes.substr(record_.filter_offset + frame, frame));
  const IdRun swapped = loaded();
  EXPECT_TRUE(holds_all(swapped));
  EXPECT_EQ(passed(swapped), 1000U);
  bytes.resize(record_.filter_offset + frame);
  const IdRun cut = loaded();
  EXPECT_TRUE(holds_all(cut));
  EXPECT_EQ(passed(cut), 1000U);
}

}  // namespace
}  // namespace petrel::store

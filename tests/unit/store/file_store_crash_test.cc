// Random histories of a file store against the model, with reopens and power failures at random
// points. What the last answered checkpoint held is there, nothing else is.
#include "unit/store/fake_disk.h"
#include "unit/store/store_model.h"
#include "unit/store/store_workload.h"

#include "petrel/store/message_store.h"

namespace petrel::store {
namespace {

class CheckpointListener : public MessageStore::Listener {
 public:
  void on_readable() override {}
  void on_checkpoint(uint64_t applied_index, int error) override {
    if (error == 0) checkpointed = applied_index;
    answered = true;
    last_error = error;
  }
  void on_damaged(uint64_t first, uint64_t last, const std::string& what) override {
    ADD_FAILURE() << first << "-" << last << ": " << what;
  }
  uint64_t checkpointed = 0;
  bool answered = false;
  int last_error = 0;
};

struct HistoryOptions {
  Compression compression = Compression::kNone;
  bool is_encrypted = false;
  size_t cache_bytes = 1 << 20;
  size_t index_bytes = 1 << 20;
  size_t subject_bytes = 0;  // 0: no budget
};

class History {
 public:
  History(uint64_t seed, const HistoryOptions& history) : disk_(seed), workload_(seed * 31) {
    options_.directory = "/s";
    options_.segment_bytes = 3000;
    options_.compression = history.compression;
    options_.cache_bytes = history.cache_bytes;
    options_.index_bytes = history.index_bytes;
    if (history.subject_bytes > 0) {
      options_.subject_memory = std::make_shared<MemoryBudget>(history.subject_bytes);
    }
    if (history.is_encrypted) options_.encryption.key = std::string(kEncryptionKeyBytes, 'k');
    open();
  }

  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFatalFailure(); ++step) {
      const uint64_t dice = workload_.below(100);
      if (dice < 70) {
        workload_.change(*store_, model_);
      } else if (dice < 78) {
        begin_checkpoint();
      } else if (dice < 90) {
        for (uint64_t n = workload_.below(6); n > 0; --n) disk_.step();
        settle();
      } else if (dice < 93) {
        store_->maintain();
      } else if (dice < 95) {
        crash(workload_.below(2) == 0);
      } else {
        workload_.compare(*store_, model_);
        read_some();
      }
    }
    if (testing::Test::HasFatalFailure()) return;
    crash(true);
    if (!testing::Test::HasFatalFailure()) read_all();
  }

 private:
  void open() {
    if (!options_.encryption.key.empty()) {
      options_.encryption.nonce_seed = std::string(15, 'n') + static_cast<char>(++opened_);
    }
    auto found = open_file_store(disk_, options_, listener_);
    ASSERT_TRUE(found.is_ok()) << found.error().detail;
    ASSERT_FALSE(found->is_rebuilt);
    store_ = std::move(found->store);
    // The newest checkpoint that was answered, or a later one that got through.
    if (found->applied_index != listener_.checkpointed) {
      ASSERT_TRUE(begun_.contains(found->applied_index)) << found->applied_index;
      durable_ = begun_.at(found->applied_index);
    }
    begun_.clear();
    if (found->applied_index > 0) {
      ASSERT_EQ(found->extra, "extra " + std::to_string(found->applied_index));
    }
    listener_.checkpointed = found->applied_index;
    listener_.answered = false;
    model_ = durable_;
    expect_same_state(*store_, model_);
  }
  void begin_checkpoint() {
    settle();
    if (store_->is_checkpointing()) return;
    listener_.answered = false;
    ++applied_;
    begun_.insert_or_assign(applied_, model_);
    store_->checkpoint(applied_, "extra " + std::to_string(applied_));
    settle();
  }
  void settle() {
    if (!listener_.answered) return;
    listener_.answered = false;
    // One that erases from a file that goes at the same time is to be asked for again.
    ASSERT_TRUE(listener_.last_error == 0 || listener_.last_error == EAGAIN);
    if (listener_.last_error != 0) return;
    ASSERT_EQ(listener_.checkpointed, applied_);
    durable_ = begun_.at(applied_);
    begun_.clear();
  }
  void crash(bool is_power_failure) {
    settle();
    store_ = nullptr;
    if (is_power_failure) {
      disk_.crash();
    } else {
      // Only the process: what was given to the disk is there.
      disk_.drain();
    }
    open();
  }
  void read_one(uint64_t sequence) {
    const auto expected = model_.messages.find(sequence);
    StoredMessage message;
    ReadStatus status = store_->read(sequence, message);
    for (int tries = 0; status == ReadStatus::kPending && tries < 1000; ++tries) {
      disk_.step();
      status = store_->read(sequence, message);
    }
    settle();
    if (expected == model_.messages.end()) {
      ASSERT_EQ(status, ReadStatus::kMissing) << sequence;
      return;
    }
    ASSERT_EQ(status, ReadStatus::kFound) << sequence;
    expect_same_message(message, sequence, expected->second);
  }
  void read_some() {
    for (int i = 0; i < 5; ++i) {
      read_one(model_.first + workload_.below(model_.last + 2 - model_.first));
      if (testing::Test::HasFatalFailure()) return;
    }
  }
  void read_all() {
    for (uint64_t sequence = model_.first; sequence <= model_.last; ++sequence) {
      read_one(sequence);
      if (testing::Test::HasFatalFailure()) return;
    }
    workload_.compare(*store_, model_);
  }

  FakeDisk disk_;
  StoreWorkload workload_;
  CheckpointListener listener_;
  FileStoreOptions options_;
  std::unique_ptr<MessageStore> store_;
  StoreModel model_{{30, 4}};
  StoreModel durable_{{30, 4}};
  std::map<uint64_t, StoreModel> begun_;  // checkpoints that were not answered with success
  uint64_t applied_ = 0;
  int opened_ = 0;
};

void run_histories(const HistoryOptions& options, uint64_t seeds) {
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    History(seed, options).run(400);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(FileStoreCrashTest, KeepsWhatWasCheckpointed) {
  run_histories({}, 60);
}

TEST(FileStoreCrashTest, KeepsItWithNearlyNoMemory) {
  run_histories({.cache_bytes = 0, .index_bytes = 0}, 60);
}

TEST(FileStoreCrashTest, KeepsItWithSubjectsOnDisk) {
  run_histories({.subject_bytes = 200}, 60);
  run_histories({.cache_bytes = 0, .index_bytes = 0, .subject_bytes = 2000}, 60);
}

TEST(FileStoreCrashTest, KeepsItCompressed) {
  run_histories({.compression = Compression::kS2, .cache_bytes = 0, .index_bytes = 0}, 40);
}

TEST(FileStoreCrashTest, KeepsItEncrypted) {
  run_histories({.compression = Compression::kS2, .is_encrypted = true, .cache_bytes = 0}, 40);
}

}  // namespace
}  // namespace petrel::store

// Every file of a store damaged in every way: what is damaged is named, the rest is served, nothing
// wrong is ever handed out (promise P5, tests R10 and R11).
#include "unit/store/fake_disk.h"
#include "unit/store/store_model.h"

#include "petrel/store/message_store.h"

#include <functional>

namespace petrel::store {
namespace {

constexpr uint64_t kMessages = 400;

class DamageListener : public MessageStore::Listener {
 public:
  void on_readable() override {}
  void on_checkpoint(uint64_t, int) override {}
  void on_damaged(uint64_t first, uint64_t last, const std::string&) override {
    told.emplace_back(first, last);
  }
  std::vector<std::pair<uint64_t, uint64_t>> told;
};

using Damage = std::function<void(std::string& bytes, Prng& prng)>;

const std::vector<std::pair<std::string, Damage>>& damages() {
  static const std::vector<std::pair<std::string, Damage>> kAll = {
      {"flip a bit",
       [](std::string& bytes, Prng& prng) {
         const size_t at = prng.below(bytes.size());
         bytes[at] = static_cast<char>(bytes[at] ^ (1 << prng.below(8)));
       }},
      {"zero a page",
       [](std::string& bytes, Prng& prng) {
         const size_t at = prng.below(bytes.size());
         const size_t count = std::min<size_t>(4096, bytes.size() - at);
         bytes.replace(at, count, count, '\0');
       }},
      {"cut off", [](std::string& bytes, Prng& prng) { bytes.resize(prng.below(bytes.size())); }},
      {"fill with garbage",
       [](std::string& bytes, Prng& prng) {
         for (char& byte : bytes) byte = static_cast<char>(prng.next());
       }},
      {"add garbage",
       [](std::string& bytes, Prng& prng) {
         for (int i = 0; i < 100; ++i) bytes.push_back(static_cast<char>(prng.next()));
       }},
      {"empty", [](std::string& bytes, Prng&) { bytes.clear(); }},
  };
  return kAll;
}

class FileStoreDamageTest : public testing::TestWithParam<bool> {
 protected:
  FileStoreDamageTest() {
    options_.directory = "/s";
    options_.segment_bytes = 8192;
    options_.cache_bytes = 0;
    if (GetParam()) {
      options_.compression = Compression::kS2;
      options_.encryption.key = std::string(kEncryptionKeyBytes, 'k');
    }
    make();
  }
  static std::string body_of(uint64_t sequence) {
    return "body " + std::to_string(sequence * 7919) + std::string(sequence % 97, 'z');
  }
  static std::string subject_of(uint64_t sequence) { return "s." + std::to_string(sequence % 7); }
  static bool is_removed(uint64_t sequence) { return sequence % 11 == 0; }

  Result<RecoveredStore> open(FakeDisk& disk, DamageListener& listener) {
    options_.encryption.nonce_seed = std::string(15, 'n') + static_cast<char>(++opened_);
    return open_file_store(disk, options_, listener);
  }
  // Kept for every test: the files of a store with deletions and two checkpoints.
  void make() {
    DamageListener listener;
    auto found = open(disk_, listener);
    ASSERT_TRUE(found.is_ok());
    MessageStore& store = *found->store;
    for (uint64_t sequence = 1; sequence <= kMessages; ++sequence) {
      store.append({sequence,
                    {static_cast<int64_t>(sequence)},
                    subject_of(sequence),
                    {},
                    body_of(sequence)});
      if (sequence == kMessages / 2) {
        store.checkpoint(1, "first");
        disk_.drain();
        older_ = snapshot();
      }
    }
    for (uint64_t sequence = 11; sequence <= kMessages; sequence += 11) {
      store.remove(sequence, false);
    }
    store.checkpoint(2, "second");
    disk_.drain();
    found->store = nullptr;
    whole_ = snapshot();
  }
  std::map<std::string, std::string> snapshot() const {
    std::map<std::string, std::string> files;
    for (const auto& [path, file] : disk_.files) files[path] = file->bytes;
    return files;
  }
  static void restore(FakeDisk& disk, const std::map<std::string, std::string>& files) {
    for (const auto& [path, bytes] : files) {
      auto file = std::make_shared<FakeDisk::File>();
      file->bytes = bytes;
      file->durable = bytes;
      disk.files[path] = file;
    }
  }
  static ReadStatus read(FakeDisk& disk, MessageStore& store, uint64_t sequence,
                         StoredMessage& message) {
    ReadStatus status = store.read(sequence, message);
    for (int tries = 0; status == ReadStatus::kPending && tries < 100; ++tries) {
      disk.step();
      status = store.read(sequence, message);
    }
    return status;
  }
  // How many messages are not served. Each of them must have been named.
  uint64_t check(FakeDisk& disk, bool may_lose_deletions) {
    DamageListener listener;
    auto found = open(disk, listener);
    EXPECT_TRUE(found.is_ok()) << found.error().detail;
    if (!found) return kMessages;
    MessageStore& store = *found->store;
    uint64_t lost = 0;
    for (uint64_t sequence = 1; sequence <= kMessages; ++sequence) {
      StoredMessage message;
      const ReadStatus status = read(disk, store, sequence, message);
      if (status == ReadStatus::kFound) {
        EXPECT_TRUE(may_lose_deletions || !is_removed(sequence)) << sequence;
        EXPECT_EQ(message.body, body_of(sequence)) << sequence;
        EXPECT_EQ(message.subject, subject_of(sequence)) << sequence;
        continue;
      }
      if (is_removed(sequence)) continue;
      ++lost;
      const bool is_named = std::any_of(
          listener.told.begin(), listener.told.end(),
          [&](const auto& range) { return range.first <= sequence && sequence <= range.second; });
      EXPECT_TRUE(is_named || found->is_rebuilt) << sequence << " is gone and nobody was told";
      EXPECT_TRUE(found->is_rebuilt || status == ReadStatus::kCorrupt) << sequence;
    }
    uint64_t counted = 0;
    for (int n = 0; n < 7; ++n) {
      counted += store.count_matches({"s." + std::to_string(n)}, 1);
    }
    EXPECT_EQ(counted, store.state().messages);
    EXPECT_EQ(store.count_matches({}, 1), store.state().messages);
    check_sums(store);
    check_next_start(disk, *found);
    return lost;
  }
  // Each sequence between the first and the last is a message or counts as deleted.
  static void check_sums(const MessageStore& store) {
    const StoreState& state = store.state();
    if (state.messages == 0) {
      EXPECT_EQ(state.deleted, 0U);
      return;
    }
    EXPECT_EQ(state.messages + state.deleted, state.last_sequence + 1 - state.first_sequence);
    EXPECT_EQ(store.deleted_sequences(2 * kMessages).size(), state.deleted);
  }
  // What is lost counts after the next start as it does now.
  void check_next_start(FakeDisk& disk, RecoveredStore& found) {
    const StoreState before = found.store->state();
    const auto lost = found.store->lost_ranges();
    found.store->checkpoint(3, "third");
    disk.drain();
    found.store = nullptr;
    DamageListener listener;
    auto again = open(disk, listener);
    ASSERT_TRUE(again.is_ok()) << again.error().detail;
    const StoreState& after = again->store->state();
    EXPECT_EQ(after.messages, before.messages);
    EXPECT_EQ(after.deleted, before.deleted);
    EXPECT_EQ(after.first_sequence, before.first_sequence);
    EXPECT_EQ(after.last_sequence, before.last_sequence);
    EXPECT_EQ(again->store->lost_ranges(), lost);
    check_sums(*again->store);
  }

  FakeDisk disk_;
  FileStoreOptions options_;
  std::map<std::string, std::string> whole_;
  std::map<std::string, std::string> older_;
  int opened_ = 0;
};

class PlainStoreDamageTest : public FileStoreDamageTest {};
class EncodedStoreDamageTest : public FileStoreDamageTest {};

INSTANTIATE_TEST_SUITE_P(PlainAndEncoded, FileStoreDamageTest, testing::Bool());
INSTANTIATE_TEST_SUITE_P(Plain, PlainStoreDamageTest, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Encoded, EncodedStoreDamageTest, testing::Values(true));

TEST_P(FileStoreDamageTest, UndamagedFilesAreServedWhole) {
  FakeDisk disk;
  restore(disk, whole_);
  EXPECT_EQ(check(disk, false), 0U);
}

TEST_P(FileStoreDamageTest, DamagedSegmentCostsAtMostItself) {
  for (const auto& [path, whole] : whole_) {
    if (!path.ends_with(".seg")) continue;
    for (const auto& [what, damage] : damages()) {
      for (uint64_t seed = 1; seed <= 10; ++seed) {
        SCOPED_TRACE(path + ": " + what + ", seed " + std::to_string(seed));
        Prng prng(seed);
        FakeDisk disk;
        restore(disk, whole_);
        damage(*disk.contents(path), prng);
        EXPECT_LE(check(disk, false), 120U);
        if (HasFailure()) return;
      }
    }
  }
}

// Encoded frames are lost as a whole.
TEST_P(PlainStoreDamageTest, FlippedBitInAPlainRecordCostsThatRecord) {
  for (const uint64_t sequence : {uint64_t{1}, uint64_t{100}, uint64_t{399}}) {
    FakeDisk disk;
    restore(disk, whole_);
    for (auto& [path, file] : disk.files) {
      const size_t at = file->bytes.find(body_of(sequence));
      if (path.ends_with(".seg") && at != std::string::npos) file->bytes[at + 3] ^= 1;
    }
    EXPECT_EQ(check(disk, false), 1U) << sequence;
  }
}

TEST_P(FileStoreDamageTest, MissingSegmentIsNamed) {
  for (const auto& [path, whole] : whole_) {
    if (!path.ends_with(".seg")) continue;
    SCOPED_TRACE(path);
    FakeDisk disk;
    restore(disk, whole_);
    disk.files.erase(path);
    const uint64_t lost = check(disk, false);
    EXPECT_GT(lost, 0U);
    EXPECT_LE(lost, 120U);
  }
}

TEST_P(FileStoreDamageTest, DamagedIndexIsBuiltAnewFromItsSegment) {
  for (const auto& [path, whole] : whole_) {
    if (!path.ends_with(".seg")) continue;
    SCOPED_TRACE(path);
    FakeDisk disk;
    restore(disk, whole_);
    // The trailer, the entries and the dictionary are the last frames.
    std::string& bytes = *disk.contents(path);
    size_t at = bytes.rfind("PFRM");
    const bool is_sealed = at != std::string::npos && bytes[at + 4] == 4;
    if (!is_sealed) continue;
    at = bytes.size();
    for (int frames = 0; frames < 3; ++frames) {
      at = bytes.rfind("PFRM", at - 1);
      ASSERT_NE(at, std::string::npos);
      bytes[at + 60] ^= 1;
    }
    EXPECT_EQ(check(disk, false), 0U);
  }
}

TEST_P(FileStoreDamageTest, WithoutACheckpointTheSegmentsAreServed) {
  FakeDisk disk;
  restore(disk, whole_);
  disk.files.erase("/s/checkpoint");
  DamageListener listener;
  auto found = open(disk, listener);
  ASSERT_TRUE(found.is_ok());
  EXPECT_TRUE(found->is_rebuilt);
  found->store = nullptr;
  EXPECT_EQ(check(disk, true), 0U);
}

TEST_P(FileStoreDamageTest, DamagedCheckpointIsNeverBelieved) {
  for (const auto& [what, damage] : damages()) {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
      SCOPED_TRACE(what + ", seed " + std::to_string(seed));
      Prng prng(seed);
      FakeDisk disk;
      restore(disk, whole_);
      damage(*disk.contents("/s/checkpoint"), prng);
      DamageListener listener;
      auto found = open(disk, listener);
      ASSERT_TRUE(found.is_ok()) << found.error().detail;
      // The newest record, an older one, or none: nothing between.
      if (found->is_rebuilt) {
        EXPECT_EQ(found->applied_index, 0U);
      } else {
        EXPECT_EQ(found->extra, found->applied_index == 1 ? "first" : "second");
      }
      found->store = nullptr;
    }
  }
}

TEST_P(FileStoreDamageTest, OlderCheckpointDeletesNothing) {
  FakeDisk disk;
  restore(disk, whole_);
  *disk.contents("/s/checkpoint") = older_.at("/s/checkpoint");
  DamageListener listener;
  auto found = open(disk, listener);
  ASSERT_TRUE(found.is_ok());
  EXPECT_EQ(found->applied_index, 1U);
  EXPECT_EQ(found->store->state().last_sequence, kMessages / 2);
  disk.drain();
  // Whoever finds out that the journal does not go on from there still has the files.
  for (const auto& [path, bytes] : whole_) EXPECT_NE(disk.contents(path), nullptr) << path;
}

TEST_P(EncodedStoreDamageTest, WithoutItsKeyAStoreIsNotOpened) {
  for (const bool has_checkpoint : {true, false}) {
    FakeDisk disk;
    restore(disk, whole_);
    if (!has_checkpoint) disk.files.erase("/s/checkpoint");
    DamageListener listener;
    options_.encryption.key = std::string(kEncryptionKeyBytes, 'x');
    EXPECT_FALSE(open(disk, listener).is_ok());
    options_.encryption.key = {};
    EXPECT_FALSE(open(disk, listener).is_ok());
    options_.encryption.key = std::string(kEncryptionKeyBytes, 'k');
  }
}

TEST_P(EncodedStoreDamageTest, NewKeyIsUsedForAllInTime) {
  FakeDisk disk;
  restore(disk, whole_);
  DamageListener listener;
  options_.encryption.previous_key = options_.encryption.key;
  options_.encryption.key = std::string(kEncryptionKeyBytes, 'n');
  {
    auto found = open(disk, listener);
    ASSERT_TRUE(found.is_ok());
    for (int i = 0; i < 1000 && found->store->maintain(); ++i) disk.drain();
    found->store->checkpoint(3, "third");
    disk.drain();
  }
  options_.encryption.previous_key = {};
  EXPECT_EQ(check(disk, false), 0U);
}

TEST_P(EncodedStoreDamageTest, EncryptedFilesTellNothing) {
  for (const auto& [path, bytes] : whole_) {
    EXPECT_EQ(bytes.find("body"), std::string::npos) << path;
    EXPECT_EQ(bytes.find("s.1"), std::string::npos) << path;
    EXPECT_EQ(bytes.find("second"), std::string::npos) << path;
  }
}

TEST_P(FileStoreDamageTest, FailedReadsAreNamed) {
  FakeDisk disk;
  restore(disk, whole_);
  DamageListener listener;
  auto found = open(disk, listener);
  ASSERT_TRUE(found.is_ok());
  disk.fail_reads_after = 1;
  StoredMessage message;
  EXPECT_EQ(read(disk, *found->store, 5, message), ReadStatus::kCorrupt);
  EXPECT_FALSE(listener.told.empty());
}

}  // namespace
}  // namespace petrel::store

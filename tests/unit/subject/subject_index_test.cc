#include "petrel/subject/subject_index.h"

#include "fuzz/subject/index_harness.h"
#include "fuzz/subject/naive_index.h"

#include "petrel/base/prng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace petrel::subject {
namespace {

using testing::Rows;

Rows match(const SubjectIndex& index, Slice subject) {
  MatchResult result;
  InterestStamp stamp;
  index.match(subject, result, stamp);
  return testing::rows_of(result);
}

InterestStamp stamp_of(const SubjectIndex& index, Slice subject) {
  MatchResult result;
  InterestStamp stamp;
  index.match(subject, result, stamp);
  return stamp;
}

bool is_shareable(const SubjectIndex& index, Slice subject) {
  MatchResult result;
  InterestStamp stamp;
  index.match(subject, result, stamp);
  return result.shareable;
}

Subscriber subscriber(uint32_t slot) {
  return {slot, 0, 0, 0};
}

TEST(SubjectIndex, AgreesWithTheNaiveMatcherAndItsStampsNeverLie) {
  testing::IndexHarness::Tally total;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Prng prng(seed);
    std::vector<uint8_t> bytes(6000);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(prng.next());
    testing::IndexHarness harness(seed);
    harness.run(bytes.data(), bytes.size());
    total.inserts += harness.tally().inserts;
    total.removes += harness.tally().removes;
    total.matches += harness.tally().matches;
    total.interested += harness.tally().interested;
    total.current += harness.tally().current;
    total.shared_current += harness.tally().shared_current;
    total.stale += harness.tally().stale;
  }
  EXPECT_GT(total.inserts, 1000U);
  EXPECT_EQ(total.removes, total.inserts);
  EXPECT_GT(total.matches, 2500U);
  EXPECT_GT(total.interested, 1000U);
  EXPECT_GT(total.current, 2500U);
  EXPECT_GT(total.shared_current, 25U);
  EXPECT_GT(total.stale, 1000U);
}

// What nats-server 2.15.2 answers: wildcard characters of a published subject are text.
TEST(SubjectIndex, TakesAPublishedSubjectAsItIs) {
  SubjectIndex index;
  const char* const patterns[] = {"foo.*", "foo.>", ">", "*", "foo.bar", "foo.*.x", "*.*", "foo*"};
  for (uint32_t i = 0; i < std::size(patterns); ++i) {
    index.insert(patterns[i], "", subscriber(i + 1));
  }
  const std::map<std::string, Rows> expected = {
      {"foo.*", {"|1/0/0", "|2/0/0", "|3/0/0", "|7/0/0"}},
      {"foo.>", {"|1/0/0", "|2/0/0", "|3/0/0", "|7/0/0"}},
      {">", {"|3/0/0", "|4/0/0"}},
      {"*", {"|3/0/0", "|4/0/0"}},
      {"foo.*.x", {"|2/0/0", "|3/0/0", "|6/0/0"}},
      {"foo.bar", {"|1/0/0", "|2/0/0", "|3/0/0", "|5/0/0", "|7/0/0"}},
      {"foo*", {"|3/0/0", "|4/0/0", "|8/0/0"}},
      {"foo..x", {}},
      {"foo.", {}},
      {".foo", {}},
      {"", {}},
      {".", {}},
  };
  for (const auto& [published, rows] : expected)
    EXPECT_EQ(match(index, published), rows) << published;
}

// nats-server delivers once to a queue name, however many of its subjects match.
TEST(SubjectIndex, OneQueueNameIsOneGroup) {
  SubjectIndex index;
  index.insert("foo.*", "q", subscriber(1));
  index.insert("foo.bar", "q", subscriber(2));
  index.insert(">", "r", subscriber(3));
  index.insert(">", "q", subscriber(4));
  MatchResult result;
  InterestStamp stamp;
  index.match("foo.bar", result, stamp);
  EXPECT_TRUE(testing::has_sound_groups(result));
  EXPECT_EQ(result.groups.size(), 2U);
  EXPECT_EQ(testing::rows_of(result), (Rows{"q|1/0/0", "q|2/0/0", "q|4/0/0", "r|3/0/0"}));
}

TEST(SubjectIndex, RemovesOnlyWhatIsThere) {
  SubjectIndex index;
  for (const char* subject : {"foo", "foo.*"}) {
    index.insert(subject, "", subscriber(1));
    index.insert(subject, "q", subscriber(2));
    EXPECT_FALSE(index.remove(subject, "", subscriber(2)));
    EXPECT_FALSE(index.remove(subject, "q", subscriber(1)));
    EXPECT_FALSE(index.remove(subject, "p", subscriber(2)));
    EXPECT_FALSE(index.remove("foo.bar", "", subscriber(1)));
    EXPECT_FALSE(index.remove("foo.>", "", subscriber(1)));
    EXPECT_TRUE(index.remove(subject, "", subscriber(1)));
    EXPECT_TRUE(index.remove(subject, "q", subscriber(2)));
    EXPECT_FALSE(index.remove(subject, "q", subscriber(2)));
  }
  EXPECT_TRUE(match(index, "foo").empty());
  EXPECT_TRUE(match(index, "foo.bar").empty());
}

TEST(SubjectIndex, KnowsWhoAskedForExactlyThis) {
  SubjectIndex index;
  index.insert("_INBOX.x.*", "", {1, 1, 0, 0});
  index.insert("_INBOX.x.y", "q", {2, 1, 0, 0});
  EXPECT_FALSE(index.has_exact("_INBOX.x.y", ""));
  EXPECT_TRUE(index.has_exact("_INBOX.x.y", "q"));
  EXPECT_FALSE(index.has_exact("_INBOX.x.y", "p"));
  EXPECT_FALSE(index.has_exact("_INBOX.x.z", "q"));
  index.insert("_INBOX.x.y", "", {3, 1, 0, 0});
  EXPECT_TRUE(index.has_exact("_INBOX.x.y", ""));
  ASSERT_TRUE(index.remove("_INBOX.x.y", "", {3, 1, 0, 0}));
  EXPECT_FALSE(index.has_exact("_INBOX.x.y", ""));
}

TEST(SubjectIndex, CountsWhatHappened) {
  SubjectIndex index;
  index.insert("foo", "", subscriber(1));
  index.insert("foo", "q", subscriber(2));
  index.insert("foo.>", "", subscriber(3));
  index.remove("foo", "", subscriber(1));
  index.remove("foo", "", subscriber(1));
  match(index, "foo");
  match(index, "foo.bar");
  const SubjectIndex::Stats stats = index.stats();
  EXPECT_EQ(stats.subscriptions, 2U);
  EXPECT_EQ(stats.inserts, 3U);
  EXPECT_EQ(stats.removes, 1U);
  EXPECT_EQ(stats.matches, 2U);
}

TEST(SubjectIndex, AQueueNameStaysReadableAfterItsGroupIsGone) {
  SubjectIndex index;
  const std::string name = "a queue name too long to stand inside of a string object";
  index.insert("foo", name, subscriber(1));
  MatchResult result;
  InterestStamp stamp;
  index.match("foo", result, stamp);
  index.remove("foo", name, subscriber(1));
  EXPECT_EQ(result.groups.at(0).queue, name);
}

TEST(SubjectIndex, ALiteralChangeLeavesOtherSubjectsCurrent) {
  SubjectIndex index;
  InterestStamp stamp = stamp_of(index, "orders.eu");
  for (uint32_t i = 0; i < 100; ++i) {
    index.insert("other." + std::to_string(i), "", subscriber(i));
    index.insert("orders." + std::to_string(i), "", subscriber(i));
  }
  EXPECT_TRUE(index.is_current(stamp));
  index.insert("orders.eu", "", subscriber(1));
  EXPECT_FALSE(index.is_current(stamp));
  stamp = stamp_of(index, "orders.eu");
  index.remove("orders.eu", "", subscriber(1));
  EXPECT_FALSE(index.is_current(stamp));
}

TEST(SubjectIndex, AWildcardChangeTouchesOnlyItsPrefix) {
  SubjectIndex index;
  InterestStamp stamp = stamp_of(index, "orders.eu.new");
  index.insert("invoices.>", "", subscriber(1));
  index.insert("orders.us.*", "", subscriber(2));
  EXPECT_TRUE(index.is_current(stamp));
  for (const char* pattern : {"orders.eu.>", "orders.*.new", "*.eu.new", ">", "orders.>"}) {
    stamp = stamp_of(index, "orders.eu.new");
    EXPECT_TRUE(index.is_current(stamp));
    index.insert(pattern, "", subscriber(3));
    EXPECT_FALSE(index.is_current(stamp)) << pattern;
  }
}

TEST(SubjectIndex, ADroppedRemovalChangesNothing) {
  SubjectIndex index;
  index.insert("foo", "", subscriber(1));
  InterestStamp stamp = stamp_of(index, "foo");
  EXPECT_FALSE(index.remove("foo", "", subscriber(2)));
  EXPECT_TRUE(index.is_current(stamp));
}

TEST(SubjectIndex, RepliesUnderOneInboxShareAResult) {
  SubjectIndex index;
  index.insert("_INBOX.x.*", "", subscriber(1));
  InterestStamp shared = index.shared_stamp("_INBOX.x");
  EXPECT_TRUE(is_shareable(index, "_INBOX.x.1"));
  // Other inboxes and other subjects come and go.
  for (uint32_t i = 0; i < 50; ++i) index.insert("_INBOX.y" + std::to_string(i) + ".*", "", {});
  for (uint32_t i = 0; i < 50; ++i) index.insert("orders." + std::to_string(i), "", {});
  EXPECT_TRUE(index.is_current(shared));
  index.insert("_INBOX.x.7", "", subscriber(2));
  EXPECT_FALSE(index.is_current(shared));
  EXPECT_FALSE(is_shareable(index, "_INBOX.x.1"));
  index.remove("_INBOX.x.7", "", subscriber(2));
  EXPECT_TRUE(is_shareable(index, "_INBOX.x.1"));
}

TEST(SubjectIndex, SubjectsWithoutPrefixShareNothing) {
  SubjectIndex index;
  index.insert("*", "", subscriber(1));
  EXPECT_FALSE(is_shareable(index, "foo"));
  EXPECT_FALSE(is_shareable(index, ".foo"));
  EXPECT_FALSE(is_shareable(index, "foo."));
  EXPECT_TRUE(is_shareable(index, "foo.bar"));  // nobody listens below foo
}

TEST(SubjectIndex, AHundredThousandSubscribersOfOneSubjectCanLeave) {
  SubjectIndex index;
  constexpr uint32_t kCount = 100000;
  const auto queue_of = [](uint32_t i) {
    return i % 3 == 0 ? std::string() : i % 3 == 1 ? "q" : "q" + std::to_string(i);
  };
  for (uint32_t i = 0; i < kCount; ++i) index.insert("hot", queue_of(i), subscriber(i));
  MatchResult result;
  InterestStamp stamp;
  index.match("hot", result, stamp);
  EXPECT_EQ(result.plain.size() + result.members.size(), kCount);
  EXPECT_TRUE(testing::has_sound_groups(result));
  for (uint32_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(index.remove("hot", queue_of(i), subscriber(i)));
  }
  EXPECT_TRUE(match(index, "hot").empty());
}

// One thread moves a subscriber to ever higher generations. Whoever reads after a change was
// finished must see it, by a kept result that is current or by a new match.
void follow_changes(const SubjectIndex& index, const std::atomic<uint32_t>& done, uint32_t last,
                    bool uses_sharing) {
  MatchResult result;
  InterestStamp stamp;
  bool is_kept = false;
  uint32_t reads = 0;
  for (uint32_t before = 0; before < last;) {
    before = done.load(std::memory_order_acquire);
    if (!is_kept || !index.is_current(stamp)) {
      const InterestStamp shared = index.shared_stamp("x.y");
      index.match("x.y." + std::to_string(reads % 8), result, stamp);
      if (uses_sharing && result.shareable) stamp = shared;
      is_kept = true;
    }
    uint32_t newest = 0;
    for (const Subscriber& one : result.plain) newest = std::max(newest, one.generation);
    ASSERT_GE(newest, before);
    ASSERT_FALSE(result.plain.empty());
    ASSERT_LE(result.plain.size(), 2U);
    ++reads;
  }
}

TEST(SubjectIndex, AReaderSeesEveryChangeThatWasFinished) {
  for (const char* pattern : {"x.y.*", "x.>", ">"}) {
    SubjectIndex index;
    constexpr uint32_t kChanges = 4000;
    std::atomic<uint32_t> done{1};
    index.insert(pattern, "", {1, 1, 0, 0});
    std::thread sharing([&] { follow_changes(index, done, kChanges, true); });
    std::thread reader([&] { follow_changes(index, done, kChanges, false); });
    for (uint32_t i = 2; i <= kChanges; ++i) {
      index.insert(pattern, "", {1, i, 0, 0});
      done.store(i, std::memory_order_release);
      index.remove(pattern, "", {1, i - 1, 0, 0});
    }
    reader.join();
    sharing.join();
  }
}

TEST(SubjectIndex, ReadersAndWritersOfManySubjectsDoNotHinderEachOther) {
  SubjectIndex index;
  std::atomic<int> writers{2};
  const auto write = [&](uint32_t base) {
    for (uint32_t i = 0; i < 3000; ++i) {
      const std::string subject = i % 2 == 0 ? "s." + std::to_string(i % 50) : "s.*.t";
      index.insert(subject, i % 3 == 0 ? "q" : "", subscriber(base + i));
      if (i % 5 != 0) index.remove(subject, i % 3 == 0 ? "q" : "", subscriber(base + i));
    }
    --writers;
  };
  std::thread first(write, 0);
  std::thread second(write, 1U << 20);
  MatchResult result;
  InterestStamp stamp;
  for (uint32_t i = 0; writers > 0; ++i) {
    index.match(i % 2 == 0 ? "s." + std::to_string(i % 50) : "s.1.t", result, stamp);
    ASSERT_TRUE(testing::has_sound_groups(result));
  }
  first.join();
  second.join();
  EXPECT_EQ(index.stats().subscriptions, 2U * 600U);
}

}  // namespace
}  // namespace petrel::subject

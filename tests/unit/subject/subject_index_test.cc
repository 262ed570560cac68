#include "petrel/subject/subject_index.h"

#include "petrel/base/prng.h"
#include "petrel/subject/subject.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

namespace petrel::subject {
namespace {

// The truth: every subscription, asked one by one.
struct Naive {
  struct Entry {
    std::string subject;
    std::string queue;
    Subscriber subscriber;
  };
  std::vector<Entry> entries;

  // Rows "slot" for plain ones, "subject|queue|slot" for members of groups.
  std::multiset<std::string> match(Slice literal) const {
    std::multiset<std::string> rows;
    for (const Entry& entry : entries) {
      if (!subject_matches(literal, entry.subject)) continue;
      rows.insert(entry.queue.empty() ? std::to_string(entry.subscriber.slot)
                                      : entry.queue + "|" + std::to_string(entry.subscriber.slot));
    }
    return rows;
  }
};

std::multiset<std::string> rows_of(const MatchResult& result) {
  std::multiset<std::string> rows;
  for (const Subscriber& s : result.plain) rows.insert(std::to_string(s.slot));
  for (const MatchResult::Group& group : result.groups) {
    for (uint32_t i = group.begin; i < group.end; ++i) {
      rows.insert(group.queue + "|" + std::to_string(result.members[i].slot));
    }
  }
  return rows;
}

std::string random_subject(Prng& prng, bool wildcards) {
  static const char* kTokens[] = {"a", "b", "c", "d*"};
  std::string subject;
  const uint64_t tokens = 1 + prng.below(4);
  for (uint64_t i = 0; i < tokens; ++i) {
    if (i > 0) subject.push_back('.');
    if (wildcards && prng.chance(250)) {
      if (i + 1 == tokens && prng.chance(500)) {
        subject.push_back('>');
      } else {
        subject.push_back('*');
      }
    } else {
      subject.append(kTokens[prng.below(4)]);
    }
  }
  return subject;
}

TEST(SubjectIndex, AgreesWithTheNaiveMatcherAndItsStampsNeverLie) {
  Prng prng(7);
  SubjectIndex index;
  Naive naive;
  struct Cached {
    InterestStamp stamp;
    std::multiset<std::string> rows;
  };
  std::map<std::string, Cached> cache;         // by subject
  std::map<std::string, Cached> shared_cache;  // by prefix
  uint64_t hits = 0;
  uint64_t shared_hits = 0;
  for (uint32_t step = 0; step < 20000; ++step) {
    if (naive.entries.size() < 30 && prng.chance(150)) {
      const std::string subject = random_subject(prng, true);
      const std::string queue = prng.chance(300) ? (prng.chance(500) ? "q" : "r") : "";
      const Subscriber subscriber{step, 0, 0, 0};
      index.insert(subject, queue, subscriber);
      naive.entries.push_back({subject, queue, subscriber});
    } else if (!naive.entries.empty() && prng.chance(120)) {
      const size_t at = prng.below(naive.entries.size());
      const Naive::Entry entry = naive.entries[at];
      EXPECT_TRUE(index.remove(entry.subject, entry.queue, entry.subscriber));
      EXPECT_FALSE(index.remove(entry.subject, entry.queue, entry.subscriber));
      naive.entries.erase(naive.entries.begin() + static_cast<std::ptrdiff_t>(at));
    }
    const std::string subject = random_subject(prng, prng.chance(50));
    const auto truth = naive.match(subject);
    if (const auto found = cache.find(subject);
        found != cache.end() && index.is_current(found->second.stamp)) {
      ++hits;
      ASSERT_EQ(found->second.rows, truth) << subject << " at step " << step;
    }
    const size_t dot = subject.rfind('.');
    const std::string prefix = dot == std::string::npos ? "" : subject.substr(0, dot);
    if (const auto found = shared_cache.find(prefix);
        found != shared_cache.end() && index.is_current(found->second.stamp)) {
      ++shared_hits;
      ASSERT_EQ(found->second.rows, truth) << subject << " shared at step " << step;
    }
    InterestStamp shared = prefix.empty() ? InterestStamp{} : index.shared_stamp(prefix);
    MatchResult result;
    InterestStamp stamp;
    index.match(subject, result, stamp);
    ASSERT_EQ(rows_of(result), truth) << subject << " at step " << step;
    cache[subject] = {stamp, truth};
    if (result.shareable) shared_cache[prefix] = {shared, truth};
  }
  EXPECT_GT(hits, 1000U);
  EXPECT_GT(shared_hits, 100U);
  EXPECT_EQ(index.stats().subscriptions, naive.entries.size());
}

TEST(SubjectIndex, ALiteralChangeLeavesOtherSubjectsCurrent) {
  SubjectIndex index;
  MatchResult result;
  InterestStamp stamp;
  index.match("orders.eu", result, stamp);
  for (uint32_t i = 0; i < 100; ++i) index.insert("other." + std::to_string(i), "", {i, 0, 0, 0});
  EXPECT_TRUE(index.is_current(stamp));
  index.insert("orders.eu", "", {1, 0, 0, 0});
  EXPECT_FALSE(index.is_current(stamp));
}

TEST(SubjectIndex, AWildcardChangeTouchesOnlyItsPrefix) {
  SubjectIndex index;
  MatchResult result;
  InterestStamp stamp;
  index.match("orders.eu.new", result, stamp);
  index.insert("invoices.>", "", {1, 0, 0, 0});
  index.insert("orders.us.*", "", {2, 0, 0, 0});
  EXPECT_TRUE(index.is_current(stamp));
  index.insert("orders.*.new", "", {3, 0, 0, 0});
  EXPECT_FALSE(index.is_current(stamp));
}

TEST(SubjectIndex, RepliesUnderOneInboxShareAResult) {
  SubjectIndex index;
  index.insert("_INBOX.x.*", "", {1, 0, 0, 0});
  InterestStamp shared = index.shared_stamp("_INBOX.x");
  MatchResult result;
  InterestStamp stamp;
  index.match("_INBOX.x.1", result, stamp);
  EXPECT_TRUE(result.shareable);
  EXPECT_TRUE(index.is_current(shared));
  index.insert("_INBOX.x.7", "", {2, 0, 0, 0});
  EXPECT_FALSE(index.is_current(shared));
  index.match("_INBOX.x.1", result, stamp);
  EXPECT_FALSE(result.shareable);
}

TEST(SubjectIndex, AHundredThousandSubscribersOfOneSubjectCanLeave) {
  SubjectIndex index;
  constexpr uint32_t kCount = 100000;
  for (uint32_t i = 0; i < kCount; ++i) index.insert("hot", i % 2 == 0 ? "" : "q", {i, 0, 0, 0});
  for (uint32_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(index.remove("hot", i % 2 == 0 ? "" : "q", {i, 0, 0, 0}));
  }
  MatchResult result;
  InterestStamp stamp;
  index.match("hot", result, stamp);
  EXPECT_TRUE(result.empty());
}

TEST(SubjectIndex, ASubjectOfManyTokensIsOnlyLong) {
  SubjectIndex index;
  std::string deep = "a";
  for (int i = 0; i < 16000; ++i) deep += ".*";
  std::string literal = "a";
  for (int i = 0; i < 16000; ++i) literal += ".b";
  index.insert(deep, "", {1, 0, 0, 0});
  MatchResult result;
  InterestStamp stamp;
  index.match(literal, result, stamp);
  EXPECT_EQ(result.plain.size(), 1U);
  EXPECT_TRUE(index.remove(deep, "", {1, 0, 0, 0}));
}

TEST(SubjectIndex, AReaderSeesEachChangeWholeWhileAWriterWorks) {
  SubjectIndex index;
  index.insert("x.a", "", {1, 0, 0, 0});
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (uint32_t i = 0; i < 20000; ++i) {
      index.insert("x.*", "", {2, i, 0, 0});
      index.remove("x.*", "", {2, i, 0, 0});
    }
    stop = true;
  });
  MatchResult result;
  while (!stop) {
    InterestStamp stamp;
    index.match("x.a", result, stamp);
    ASSERT_GE(result.plain.size(), 1U);
    ASSERT_LE(result.plain.size(), 2U);
  }
  writer.join();
}

}  // namespace
}  // namespace petrel::subject

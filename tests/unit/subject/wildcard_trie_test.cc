#include "subject/wildcard_trie.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace petrel::subject {
namespace {

struct Answer {
  std::vector<uint32_t> slots = {};
  bool same_for_siblings = false;
};

Answer match(const WildcardTrie& trie, Slice subject) {
  MatchResult result;
  Answer answer;
  answer.same_for_siblings = trie.match(subject, result);
  for (const Subscriber& subscriber : result.plain) answer.slots.push_back(subscriber.slot);
  std::sort(answer.slots.begin(), answer.slots.end());
  return answer;
}

void add(WildcardTrie& trie, Slice pattern, uint32_t slot) {
  trie.find_or_add(pattern)->plain.insert({slot, 0, 0, 0});
}

using Slots = std::vector<uint32_t>;

TEST(WildcardTrie, FindsThePatternsThatAdmitASubject) {
  WildcardTrie trie(1);
  EXPECT_TRUE(trie.empty());
  add(trie, "orders.*", 1);
  add(trie, "orders.>", 2);
  add(trie, "orders.*.new", 3);
  add(trie, "*.eu.new", 4);
  add(trie, ">", 5);
  add(trie, "orders.eu.>", 6);
  EXPECT_FALSE(trie.empty());
  EXPECT_EQ(match(trie, "orders").slots, (Slots{5}));
  EXPECT_EQ(match(trie, "orders.eu").slots, (Slots{1, 2, 5}));
  EXPECT_EQ(match(trie, "orders.eu.new").slots, (Slots{2, 3, 4, 5, 6}));
  EXPECT_EQ(match(trie, "orders.us.new").slots, (Slots{2, 3, 5}));
  EXPECT_EQ(match(trie, "orders.eu.old.x").slots, (Slots{2, 5, 6}));
  EXPECT_EQ(match(trie, "other.us.new").slots, (Slots{5}));
}

TEST(WildcardTrie, FindsAPatternItselfOnly) {
  WildcardTrie trie(1);
  add(trie, "a.b.c.*", 1);
  add(trie, "a.b.*", 2);
  for (const char* there : {"a.b.c.*", "a.b.*"}) {
    ASSERT_NE(trie.find(there), nullptr) << there;
    EXPECT_EQ(trie.find(there)->text(), there);
    EXPECT_EQ(trie.find_or_add(there), trie.find(there));
  }
  for (const char* absent : {">", "*", "a.>", "a.b.>", "a.b.c.>", "a.*", "a.b.c.*.d", "a.b.d.*"}) {
    EXPECT_EQ(trie.find(absent), nullptr) << absent;
  }
}

TEST(WildcardTrie, IsEmptyAgainWhateverTheOrderOfRemoval) {
  std::vector<std::string> patterns = {"a.*", "a.*.b", "a.*.b.>", "a.*.c", "a.>", "*.b.c.d.e"};
  std::sort(patterns.begin(), patterns.end());
  do {
    WildcardTrie trie(1);
    for (const std::string& pattern : patterns) add(trie, pattern, 1);
    for (size_t i = 0; i < patterns.size(); ++i) {
      trie.remove(trie.find(patterns[i]));
      for (size_t k = 0; k < patterns.size(); ++k) {
        ASSERT_EQ(trie.find(patterns[k]) != nullptr, k > i);
      }
    }
    ASSERT_TRUE(trie.empty());
  } while (std::next_permutation(patterns.begin(), patterns.end()));
}

TEST(WildcardTrie, KnowsWhenTheLastTokenMakesNoDifference) {
  WildcardTrie trie(1);
  add(trie, "_INBOX.x.*", 1);
  EXPECT_TRUE(match(trie, "_INBOX.x.1").same_for_siblings);
  EXPECT_TRUE(match(trie, "_INBOX.y.1").same_for_siblings);
  add(trie, "$JS.ACK.s.>", 2);
  EXPECT_TRUE(match(trie, "$JS.ACK.s.c.1.2").same_for_siblings);
  add(trie, "_INBOX.*.9", 3);  // "_INBOX.x.9" has two
  EXPECT_FALSE(match(trie, "_INBOX.x.1").same_for_siblings);
  EXPECT_FALSE(match(trie, "_INBOX.x.9").same_for_siblings);
  EXPECT_TRUE(match(trie, "_INBOX.x.1.2").same_for_siblings);
}

// 16,000 tokens: neither the stack nor the time may follow in any power above the length.
TEST(WildcardTrie, TakesSubjectsOfVeryManyTokens) {
  std::string stars = "*";
  std::string literal = "a";
  for (int i = 0; i < 16000; ++i) {
    stars += ".*";
    literal += ".a";
  }
  WildcardTrie trie(1);
  add(trie, stars, 1);
  add(trie, literal + ".*", 2);
  add(trie, literal + ".>", 3);
  add(trie, stars + ".>", 4);
  add(trie, stars + ".b", 5);
  EXPECT_EQ(match(trie, literal).slots, (Slots{1}));
  EXPECT_EQ(match(trie, literal + ".b").slots, (Slots{2, 3, 4, 5}));
  for (const std::string& pattern : {stars, literal + ".*", literal + ".>", stars + ".>"}) {
    trie.remove(trie.find(pattern));
  }
  EXPECT_EQ(match(trie, literal + ".b").slots, (Slots{5}));
}

TEST(WildcardTrie, SurvivesDestructionWithEverythingInIt) {
  WildcardTrie trie(1);
  for (const char* pattern : {">", "*", "a.*", "a.*.*", "a.*.>", "a.b.*", "a.b.>", "*.b.*.c"}) {
    add(trie, pattern, 1);
    QueueGroup::create(*trie.find(pattern), "q")->members.insert({2, 0, 0, 0});
  }
}

}  // namespace
}  // namespace petrel::subject

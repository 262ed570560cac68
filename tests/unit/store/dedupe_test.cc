// Dedupe against a plain map: ids come, come again and expire.

#include "petrel/store/dedupe.h"

#include "petrel/base/prng.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace petrel::store {
namespace {

TEST(Dedupe, KnowsWhatAMapKnows) {
  constexpr int64_t kWindow = 500;
  Dedupe dedupe;
  std::map<std::string, std::pair<uint64_t, int64_t>> model;  // id -> sequence, time
  Prng prng(11);
  for (uint64_t sequence = 1; sequence <= 20'000; ++sequence) {
    const auto time = static_cast<int64_t>(sequence / 3);
    const std::string id(1 + prng.below(20), static_cast<char>('a' + prng.below(26)));
    const std::string key = id + std::to_string(prng.below(300));
    dedupe.add(key, sequence, WallTime{time});
    model[key] = {sequence, time};
    dedupe.expire(WallTime{time - kWindow});
    std::erase_if(model, [&](const auto& entry) { return entry.second.second <= time - kWindow; });
    const std::string asked =
        std::string(1 + prng.below(20), static_cast<char>('a' + prng.below(26))) +
        std::to_string(prng.below(300));
    const Dedupe::Entry* found = dedupe.find(asked);
    const auto expected = model.find(asked);
    ASSERT_EQ(found != nullptr, expected != model.end());
    if (found != nullptr) {
      EXPECT_EQ(found->sequence, expected->second.first);
    }
  }
  size_t visited = 0;
  dedupe.visit([&](const Dedupe::Entry& entry) {
    ++visited;
    EXPECT_EQ(model.at(std::string(entry.id)).first, entry.sequence);
  });
  EXPECT_EQ(visited, model.size());
  dedupe.pop_up_to(19'999);
  EXPECT_EQ(dedupe.size(), 1U);
  dedupe.clear();
  EXPECT_EQ(dedupe.size(), 0U);
}

}  // namespace
}  // namespace petrel::store

#include "net/read_limit.h"

#include <gtest/gtest.h>

namespace petrel::net {
namespace {

void note_turns(ReadLimit& limit, int turns, size_t read, size_t written) {
  for (int i = 0; i < turns; ++i) limit.note_turn(read, written);
}

TEST(ReadLimit, IsSetOnlyWhileInputGoesOutSeveralTimes) {
  ReadLimit limit;
  EXPECT_EQ(limit.bytes(), ReadLimit::kNone);
  note_turns(limit, 100, 200'000, 210'000);  // one receiver
  EXPECT_EQ(limit.bytes(), ReadLimit::kNone);
  note_turns(limit, 100, 200'000, 2'100'000);  // ten
  EXPECT_EQ(limit.bytes(), ReadLimit::kSpreadBytes);
  note_turns(limit, 100, 200'000, 21'000'000);  // a hundred
  EXPECT_EQ(limit.bytes(), ReadLimit::kNone);
  note_turns(limit, 100, 200'000, 0);  // nobody listens
  EXPECT_EQ(limit.bytes(), ReadLimit::kNone);
}

TEST(ReadLimit, OutlivesTurnsInWhichSocketsWereFull) {
  ReadLimit limit;
  note_turns(limit, 100, 48'000, 500'000);
  for (int i = 0; i < 100; ++i) {
    limit.note_turn(48'000, 0);
    EXPECT_EQ(limit.bytes(), ReadLimit::kSpreadBytes);
    limit.note_turn(48'000, 1'000'000);
    EXPECT_EQ(limit.bytes(), ReadLimit::kSpreadBytes);
  }
}

}  // namespace
}  // namespace petrel::net

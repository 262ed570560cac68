#include "net/connection_table.h"

#include <gtest/gtest.h>

namespace petrel::net {
namespace {

TEST(ConnectionTable, RetiredSlotWaitsForRecycle) {
  ConnectionTable table;
  const ConnectionId first = table.add(5);
  table.retire(first);
  EXPECT_EQ(table.find(first), nullptr);
  const ConnectionId second = table.add(6);
  EXPECT_NE(second.slot, first.slot);
  table.recycle();
  const ConnectionId third = table.add(7);
  EXPECT_EQ(third.slot, first.slot);
  EXPECT_NE(third.generation, first.generation);
  EXPECT_EQ(table.find(first), nullptr);
  EXPECT_EQ(table.find(third)->fd, 7);
}

TEST(ConnectionTable, GenerationsWrapWithoutZero) {
  ConnectionTable table;
  const ConnectionId id = table.add(5);
  table.find(id)->generation = ConnectionTable::kGenerationMask;
  table.retire({id.slot, ConnectionTable::kGenerationMask});
  table.recycle();
  EXPECT_EQ(table.add(6).generation, 1U);
}

TEST(ConnectionTable, VisitsOpenConnectionsOnly) {
  ConnectionTable table;
  const ConnectionId first = table.add(5);
  const ConnectionId second = table.add(6);
  table.retire(first);
  std::vector<ConnectionId> seen;
  table.for_each([&](ConnectionId id) { seen.push_back(id); });
  EXPECT_EQ(seen, std::vector<ConnectionId>{second});
}

}  // namespace
}  // namespace petrel::net

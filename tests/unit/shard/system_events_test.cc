// What the system account hears of clients and accounts, and when.
#include "petrel/shard/system_events.h"

#include "unit/shard/tenants_world.h"

#include <gtest/gtest.h>

namespace petrel::shard {
namespace {

constexpr const char* kConfig =
    "accounts { A { users: [{ user: a, password: p }] },"
    " \"$SYS\" { users: [{ user: s, password: p }] } }";

// Both loops tell; `sys` listens on the second.
struct Told {
  explicit Told(const std::string& subject) {
    auto source = std::make_shared<EventSource>();
    source->system_account = "$SYS";
    source->server.id = "NSERVER";
    for (uint16_t loop = 0; loop < TenantsWorld::kLoops; ++loop) {
      auto service = std::make_unique<SystemEvents>(world.accounts, sequence, source);
      world.shard(loop).watch_clients(service.get());
      world.shard(loop).add_service(std::move(service));
    }
    sys = &world.connect("s", 1);
    world.say(*sys, "SUB " + subject + " 1\r\n");
    heard();
  }
  std::string heard() { return TenantsWorld::take(*sys); }
  static size_t count(const std::string& text, const std::string& part) {
    size_t found = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
      ++found;
    }
    return found;
  }

  TenantsWorld world{kConfig};
  std::atomic<uint64_t> sequence{0};
  TenantsWorld::Client* sys = nullptr;
};

TEST(SystemEvents, AClientOfAnotherLoopComesAndGoes) {
  Told told("$SYS.ACCOUNT.A.*");
  TenantsWorld::Client& client = told.world.connect("a", 0);
  const std::string came = told.heard();
  EXPECT_EQ(came.rfind("MSG $SYS.ACCOUNT.A.CONNECT 1 ", 0), 0U) << came;
  EXPECT_NE(came.find("\"user\":\"a\""), std::string::npos);
  told.world.shard(0).close_connection(client.slot + 5, session::CloseReason::kKicked);
  told.world.advance(Duration::millis(1));
  const std::string left = told.heard();
  EXPECT_EQ(left.rfind("MSG $SYS.ACCOUNT.A.DISCONNECT 1 ", 0), 0U) << left;
  EXPECT_NE(left.find("\"reason\":\"Kicked\""), std::string::npos);
}

TEST(SystemEvents, RefusedLoginsAreToldBeforeTheEndOfTheConnection) {
  Told told("$SYS.>");
  told.world.connect("nobody", 0);
  const std::string heard = told.heard();
  const size_t refused = heard.find("MSG $SYS.SERVER.NSERVER.CLIENT.AUTH.ERR 1 ");
  const size_t ended = heard.find("MSG $SYS.ACCOUNT.$G.DISCONNECT 1 ");
  ASSERT_NE(refused, std::string::npos) << heard;
  ASSERT_NE(ended, std::string::npos) << heard;
  EXPECT_LT(refused, ended);
}

TEST(SystemEvents, NumbersOfConnectionsAreToldUnderBothNamesButNotForTheGlobalAccount) {
  Told told("$SYS.>");
  told.world.connect("a", 0);
  const std::string heard = told.heard();
  EXPECT_EQ(Told::count(heard, "MSG $SYS.ACCOUNT.A.SERVER.CONNS 1 "), 1U) << heard;
  EXPECT_EQ(Told::count(heard, "MSG $SYS.SERVER.ACCOUNT.A.CONNS 1 "), 1U) << heard;
  EXPECT_EQ(heard.find("$SYS.ACCOUNT.$G.SERVER.CONNS"), std::string::npos);
}

TEST(SystemEvents, NumbersAreToldAgainEveryHalfMinuteOnceForAllLoops) {
  Told told("$SYS.ACCOUNT.A.SERVER.CONNS");
  told.world.connect("a", 0);
  told.world.connect("a", 1);
  told.heard();
  told.world.advance(Duration::seconds(29));
  EXPECT_EQ(told.heard(), "");
  told.world.advance(Duration::seconds(2));
  const std::string again = told.heard();
  EXPECT_EQ(Told::count(again, "\"conns\":2"), 1U) << again;
  told.world.advance(Duration::seconds(31));
  EXPECT_EQ(Told::count(told.heard(), "\"conns\":2"), 1U);
}

TEST(SystemEvents, AnEmptyAccountIsNotToldAgain) {
  Told told("$SYS.ACCOUNT.A.SERVER.CONNS");
  TenantsWorld::Client& client = told.world.connect("a", 0);
  told.world.shard(0).close_connection(client.slot + 5, session::CloseReason::kKicked);
  told.world.advance(Duration::millis(1));
  EXPECT_EQ(Told::count(told.heard(), "\"conns\":0"), 1U);
  told.world.advance(Duration::seconds(31));
  EXPECT_EQ(told.heard(), "");
}

TEST(SystemEvents, NothingIsWrittenWhileNobodyListens) {
  Told told("elsewhere");
  const uint64_t before = told.sequence.load();
  told.world.connect("a", 0);
  EXPECT_EQ(told.sequence.load(), before);
}

TEST(SystemEvents, OtherAccountsHearNothing) {
  Told told("elsewhere");
  TenantsWorld::Client& client = told.world.connect("a", 0);
  told.world.say(client, "SUB $SYS.> 1\r\n");
  told.world.connect("a", 1);
  EXPECT_EQ(TenantsWorld::take(client), "");
}

}  // namespace
}  // namespace petrel::shard

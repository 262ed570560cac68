// Dead letters: sent once they are journaled, again until they are answered, settled after that.
#include "consumer_world.h"
#include "jetstream/publish_headers.h"

#include "petrel/proto/header_view.h"

#include <gtest/gtest.h>

namespace petrel::jetstream {
namespace {

using World = ConsumerWorld;
constexpr const char* kNames = "$JS.API.STREAM.NAMES";
constexpr const char* kStored = R"({"stream":"D","seq":7})";

ConsumerConfig dead_config() {
  ConsumerConfig config = World::pull_config();
  config.ack_wait = Duration::seconds(1);
  config.max_deliver = 1;
  config.metadata["petrel.dead_letter"] = "dead";
  return config;
}

// Delivers the message in vain.
void exhaust(World& world) {
  world.pull("inbox");
  EXPECT_EQ(world.take("inbox").size(), 1U);
  world.pass(Duration::seconds(1));
}

void answer(World& world, const OutgoingMessage& question, const char* body) {
  world.consumer().on_ack(question.reply, "", body);
  world.turn();
}

std::string header(const OutgoingMessage& message, const char* key) {
  return std::string(proto::HeaderView(message.header).find(key).value_or("none"));
}

TEST(DeadLetter, IsSentWithItsStoryAndSettledWhenStored) {
  World world;
  world.open(dead_config());
  world.store("orders.1", "body", "NATS/1.0\r\nNats-Msg-Id: id\r\nA: b\r\n\r\n");
  exhaust(world);
  answer(world, world.one(kNames), R"({"streams":["D"]})");
  const OutgoingMessage letter = world.one("dead");
  EXPECT_EQ(letter.subject, "dead");
  EXPECT_EQ(letter.body, "body");
  EXPECT_EQ(header(letter, "Nats-Dead-Letter-Stream"), "S");
  EXPECT_EQ(header(letter, "Nats-Dead-Letter-Consumer"), "C");
  EXPECT_EQ(header(letter, "Nats-Dead-Letter-Sequence"), "1");
  EXPECT_EQ(header(letter, "Nats-Dead-Letter-Deliveries"), "1");
  EXPECT_EQ(header(letter, "Nats-Dead-Letter-Reason"), "max_deliver");
  EXPECT_EQ(header(letter, "Nats-Dead-Letter-Subject"), "orders.1");
  EXPECT_EQ(header(letter, "A"), "b");
  EXPECT_EQ(header(letter, "Nats-Msg-Id"), "id");
  // Only the number of the letter acts where it is stored.
  const PublishHeaders acting(letter.header);
  EXPECT_FALSE(acting.has(PublishHeader::kMsgId));
  EXPECT_EQ(acting[PublishHeader::kProducerSequence], "1");
  EXPECT_TRUE(world.settled.empty());
  EXPECT_TRUE(world.consumer().needs(1));
  answer(world, letter, kStored);
  EXPECT_EQ(world.settled, (std::vector<uint64_t>{1}));
  EXPECT_FALSE(world.consumer().needs(1));
  EXPECT_EQ(world.info().num_redelivered, 0U);
}

TEST(DeadLetter, TerminatedOnesTellTheReason) {
  World world;
  world.open(dead_config());
  world.store("a");
  world.pull("inbox");
  world.ack(world.one("inbox"), "+TERM no such customer", "sync");
  EXPECT_EQ(world.take("sync").size(), 1U);
  answer(world, world.one(kNames), R"({"streams":["D"]})");
  EXPECT_EQ(header(world.one("dead"), "Nats-Dead-Letter-Reason"), "terminated: no such customer");
}

TEST(DeadLetter, WaitsForTheJournal) {
  World world;
  world.open(dead_config());
  world.store("a");
  world.pull("inbox");
  world.commits = false;
  world.pass(Duration::seconds(1));
  EXPECT_EQ(world.take(kNames).size(), 0U);
  world.commit();
  world.turn();
  EXPECT_EQ(world.take(kNames).size(), 1U);
}

TEST(DeadLetter, IsSentUnderTheSameNumberAfterACrash) {
  World world;
  world.open(dead_config());
  world.store("a");
  exhaust(world);
  answer(world, world.one(kNames), R"({"streams":["D"]})");
  const OutgoingMessage first = world.one("dead");
  for (const bool from_checkpoint : {false, true}) {
    if (from_checkpoint) world.checkpoint();
    world.crash();
    answer(world, world.one(kNames), R"({"streams":["D"]})");
    const OutgoingMessage again = world.one("dead");
    EXPECT_EQ(header(again, "Nats-Producer-Id"), header(first, "Nats-Producer-Id"));
    EXPECT_EQ(header(again, "Nats-Producer-Sequence"), "1");
    EXPECT_NE(again.reply, first.reply);
  }
}

TEST(DeadLetter, IsTriedAgainWhenRefusedOrNotAnswered) {
  World world;
  world.open(dead_config());
  world.store("a");
  exhaust(world);
  answer(world, world.one(kNames), R"({"streams":["D"]})");
  answer(world, world.one("dead"),
         R"({"error":{"code":503,"err_code":10077},"stream":"D","seq":0})");
  EXPECT_TRUE(world.settled.empty());
  world.pass(Duration::millis(900));
  EXPECT_EQ(world.take(kNames).size(), 0U);
  world.pass(Duration::millis(100));
  answer(world, world.one(kNames), R"({"streams":["D"]})");
  EXPECT_EQ(world.take("dead").size(), 1U);
  world.pass(Duration::seconds(5));
  const OutgoingMessage letter = world.one("dead");
  EXPECT_EQ(header(letter, "Nats-Producer-Sequence"), "1");
  answer(world, letter, kStored);
  EXPECT_EQ(world.settled, (std::vector<uint64_t>{1}));
}

TEST(DeadLetter, BeginsWithANewNameWhenTheNumbersDoNotFit) {
  World world;
  world.open(dead_config());
  world.store("a");
  exhaust(world);
  answer(world, world.one(kNames), R"({"streams":["D"]})");
  const OutgoingMessage first = world.one("dead");
  answer(world, first, R"({"error":{"code":400,"err_code":10071},"stream":"D","seq":0})");
  const OutgoingMessage again = world.one("dead");
  EXPECT_NE(header(again, "Nats-Producer-Id"), header(first, "Nats-Producer-Id"));
}

TEST(DeadLetter, GoesOutOnceWhenNoStreamTakesIt) {
  World world;
  world.open(dead_config());
  world.store("a", "body");
  exhaust(world);
  answer(world, world.one(kNames), R"({"streams":null})");
  const OutgoingMessage letter = world.one("dead");
  EXPECT_EQ(letter.body, "body");
  EXPECT_EQ(letter.reply, "");
  ASSERT_EQ(world.advisories.size(), 2U);
  EXPECT_EQ(world.advisories[1].target, "$JS.EVENT.ADVISORY.CONSUMER.DEAD_LETTER.S.C");
  world.pass(Duration::minutes(5));
  EXPECT_EQ(world.take("dead").size() + world.take(kNames).size(), 0U);
  // The original stays.
  EXPECT_TRUE(world.consumer().needs(1));
  EXPECT_TRUE(world.settled.empty());
  world.crash();
  EXPECT_EQ(world.take(kNames).size(), 0U);
  EXPECT_TRUE(world.consumer().needs(1));
}

TEST(DeadLetter, OfTheConsumerItselfIsNotSentAgain) {
  World world;
  world.open(dead_config());
  world.store("a", "x",
              "NATS/1.0\r\nNats-Dead-Letter-Stream: S\r\nNats-Dead-Letter-Consumer: C\r\n\r\n");
  exhaust(world);
  answer(world, world.one(kNames), R"({"streams":["S"]})");
  EXPECT_EQ(world.take("dead").size(), 0U);
  EXPECT_TRUE(world.consumer().needs(1));
}

TEST(DeadLetter, AForgedAnswerChangesNothing) {
  World world;
  world.open(dead_config());
  world.store("a");
  exhaust(world);
  answer(world, world.one(kNames), R"({"streams":["D"]})");
  EXPECT_EQ(world.take("dead").size(), 1U);
  for (const char* subject : {"$JS.ACK.S.C.0.1.1.0.0", "$JS.ACK.S.C.0.1.1.12345.0"}) {
    for (const char* body : {kStored, R"({"streams":null})", "{", "{}", R"({"seq":1,"seq":2})"}) {
      world.consumer().on_ack(subject, "", body);
    }
  }
  world.turn();
  EXPECT_TRUE(world.settled.empty());
}

TEST(DeadLetter, OneAfterTheOtherInOrder) {
  World world;
  world.open(dead_config());
  world.store_many("a", 3);
  world.pull("inbox", "3");
  world.pass(Duration::seconds(1));
  answer(world, world.one(kNames), R"({"streams":["D"]})");
  for (const char* number : {"1", "2", "3"}) {
    const OutgoingMessage letter = world.one("dead");
    EXPECT_EQ(header(letter, "Nats-Producer-Sequence"), number);
    answer(world, letter, kStored);
  }
  EXPECT_EQ(world.settled, (std::vector<uint64_t>{1, 2, 3}));
}

}  // namespace
}  // namespace petrel::jetstream

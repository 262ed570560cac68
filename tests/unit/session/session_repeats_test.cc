// Messages that differ in nothing but their payload are taken together. Nobody may see it: what
// comes in one read has to have the effect of the same messages one by one.
#include "session_world.h"

#include <gtest/gtest.h>

namespace petrel::session {
namespace {

std::string pub(const std::string& subject, const std::string& payload,
                const std::string& reply = "") {
  return "PUB " + subject + " " + (reply.empty() ? "" : reply + " ") +
         std::to_string(payload.size()) + "\r\n" + payload + "\r\n";
}

std::string hpub(const std::string& subject, const std::string& headers, const std::string& payload,
                 const std::string& reply = "") {
  const std::string block = "NATS/1.0\r\n" + headers + "\r\n";
  return "HPUB " + subject + " " + (reply.empty() ? "" : reply + " ") +
         std::to_string(block.size()) + " " + std::to_string(block.size() + payload.size()) +
         "\r\n" + block + payload + "\r\n";
}

std::string payload_of(Prng& prng) {
  return std::string(prng.chance(300) ? prng.below(200) : 10,
                     static_cast<char>('a' + prng.below(26)));
}

// What five clients said before, and what the first of them publishes.
struct Script {
  std::vector<std::string> before;
  std::vector<std::string> messages;
};

Script random_script(Prng& prng) {
  static constexpr const char* kSubscriptions[] = {"s.a", "s.b", "s.*", "s.>", ">"};
  Script script;
  for (int client = 0; client < 5; ++client) {
    std::string said;
    for (uint64_t sid = 1 + prng.below(3); sid > 0; --sid) {
      const std::string number = std::to_string(sid);
      said += std::string("SUB ") + kSubscriptions[prng.below(5)] +
              (prng.chance(200) ? " group " : " ") + number + "\r\n";
      if (prng.chance(300))
        said += "UNSUB " + number + " " + std::to_string(1 + prng.below(9)) + "\r\n";
    }
    script.before.push_back(said);
  }
  while (script.messages.size() < 60) {
    const std::string subject = prng.chance(700) ? "s.a" : prng.chance(800) ? "s.b" : "nobody";
    const std::string reply = prng.chance(100) ? "r" : "";
    const std::string payload = payload_of(prng);
    const bool with_headers = prng.chance(300);
    for (uint64_t again = 1 + prng.below(12); again > 0; --again) {
      std::string same = payload;
      if (!same.empty()) same.back() = static_cast<char>('0' + again % 10);
      const std::string header = "Id: " + std::to_string(again % 10) + "\r\n";
      script.messages.push_back(with_headers ? hpub(subject, header, same, reply)
                                             : pub(subject, same, reply));
    }
    if (prng.chance(100)) script.messages.push_back("PING\r\n");
  }
  return script;
}

// What each client got, and what the server counted.
std::vector<std::string> play(const Script& script, const std::string& connect, bool at_once) {
  SessionWorld world;
  std::vector<ClientSession*> clients;
  for (const std::string& said : script.before) {
    clients.push_back(&world.connected(clients.empty() ? R"("headers":true)" + connect : ""));
    SessionWorld::feed(*clients.back(), said);
  }
  std::string all;
  for (const std::string& message : script.messages) {
    if (!at_once) SessionWorld::feed(*clients[0], message);
    all += message;
  }
  if (at_once) SessionWorld::feed(*clients[0], all);
  std::vector<std::string> got;
  for (ClientSession* client : clients) {
    const SessionView view = client->view({.subscriptions = true});
    got.push_back(SessionWorld::take(*client) + "in " + std::to_string(view.in_msgs) + " " +
                  std::to_string(view.in_bytes) + " out " + std::to_string(view.out_msgs) + " " +
                  std::to_string(view.out_bytes) + " subs " +
                  std::to_string(view.subscriptions.size()));
    for (const auto& subscription : view.subscriptions) {
      got.back() += " " + std::to_string(subscription.delivered);
    }
  }
  return got;
}

TEST(SessionRepeats, HaveTheEffectOfMessagesOneByOne) {
  for (const char* connect :
       {"", R"(,"echo":false)", R"(,"verbose":true)", R"(,"pedantic":true)"}) {
    for (uint64_t seed = 1; seed <= 150; ++seed) {
      Prng prng(seed);
      const Script script = random_script(prng);
      ASSERT_EQ(play(script, connect, true), play(script, connect, false))
          << connect << " seed " << seed;
    }
  }
}

TEST(SessionRepeats, OfHeadersReachThoseWhoKnowNone) {
  SessionWorld world;
  ClientSession& old = world.connected();
  ClientSession& client = world.connected(R"("headers":true)");
  SessionWorld::ask(old, "SUB a 1\r\n");
  SessionWorld::ask(client, "SUB a 2\r\n");
  std::string bytes;
  for (int i = 0; i < 3; ++i) bytes += hpub("a", "Id: " + std::to_string(i) + "\r\n", "x");
  std::string got = SessionWorld::ask(client, bytes);
  for (int i = 0; i < 3; ++i) {
    const std::string frame =
        "HMSG a 2 19 20\r\nNATS/1.0\r\nId: " + std::to_string(i) + "\r\n\r\nx\r\n";
    ASSERT_EQ(got.substr(0, frame.size()), frame);
    got.erase(0, frame.size());
  }
  EXPECT_EQ(SessionWorld::take(old), "MSG a 1 1\r\nx\r\nMSG a 1 1\r\nx\r\nMSG a 1 1\r\nx\r\n");
}

// Lines are equal, but the third message asks for its route to be told.
TEST(SessionRepeats, AreTracedOneByOne) {
  SessionWorld world;
  ClientSession& client = world.connected(R"("headers":true)");
  SessionWorld::ask(client, "SUB trace 1\r\n");
  const std::string plain = hpub("a", "Data-Trace-Dest: trace\r\n", "x");
  const std::string traced = hpub("a", "Nats-Trace-Dest: trace\r\n", "x");
  const std::string got = SessionWorld::ask(client, plain + plain + traced + plain);
  EXPECT_TRUE(got.starts_with("MSG trace 1 ")) << got;
  EXPECT_EQ(got.find("MSG trace", 1), std::string::npos) << got;
  EXPECT_EQ(client.view({}).in_msgs, 4u);
}

TEST(SessionRepeats, EndWhereTheLineOrTheFrameDoes) {
  SessionWorld world;
  ClientSession& client = world.connected();
  const auto got = [&](const std::string& bytes) { return SessionWorld::ask(client, bytes); };
  got("SUB > 1\r\n");
  EXPECT_EQ(got(pub("a", "1") + pub("a", "2") + pub("b", "3") + "PUB a 1\r\n"),
            "MSG a 1 1\r\n1\r\nMSG a 1 1\r\n2\r\nMSG b 1 1\r\n3\r\n");
  EXPECT_EQ(got("4\r\n" + pub("a", "5")), "MSG a 1 1\r\n4\r\nMSG a 1 1\r\n5\r\n");
  // A frame that goes on behind its payload, though the line before it was the same.
  EXPECT_EQ(got(pub("a", "6") + "PUB a 1\r\n78\r\n"),
            "MSG a 1 1\r\n6\r\n-ERR 'Unknown Protocol Operation'\r\n");
}

TEST(SessionRepeats, StopWhenTheirShareOfTheTurnIsUsedUp) {
  SessionConfig config;
  config.turn_limits = {100, 100};
  SessionWorld world(config);
  world.context.turns.set_limits(config.turn_limits);
  ClientSession& client = world.connected();
  SessionWorld::ask(client, "SUB a 1\r\n");
  std::string bytes;
  for (int i = 0; i < 2000; ++i) bytes += pub("a", std::string(100, 'x'));
  SessionWorld::feed(client, bytes);
  ASSERT_EQ(world.deferred.size(), 1u);
  EXPECT_LT(client.view({}).in_msgs, 400u);
  for (int turns = 0; client.is_deferred(); ++turns) {
    ASSERT_LT(turns, 2000);
    world.context.turns.begin_turn();
    client.take_turn();
  }
  EXPECT_EQ(client.view({}).in_msgs, 2000u);
}

}  // namespace
}  // namespace petrel::session

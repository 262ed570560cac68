#include "shard_world.h"

#include "petrel/subject/subject.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>

namespace petrel::sim {

namespace {
constexpr uint64_t kSteps = 400;
constexpr uint16_t kLoopsMax = 4;
constexpr size_t kBlockBytes = 64 * 1024;
}  // namespace

SimLoop::SimLoop(ShardWorld& world, uint16_t index, uint16_t loops, uint64_t seed) : world_(world) {
  shard = std::make_unique<shard::Shard>(shard::ShardOptions{index, loops, seed}, *this,
                                         world.accounts_, world.config_);
}

size_t SimLoop::write(router::ConnectionHandle connection, std::span<const Slice> parts) {
  Socket& socket = sockets[connection.slot];
  std::string bytes;
  for (const Slice part : parts) bytes.append(part);
  size_t taken = bytes.size();
  if (world_.prng_.chance(200)) {
    taken = world_.prng_.below(bytes.size() + 1);
    socket.is_blocked = taken < bytes.size();
  }
  SimClient& client = *socket.client;
  const uint64_t pong_before = client.last_pong_ping;
  const std::string error = client.take(bytes.substr(0, taken), world_.step_);
  if (!error.empty()) world_.fail(error);
  if (client.last_pong_ping != pong_before) world_.note_pong(client);
  return taken;
}

void SimLoop::close_socket(router::ConnectionHandle) {
  world_.fail("a connection was closed");
}

void SimLoop::pause_reads(router::ConnectionHandle connection) {
  sockets[connection.slot].is_paused = true;
}

void SimLoop::resume_reads(router::ConnectionHandle connection) {
  sockets[connection.slot].is_paused = false;
}

void SimLoop::post(uint16_t loop, shard::InboxItem item) {
  world_.loops_[loop]->inbox.push_back(std::move(item));
}

bool SimLoop::take_inbox(std::vector<shard::InboxItem>& items) {
  items.clear();
  items.swap(inbox);
  return !items.empty();
}

ShardWorld::ShardWorld(uint64_t seed, bool trace)
    : prng_(seed), trace_(trace), accounts_(seed, kLoopsMax) {
  auto config = std::make_shared<session::SessionConfig>();
  config->authenticator = std::make_shared<const auth::Authenticator>(conf::Options{});
  // In half of the worlds input waits for its turn all the time.
  Prng turns(seed + 1);
  if (turns.chance(500)) config->turn_limits.alone = 500 + turns.below(2000);
  config_ = std::move(config);
  const auto loops = static_cast<uint16_t>(1 + prng_.below(kLoopsMax));
  for (uint16_t i = 0; i < loops; ++i) {
    loops_.push_back(std::make_unique<SimLoop>(*this, i, loops, seed + i));
  }
  const size_t clients = 2 + prng_.below(8);
  for (size_t i = 0; i < clients; ++i) {
    clients_.push_back(std::make_unique<SimClient>());
    const auto loop = static_cast<uint16_t>(prng_.below(loops));
    SimLoop& at = *loops_[loop];
    const auto slot = static_cast<uint32_t>(at.sockets.size());
    at.sockets.push_back({clients_.back().get(), "", false, false});
    loop_of_.push_back(loop);
    slot_of_.push_back(slot);
    sent_.emplace_back();
    at.shard->set_time({1}, {1});
    at.shard->open_connection({slot, 1, loop}, i + 5, {"127.0.0.1", 1}, "");
    feed(i, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n");
  }
}

void ShardWorld::fail(const std::string& text) {
  if (error_.empty()) error_ = "step " + std::to_string(step_) + ": " + text;
}

void ShardWorld::say(const std::string& text) const {
  if (trace_) std::printf("%5llu  %s\n", static_cast<unsigned long long>(step_), text.c_str());
}

std::string ShardWorld::random_subject(bool wildcards) {
  static constexpr const char* kTokens[] = {"a", "b", "c"};
  std::string subject = kTokens[prng_.below(3)];
  const uint64_t more = prng_.below(3);
  for (uint64_t i = 0; i < more; ++i) {
    subject += ".";
    subject += wildcards && prng_.chance(300) ? "*" : kTokens[prng_.below(3)];
  }
  if (wildcards && prng_.chance(150)) subject += ".>";
  return subject;
}

// The client writes; the bytes wait in the socket until the loop reads them.
void ShardWorld::feed(size_t client, const std::string& bytes) {
  loops_[loop_of_[client]]->sockets[slot_of_[client]].to_server += bytes;
}

// The loop reads some of what waits. Publishes that it has whole count as sent in this step.
void ShardWorld::read_input(size_t client, size_t bytes) {
  SimLoop& loop = *loops_[loop_of_[client]];
  SimLoop::Socket& socket = loop.sockets[slot_of_[client]];
  bytes = std::min({bytes, socket.to_server.size(), kBlockBytes});
  if (bytes == 0 || socket.is_paused) return;
  const std::string part = socket.to_server.substr(0, bytes);
  socket.to_server.erase(0, bytes);
  BlockRef block = BlockRef::allocate(static_cast<uint32_t>(bytes));
  std::memcpy(block->bytes(), part.data(), bytes);
  const auto left =
      static_cast<size_t>(std::count(socket.to_server.begin(), socket.to_server.end(), '#'));
  loop.shard->set_time({static_cast<int64_t>(step_) * 1000}, {static_cast<int64_t>(step_)});
  loop.shard->bytes_received(slot_of_[client], block, Slice(block->bytes(), bytes));
  while (sent_[client].size() > left) {
    publishes_[sent_[client].front()].sent_at = step_;
    sent_[client].pop_front();
  }
}

void ShardWorld::turn(uint16_t loop) {
  SimLoop& at = *loops_[loop];
  at.shard->set_time({static_cast<int64_t>(step_) * 1'000'000}, {static_cast<int64_t>(step_)});
  for (uint32_t slot = 0; slot < at.sockets.size(); ++slot) {
    if (at.sockets[slot].is_blocked && prng_.chance(500)) {
      at.sockets[slot].is_blocked = false;
      at.shard->writable(slot);
    }
  }
  at.shard->end_turn();
}

void ShardWorld::act(size_t client) {
  SimClient& self = *clients_[client];
  const uint64_t choice = prng_.below(100);
  std::string bytes;
  if (choice < 15) {
    bytes = self.subscribe(random_subject(true), prng_.chance(250) ? "q" : "");
  } else if (choice < 20 && !self.subscriptions.empty()) {
    auto it = self.subscriptions.begin();
    std::advance(it, static_cast<long>(prng_.below(self.subscriptions.size())));
    if (it->second.unsubscribed_at == 0) bytes = self.unsubscribe(it->first, step_);
  } else if (choice < 35) {
    bytes = self.ping(step_);
  } else {
    const size_t number = publishes_.size();
    publishes_.push_back({client, random_subject(false), 0});
    sent_[client].push_back(number);
    // The payload ends with '#': one such byte per publish tells how many the server has not read.
    std::string payload = std::to_string(number) + " ";
    payload += std::string(prng_.chance(50) ? 3000 : prng_.below(20), 'x') + "#";
    bytes = "PUB " + publishes_.back().subject + " " + std::to_string(payload.size()) + "\r\n" +
            payload + "\r\n";
  }
  say("client " + std::to_string(client) + ": " + bytes.substr(0, bytes.find('\r')));
  feed(client, bytes);
}

std::string ShardWorld::run() {
  for (; step_ <= kSteps && error_.empty(); ++step_) {
    const uint64_t choice = prng_.below(100);
    const size_t client = prng_.below(clients_.size());
    if (choice < 45) {
      act(client);
    } else if (choice < 75) {
      read_input(client, prng_.chance(300) ? 1 + prng_.below(40) : kBlockBytes);
    } else {
      turn(static_cast<uint16_t>(prng_.below(loops_.size())));
    }
  }
  settle();
  if (error_.empty()) check();
  return error_;
}

// Everything on its way arrives; then a PING of each client, twice, so that nothing can hide.
void ShardWorld::settle() {
  for (int round = 0; round < 4; ++round) {
    for (size_t i = 0; round % 2 == 0 && i < clients_.size(); ++i)
      feed(i, clients_[i]->ping(step_));
    for (int i = 0; i < 40 && error_.empty(); ++i, ++step_) {
      for (size_t client = 0; client < clients_.size(); ++client) read_input(client, kBlockBytes);
      for (uint16_t loop = 0; loop < loops_.size(); ++loop) turn(loop);
    }
  }
  for (size_t i = 0; i < clients_.size(); ++i) {
    if (clients_[i]->pings_out() != 0) fail("client " + std::to_string(i) + " waits for a PONG");
  }
}

// A publisher whose PONG came has handed over what it sent before the PING; a subscriber that asks
// after that has it before its own PONG.
void ShardWorld::note_pong(SimClient& client) {
  for (size_t number = 0; number < publishes_.size(); ++number) {
    const Publish& publish = publishes_[number];
    const SimClient& publisher = *clients_[publish.client];
    const bool is_handed_over = publish.sent_at != 0 &&
                                publish.sent_at < publisher.flushed_before &&
                                publisher.flushed_at < client.last_pong_ping;
    if (!is_handed_over) continue;
    for (const auto& [sid, subscription] : client.subscriptions) {
      const bool must_be_here = subscription.queue.empty() && subscription.unsubscribed_at == 0 &&
                                subscription.confirmed_at != 0 &&
                                publish.sent_at > subscription.confirmed_at &&
                                subject::subject_matches(publish.subject, subscription.subject);
      const auto& got = client.received[sid];
      const bool is_here = std::any_of(got.begin(), got.end(), [number](const Received& received) {
        return received.message == number;
      });
      if (must_be_here && !is_here) {
        fail("sid " + std::to_string(sid) + " has a PONG ahead of message " +
             std::to_string(number));
      }
    }
  }
}

void ShardWorld::check() {
  for (size_t client = 0; client < clients_.size(); ++client) check_client(client);
  check_queue_groups();
}

void ShardWorld::check_client(size_t client) {
  for (const auto& [sid, subscription] : clients_[client]->subscriptions) {
    const std::vector<Received>& got = clients_[client]->received[sid];
    std::map<size_t, uint64_t> last_of;  // publisher -> last message number
    std::set<uint64_t> numbers;
    for (const Received& received : got) {
      const Publish& publish = publishes_[received.message];
      const std::string what = "client " + std::to_string(client) + " sid " + std::to_string(sid) +
                               " message " + std::to_string(received.message);
      if (!numbers.insert(received.message).second) fail(what + " came twice");
      if (!subject::subject_matches(publish.subject, subscription.subject))
        fail(what + " does not match");
      auto [last, is_new] = last_of.try_emplace(publish.client, received.message);
      // A member of a group that leaves may have its message handed on behind later ones.
      const bool is_ordered = is_new || last->second < received.message;
      if (!is_ordered && subscription.queue.empty()) fail(what + " came out of order");
      last->second = received.message;
    }
    if (!subscription.queue.empty() || subscription.unsubscribed_at != 0) continue;
    for (size_t number = 0; number < publishes_.size(); ++number) {
      const Publish& publish = publishes_[number];
      const bool must_come = subscription.confirmed_at != 0 &&
                             publish.sent_at > subscription.confirmed_at &&
                             subject::subject_matches(publish.subject, subscription.subject);
      if (must_come && numbers.count(number) == 0) {
        fail("client " + std::to_string(client) + " sid " + std::to_string(sid) +
             " never got message " + std::to_string(number));
      }
    }
  }
}

// One member of the queue group gets a message, whatever its members subscribed to: never two, and
// never none while a member that stays was there.
void ShardWorld::check_queue_groups() {
  std::map<uint64_t, int> copies;
  std::vector<SimSubscription> members;
  for (const auto& client : clients_) {
    for (const auto& [sid, subscription] : client->subscriptions) {
      if (subscription.queue.empty()) continue;
      members.push_back(subscription);
      for (const Received& received : client->received[sid]) ++copies[received.message];
    }
  }
  for (size_t number = 0; number < publishes_.size(); ++number) {
    const Publish& publish = publishes_[number];
    const bool must_come = std::any_of(members.begin(), members.end(), [&](const auto& member) {
      return member.confirmed_at != 0 && member.unsubscribed_at == 0 &&
             publish.sent_at > member.confirmed_at &&
             subject::subject_matches(publish.subject, member.subject);
    });
    const auto found = copies.find(number);
    const int got = found == copies.end() ? 0 : found->second;
    if (got > 1 || (must_come && got == 0)) {
      fail("the queue group got message " + std::to_string(number) + " " + std::to_string(got) +
           " times");
    }
  }
}

}  // namespace petrel::sim

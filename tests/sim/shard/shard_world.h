// ShardWorld: several shards around one subject index, clients on them, and a seed that decides
// who acts next. Every delay of the real world is a choice here: a loop that sleeps, an inbox that
// waits, a socket that takes little, input cut anywhere.
#pragma once

#include "sim_client.h"

#include "petrel/base/prng.h"
#include "petrel/shard/shard.h"

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace petrel::sim {

class ShardWorld;

// One loop: the port of its shard, with sockets that are strings.
class SimLoop final : public shard::ShardPort {
 public:
  SimLoop(ShardWorld& world, uint16_t index, uint16_t loops, uint64_t seed);

  size_t write(router::ConnectionHandle connection, std::span<const Slice> parts) override;
  void close_socket(router::ConnectionHandle connection) override;
  void pause_reads(router::ConnectionHandle connection) override;
  void resume_reads(router::ConnectionHandle connection) override;
  void post(uint16_t loop, shard::InboxItem item) override;
  size_t inbox_bytes(uint16_t) const override { return 0; }
  bool take_inbox(std::vector<shard::InboxItem>& items) override;
  void inbox_handled(size_t) override {}
  bool verify_password(router::ConnectionHandle, std::string, std::string) override {
    return false;
  }
  bool start_tls(router::ConnectionHandle, Slice) override { return false; }
  void log(session::LogLevel, const session::ClientSession&, std::string) override {}
  void connection_ended() override {}

  struct Socket {
    SimClient* client = nullptr;
    std::string to_server;  // sent, not read yet
    bool is_blocked = false;
    bool is_paused = false;
  };
  std::vector<Socket> sockets;
  std::vector<shard::InboxItem> inbox;
  std::unique_ptr<shard::Shard> shard;

 private:
  ShardWorld& world_;
};

class ShardWorld {
 public:
  ShardWorld(uint64_t seed, bool trace);
  // Runs and checks. "" or what went wrong.
  std::string run();

 private:
  friend class SimLoop;
  struct Publish {
    size_t client;
    std::string subject;
    uint64_t sent_at;  // step in which the server read it whole
  };

  void act(size_t client);
  void feed(size_t client, const std::string& bytes);
  void read_input(size_t client, size_t bytes);
  void turn(uint16_t loop);
  void settle();
  void note_pong(SimClient& client);
  void check();
  void check_client(size_t client);
  void check_queue_groups();
  void fail(const std::string& text);
  std::string random_subject(bool wildcards);
  void say(const std::string& text) const;

  Prng prng_;
  const bool trace_;
  uint64_t step_ = 1;
  std::string error_;
  router::AccountRegistry accounts_;
  std::shared_ptr<const session::SessionConfig> config_;
  std::vector<std::unique_ptr<SimLoop>> loops_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  std::vector<uint16_t> loop_of_;         // by client
  std::vector<uint32_t> slot_of_;         // by client
  std::vector<Publish> publishes_;        // by message number
  std::vector<std::deque<size_t>> sent_;  // by client: message numbers not read by the server yet
};

}  // namespace petrel::sim

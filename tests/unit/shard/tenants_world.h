// Two loops with clients of several accounts, from a configuration as text, without sockets.
#pragma once

#include "unit/conf/load.h"

#include "petrel/shard/shard.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace petrel::shard {

class TenantsWorld {
 public:
  static constexpr uint16_t kLoops = 2;

  struct Client {
    uint16_t loop = 0;
    uint32_t slot = 0;
    std::string got = {};
    bool is_closed = false;
  };

  explicit TenantsWorld(const std::string& config) {
    use(config);
    for (uint16_t loop = 0; loop < kLoops; ++loop) {
      ports_.push_back(std::make_unique<Port>(*this, loop));
      shards_.push_back(std::make_unique<Shard>(ShardOptions{loop, kLoops, uint64_t{loop} + 1},
                                                *ports_.back(), accounts, config_));
    }
    advance({});
  }

  // A client that reads its messages; `loop` decides where it lives.
  Client& connect(const std::string& user, uint16_t loop, const std::string& more = "") {
    clients_.push_back(std::make_unique<Client>());
    Client& client = *clients_.back();
    client.loop = loop;
    client.slot = next_slot_++;
    by_slot_[client.slot] = &client;
    shards_[loop]->open_connection({client.slot, 1, loop}, client.slot + 5, {"127.0.0.1", 4000},
                                   "");
    say(client, "CONNECT {\"verbose\":false,\"headers\":true,\"user\":\"" + user +
                    "\",\"pass\":\"p\"" + more + "}\r\n");
    client.got.clear();
    return client;
  }
  void say(Client& client, const std::string& bytes) {
    const BlockRef block = BlockRef::allocate(static_cast<uint32_t>(bytes.size()));
    std::copy(bytes.begin(), bytes.end(), block->bytes());
    shards_[client.loop]->bytes_received(client.slot, block, Slice(block->bytes(), bytes.size()));
    settle();
  }
  // What came since the last call.
  static std::string take(Client& client) { return std::exchange(client.got, {}); }
  std::string ask(Client& client, const std::string& bytes) {
    say(client, bytes);
    return take(client);
  }
  void publish(Client& client, const std::string& subject, const std::string& body,
               const std::string& reply = "") {
    say(client, "PUB " + subject + " " + reply + (reply.empty() ? "" : " ") +
                    std::to_string(body.size()) + "\r\n" + body + "\r\n");
  }
  void advance(Duration time) {
    now_ = now_ + time;
    for (auto& shard : shards_) shard->set_time(now_, WallTime{now_.ns});
    settle();
  }
  void reload(const std::string& config) {
    use(config);
    for (auto& shard : shards_) shard->change_config(config_, true);
    settle();
  }

  Shard& shard(uint16_t loop) { return *shards_[loop]; }

  router::AccountRegistry accounts{7, kLoops};

 private:
  class Port final : public ShardPort {
   public:
    Port(TenantsWorld& world, uint16_t loop) : world_(world), loop_(loop) {}
    size_t write(router::ConnectionHandle connection, std::span<const Slice> parts) override {
      size_t taken = 0;
      for (const Slice part : parts) {
        world_.by_slot_[connection.slot]->got.append(part);
        taken += part.size();
      }
      return taken;
    }
    void close_socket(router::ConnectionHandle connection) override {
      world_.by_slot_[connection.slot]->is_closed = true;
    }
    void pause_reads(router::ConnectionHandle) override {}
    void resume_reads(router::ConnectionHandle) override {}
    void post(uint16_t loop, InboxItem item) override {
      world_.inboxes_[loop].push_back(std::move(item));
    }
    size_t inbox_bytes(uint16_t) const override { return 0; }
    bool take_inbox(std::vector<InboxItem>& items) override {
      items.clear();
      items.swap(world_.inboxes_[loop_]);
      return !items.empty();
    }
    void inbox_handled(size_t) override {}
    bool verify_password(router::ConnectionHandle, std::string, std::string) override {
      return false;
    }
    bool start_tls(router::ConnectionHandle, Slice) override { return false; }
    void log(session::LogLevel, const session::ClientSession&, std::string) override {}
    void connection_ended() override {}

   private:
    TenantsWorld& world_;
    const uint16_t loop_;
  };

  void use(const std::string& text) {
    const auto options = conf::load(text);
    ASSERT_TRUE(options.is_ok()) << options.error().detail;
    const auto snapshot = auth::AccountSnapshot::create(*options);
    ASSERT_TRUE(snapshot.is_ok()) << snapshot.error().detail;
    auto config = std::make_shared<session::SessionConfig>();
    config->accounts = *snapshot;
    config->authenticator = std::make_shared<const auth::Authenticator>(*options, *snapshot);
    config->info.server_name = "s";
    config->info.headers = true;
    config->server_hash = "SERVERID";
    config_ = std::move(config);
    accounts.describe_all(**snapshot);
  }
  // Turns until nothing is on its way any more.
  void settle() {
    do {
      for (auto& shard : shards_) shard->end_turn();
    } while (!inboxes_[0].empty() || !inboxes_[1].empty());
  }

  Instant now_{1'000'000'000};
  std::shared_ptr<const session::SessionConfig> config_;
  std::vector<InboxItem> inboxes_[kLoops];
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::map<uint32_t, Client*> by_slot_;
  uint32_t next_slot_ = 0;
};

}  // namespace petrel::shard

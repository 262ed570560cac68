// What /connz over 50,000 connections holds a loop up for: the longest of the steps into which it
// is cut (MonitoringPages::visit_sessions), in processor time of the loop. Between two of them the
// loop serves its connections.
#include "petrel/base/check.h"
#include "petrel/monitor/connz.h"
#include "petrel/shard/shard.h"

#include <benchmark/benchmark.h>

#include <ctime>

namespace petrel::shard {
namespace {

constexpr uint32_t kConnections = 50'000;
constexpr uint32_t kSlotsPerStep = 128;

// Sockets that take everything.
class EndlessPort final : public ShardPort {
 public:
  size_t write(router::ConnectionHandle, std::span<const Slice> parts) override {
    size_t bytes = 0;
    for (const Slice part : parts) bytes += part.size();
    return bytes;
  }
  void close_socket(router::ConnectionHandle) override {}
  void pause_reads(router::ConnectionHandle) override {}
  void resume_reads(router::ConnectionHandle) override {}
  void post(uint16_t, InboxItem) override {}
  size_t inbox_bytes(uint16_t) const override { return 0; }
  bool take_inbox(std::vector<InboxItem>&) override { return false; }
  void inbox_handled(size_t) override {}
  bool start_tls(router::ConnectionHandle, Slice) override { return false; }
  bool verify_password(router::ConnectionHandle, std::string, std::string) override {
    return false;
  }
  void log(session::LogLevel, const session::ClientSession&, std::string) override {}
  void connection_ended() override {}
};

int64_t cpu_now() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

class Crowd {
 public:
  Crowd() : config_(std::make_shared<session::SessionConfig>()) {
    config_->authenticator = std::make_shared<const auth::Authenticator>(conf::Options{});
    shard_ = std::make_unique<Shard>(ShardOptions{}, port_, accounts_, config_);
    shard_->set_time(Instant{1}, WallTime{1});
    const std::string hello = "CONNECT {\"verbose\":false,\"name\":\"worker\"}\r\nSUB a 1\r\n";
    const BlockRef block = BlockRef::allocate(static_cast<uint32_t>(hello.size()));
    std::copy(hello.begin(), hello.end(), block->bytes());
    for (uint32_t slot = 0; slot < kConnections; ++slot) {
      shard_->open_connection({slot, 1, 0}, slot + 1, {"127.0.0.1", 5000}, "");
      shard_->bytes_received(slot, block, {block->bytes(), hello.size()});
      if (slot % 1000 == 0) shard_->end_turn();
    }
    shard_->end_turn();
  }
  Shard& shard() { return *shard_; }

 private:
  EndlessPort port_;
  router::AccountRegistry accounts_;
  std::shared_ptr<session::SessionConfig> config_;
  std::unique_ptr<Shard> shard_;
};

Crowd& crowd() {
  static Crowd made;
  return made;
}

void connz(benchmark::State& state, monitor::ConnzSort sort, uint64_t limit) {
  monitor::ConnzQuery query;
  query.sort = sort;
  query.limit = limit;
  int64_t longest = 0;
  for (auto _ : state) {
    monitor::ConnzCollector collector(query, WallTime{2});
    uint32_t next = 0;
    do {
      const int64_t began = cpu_now();
      next = crowd().shard().visit_sessions(next, kSlotsPerStep,
                                            [&collector](const session::ClientSession& session) {
                                              session::SessionView facts = session.view({});
                                              if (collector.wants(facts))
                                                collector.add(std::move(facts));
                                            });
      longest = std::max(longest, cpu_now() - began);
    } while (next != 0);
    collector.finish(0);
    PETREL_CHECK(collector.total() == kConnections);
  }
  state.counters["longest_step_us"] = static_cast<double>(longest) / 1000;
}
BENCHMARK_CAPTURE(connz, first_page, monitor::ConnzSort::kCid, 1024)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(connz, sorted, monitor::ConnzSort::kBytesTo, 1024)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(connz, sorted_all, monitor::ConnzSort::kIdle, 50'000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace petrel::shard

// What it costs to reach another loop: posting to an inbox, and waking a loop that sleeps.
#include "petrel/base/check.h"
#include "petrel/net/inbox.h"
#include "petrel/net/loop.h"

#include <benchmark/benchmark.h>

#include <atomic>
#include <memory>
#include <thread>

namespace petrel::net {
namespace {

// One post per turn of a busy loop: nobody has to be woken.
void inbox_push_and_take(benchmark::State& state) {
  Inbox<uint64_t> inbox;
  std::vector<uint64_t> out;
  const auto batch = static_cast<uint64_t>(state.range(0));
  for (auto _ : state) {
    for (uint64_t i = 0; i < batch; ++i) benchmark::DoNotOptimize(inbox.push(i));
    inbox.take(out);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(inbox_push_and_take)->Arg(1)->Arg(64);

class Answering : public LoopHandler {
 public:
  void on_accept(int, int, const PeerAddress&) override {}
  void on_accept_error(int, int) override {}
  void on_adopted(ConnectionId, int, const PeerAddress&) override {}
  void on_data(ConnectionId, const BlockRef&, Slice) override {}
  void on_writable(ConnectionId) override {}
  void on_closed(ConnectionId, CloseCause, int) override {}
  void on_wake() override {
    woken.fetch_add(1);
    woken.notify_one();
  }
  Instant on_turn_end(Instant) override { return {INT64_MAX}; }

  std::atomic<uint64_t> woken{0};
};

// The time until a sleeping loop has seen a wake, with two changes of threads.
void wake_round_trip(benchmark::State& state) {
  Answering handler;
  LoopOptions options;
  options.backend = static_cast<Backend>(state.range(0));
  Result<std::unique_ptr<Loop>> loop = Loop::create(options, handler);
  if (!loop) {
    state.SkipWithError(loop.error().detail.c_str());
    return;
  }
  std::thread thread([&loop] { (*loop)->run(); });
  for (auto _ : state) {
    const uint64_t before = handler.woken.load();
    (*loop)->wake();
    handler.woken.wait(before);
  }
  (*loop)->stop();
  thread.join();
}
BENCHMARK(wake_round_trip)
    ->ArgName("uring")
    ->Arg(static_cast<int64_t>(Backend::kEpoll))
    ->Arg(static_cast<int64_t>(Backend::kUring))
    ->UseRealTime();

// A wake of a loop that is awake costs no system call.
void wake_while_awake(benchmark::State& state) {
  Answering handler;
  Result<std::unique_ptr<Loop>> loop = Loop::create({}, handler);
  PETREL_CHECK(loop.is_ok());
  for (auto _ : state) (*loop)->wake();
}
BENCHMARK(wake_while_awake);

}  // namespace
}  // namespace petrel::net

// What one published message costs in the stream alone: memory storage, no disk, a host that drops
// what is sent. With and without an answer, a message id, a consumer that is told.

#include "petrel/jetstream/consumer_config.h"
#include "petrel/jetstream/solo_group.h"
#include "petrel/jetstream/stream.h"
#include "petrel/jetstream/stream_config.h"
#include "petrel/jetstream/stream_host.h"

#include <benchmark/benchmark.h>

#include <memory>
#include <optional>
#include <string>

namespace petrel::jetstream {
namespace {

class NullHost final : public StreamHost {
 public:
  Instant now() const override { return {1'000'000'000}; }
  WallTime wall_now() const override { return {1'700'000'000'000'000'000}; }
  Prng& prng() override { return prng_; }
  uint32_t send(Stream&, const OutMessage& message) override {
    bytes += message.body.size();
    return 1;
  }
  bool has_interest(Stream&, Slice, std::optional<Slice>) override { return true; }
  uint32_t subscribe(Stream&, Inlet, Slice, Slice) override { return 1; }
  void unsubscribe(Stream&, uint32_t) override {}
  void wake(Stream&) override {}
  void wake_at(Stream&, Instant) override {}
  void advise(Stream&, Slice, std::string) override {}
  void log(LogLevel, std::string) override {}
  Slice server_name() const override { return "bench"; }
  Slice domain() const override { return {}; }
  std::string next_id() override { return std::string(22, '0'); }
  bool may_store(Stream&, uint64_t) override { return true; }
  void on_usage(Stream&, int64_t) override {}
  void on_consumers(Stream&, int64_t) override {}
  size_t bytes = 0;

 private:
  Prng prng_{1};
};

constexpr int kPerTurn = 64;
constexpr uint64_t kStoredMax = 200'000;

struct Case {
  bool has_reply = true;
  bool has_id = false;
  bool has_consumer = false;
};

void publish(benchmark::State& state, const Case& wanted) {
  NullHost host;
  StreamConfig request;
  request.name = "S";
  request.subjects = {"s.>"};
  request.storage = StorageType::kMemory;
  request.max_msgs = kStoredMax;
  auto config = check_stream_config(request, {});
  Stream stream(StreamSetup{"A", true, {}}, *config, host);
  auto group =
      std::make_unique<SoloGroup>(SoloGroupOptions{1, Durability::kVolatile, 0}, nullptr, stream);
  store::RecoveredStore recovered;
  recovered.store = store::make_memory_store(stream);
  if (!stream.open(std::move(recovered), std::move(group))) return state.SkipWithError("open");
  stream.start();
  if (wanted.has_consumer) {
    ConsumerConfig consumer;
    consumer.name = consumer.durable_name = "c";
    consumer.ack_policy = AckPolicy::kExplicit;
    consumer.filter_subject = "s.1";
    auto checked = check_consumer_config(consumer, *config, {});
    stream.create_consumer(*checked, [](const ApiError*, Consumer*) {});
    stream.run(1000);
  }
  const std::string body(128, 'x');
  const std::string reply = wanted.has_reply ? "_INBOX.0123456789abcdef.12345678" : "";
  uint64_t number = 0;
  std::string tail;
  for (auto _ : state) {
    for (int i = 0; i < kPerTurn; ++i) {
      const std::string header =
          wanted.has_id ? "NATS/1.0\r\nNats-Msg-Id: id-" + std::to_string(++number) + "\r\n\r\n"
                        : "";
      const std::string sizes = (header.empty() ? "" : std::to_string(header.size()) + " ") +
                                std::to_string(header.size() + body.size());
      tail.assign(reply);
      if (!reply.empty()) tail += " ";
      tail.append(sizes).append("\r\n").append(header).append(body).append("\r\n");
      router::Message message;
      message.subject = "s.1";
      message.tail = tail;
      message.reply_bytes = static_cast<uint32_t>(reply.size());
      message.sizes_bytes = static_cast<uint32_t>(sizes.size());
      message.header_bytes = static_cast<uint32_t>(header.size());
      stream.take(Inlet::kPublish, message, message.subject);
    }
    stream.run(kPerTurn);
  }
  state.SetItemsProcessed(state.iterations() * kPerTurn);
  benchmark::DoNotOptimize(host.bytes);
}

BENCHMARK_CAPTURE(publish, with_ack, Case{});
BENCHMARK_CAPTURE(publish, without_ack, Case{.has_reply = false});
BENCHMARK_CAPTURE(publish, with_id, Case{.has_id = true});
BENCHMARK_CAPTURE(publish, with_consumer, Case{.has_consumer = true});

}  // namespace
}  // namespace petrel::jetstream

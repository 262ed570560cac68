// What a store costs per message: append, ordered read, lookups by subject, memory. Files go
// nowhere: what the disk costs is measured by bench/system.
#include "petrel/store/disk.h"
#include "petrel/store/message_store.h"

#include <benchmark/benchmark.h>

#include <cerrno>
#include <malloc.h>
#include <string>
#include <utility>
#include <vector>

namespace petrel::store {
namespace {

// Takes everything, keeps nothing.
class NullDisk final : public Disk {
 public:
  void write(FileId, uint64_t, std::string, Done done) override { push(std::move(done)); }
  void read(FileId, const FileRange&, ReadDone done) override {
    push([done = std::move(done)](int) { done(EIO, {}, {}); });
  }
  void sync(FileId, Done done) override { push(std::move(done)); }
  void write_and_sync(FileId, uint64_t, std::string, Done done) override { push(std::move(done)); }
  void preallocate(FileId, uint64_t, Done done) override { push(std::move(done)); }
  void close(FileId) override {}
  void replace_file(std::string, std::string, Done done) override { push(std::move(done)); }
  void rename_file(std::string, std::string, Done done) override { push(std::move(done)); }
  void remove_file(std::string, Done done) override { push(std::move(done)); }
  void remove_tree(std::string, Done done) override { push(std::move(done)); }
  Result<FileId> open(const std::string&, OpenMode) override { return FileId{1}; }
  Result<uint64_t> size(FileId) override { return uint64_t{0}; }
  Status truncate(FileId, uint64_t) override { return Status::ok(); }
  Status make_directories(const std::string&) override { return Status::ok(); }
  Status sync_directory(const std::string&) override { return Status::ok(); }
  Status rename(const std::string&, const std::string&) override { return Status::ok(); }
  Result<std::vector<FileEntry>> list(const std::string& path) override {
    return Error{Errc::kNotFound, path};
  }
  Result<std::string> load(const std::string& path) override {
    return Error{Errc::kNotFound, path};
  }
  Result<std::string> load_range(const std::string& path, uint64_t, size_t) override {
    return Error{Errc::kNotFound, path};
  }
  Result<uint64_t> free_bytes(const std::string&) override { return uint64_t{1} << 40; }
  size_t poll() override {
    const std::vector<Done> done = std::move(done_);
    done_.clear();
    for (const Done& one : done) one(0);
    return done.size();
  }
  void drain() override {
    while (poll() > 0) continue;
  }
  size_t pending() const override { return done_.size(); }

 private:
  void push(Done done) { done_.push_back(std::move(done)); }
  std::vector<Done> done_;
};

class Quiet : public MessageStore::Listener {
 public:
  void on_readable() override {}
  void on_checkpoint(uint64_t, int) override {}
  void on_damaged(uint64_t, uint64_t, const std::string&) override {}
};

struct Bench {
  NullDisk disk;
  Quiet listener;
  std::unique_ptr<MessageStore> store;
  uint64_t last = 0;

  explicit Bench(bool is_file) {
    if (!is_file) {
      store = make_memory_store(listener);
      return;
    }
    FileStoreOptions options;
    options.directory = "/nowhere/s";
    options.cache_bytes = size_t{1} << 40;
    options.index_bytes = size_t{1} << 40;
    store = std::move(open_file_store(disk, options, listener)->store);
  }
  void fill(uint64_t messages, uint64_t subjects, size_t body_bytes) {
    const std::string body(body_bytes, 'b');
    for (uint64_t i = 0; i < messages; ++i) {
      const std::string subject = "orders.region.n" + std::to_string(last % subjects);
      ++last;
      store->append({last, {static_cast<int64_t>(last)}, subject, {}, body});
      if (last % 4096 == 0) disk.poll();
    }
  }
};

constexpr size_t kBodyBytes = 128;

void BM_Append(benchmark::State& state) {
  const auto subjects = static_cast<uint64_t>(state.range(1));
  std::vector<std::string> texts;
  for (uint64_t i = 0; i < subjects; ++i) texts.push_back("orders.region.n" + std::to_string(i));
  const std::string body(kBodyBytes, 'b');
  Bench bench(state.range(0) != 0);
  for (auto _ : state) {
    ++bench.last;
    bench.store->append(
        {bench.last, {static_cast<int64_t>(bench.last)}, texts[bench.last % subjects], {}, body});
    if (bench.last % 4096 == 0) {
      bench.disk.poll();
      if (bench.last > 1'000'000) bench.store->purge_below(bench.last - 500'000, nullptr);
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Append)->ArgNames({"file", "subjects"})->ArgsProduct({{0, 1}, {1, 1000, 100'000}});

void BM_ReadInOrder(benchmark::State& state) {
  Bench bench(state.range(0) != 0);
  bench.fill(200'000, 1000, kBodyBytes);
  uint64_t sequence = 0;
  for (auto _ : state) {
    sequence = sequence % bench.last + 1;
    StoredMessage message;
    benchmark::DoNotOptimize(bench.store->read(sequence, message));
    benchmark::DoNotOptimize(message.body.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ReadInOrder)->ArgName("file")->Arg(0)->Arg(1);

// One consumer with this filter goes through the stream.
void go_through(benchmark::State& state, const Filters& filters, uint64_t subjects) {
  Bench bench(false);
  bench.fill(1'000'000, subjects, 16);
  uint64_t sequence = 0;
  for (auto _ : state) {
    sequence = bench.store->next_match(filters, sequence + 1);
    benchmark::DoNotOptimize(sequence);
  }
  state.SetItemsProcessed(state.iterations());
}
void BM_NextOfAll(benchmark::State& state) {
  go_through(state, {}, 1000);
}
void BM_NextOfOneInThousand(benchmark::State& state) {
  go_through(state, {"orders.region.n7"}, 1000);
}
void BM_NextOfWildcardDense(benchmark::State& state) {
  go_through(state, {"orders.*.*"}, 1000);
}
void BM_NextOfOneInMillion(benchmark::State& state) {
  go_through(state, {"orders.region.n777777"}, 1'000'000);
}
void BM_NextOfWildcardAmongMillion(benchmark::State& state) {
  go_through(state, {"*.region.n777777"}, 1'000'000);
}
BENCHMARK(BM_NextOfAll);
BENCHMARK(BM_NextOfOneInThousand);
BENCHMARK(BM_NextOfWildcardDense);
BENCHMARK(BM_NextOfOneInMillion);
BENCHMARK(BM_NextOfWildcardAmongMillion);

void BM_CountFromMiddle(benchmark::State& state) {
  Bench bench(false);
  bench.fill(1'000'000, 1000, 16);
  for (auto _ : state) {
    benchmark::DoNotOptimize(bench.store->count_matches({"orders.region.n7"}, 500'000));
  }
}
BENCHMARK(BM_CountFromMiddle);

// Acknowledged and removed in order, as a work queue does.
void BM_AppendAndRemove(benchmark::State& state) {
  Bench bench(state.range(0) != 0);
  const std::string body(kBodyBytes, 'b');
  for (auto _ : state) {
    ++bench.last;
    bench.store->append({bench.last, {static_cast<int64_t>(bench.last)}, "work.item", {}, body});
    if (bench.last > 100) benchmark::DoNotOptimize(bench.store->remove(bench.last - 100, false));
    if (bench.last % 4096 == 0) bench.disk.poll();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_AppendAndRemove)->ArgName("file")->Arg(0)->Arg(1);

// Bytes of memory besides the messages themselves, per message of one subject and per subject.
void BM_Memory(benchmark::State& state) {
  for (auto _ : state) {
    const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    Bench bench(false);
    const auto messages = static_cast<uint64_t>(state.range(0));
    const auto subjects = static_cast<uint64_t>(state.range(1));
    bench.fill(messages, subjects, 16);
    const size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
    uint64_t content = 0;
    content = bench.store->state().bytes + messages * 16;  // records have 32 bytes, 16 are counted
    state.counters["per_message"] =
        (static_cast<double>(after - before) - static_cast<double>(content)) /
        static_cast<double>(messages);
  }
}
BENCHMARK(BM_Memory)
    ->ArgNames({"messages", "subjects"})
    ->Args({1'000'000, 1})
    ->Args({1'000'000, 1'000'000})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace petrel::store

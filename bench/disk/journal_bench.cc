// What a record costs from append until it is synced, by records in flight, over both back ends.
// The time is that of the disk as well; process CPU is what the server pays.
#include "petrel/disk/open_disk.h"
#include "petrel/store/journal.h"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <sys/eventfd.h>
#include <unistd.h>

namespace petrel {
namespace {

class Waiter final : public store::Journal::Listener {
 public:
  void on_synced(uint64_t position) override { synced = position; }
  void on_failed(int error, uint64_t) override {
    std::fprintf(stderr, "journal failed with %d\n", error);
    std::abort();
  }
  void on_checkpoint_wanted(store::GroupId) override {}
  Waiter() = default;
  ~Waiter() override { ::close(wake_fd); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  void wait() const {
    uint64_t count = 0;
    if (::read(wake_fd, &count, sizeof(count)) != sizeof(count)) std::abort();
  }
  const int wake_fd = ::eventfd(0, EFD_CLOEXEC);
  uint64_t synced = 0;
};

// Arguments: back end, records in flight, bytes of a record.
void BM_journal(benchmark::State& state) {
  const auto backend = static_cast<disk::Backend>(state.range(0));
  const auto in_flight = static_cast<uint64_t>(state.range(1));
  const std::string body(static_cast<size_t>(state.range(2)), 'x');
  if (backend == disk::Backend::kUring && !disk::is_uring_usable()) {
    state.SkipWithError("io_uring cannot be used for files here");
    return;
  }
  std::string directory =
      (std::filesystem::temp_directory_path() / "petrel_journal_XXXXXX").string();
  if (::mkdtemp(directory.data()) == nullptr) std::abort();
  Waiter waiter;
  auto disk = *disk::open_disk({backend, waiter.wake_fd});
  store::JournalOptions options;
  options.directory = directory;
  auto journal = *store::open_journal(*disk, options, waiter);
  journal->old_journals_removed();
  uint64_t index = 0;
  for (auto _ : state) {
    uint64_t position = 0;
    for (uint64_t i = 0; i < in_flight; ++i) position = *journal->append({1, ++index, 1, 0, body});
    journal->commit();
    while (waiter.synced < position) {
      if (disk->poll() == 0) waiter.wait();
    }
    journal->release(1, index);
  }
  state.SetItemsProcessed(static_cast<int64_t>(index));
  disk->drain();
  journal.reset();
  disk.reset();
  std::filesystem::remove_all(directory);
}

BENCHMARK(BM_journal)
    ->ArgNames({"backend", "in_flight", "bytes"})
    ->ArgsProduct({{static_cast<int64_t>(disk::Backend::kThreads),
                    static_cast<int64_t>(disk::Backend::kUring)},
                   {1, 64, 256},
                   {128}})
    ->MeasureProcessCPUTime()
    ->UseRealTime();

// The processor's part alone: records appended and batches sealed, on a disk that does nothing.
void BM_append(benchmark::State& state) {
  std::string directory =
      (std::filesystem::temp_directory_path() / "petrel_journal_XXXXXX").string();
  if (::mkdtemp(directory.data()) == nullptr) std::abort();
  Waiter waiter;
  auto disk = *disk::open_disk({disk::Backend::kThreads, -1});
  store::JournalOptions options;
  options.directory = directory;
  options.gather_bytes_max = size_t{1} << 40;
  if (state.range(0) != 0) {
    options.key = std::string(32, 'k');
    options.seed = std::string(store::kJournalSeedBytes, 's');
  }
  auto journal = *store::open_journal(*disk, options, waiter);
  const std::string body(128, 'x');
  uint64_t index = 0;
  for (auto _ : state) {
    if (!journal->append({1, ++index, 1, 0, body})) std::abort();
    if (index % 4096 == 0) {
      state.PauseTiming();
      journal->commit();
      disk->drain();
      journal->release(1, index);
      state.ResumeTiming();
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(index));
  disk->drain();
  journal.reset();
  disk.reset();
  std::filesystem::remove_all(directory);
}

BENCHMARK(BM_append)->ArgName("encrypted")->Arg(0)->Arg(1)->Iterations(100'000);

}  // namespace
}  // namespace petrel

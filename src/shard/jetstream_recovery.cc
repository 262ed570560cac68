// Start and stop of JetStreamService: what the store directory holds is found again, and left in
// checkpoints.
#include "shard/hosted_stream.h"

#include "petrel/shard/jetstream_service.h"
#include "petrel/shard/offline.h"
#include "petrel/shard/stream_description.h"

namespace petrel::shard {
namespace {
constexpr Duration kMaintainFirst = Duration::seconds(1);
}  // namespace

std::string JetStreamService::random_bytes(size_t count) {
  std::string bytes;
  while (bytes.size() < count) {
    const uint64_t random = node_.random();
    bytes.append(reinterpret_cast<const char*>(&random), sizeof(random));
  }
  bytes.resize(count);
  return bytes;
}

Status JetStreamService::open() {
  store::JournalOptions options;
  options.directory = node_.directory + "/journal";
  options.loop = loop_;
  options.key = node_.journal_key;
  options.seed = random_bytes(store::kJournalSeedBytes);
  PETREL_TRY(journal_, store::begin_journal(*disk_, options, *this));
  return Status::ok();
}

Status JetStreamService::await_journal() {
  return journal_->await_room();
}

Result<jetstream::Stream*> JetStreamService::recover_stream(store::GroupId group,
                                                            store::JournalTail& tail,
                                                            const NewStream& described) {
  const std::string description = description_file(stream_directory(node_.directory, group));
  const Result<std::string> file = disk_->load(description);
  const bool is_described = file && node_.is_sealed(*file);
  PETREL_TRY(HostedStream * hosted, host(described, group, false));
  hosted->is_described = is_described;
  const uint64_t checkpointed = hosted->group()->applied_index();
  uint64_t last = checkpointed;
  std::string missing;
  const Status visited = tail.visit(group, [&](const store::JournalRecord& record) {
    if (record.kind != jetstream::SoloGroup::kEntryKind || record.index <= last) return;
    if (record.index != last + 1 || !missing.empty()) {
      if (missing.empty()) {
        missing = std::to_string(last + 1) + " to " + std::to_string(record.index - 1);
      }
      return;
    }
    last = record.index;
    hosted->stream().apply(record.index, record.bytes);
  });
  PETREL_TRY_STATUS(visited);
  if (!missing.empty()) {
    return Error{Errc::kCorrupt, "entries " + missing + " are missing in the journal"};
  }
  hosted->group()->recovered_up_to(last);
  hosted->is_parked = !offline_of(hosted->stream()).reason.empty();
  // What this server does not know stays as it is on disk, unless the journal has more.
  hosted->is_untouched = hosted->is_parked && is_described && last == checkpointed;
  if (!hosted->is_untouched) recovering_.insert(hosted);
  return &hosted->stream();
}

bool JetStreamService::is_disk_full() const {
  return journal_ != nullptr && journal_->is_disk_full();
}

void JetStreamService::old_journals_removed() {
  journal_->old_journals_removed();
}

void JetStreamService::begin(Instant now, WallTime wall_now,
                             std::function<void()> all_checkpointed) {
  set_time(now, wall_now);
  // Those who waited for the start come first.
  maintain_at_ = now + kMaintainFirst;
  for (const auto& [key, hosted] : streams_) {
    serve(*hosted);
    if (!hosted->is_parked) hosted->stream().drop_memory_consumers();
  }
  for (HostedStream* hosted : recovering_) start_checkpoint(*hosted);
  all_checkpointed_ = std::move(all_checkpointed);
}

void JetStreamService::serve(HostedStream& hosted) {
  if (hosted.is_parked) return hosted.stream().park();
  hosted.stream().start();
  wake(hosted);
}

void JetStreamService::stop_streams() {
  for (const auto& [key, hosted] : streams_) hosted->stream().stop("Server Shutdown");
}

void JetStreamService::shut_down() {
  stop_streams();
  send_advisories();
  // What gathers while one batch is written goes with the next.
  for (uint64_t synced = ~uint64_t{0}; journal_ != nullptr && synced != synced_;) {
    synced = synced_;
    journal_->commit();
    disk_->drain();
  }
  for (const auto& [key, hosted] : streams_) {
    hosted->group()->advance(~size_t{0});
    if (!hosted->is_untouched) start_checkpoint(*hosted);
  }
  disk_->drain();
}

}  // namespace petrel::shard

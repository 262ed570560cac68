#include "sim_host.h"

#include "petrel/store/message_store.h"

#include <cstdio>
#include <cstdlib>

namespace petrel::sim {

namespace {

constexpr Duration kTick = Duration::millis(2);
constexpr char kJournal[] = "/d/journal";
constexpr uint64_t kSegmentBytes = 8 << 10;

}  // namespace

uint64_t number_behind(Slice text, Slice prefix) {
  if (!text.starts_with(prefix)) return 0;
  return std::strtoull(std::string(text.substr(prefix.size())).c_str(), nullptr, 10);
}

SimHost::SimHost(uint64_t seed, uint64_t disk_seed, bool trace)
    : trace_(trace), prng_(seed), disk_(disk_seed) {}

std::unique_ptr<store::JournalTail> SimHost::open_journal(store::JournalOptions options) {
  auto tail = store::read_journals(disk_, kJournal);
  if (!tail) {
    fail("journals: " + tail.error().detail);
    return nullptr;
  }
  options.directory = kJournal;
  auto journal = store::open_journal(disk_, options, *this);
  if (!journal) {
    fail("journal: " + journal.error().detail);
    return nullptr;
  }
  journal_ = std::move(*journal);
  return std::move(*tail);
}

SimStream SimHost::open_stream(const SimStreamSetup& setup, store::JournalTail* tail) {
  SimStream made;
  made.stream = std::make_unique<jetstream::Stream>(
      jetstream::StreamSetup{"A", setup.is_new, WallTime{1}}, setup.config, *this);
  store::FileStoreOptions files;
  files.directory = "/d/streams/" + setup.config.name;
  files.segment_bytes = kSegmentBytes;
  files.id_memory = setup.id_memory;
  auto recovered = store::open_file_store(disk_, files, *made.stream);
  if (!recovered) {
    fail("store: " + recovered.error().detail);
    return made;
  }
  uint64_t last = recovered->applied_index;
  if (trace_) std::printf("boot: checkpoint at %llu\n", static_cast<unsigned long long>(last));
  auto driver = std::make_unique<jetstream::SoloGroup>(
      jetstream::SoloGroupOptions{setup.group, jetstream::Durability::kSynced, last},
      journal_.get(), *made.stream);
  made.group = driver.get();
  if (!made.stream->open(std::move(*recovered), std::move(driver))) {
    fail("stream");
    return made;
  }
  if (tail == nullptr) return made;
  const Status visited = tail->visit(setup.group, [&](const store::JournalRecord& record) {
    if (record.kind != jetstream::SoloGroup::kEntryKind || record.index <= last) return;
    if (record.index != last + 1) fail("the journal lost entry " + std::to_string(last + 1));
    last = record.index;
    made.stream->apply(record.index, record.bytes);
  });
  if (!visited) fail("tail: " + visited.error().detail);
  made.group->recovered_up_to(last);
  return made;
}

void SimHost::tick() {
  now_ = now_ + kTick;
  wall_ = wall_ + kTick;
  disk_.poll();
}

void SimHost::take(jetstream::Stream& stream, jetstream::Inlet inlet, const SimMessage& given) {
  std::string sizes = given.header.empty() ? "" : std::to_string(given.header.size()) + " ";
  sizes += std::to_string(given.header.size() + given.body.size());
  std::string tail;
  if (!given.reply.empty()) tail.append(given.reply).append(" ");
  tail.append(sizes).append("\r\n").append(given.header).append(given.body).append("\r\n");
  router::Message message;
  message.subject = given.subject;
  message.tail = tail;
  message.reply_bytes = static_cast<uint32_t>(given.reply.size());
  message.sizes_bytes = static_cast<uint32_t>(sizes.size());
  message.header_bytes = static_cast<uint32_t>(given.header.size());
  stream.take(inlet, message, given.subject);
}

store::ReadStatus SimHost::read(jetstream::Stream& stream, uint64_t sequence,
                                store::StoredMessage& message) {
  auto status = stream.messages().read(sequence, message);
  while (status == store::ReadStatus::kPending) {
    disk_.drain();
    status = stream.messages().read(sequence, message);
  }
  return status;
}

void SimHost::fail(const std::string& what) {
  if (error_.empty()) error_ = what;
}

void SimHost::log(jetstream::LogLevel, std::string text) {
  if (trace_) std::printf("%s\n", text.c_str());
}

void SimHost::on_failed(int error, uint64_t) {
  fail("the journal failed: " + std::to_string(error));
}

}  // namespace petrel::sim

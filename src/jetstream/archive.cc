#include "petrel/jetstream/archive.h"

#include "jetstream/archive_consumer.h"
#include "jetstream/archive_entries.h"
#include "jetstream/archive_files.h"
#include "jetstream/config_fields.h"
#include "jetstream/s2_stream.h"
#include "jetstream/tar_reader.h"

namespace petrel::jetstream {

namespace {

constexpr Slice kStateName = "state.json";
constexpr Slice kConsumerPrefix = "consumers/";

Error corrupt(std::string text) {
  return {Errc::kCorrupt, std::move(text)};
}

Status check_state(const StreamStateView& state) {
  const bool is_void = state.first_seq == 0;
  const bool is_empty = !is_void && state.first_seq - 1 == state.last_seq;
  const bool is_reversed = !is_void && !is_empty && state.first_seq > state.last_seq;
  if ((is_void && state.last_seq != 0) || is_reversed ||
      ((is_void || is_empty) && state.messages != 0)) {
    return corrupt("invalid stream state: inconsistent message count or sequence range");
  }
  if (!is_void && !is_empty && state.messages > state.last_seq - state.first_seq + 1) {
    return corrupt("invalid stream state: message count exceeds sequence range");
  }
  return {};
}

// Entries of version 2, in their order.
class EntryReader {
 public:
  explicit EntryReader(ArchiveReader::Sink& sink) : sink_(sink) {}

  // Takes whole entries from the beginning of `bytes`; returns how many bytes.
  Result<size_t> take(Slice bytes) {
    size_t done = 0;
    while (stage_ != Stage::kEnd) {
      ArchiveEntry entry;
      size_t taken = 0;
      const EntryOutcome outcome = read_archive_entry(bytes.substr(done), entry, taken);
      if (outcome == EntryOutcome::kInvalid) return corrupt("archive: invalid archive stream");
      if (outcome == EntryOutcome::kIncomplete) break;
      if (Status status = take_entry(entry); !status) return status.error();
      done += taken;
    }
    return done;
  }
  bool is_complete() const { return stage_ == Stage::kEnd; }

 private:
  enum class Stage : uint8_t { kState, kConsumers, kMessages, kEnd };

  Status take_entry(const ArchiveEntry& entry) {
    switch (stage_) {
      case Stage::kState:
        return take_state(entry);
      case Stage::kConsumers:
        return take_consumer(entry);
      default:
        return take_message(entry);
    }
  }

  Status take_state(const ArchiveEntry& entry) {
    if (entry.name != kStateName) return corrupt("expected state.json first");
    StreamStateView state;
    const std::string error = read_json<StreamStateView>(
        entry.body, JsonMode::kPlain, {"server.StreamState"}, state, stream_state_fields());
    if (!error.empty()) return corrupt("error in state.json: " + error);
    PETREL_TRY_STATUS(check_state(state));
    consumers_ = state.consumer_count;
    last_sequence_ = state.first_seq == 0 ? 0 : state.first_seq - 1;
    stage_ = consumers_ == 0 ? Stage::kMessages : Stage::kConsumers;
    return sink_.on_state(state);
  }

  Status take_consumer(const ArchiveEntry& entry) {
    if (!entry.name.starts_with(kConsumerPrefix)) {
      return corrupt("expected consumer, found \"" + std::string(entry.name) + "\"");
    }
    ArchivedConsumer consumer;
    consumer.name = entry.name.substr(kConsumerPrefix.size());
    PETREL_TRY_STATUS(read_archived_consumer(entry.body, consumer));
    if (--consumers_ == 0) stage_ = Stage::kMessages;
    return sink_.on_consumer(consumer);
  }

  Status take_message(const ArchiveEntry& entry) {
    if (entry.is_end()) {
      stage_ = Stage::kEnd;
      return {};
    }
    if (entry.sequence == 0) return corrupt("expected message sequence");
    if (entry.sequence <= last_sequence_) {
      return corrupt("message sequence " + std::to_string(entry.sequence) + " out of order");
    }
    last_sequence_ = entry.sequence;
    return sink_.on_message(
        {entry.name, entry.sequence, entry.header, entry.body, WallTime{entry.time}});
  }

  ArchiveReader::Sink& sink_;
  Stage stage_ = Stage::kState;
  uint64_t consumers_ = 0;
  uint64_t last_sequence_ = 0;
};

}  // namespace

// --- writer ---

struct ArchiveWriter::Impl {
  void add(const ArchiveEntry& entry) {
    plain.clear();
    append_archive_entry(plain, entry);
    compressor.write(plain, ready);
  }
  int64_t now = 0;
  S2Writer compressor;
  std::string plain;
  std::string ready;
};

ArchiveWriter::ArchiveWriter(const StreamStateView& state, WallTime now)
    : impl_(std::make_unique<Impl>()) {
  impl_->now = now.ns;
  impl_->compressor.write(kArchiveMagic, impl_->ready);
  impl_->add({.name = kStateName, .time = now.ns, .body = stream_state_json(state)});
}

ArchiveWriter::~ArchiveWriter() = default;

void ArchiveWriter::add_consumer(const ArchivedConsumer& consumer) {
  const std::string name = std::string(kConsumerPrefix) + consumer.name;
  const std::string json = archived_consumer_json(consumer);
  impl_->add({.name = name, .time = impl_->now, .body = json});
}

void ArchiveWriter::add_message(const StoredMessageView& message) {
  impl_->add({message.subject, message.time.ns, message.seq, message.header, message.body});
}

void ArchiveWriter::finish() {
  impl_->add({});
  impl_->compressor.flush(impl_->ready);
}

std::string ArchiveWriter::take() {
  return std::exchange(impl_->ready, {});
}

// --- reader ---

struct ArchiveReader::Impl {
  explicit Impl(Sink& sink)
      : entries(sink),
        files(sink),
        tar([this](Slice name, Slice content) { return files.take(name, content); }) {}

  Status feed() {
    if (version == 0) {
      if (plain.size() < kArchiveMagic.size()) return {};
      version = plain.starts_with(kArchiveMagic) ? 2 : 1;
      if (version == 2) plain.erase(0, kArchiveMagic.size());
    }
    if (version == 1) {
      const Status status = tar.feed(plain);
      plain.clear();
      return status;
    }
    const Result<size_t> taken = entries.take(plain);
    if (!taken) return taken.error();
    plain.erase(0, *taken);
    return {};
  }

  S2Reader decompressor;
  std::string plain;
  int version = 0;  // 0: too few bytes to tell
  EntryReader entries;
  ArchiveFiles files;
  TarReader tar;
};

ArchiveReader::ArchiveReader(Sink& sink) : impl_(std::make_unique<Impl>(sink)) {}
ArchiveReader::~ArchiveReader() = default;

Status ArchiveReader::feed(Slice chunk) {
  PETREL_TRY_STATUS(impl_->decompressor.feed(chunk, impl_->plain));
  return impl_->feed();
}

Status ArchiveReader::finish() {
  if (!impl_->decompressor.is_between_chunks()) return corrupt("unexpected EOF");
  if (impl_->version == 2) {
    return impl_->entries.is_complete() ? Status::ok() : Status(corrupt("backup was truncated"));
  }
  if (impl_->version == 0 || !impl_->tar.is_complete()) return corrupt("unexpected EOF");
  return impl_->files.finish();
}

}  // namespace petrel::jetstream

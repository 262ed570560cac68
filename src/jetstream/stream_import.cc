#include "petrel/jetstream/stream_import.h"

#include "jetstream/consumer_state.h"
#include "jetstream/json_time.h"
#include "jetstream/publish_headers.h"
#include "jetstream/stream_core.h"

#include "petrel/jetstream/archive.h"
#include "petrel/jetstream/stream.h"
#include "petrel/jetstream/stream_config.h"
#include "petrel/jetstream/stream_files.h"
#include "petrel/subject/subject.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace petrel::jetstream {

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr size_t kSubjectBytesMax = 65535;

Error failed(std::string text) {
  return {Errc::kCorrupt, std::move(text)};
}

bool is_set(WallTime time) {
  return time.ns != 0 && time != kTimeMin;
}

std::string message_name(uint64_t sequence) {
  return "message sequence " + std::to_string(sequence);
}

}  // namespace

class StreamImport::Filler final : private ArchiveReader::Sink {
 public:
  Filler(StreamCore& core, const ImportOptions& options)
      : core_(core), options_(options), index_(options.applied_index), reader_(*this) {}

  ApiStatus feed(Slice chunk) { return answer(reader_.feed(chunk)); }
  ApiStatus finish() {
    if (ApiStatus refused = answer(reader_.finish())) return refused;
    return answer(complete());
  }
  ApiStatus read(const StreamFiles& files) {
    if (ApiStatus refused = answer(files.read(*this))) return refused;
    return answer(complete());
  }
  uint64_t applied_index() const { return index_; }

 private:
  Status on_state(const StreamStateView& state) override;
  Status on_stream(const StreamConfig& config, WallTime created) override;
  Status on_consumer(const ArchivedConsumer& consumer) override;
  Status on_message(const StoredMessageView& message) override;
  Status on_removed(uint64_t sequence) override;

  ApiStatus answer(const Status& status) const;
  Status complete();
  Status check(const StoredMessageView& message) const;
  void skip_to(uint64_t sequence);
  void store(const StoredMessageView& message, int64_t ttl_seconds);
  Status make_consumer(const ArchivedConsumer& consumer);
  void apply(Slice entry) { core_.apply.entry(++index_, entry); }
  const store::StoreState& state() const { return core_.store->state(); }

  StreamCore& core_;
  const ImportOptions options_;
  uint64_t index_;
  uint64_t last_sequence_ = 0;  // that the stream must end with
  int version_ = 0;
  std::vector<ArchivedConsumer> consumers_;
  ApiStatus refusal_;  // that is no "restore failed"
  std::string entry_;
  ArchiveReader reader_;
};

ApiStatus StreamImport::Filler::answer(const Status& status) const {
  if (status) return std::nullopt;
  if (refusal_) return refusal_;
  return api_error(ApiErrc::kStreamRestore, status.error().detail);
}

// --- what the archive holds ---

Status StreamImport::Filler::on_state(const StreamStateView& state) {
  version_ = 2;
  last_sequence_ = state.last_seq;
  if (state.first_seq > 1) skip_to(state.first_seq);
  return {};
}

Status StreamImport::Filler::on_stream(const StreamConfig& config, WallTime created) {
  version_ = 1;
  if (config.name != core_.config.name) return failed("stream names do not match");
  if (is_set(created)) core_.created = created;
  return {};
}

Status StreamImport::Filler::on_consumer(const ArchivedConsumer& consumer) {
  consumers_.push_back(consumer);
  return {};
}

// As long as the stream holds nothing, sequences are passed over without a trace.
void StreamImport::Filler::skip_to(uint64_t sequence) {
  const uint64_t last = state().last_sequence;
  if (sequence <= last + 1) return;
  EntryWriter entry(EntryKind::kSkip);
  entry.u64(last + 1);
  entry.u64(sequence - 1);
  entry.i64(state().last_time.ns);
  apply(entry.bytes());
}

Status StreamImport::Filler::check(const StoredMessageView& message) const {
  const auto header = static_cast<int64_t>(message.header.size());
  const auto body = static_cast<int64_t>(message.body.size());
  if (options_.payload_max > 0 && header + body > options_.payload_max) {
    return failed(message_name(message.seq) + " exceeds maximum payload size");
  }
  const int64_t size_max = core_.config.max_msg_size;
  if (size_max >= 0 && header + body > size_max) {
    return failed(message_name(message.seq) + " exceeds maximum message size");
  }
  if (message.subject.size() > kSubjectBytesMax || !subject::is_valid_literal(message.subject)) {
    return failed("failed to store " + message_name(message.seq) + ": invalid subject");
  }
  return {};
}

Status StreamImport::Filler::on_message(const StoredMessageView& message) {
  PETREL_TRY_STATUS(check(message));
  if (message.seq <= state().last_sequence) {
    return failed(message_name(message.seq) + " out of order");
  }
  int64_t ttl = 0;
  const PublishHeaders headers(message.header);
  if (headers.has(PublishHeader::kTtl)) {
    const auto read = parse_ttl(headers[PublishHeader::kTtl]);
    if (!read) return failed("failed to parse message TTL: invalid per-message TTL");
    ttl = *read;
  }
  const bool is_over = ttl > 0 && ttl < options_.now.ns / kSecond - message.time.ns / kSecond;
  if (is_over) {
    skip_to(message.seq + 1);
    return {};
  }
  const uint64_t bytes = core_.store->counted_bytes(message.subject.size(), message.header.size(),
                                                    message.body.size());
  if (!core_.host.may_store(core_.stream, bytes)) {
    refusal_ = api_error(core_.config.storage == StorageType::kMemory
                             ? ApiErrc::kMemoryResourcesExceeded
                             : ApiErrc::kStorageResourcesExceeded);
    return failed("no room");
  }
  store(message, ttl);
  return {};
}

void StreamImport::Filler::store(const StoredMessageView& message, int64_t ttl_seconds) {
  const PublishHeaders headers(message.header);
  MessageHead head;
  head.flags = message_flag::kReplicated;
  head.subject_bytes = static_cast<uint16_t>(message.subject.size());
  head.header_bytes = static_cast<uint32_t>(message.header.size());
  head.sequence = message.seq;
  head.time = message.time.ns;
  if (ttl_seconds != 0 && core_.config.allow_msg_ttl) {
    head.flags |= message_flag::kHasTtl;
    head.ttl_seconds = ttl_seconds;
  }
  if (const Slice id = headers[PublishHeader::kMsgId]; !id.empty()) {
    head.flags |= message_flag::kHasId;
    head.id_offset = static_cast<uint32_t>(id.data() - message.header.data());
    head.id_bytes = static_cast<uint32_t>(id.size());
  }
  head.due = core_.schedules.next_of(message.subject, message.header).ns;
  const bool is_stale = head.due == 0 && headers.has(PublishHeader::kSchedule);
  if (headers.more_than_id() && !is_stale) head.flags |= message_flag::kHasMore;
  entry_.assign(head.bytes());
  entry_.append(message.subject).append(message.header).append(message.body);
  apply(entry_);
}

Status StreamImport::Filler::on_removed(uint64_t sequence) {
  last_sequence_ = std::max(last_sequence_, sequence);
  if (!core_.store->contains(sequence)) return {};
  EntryWriter entry(EntryKind::kRemove);
  entry.u8(0);
  entry.u64(sequence);
  apply(entry.bytes());
  return {};
}

// --- the end ---

Status StreamImport::Filler::complete() {
  // Blocks of version 1 may still hold what limits had removed.
  if (version_ == 1 && options_.state.first_seq > state().first_sequence) {
    EntryWriter entry(EntryKind::kExpireBelow);
    entry.u64(options_.state.first_seq);
    apply(entry.bytes());
  }
  if (version_ == 1) last_sequence_ = std::max(last_sequence_, options_.state.last_seq);
  // Sequences are never used twice.
  skip_to(last_sequence_ + 1);
  for (const ArchivedConsumer& consumer : consumers_) PETREL_TRY_STATUS(make_consumer(consumer));
  return {};
}

Status StreamImport::Filler::make_consumer(const ArchivedConsumer& consumer) {
  const Error cannot = failed("failed to add consumer \"" + consumer.name + "\": ");
  if (core_.consumers.find(consumer.name) != nullptr) {
    return failed(cannot.detail + "consumer already exists");
  }
  ConsumerConfig wanted = consumer.config;
  wanted.name = consumer.name;
  const ApiResult<ConsumerConfig> checked =
      check_consumer_config(wanted, core_.config, ConsumerCheckContext{});
  if (!checked) return failed(cannot.detail + checked.error().description);
  ConsumerConfig config = *checked;
  set_ephemeral_threshold(config);
  if (unsupported_level(config.metadata).empty()) set_consumer_level(config);
  const WallTime created = is_set(consumer.created) ? consumer.created : options_.now;
  ConsumerState state;
  state.adopt(
      {.consumer = consumer.delivered.consumer_seq, .stream = consumer.delivered.stream_seq},
      {.consumer = consumer.ack_floor.consumer_seq, .stream = consumer.ack_floor.stream_seq});
  for (const auto& [sequence, pending] : consumer.pending) {
    const auto again = consumer.redelivered.find(sequence);
    state.adopt_pending({.consumer = pending.consumer_seq, .stream = sequence}, pending.time.ns,
                        again == consumer.redelivered.end() ? 1 : again->second + 1);
  }
  for (const auto& [sequence, deliveries] : consumer.redelivered) {
    if (!consumer.pending.contains(sequence)) state.adopt_exhausted(sequence, deliveries + 1);
  }
  return core_.consumers.restore(++index_, created, consumer_config_json(config),
                                 consumer_snapshot(state));
}

// --- StreamImport ---

StreamImport::StreamImport(Stream& stream, const ImportOptions& options)
    : filler_(std::make_unique<Filler>(*stream.core_, options)) {}
StreamImport::~StreamImport() = default;

ApiStatus StreamImport::feed(Slice chunk) {
  return filler_->feed(chunk);
}
ApiStatus StreamImport::finish() {
  return filler_->finish();
}
ApiStatus StreamImport::read(const StreamFiles& files) {
  return filler_->read(files);
}
uint64_t StreamImport::applied_index() const {
  return filler_->applied_index();
}

}  // namespace petrel::jetstream

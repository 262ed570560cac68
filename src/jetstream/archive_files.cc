#include "jetstream/archive_files.h"

#include "jetstream/archive_consumer.h"
#include "jetstream/config_fields.h"
#include "jetstream/go_atoi.h"
#include "jetstream/highway_hash.h"

namespace petrel::jetstream {

namespace {

constexpr uint32_t kHasHeader = 1U << 31;
constexpr uint64_t kErased = uint64_t{1} << 63;
constexpr uint64_t kTombstone = uint64_t{1} << 62;
constexpr size_t kRecordHead = 22;
constexpr size_t kHashBytes = 8;
constexpr size_t kRecordMin = kRecordHead + kHashBytes;
constexpr uint32_t kRecordMax = 32U << 20;

Error corrupt(std::string text) {
  return {Errc::kCorrupt, std::move(text)};
}

uint64_t number_at(Slice bytes, size_t at, size_t width) {
  uint64_t number = 0;
  for (size_t i = width; i > 0; --i) {
    number = (number << 8) | static_cast<unsigned char>(bytes[at + i - 1]);
  }
  return number;
}

// What stands in meta.inf besides the configuration.
template <typename Config>
struct MetaFile {
  Config config = {};
  WallTime created = {};
  std::string name = {};
};

constexpr Field<MetaFile<StreamConfig>> kCreatedField[] = {
    {"Created", {"time.Time"}, read_field<&MetaFile<StreamConfig>::created>},
};
constexpr Field<MetaFile<ConsumerConfig>> kConsumerFields[] = {
    {"Created", {"time.Time"}, read_field<&MetaFile<ConsumerConfig>::created>},
    {"Name", {"string"}, read_field<&MetaFile<ConsumerConfig>::name>},
};

// Reads the object twice: its own fields, then those of the configuration that stand among them.
template <typename Config>
std::string read_meta(Slice json, MetaFile<Config>& meta,
                      std::span<const Field<MetaFile<Config>>> own,
                      std::span<const Field<Config>> fields) {
  const GoType type{"server.FileInfo"};
  std::string error = read_json<MetaFile<Config>>(json, JsonMode::kPlain, type, meta, own);
  if (!error.empty()) return error;
  return read_json<Config>(json, JsonMode::kPlain, type, meta.config, fields);
}

}  // namespace

Status ArchiveFiles::take(Slice path, Slice content) {
  constexpr Slice kBlocks = "msgs/";
  constexpr Slice kBlockEnd = ".blk";
  constexpr Slice kConsumers = "obs/";
  if (path == "meta.inf") return take_stream(content);
  if (path == "errors.txt") return corrupt(std::string(content));
  if (stream_.empty()) return corrupt("unexpected content");
  if (path.starts_with(kConsumers)) {
    return take_consumer_file(path.substr(kConsumers.size()), content);
  }
  if (path.starts_with(kBlocks) && path.ends_with(kBlockEnd)) {
    path.remove_prefix(kBlocks.size());
    path.remove_suffix(kBlockEnd.size());
    return take_block(path, content);
  }
  // Sums and caches: everything in them follows from the rest.
  return {};
}

Status ArchiveFiles::take_stream(Slice json) {
  MetaFile<StreamConfig> meta;
  const std::string error =
      read_meta<StreamConfig>(json, meta, kCreatedField, stream_config_fields());
  if (!error.empty()) return corrupt("error in meta.inf: " + error);
  if (meta.config.name.empty() || !stream_.empty()) return corrupt("unexpected content");
  stream_ = meta.config.name;
  return sink_.on_stream(meta.config, meta.created);
}

Status ArchiveFiles::take_block(Slice number, Slice content) {
  if (!go_atoi(number)) return corrupt("unexpected content");
  HighwayHash hash(stream_ + "-" + std::string(number));
  while (!content.empty()) {
    if (content.size() < kRecordMin) return corrupt("message block is cut");
    const auto raw = static_cast<uint32_t>(number_at(content, 0, 4));
    const bool has_header = (raw & kHasHeader) != 0;
    const uint32_t length = raw & ~kHasHeader;
    if (length < kRecordMin || length > kRecordMax || length > content.size()) {
      return corrupt("message block is corrupt");
    }
    const Slice record = content.substr(0, length);
    const size_t subject = static_cast<size_t>(number_at(record, 20, 2));
    const size_t prefix = has_header ? 4 : 0;
    if (kRecordMin + subject + prefix > length) return corrupt("message block is corrupt");
    hash.update(record.substr(4, 16));
    hash.update(record.substr(kRecordHead, subject));
    hash.update(
        record.substr(kRecordHead + subject + prefix, length - kRecordMin - subject - prefix));
    if (hash.finish() != number_at(record, length - kHashBytes, kHashBytes)) {
      return corrupt("message block is corrupt");
    }
    PETREL_TRY_STATUS(take_record(record, has_header));
    content.remove_prefix(length);
  }
  return {};
}

Status ArchiveFiles::take_record(Slice record, bool has_header) {
  const uint64_t raw = number_at(record, 4, 8);
  const uint64_t sequence = raw & ~(kErased | kTombstone);
  if (sequence == 0) return {};
  if ((raw & (kErased | kTombstone)) != 0) return sink_.on_removed(sequence);
  if (sequence <= last_sequence_) return {};
  last_sequence_ = sequence;
  StoredMessageView message;
  message.seq = sequence;
  message.time = {static_cast<int64_t>(number_at(record, 12, 8))};
  const size_t subject = static_cast<size_t>(number_at(record, 20, 2));
  message.subject = record.substr(kRecordHead, subject);
  Slice rest = record.substr(kRecordHead + subject, record.size() - kRecordMin - subject);
  if (has_header) {
    const uint64_t header = number_at(rest, 0, 4);
    rest.remove_prefix(4);
    if (header > rest.size()) return corrupt("message block is corrupt");
    message.header = rest.substr(0, header);
    rest.remove_prefix(header);
  }
  message.body = rest;
  return sink_.on_message(message);
}

Status ArchiveFiles::take_consumer_file(Slice path, Slice content) {
  const size_t slash = path.find('/');
  if (slash == Slice::npos) return corrupt("unexpected content");
  const std::string name(path.substr(0, slash));
  const Slice file = path.substr(slash + 1);
  ArchivedConsumer& consumer = consumers_[name];
  consumer.name = name;
  if (file == "o.dat") return read_consumer_state_file(content, consumer);
  if (file != "meta.inf") return {};
  MetaFile<ConsumerConfig> meta;
  const std::string error =
      read_meta<ConsumerConfig>(content, meta, kConsumerFields, consumer_config_fields());
  if (!error.empty()) return corrupt("error in meta.inf of consumer \"" + name + "\": " + error);
  consumer.created = meta.created;
  consumer.config = std::move(meta.config);
  consumer.config.name = name;
  return {};
}

Status ArchiveFiles::finish() {
  if (stream_.empty()) return corrupt("unexpected content");
  for (const auto& [name, consumer] : consumers_) {
    if (consumer.config.name.empty()) return corrupt("consumer \"" + name + "\" is missing config");
    PETREL_TRY_STATUS(sink_.on_consumer(consumer));
  }
  return {};
}

}  // namespace petrel::jetstream

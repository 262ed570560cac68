#include "petrel/jetstream/stream_files.h"

#include "jetstream/archive_files.h"
#include "jetstream/go_atoi.h"
#include "jetstream/highway_hash.h"
#include "jetstream/s2_stream.h"
#include "jetstream/varint.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace petrel::jetstream {

namespace {

constexpr size_t kHashBytes = 8;

Error corrupt(std::string text) {
  return {Errc::kCorrupt, std::move(text)};
}

// Bytes in the order in which Go prints them.
std::string sum_of(Slice key, Slice bytes) {
  HighwayHash hash(key);
  hash.update(bytes);
  uint64_t sum = hash.finish();
  std::string text;
  for (size_t i = 0; i < kHashBytes; ++i, sum >>= 8) {
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", static_cast<unsigned>(sum & 0xff));
    text += digits.data();
  }
  return text;
}

// A compressed block: "cmp", the method, the size, an S2 stream of all but the last hash.
Result<std::string> plain_block(std::string block) {
  constexpr Slice kMagic = "cmp";
  constexpr char kS2 = 1;
  if (!block.starts_with(kMagic)) return block;
  Slice rest = Slice(block).substr(kMagic.size());
  if (rest.size() < 1 + kHashBytes || rest.front() != kS2) return corrupt("unknown compression");
  GoVarintReader reader(rest.substr(1));
  const uint64_t size = reader.uvarint();
  rest = reader.rest();
  if (rest.size() < kHashBytes) return corrupt("message block is cut");
  std::string plain;
  S2Reader decompressor;
  PETREL_TRY_STATUS(decompressor.feed(rest.substr(0, rest.size() - kHashBytes), plain));
  plain.append(rest.substr(rest.size() - kHashBytes));
  if (plain.size() != size) return corrupt("message block has another size than it says");
  return plain;
}

// Keeps what meta.inf says.
class DescriptionSink final : public ArchiveReader::Sink {
 public:
  explicit DescriptionSink(FoundStream& found) : found_(found) {}
  Status on_state(const StreamStateView& /*state*/) override { return {}; }
  Status on_stream(const StreamConfig& config, WallTime created) override {
    found_.config = config;
    found_.created = created;
    return {};
  }
  Status on_consumer(const ArchivedConsumer& /*consumer*/) override { return {}; }
  Status on_message(const StoredMessageView& /*message*/) override { return {}; }
  Status on_removed(uint64_t /*sequence*/) override { return {}; }

 private:
  FoundStream& found_;
};

// Magic, version, messages, bytes, first sequence and time, last sequence.
void read_index(Slice index, FoundStream& found) {
  constexpr char kMagic = 11;
  if (index.size() < 2 || index[0] != kMagic) return;
  GoVarintReader reader(index.substr(2));
  reader.uvarint();
  reader.uvarint();
  const uint64_t first = reader.uvarint();
  reader.varint();
  const uint64_t last = reader.uvarint();
  if (reader.is_cut() || reader.is_invalid() || first > last + 1) return;
  found.first_sequence = first;
  found.last_sequence = last;
}

}  // namespace

Result<std::string> StreamFiles::load_checked(const std::string& folder, Slice key) const {
  if (folder_.load(folder + "meta.key")) {
    return Error{Errc::kUnsupported, "is encrypted; let nats-server decrypt it first"};
  }
  PETREL_TRY(std::string meta, folder_.load(folder + "meta.inf"));
  PETREL_TRY(const std::string sum, folder_.load(folder + "meta.sum"));
  if (sum != sum_of(key, meta)) return corrupt(folder + "meta.inf does not match its sum");
  return meta;
}

Result<FoundStream> StreamFiles::describe() const {
  FoundStream found;
  PETREL_TRY(const std::string unchecked, folder_.load("meta.inf"));
  DescriptionSink sink(found);
  ArchiveFiles files(sink);
  const Status read = files.take("meta.inf", unchecked);
  // The key of the sum is the name that stands in the file itself.
  PETREL_TRY(const std::string meta, load_checked("", found.config.name));
  PETREL_TRY_STATUS(read);
  if (const Result<std::string> index = folder_.load("msgs/index.db")) read_index(*index, found);
  return found;
}

Status StreamFiles::read(ArchiveReader::Sink& sink) const {
  PETREL_TRY(const FoundStream found, describe());
  ArchiveFiles files(sink);
  PETREL_TRY(const std::string meta, folder_.load("meta.inf"));
  PETREL_TRY_STATUS(files.take("meta.inf", meta));
  std::vector<std::pair<int64_t, std::string>> blocks;
  for (const std::string& name : folder_.list("msgs")) {
    constexpr Slice kEnd = ".blk";
    if (!name.ends_with(kEnd)) continue;
    const auto number = go_atoi(Slice(name).substr(0, name.size() - kEnd.size()));
    if (number) blocks.emplace_back(*number, name);
  }
  std::sort(blocks.begin(), blocks.end());
  for (const auto& [number, name] : blocks) {
    PETREL_TRY(std::string stored, folder_.load("msgs/" + name));
    PETREL_TRY(const std::string block, plain_block(std::move(stored)));
    if (Status status = files.take("msgs/" + name, block); !status) {
      return corrupt("msgs/" + name + ": " + status.error().detail);
    }
  }
  for (const std::string& consumer : folder_.list("obs")) {
    const std::string folder = "obs/" + consumer + "/";
    PETREL_TRY(const std::string config, load_checked(folder, found.config.name + "/" + consumer));
    PETREL_TRY_STATUS(files.take(folder + "meta.inf", config));
    if (const Result<std::string> state = folder_.load(folder + "o.dat")) {
      PETREL_TRY_STATUS(files.take(folder + "o.dat", *state));
    }
  }
  return files.finish();
}

}  // namespace petrel::jetstream

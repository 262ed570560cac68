#include "store/id_run.h"

#include "store/byte_codec.h"

#include "petrel/base/hash.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace petrel::store {
namespace {

constexpr Slice kPrefix = "ids-";
// What the index says of the blocks: hash and place of each.
constexpr size_t kIndexEntryBytes = 16;
constexpr size_t kScanBytes = 1 << 20;
// Of the filter or the index in one frame, which is written in one step.
constexpr size_t kPartBytes = 64 << 10;

}  // namespace

std::string id_run_name(uint64_t id) {
  return std::string(kPrefix) + std::to_string(id);
}

uint64_t parse_id_run_name(Slice name) {
  if (!name.starts_with(kPrefix)) return 0;
  name.remove_prefix(kPrefix.size());
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  return error == std::errc{} && end == name.data() + name.size() ? id : 0;
}

// --- reading ---

bool IdRun::read_frame(FrameKind kind, uint32_t number, uint64_t offset, uint64_t end,
                       std::string& raw) const {
  if (offset + kFrameHeadBytes > end) return false;
  const auto bytes = disk_.load_range(path_, offset, static_cast<size_t>(end - offset));
  FrameHead head;
  if (!bytes || !parse_frame_head(*bytes, head) || head.kind != kind ||
      head.segment != record_.id || head.offset != number ||
      head.raw_bytes / 64 > head.stored_bytes) {
    return false;
  }
  raw.resize(head.raw_bytes);
  return codec_.decode(head, Slice(*bytes).substr(kFrameHeadBytes), raw.data());
}

bool IdRun::read_block(size_t at, std::string& raw) const {
  const uint64_t end = at + 1 < blocks_.size() ? blocks_[at + 1].offset : record_.filter_offset;
  if (read_frame(FrameKind::kIds, static_cast<uint32_t>(at), blocks_[at].offset, end, raw)) {
    return true;
  }
  is_damaged_ = true;
  return false;
}

bool IdRun::read_parts(FrameKind kind, uint64_t offset, uint64_t end, std::string& raw) const {
  const auto bytes = disk_.load_range(path_, offset, static_cast<size_t>(end - offset));
  if (!bytes || bytes->size() != end - offset) return false;
  raw.clear();
  Slice rest = *bytes;
  for (uint32_t number = 0; !rest.empty(); ++number) {
    FrameHead head;
    if (!parse_frame_head(rest, head) || head.kind != kind || head.segment != record_.id ||
        head.offset != number || kFrameHeadBytes + head.stored_bytes > rest.size() ||
        head.raw_bytes / 64 > head.stored_bytes) {
      return false;
    }
    const size_t before = raw.size();
    raw.resize(before + head.raw_bytes);
    if (!codec_.decode(head, rest.substr(kFrameHeadBytes), raw.data() + before)) return false;
    rest.remove_prefix(kFrameHeadBytes + head.stored_bytes);
  }
  return true;
}

bool IdRun::load_index() {
  std::string raw;
  if (!read_parts(FrameKind::kIdIndex, record_.index_offset, record_.bytes, raw)) return false;
  blocks_.reserve(raw.size() / kIndexEntryBytes);
  for (size_t at = 0; at + kIndexEntryBytes <= raw.size(); at += kIndexEntryBytes) {
    blocks_.push_back({load_le<uint64_t>(raw.data() + at), load_le<uint64_t>(raw.data() + at + 8)});
  }
  return !blocks_.empty();
}

void IdRun::load() {
  if (!load_index()) return scan();
  static_cast<void>(load_filter());  // without it every id may be there
}

bool IdRun::load_filter() {
  std::string raw;
  if (!read_parts(FrameKind::kHashFilter, record_.filter_offset, record_.index_offset, raw)) {
    return false;
  }
  filter_ = HashFilter::from(raw);
  return true;
}

bool IdRun::is_whole() {
  std::string raw;
  bool is_good = load_index() && load_filter();
  for (size_t at = 0; at < blocks_.size() && is_good; ++at) is_good = read_block(at, raw);
  return is_good;
}

// Without an index: where each block stands. What lies between two that are not neighbours is a
// block that cannot be read, and so is what is missing at the ends. There is no filter then.
void IdRun::scan() {
  blocks_.clear();
  is_damaged_ = true;
  uint64_t last_hash = 0;
  uint32_t number = 0;
  const auto gap_up_to = [&](uint32_t next, uint64_t offset) {
    // Numbers of blocks stay their places in the list: a gap has as many entries as blocks.
    for (; number < next; ++number) blocks_.push_back({last_hash, offset});
  };
  uint64_t at = 0;
  while (at + kFrameHeadBytes <= record_.filter_offset) {
    const size_t want =
        static_cast<size_t>(std::min<uint64_t>(record_.filter_offset - at, kScanBytes));
    const auto bytes = disk_.load_range(path_, at, want);
    if (!bytes || bytes->size() < kFrameHeadBytes) break;
    size_t in = 0;
    for (; in + kFrameHeadBytes <= bytes->size();) {
      FrameHead head;
      const Slice rest = Slice(*bytes).substr(in);
      if (!parse_frame_head(rest, head) || head.kind != FrameKind::kIds ||
          head.segment != record_.id || head.offset < number ||
          head.raw_bytes / 64 > head.stored_bytes) {
        ++in;
        continue;
      }
      const size_t whole = kFrameHeadBytes + head.stored_bytes;
      if (whole > rest.size() && in > 0) break;  // read again from here
      std::string raw(head.raw_bytes, '\0');
      if (whole > rest.size() || !codec_.decode(head, rest.substr(kFrameHeadBytes), raw.data())) {
        ++in;
        continue;
      }
      gap_up_to(head.offset, at + in);
      IdBlockReader entries(raw);
      for (bool is_first = true; const auto entry = entries.next(); is_first = false) {
        last_hash = entry->hash;
        if (is_first) blocks_.push_back({entry->hash, at + in});
      }
      number = head.offset + 1;
      in += whole;
    }
    at += in;
  }
  blocks_.push_back({last_hash, record_.filter_offset});
}

IdLookup IdRun::find(uint64_t hash, Slice id, Dedupe::Entry& found) const {
  // The last block that begins before the hash, and those that begin with it.
  auto block =
      std::lower_bound(blocks_.begin(), blocks_.end(), hash,
                       [](const Block& each, uint64_t wanted) { return each.first_hash < wanted; });
  if (block != blocks_.begin()) --block;
  IdLookup result = IdLookup::kNone;
  for (std::string raw; block != blocks_.end() && block->first_hash <= hash; ++block) {
    if (!read_block(static_cast<size_t>(block - blocks_.begin()), raw)) {
      result = IdLookup::kUnreadable;
      continue;
    }
    IdBlockReader entries(raw);
    while (const auto entry = entries.next()) {
      if (entry->hash != hash || entry->id != id) continue;
      found = *entry;
      found.id = {};
      return IdLookup::kFound;
    }
  }
  return result;
}

void put_id(std::string& out, const Dedupe::Entry& entry) {
  ByteWriter writer(std::move(out));
  writer.text(entry.id);
  writer.varint(entry.sequence);
  writer.fixed(entry.time.ns);
  out = writer.take();
}

std::optional<Dedupe::Entry> IdBlockReader::next() {
  if (rest_.empty()) return std::nullopt;
  ByteReader in(rest_);
  Dedupe::Entry entry;
  entry.id = in.text();
  entry.sequence = in.varint();
  entry.time.ns = in.fixed<int64_t>();
  if (!in.is_ok()) return std::nullopt;
  rest_.remove_prefix(rest_.size() - in.left());
  entry.hash = hash_bytes(entry.id);
  return entry;
}

void IdCursor::advance() {
  entry_ = block_.next();
  while (!entry_ && next_block_ < run_.blocks()) {
    if (!run_.read_block(next_block_++, raw_)) {
      is_failed_ = true;
      return;
    }
    block_ = IdBlockReader(raw_);
    entry_ = block_.next();
  }
}

// --- writing ---

IdRunWriter::IdRunWriter(Disk& disk, FrameCodec& codec, std::string path, const IdRunRecord& record,
                         uint64_t entries_max)
    : disk_(disk),
      codec_(codec),
      path_(std::move(path)),
      run_(std::make_unique<IdRun>(disk, codec, path_, record)) {
  run_->filter_ = HashFilter(entries_max);
  run_->record_.key_id = codec.key_id();
}

IdRunWriter::~IdRunWriter() {
  if (is_open_) disk_.close(file_);
}

Status IdRunWriter::open() {
  PETREL_TRY(file_, disk_.open(path_, OpenMode::kCreate));
  is_open_ = true;
  return {};
}

void IdRunWriter::add(const Dedupe::Entry& entry) {
  // A block holds all ids of one hash when it can: then a lookup reads no second one.
  if (block_.size() >= kBlockBytes) end_block();
  if (block_.empty()) first_hash_ = entry.hash;
  put_id(block_, entry);
  run_->filter_.add(entry.hash);
  ++run_->record_.entries;
  run_->record_.newest = std::max(run_->record_.newest, entry.time);
}

void IdRunWriter::end_block() {
  if (block_.empty()) return;
  run_->blocks_.push_back({first_hash_, offset()});
  put_frame(FrameKind::kIds, run_->blocks_.size() - 1, block_);
  block_.clear();
}

void IdRunWriter::put_frame(FrameKind kind, size_t number, Slice raw) {
  FrameHead head;
  head.kind = kind;
  head.segment = run_->record_.id;
  head.offset = static_cast<uint32_t>(number);
  codec_.encode(head, raw, out_);
  while (out_.size() >= kWriteBytes) put(kWriteBytes);
}

bool IdRunWriter::finish() {
  end_block();
  IdRunRecord& record = run_->record_;
  const Slice filter = run_->filter_.bytes();
  if (filter_done_ < filter.size()) {
    if (filter_done_ == 0) record.filter_offset = offset();
    put_frame(FrameKind::kHashFilter, filter_done_ / kPartBytes,
              filter.substr(filter_done_, kPartBytes));
    filter_done_ += kPartBytes;
    return false;
  }
  const std::vector<IdRun::Block>& blocks = run_->blocks_;
  if (index_done_ == 0) record.index_offset = offset();
  if (index_done_ < blocks.size()) {
    constexpr size_t kPartBlocks = kPartBytes / kIndexEntryBytes;
    const size_t count = std::min(kPartBlocks, blocks.size() - index_done_);
    std::string index(count * kIndexEntryBytes, '\0');
    for (size_t i = 0; i < count; ++i) {
      store_le(index.data() + i * kIndexEntryBytes, blocks[index_done_ + i].first_hash);
      store_le(index.data() + i * kIndexEntryBytes + 8, blocks[index_done_ + i].offset);
    }
    put_frame(FrameKind::kIdIndex, index_done_ / kPartBlocks, index);
    index_done_ += count;
    return false;
  }
  run_->blocks_.shrink_to_fit();
  record.bytes = offset();
  if (!out_.empty()) put(out_.size());
  disk_.sync(file_, [state = state_](int error) {
    if (error != 0) state->error = error;
    state->is_synced = true;
  });
  return true;
}

void IdRunWriter::put(size_t bytes) {
  ++state_->pending;
  const auto done = [state = state_](int error) {
    --state->pending;
    if (error != 0) state->error = error;
  };
  disk_.write(file_, written_, out_.substr(0, bytes), done);
  written_ += bytes;
  out_.erase(0, bytes);
}

}  // namespace petrel::store

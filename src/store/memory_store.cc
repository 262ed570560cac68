#include "store/memory_store.h"

#include "store/record.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <cstring>

namespace petrel::store {
namespace {

// What nats-server counts for a message in memory.
constexpr uint32_t kCountedBytes = 16;
constexpr uint32_t kFrameBytesMin = 1 << 10;
constexpr uint32_t kFrameBytesMax = 64 << 10;
constexpr uint64_t kSegmentBytesMax = 8 << 20;
// Below this a half deleted segment is left as it is.
constexpr uint64_t kCompactBytesMin = 64 << 10;

// The first frames are small: most streams are.
uint32_t frame_bytes(const SegmentFrames& frames) {
  const size_t doublings = std::min<size_t>(frames.all().size(), 6);
  return std::min(kFrameBytesMax, kFrameBytesMin << doublings);
}

}  // namespace

MemoryStore::MemoryStore(Listener& listener)
    : listener_(listener), index_({int64_t{kCountedBytes} - kRecordHeadBytes, 0}, *this) {}

uint64_t MemoryStore::counted_bytes(size_t subject, size_t header, size_t body) const {
  return kCountedBytes + subject + header + body;
}

void MemoryStore::append(const NewMessage& message) {
  const uint64_t bytes =
      record_bytes(message.subject.size(), message.header.size(), message.body.size());
  PETREL_CHECK(bytes <= kRecordBytesMax && message.sequence > state().last_sequence);
  Segment* segment = index_.active();
  const bool is_full =
      segment != nullptr && segment->entries > 0 &&
      (segment->entries >= kSegmentEntriesMax || segment->record_bytes + bytes > kSegmentBytesMax ||
       message.sequence - segment->base >= kSegmentSpanMax);
  if (is_full) seal();
  if (segment == nullptr || is_full) segment = &index_.begin_segment(next_id_++, message.sequence);
  EntryPlace place;
  place.bytes = static_cast<uint32_t>(bytes);
  place.has_header = !message.header.empty();
  char* room = segment->frames.extend(place.bytes, frame_bytes(segment->frames));
  place.offset = segment->frames.end() - place.bytes;
  write_record(message, room);
  index_.append(message, place);
}

void MemoryStore::seal() {
  const Segment& segment = *index_.active();
  const bool is_left = segment.live > 0;
  index_.seal_active();
  if (is_left) compact(*index_.segments().back());
}

std::optional<RemovedMessage> MemoryStore::remove(uint64_t sequence, bool erase) {
  const auto found = index_.find(sequence);
  if (!found) return std::nullopt;
  if (erase) {
    const EntryPlace place = found->segment->index->place(found->entry);
    Frame& frame = found->segment->frames.at(place.offset);
    // Somebody who holds the block is reading the message right now.
    if (frame.block.is_unique()) {
      std::memset(frame.data() + (place.offset - frame.offset) + kRecordHeadBytes, 0,
                  place.bytes - kRecordHeadBytes);
    }
  }
  Segment* segment = found->segment;
  const bool is_dropped = segment->is_sealed && segment->live == 1;
  RemovedMessage removed = index_.remove(*found);
  if (!is_dropped) compact(*segment);
  return removed;
}

void MemoryStore::on_deleted(Segment& segment, uint32_t entry) {
  const EntryPlace place = segment.index->place(entry);
  Frame& frame = segment.frames.at(place.offset);
  const bool takes_more = !segment.is_sealed && &frame == &segment.frames.all().back();
  if (--frame.live == 0 && !takes_more) frame.block = {};
}

void MemoryStore::compact(Segment& segment) {
  if (!segment.is_sealed || segment.deleted_bytes * 2 < segment.record_bytes ||
      segment.record_bytes < kCompactBytesMin) {
    return;
  }
  auto copy = index_.begin_copy(next_id_++);
  for (uint32_t position = segment.next_live(0); position != kNoEntry;
       position = segment.next_live(position + 1)) {
    const uint32_t entry = segment.index->lower_bound(position);
    EntryPlace place = segment.index->place(entry);
    const Frame& frame = segment.frames.at(place.offset);
    const char* record = frame.data() + (place.offset - frame.offset);
    std::memcpy(copy->frames.extend(place.bytes, kFrameBytesMax), record, place.bytes);
    place.offset = copy->frames.end() - place.bytes;
    index_.copy_entry(*copy, {&segment, entry}, place);
  }
  index_.replace(index_.place_of(segment), 1, std::move(copy));
}

ReadStatus MemoryStore::read(uint64_t sequence, StoredMessage& message) {
  const auto found = index_.find(sequence);
  if (!found) return ReadStatus::kMissing;
  const EntryPlace place = found->segment->index->place(found->entry);
  const Frame& frame = found->segment->frames.at(place.offset);
  view_record({frame.data() + (place.offset - frame.offset), place.bytes}, message);
  hold_block(frame.block, message);
  return ReadStatus::kFound;
}

size_t MemoryStore::next_matches(const Filters& filters, uint64_t from, std::span<uint64_t> out) {
  return index_.next_to_read(filters, from, out);
}

void MemoryStore::load(Segment&) {
  PETREL_CHECK_STATE(false, "the index of a memory store is always in memory");
}

void MemoryStore::on_dropped(std::unique_ptr<Segment>) {}

void MemoryStore::checkpoint(uint64_t applied_index, std::string) {
  listener_.on_checkpoint(applied_index, 0);
}

std::unique_ptr<MessageStore> make_memory_store(MessageStore::Listener& listener) {
  return std::make_unique<MemoryStore>(listener);
}

}  // namespace petrel::store

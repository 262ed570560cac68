#include "store/segment_journal.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace petrel::store {

namespace {

constexpr size_t kSegmentsWanted = 2;  // above it the oldest are freed by checkpoints
constexpr uint64_t kSegmentBytesFew = 8 << 20;
constexpr uint64_t kSegmentBytesPerGroup = 64 << 10;
constexpr size_t kAskedMax = 16;  // groups that checkpoint at a time on behalf of the journal
constexpr size_t kKeptBuffer = 1 << 20;
// Above so many times total_bytes_max nothing is taken until checkpoints were made.
constexpr uint64_t kHardLimit = 4;

}  // namespace

SegmentJournal::SegmentJournal(Disk& disk, const JournalOptions& options, Listener& listener,
                               uint64_t first_number)
    : disk_(disk),
      options_(options),
      listener_(listener),
      writer_(options),
      pool_(disk, options_, *this, first_number) {}

SegmentJournal::~SegmentJournal() {
  for (const Segment& segment : segments_) disk_.close(segment.file.file);
}

void SegmentJournal::begin() {
  pool_.prepare(0, segment_bytes_max());
}

Status SegmentJournal::await_room() {
  disk_.drain();
  // On a full disk what is stored is served; nothing is taken until there is room.
  if (pool_.next() != nullptr || is_disk_full()) return Status::ok();
  return Error{Errc::kFull, "no room for the journal in " + options_.directory};
}

// --- writing ---

// What was accepted must not depend on room that may never be there.
bool SegmentJournal::has_space_for(size_t bytes) const {
  if (gathered_.size() + bytes > options_.gather_bytes_max) return false;
  if (bytes_on_disk() > kHardLimit * options_.total_bytes_max) return false;
  if (!pool_.is_exhausted()) return true;
  const uint64_t left = segments_.empty() ? 0 : segments_.back().free();
  const PreparedSegment* next = pool_.next();
  return gathered_.size() + bytes <= left ||
         (next != nullptr && gathered_.size() + bytes + kSegmentHeaderBytes <= next->bytes);
}

Result<uint64_t> SegmentJournal::append(const JournalRecord& record) {
  if (has_failed_) return Error{Errc::kIo, "the journal failed"};
  if (record.bytes.size() > kRecordBytesMax) return Error{Errc::kFull, "the record is too large"};
  if (!has_space_for(writer_.bytes_of(record))) {
    return Error{Errc::kFull, is_disk_full() ? "the disk is full" : "the journal gathers too much"};
  }
  if (gathered_.empty()) gathered_.reserve(std::min(batch_bytes_, kKeptBuffer));
  writer_.append(gathered_, record);
  return ++position_;
}

void SegmentJournal::commit() {
  is_patient_ = false;
  gather_.stop();
  write_gathered();
}

bool SegmentJournal::turn(Instant now) {
  is_patient_ = true;
  if (!is_writing_ && !has_failed_ && gather_.is_worth_it(position_ - written_, now)) return true;
  const bool was_writing = is_writing_;
  write_gathered();
  if (is_writing_ && !was_writing) gather_.began(now);
  return false;
}

void SegmentJournal::write_gathered() {
  pool_.tend();
  // A full disk is a reason to let go of what can be let go.
  if (is_disk_full() && asked_.empty() && !has_failed_) ask_for_checkpoints();
  if (is_writing_ || has_failed_ || gathered_.empty()) return;
  if (!has_room(record_bytes(gathered_))) return;
  is_writing_ = true;
  const uint64_t offset = segments_.back().used;
  uint64_t position = 0;
  std::string batch = take_batch(position);
  // Whole sectors: they go to the disk without being copied by the kernel.
  batch.resize(round_to_sector(batch.size()));
  segments_.back().used = offset + batch.size();
  batch_bytes_ = batch.size();
  const FileId file = segments_.back().file.file;
  // The next segment is ready before this one is full.
  if (pool_.next() == nullptr) pool_.prepare(0, segment_bytes_max());
  disk_.write_and_sync(file, offset, std::move(batch),
                       [this, position](int error) { on_written(error, position); });
}

std::string SegmentJournal::take_batch(uint64_t& last_position) {
  Segment& segment = segments_.back();
  RecordPlace place;
  place.salt = salt_of(pool_.header_of(segment.file));
  place.batch = ++batch_;
  place.begins_batch = true;
  size_t end = 0;
  GroupId group = 0;
  uint64_t* last = nullptr;  // index of the group; records of one group come in runs
  while (!place.ends_batch) {
    char* record = gathered_.data() + end;
    const size_t next = end + record_bytes(Slice(gathered_).substr(end));
    place.offset = segment.used + end;
    place.ends_batch = next == gathered_.size() ||
                       next + record_bytes(Slice(gathered_).substr(next)) > segment.free();
    const RecordName name = seal_record(record, place);
    if (last == nullptr || name.group != group) last = &segment.last_index[name.group];
    group = name.group;
    *last = std::max(*last, name.index);
    place.begins_batch = false;
    end = next;
    ++written_;
  }
  last_position = written_;
  if (end == gathered_.size()) return std::exchange(gathered_, {});
  std::string batch = gathered_.substr(0, end);
  gathered_.erase(0, end);
  return batch;
}

void SegmentJournal::on_written(int error, uint64_t position) {
  is_writing_ = false;
  if (error != 0) return fail(error);
  const uint64_t records = position - std::min(position, synced_);
  if (records > 0) {
    synced_ = position;
    listener_.on_synced(position);
  }
  if (is_patient_) gather_.answered(records, position_ - written_);
  // What waits is for a turn.
  if (!gather_.is_waiting()) write_gathered();
}

void SegmentJournal::fail(int error) {
  if (has_failed_) return;
  has_failed_ = true;
  gathered_.clear();
  listener_.on_failed(error, synced_);
}

// --- segments ---

bool SegmentJournal::has_room(size_t bytes) {
  if (!segments_.empty() && segments_.back().free() >= bytes) return true;
  if (pool_.next() == nullptr) {
    pool_.prepare(bytes, segment_bytes_max());
    return false;
  }
  begin_segment(pool_.take());
  if (segments_.back().free() >= bytes) return true;
  fill_segment();
  return false;
}

// The numbers of segments have no gaps, and one that holds nothing readable means damage.
void SegmentJournal::fill_segment() {
  Segment& segment = segments_.back();
  std::string batch;
  writer_.append(batch, {0, 0, 0, kFillerKind, Slice()});
  seal_record(batch.data(),
              {salt_of(pool_.header_of(segment.file)), segment.used, ++batch_, true, true});
  segment.used = segment.file.bytes;
  is_writing_ = true;
  disk_.write_and_sync(segment.file.file, kSegmentHeaderBytes, std::move(batch),
                       [this, position = written_](int error) { on_written(error, position); });
}

// Few groups are checkpointed soon, and the shorter the tail the sooner it is recovered; many have
// to share the syncs of their checkpoints.
uint64_t SegmentJournal::segment_bytes_max() const {
  const uint64_t groups = segments_.empty() ? 0 : segments_.back().last_index.size();
  return std::min(options_.segment_bytes_max,
                  std::max(kSegmentBytesFew, groups * kSegmentBytesPerGroup));
}

void SegmentJournal::begin_segment(PreparedSegment file) {
  Segment segment;
  segment.file = std::move(file);
  segments_.push_back(std::move(segment));
  retire_released();
  asked_.clear();
  ask_for_checkpoints();
}

void SegmentJournal::release(GroupId group, uint64_t index) {
  for (Segment& segment : segments_) {
    const auto at = segment.last_index.find(group);
    if (at != segment.last_index.end() && at->second <= index) segment.last_index.erase(at);
  }
  asked_.erase(group);
  retire_released();
  ask_for_checkpoints();
}

void SegmentJournal::forget(GroupId group) {
  if (has_old_journals_) {
    forgotten_.push_back(group);
  } else {
    release(group, ~uint64_t{0});
  }
}

void SegmentJournal::old_journals_removed() {
  has_old_journals_ = false;
  for (const GroupId group : std::exchange(forgotten_, {})) release(group, ~uint64_t{0});
}

// From the oldest on: what a later segment says (a removal) must not go before what an earlier one
// says of the same group.
void SegmentJournal::retire_released() {
  while (segments_.size() > 1 && segments_.front().last_index.empty()) {
    PreparedSegment file = std::move(segments_.front().file);
    segments_.pop_front();
    asked_.clear();
    pool_.retire(std::move(file));
  }
}

// A few at a time, so that thousands of small streams do not checkpoint all at once.
void SegmentJournal::ask_for_checkpoints() {
  if (segments_.size() <= (is_disk_full() ? 1 : kSegmentsWanted)) return;
  std::vector<GroupId> groups;
  for (const auto& [group, index] : segments_.front().last_index) {
    if (asked_.size() >= kAskedMax) break;
    if (asked_.insert(group).second) groups.push_back(group);
  }
  for (const GroupId group : groups) listener_.on_checkpoint_wanted(group);
}

uint64_t SegmentJournal::bytes_on_disk() const {
  uint64_t bytes = pool_.bytes();
  for (const Segment& segment : segments_) bytes += segment.file.bytes;
  return bytes;
}

}  // namespace petrel::store

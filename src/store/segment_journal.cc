#include "store/segment_journal.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

namespace petrel::store {

namespace {

constexpr size_t kSegmentsWanted = 3;  // above it the oldest are freed by checkpoints
constexpr size_t kSparesMax = 2;
constexpr size_t kKeptBuffer = 1 << 20;

std::string segment_path(const std::string& directory, uint64_t number) {
  std::array<char, 40> name{};
  std::snprintf(name.data(), name.size(), "/%016llx.journal",
                static_cast<unsigned long long>(number));
  return directory + name.data();
}

}  // namespace

SegmentJournal::SegmentJournal(Disk& disk, const JournalOptions& options, Listener& listener,
                               uint64_t first_number)
    : disk_(disk),
      options_(options),
      listener_(listener),
      journal_(first_number),
      next_number_(first_number),
      next_file_(first_number),
      segment_bytes_(options.segment_bytes_min) {}

SegmentJournal::~SegmentJournal() {
  for (const Segment& segment : segments_) disk_.close(segment.file);
  for (const Segment& segment : spare_) disk_.close(segment.file);
}

Status SegmentJournal::open() {
  prepare(0);
  disk_.drain();
  if (has_failed_ || !has_room(0)) {
    return Error{Errc::kIo, "no room for a journal in " + options_.directory};
  }
  return Status::ok();
}

// --- writing ---

Result<uint64_t> SegmentJournal::append(const JournalRecord& record) {
  if (has_failed_) return Error{Errc::kIo, "the journal failed"};
  const size_t bytes = kRecordHeaderBytes + record.bytes.size();
  if (record.bytes.size() > kRecordBytesMax ||
      gathered_.size() + bytes > options_.gather_bytes_max) {
    return Error{Errc::kFull, "the journal gathers too much"};
  }
  record_offsets_.push_back(gathered_.size());
  append_record(gathered_, record, batch_);
  uint64_t& last = gathered_index_[record.group];
  last = std::max(last, record.index);
  return ++position_;
}

void SegmentJournal::commit() {
  if (is_writing_ || has_failed_ || gathered_.empty()) return;
  if (!has_room(gathered_.size())) return;
  Segment& segment = segments_.back();
  for (size_t i = 0; i < record_offsets_.size(); ++i) {
    seal_record(gathered_, record_offsets_[i], segment.number, i + 1 == record_offsets_.size());
  }
  for (const auto& [group, index] : gathered_index_) {
    uint64_t& last = segment.last_index[group];
    last = std::max(last, index);
  }
  is_writing_ = true;
  const uint64_t offset = segment.used;
  segment.used += gathered_.size();
  std::string batch;
  batch.swap(gathered_);
  gathered_.reserve(std::min(batch.size(), kKeptBuffer));
  record_offsets_.clear();
  gathered_index_.clear();
  ++batch_;
  // The next segment is ready before this one is full.
  if (segment.used > segment.bytes / 2 && spare_.empty()) prepare(0);
  disk_.write_and_sync(segment.file, offset, std::move(batch),
                       [this, position = position_](int error) { on_written(error, position); });
}

void SegmentJournal::on_written(int error, uint64_t position) {
  is_writing_ = false;
  if (error != 0) return fail(error);
  synced_ = position;
  listener_.on_synced(position);
  commit();
}

// --- segments ---

bool SegmentJournal::has_room(size_t bytes) {
  const auto fits = [bytes](const Segment& segment) {
    return segment.used + bytes <= segment.bytes;
  };
  if (!segments_.empty() && fits(segments_.back())) return true;
  const auto spare = std::find_if(spare_.begin(), spare_.end(), fits);
  if (spare == spare_.end()) {
    prepare(bytes);
    return false;
  }
  Segment segment = std::move(*spare);
  spare_.erase(spare);
  begin_segment(std::move(segment));
  return true;
}

// Has a new file filled with zeros while batches go on gathering.
void SegmentJournal::prepare(size_t bytes) {
  if (is_preparing_) return;
  Segment segment;
  segment.bytes = std::max<uint64_t>(segment_bytes_, bytes + kSegmentHeaderBytes);
  segment.used = kSegmentHeaderBytes;
  segment.path = segment_path(options_.directory, next_file_++);
  segment_bytes_ = std::min(segment_bytes_ * 2, options_.segment_bytes_max);
  const Result<FileId> file = disk_.open(segment.path, OpenMode::kCreate);
  if (!file || !disk_.sync_directory(options_.directory)) return fail(EIO);
  segment.file = *file;
  is_preparing_ = true;
  disk_.preallocate(*file, segment.bytes, [this, segment = std::move(segment)](int error) {
    is_preparing_ = false;
    if (error != 0) return fail(error);
    spare_.push_back(segment);
    commit();
  });
}

void SegmentJournal::begin_segment(Segment segment) {
  SegmentHeader header;
  header.journal = journal_;
  header.number = next_number_++;
  header.first_batch = batch_;
  header.loop = options_.loop;
  segment.number = header.number;
  // On the same file before the first batch: it is on disk when that one is.
  disk_.write(segment.file, 0, encode_segment_header(header), nullptr);
  segments_.push_back(std::move(segment));
  ask_for_checkpoints();
}

void SegmentJournal::fail(int error) {
  has_failed_ = true;
  gathered_.clear();
  listener_.on_failed(error, synced_);
}

void SegmentJournal::release(GroupId group, uint64_t index) {
  for (Segment& segment : segments_) {
    const auto at = segment.last_index.find(group);
    if (at != segment.last_index.end() && at->second <= index) segment.last_index.erase(at);
  }
  retire_released();
}

void SegmentJournal::forget(GroupId group) {
  for (Segment& segment : segments_) segment.last_index.erase(group);
  retire_released();
}

// From the oldest on: what a later segment says (a removal) must not go before what an earlier one
// says of the same group.
void SegmentJournal::retire_released() {
  while (segments_.size() > 1 && segments_.front().last_index.empty()) {
    Segment segment = std::move(segments_.front());
    segments_.pop_front();
    const FileId file = segment.file;
    const bool is_kept = spare_.size() < kSparesMax;
    segment.used = kSegmentHeaderBytes;
    disk_.write_and_sync(file, 0, std::string(kSegmentHeaderBytes, '\0'),
                         [this, is_kept, segment = std::move(segment)](int error) {
                           if (error == 0 && is_kept) return spare_.push_back(segment);
                           disk_.close(segment.file);
                           if (error != 0) return;
                           disk_.remove_file(segment.path, nullptr);
                         });
  }
}

void SegmentJournal::ask_for_checkpoints() {
  if (segments_.size() <= kSegmentsWanted) return;
  std::vector<GroupId> groups;
  for (const auto& [group, index] : segments_.front().last_index) groups.push_back(group);
  for (const GroupId group : groups) listener_.on_checkpoint_wanted(group);
}

uint64_t SegmentJournal::bytes_on_disk() const {
  uint64_t bytes = 0;
  for (const Segment& segment : segments_) bytes += segment.bytes;
  for (const Segment& segment : spare_) bytes += segment.bytes;
  return bytes;
}

}  // namespace petrel::store

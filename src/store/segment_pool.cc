#include "store/segment_pool.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace petrel::store {

namespace {

constexpr size_t kReadyMax = 2;

std::string segment_path(const std::string& directory, uint64_t number) {
  std::array<char, 40> name{};
  std::snprintf(name.data(), name.size(), "/%016llx.journal",
                static_cast<unsigned long long>(number));
  return directory + name.data();
}

}  // namespace

SegmentPool::SegmentPool(Disk& disk, const JournalOptions& options, Owner& owner,
                         uint64_t first_number)
    : disk_(disk),
      options_(options),
      owner_(owner),
      journal_(first_number),
      next_number_(first_number),
      next_file_(first_number),
      segment_bytes_(options.segment_bytes_min),
      segment_bytes_max_(options.segment_bytes_max) {
  make_reserve();
}

SegmentPool::~SegmentPool() {
  for (const PreparedSegment& segment : ready_) disk_.close(segment.file);
  for (const PreparedSegment& segment : retired_) disk_.close(segment.file);
}

SegmentHeader SegmentPool::header_of(const PreparedSegment& segment) const {
  return {journal_, segment.number, segment.bytes, options_.loop, options_.seed};
}

uint64_t SegmentPool::bytes() const {
  uint64_t bytes = 0;
  for (const PreparedSegment& segment : ready_) bytes += segment.bytes;
  for (const PreparedSegment& segment : retired_) bytes += segment.bytes;
  return bytes;
}

PreparedSegment SegmentPool::take() {
  PreparedSegment segment = std::move(ready_.front());
  ready_.pop_front();
  return segment;
}

void SegmentPool::retire(PreparedSegment segment) {
  retired_.push_back(std::move(segment));
  step();
}

void SegmentPool::prepare(uint64_t at_least, uint64_t most) {
  if (wanted_bytes_ != 0) return;
  segment_bytes_max_ = std::max(most, options_.segment_bytes_min);
  segment_bytes_ = std::min(segment_bytes_, segment_bytes_max_);
  needed_bytes_ = round_to_sector(at_least) + kSegmentHeaderBytes;
  const uint64_t smallest = std::max(options_.segment_bytes_min, needed_bytes_);
  if (is_full_ && !has_reserve_ && !has_room_for(smallest)) return;
  wanted_bytes_ = std::max(segment_bytes_, needed_bytes_);
  step();
}

// One thing at a time: retired files first, for they may be what is wanted. The new header of a
// reused one makes what it held invalid.
void SegmentPool::step() {
  if (is_busy_) return;
  if (!retired_.empty()) {
    PreparedSegment segment = std::move(retired_.front());
    retired_.pop_front();
    const uint64_t needed = wanted_bytes_ == 0 ? 0 : needed_bytes_;
    const bool is_fit = segment.bytes >= std::max(is_full_ ? 0 : segment_bytes_, needed);
    if (is_fit && ready_.size() < kReadyMax) return write_header(std::move(segment));
    return remove(std::move(segment));
  }
  if (wanted_bytes_ != 0) create();
}

// --- new files ---

void SegmentPool::create() {
  PreparedSegment segment;
  segment.bytes = wanted_bytes_;
  segment.path = segment_path(options_.directory, next_file_++);
  const Result<FileId> file = disk_.open(segment.path, OpenMode::kCreate);
  if (!file) return on_no_room(EIO);
  segment.file = *file;
  is_busy_ = true;
  disk_.preallocate(*file, segment.bytes, [this, segment](int error) {
    if (error == 0 && !disk_.sync_directory(options_.directory)) error = EIO;
    on_created(segment, error);
  });
}

void SegmentPool::on_created(PreparedSegment segment, int error) {
  is_busy_ = false;
  if (error == 0) {
    // Grows with every segment that is needed, since what is released is used again first.
    segment_bytes_ = std::min(segment_bytes_ * 2, segment_bytes_max_);
    return write_header(std::move(segment));
  }
  disk_.close(segment.file);
  is_busy_ = true;
  disk_.remove_file(segment.path, [this, error](int /*removed*/) {
    is_busy_ = false;
    on_no_room(error);
  });
}

// First a smaller segment, then one in the place of the reserve; then nothing until there is room.
void SegmentPool::on_no_room(int error) {
  if (error != ENOSPC && error != EDQUOT) return owner_.on_pool_failed(error);
  segment_bytes_ = options_.segment_bytes_min;
  const uint64_t smallest = std::max(segment_bytes_, needed_bytes_);
  if (wanted_bytes_ > smallest) {
    wanted_bytes_ = smallest;
    return step();
  }
  is_full_ = true;
  if (!has_reserve_) {
    wanted_bytes_ = 0;
    return step();
  }
  has_reserve_ = false;
  is_busy_ = true;
  disk_.remove_file(reserve_path(), [this](int /*error*/) {
    is_busy_ = false;
    step();
  });
}

void SegmentPool::write_header(PreparedSegment segment) {
  is_busy_ = true;
  segment.number = next_number_++;
  const FileId file = segment.file;
  disk_.write_and_sync(file, 0, encode_segment_header(header_of(segment)),
                       [this, segment = std::move(segment)](int error) {
                         is_busy_ = false;
                         if (error != 0) return owner_.on_pool_failed(error);
                         wanted_bytes_ = 0;
                         ready_.push_back(segment);
                         owner_.on_prepared();
                         step();
                       });
}

// --- retired files ---

void SegmentPool::remove(PreparedSegment segment) {
  is_busy_ = true;
  disk_.close(segment.file);
  disk_.remove_file(segment.path, [this](int error) {
    is_busy_ = false;
    // What is written after it must not vanish before it does.
    if (error != 0 && error != ENOENT) return owner_.on_pool_failed(error);
    step();
  });
}

// --- the reserve ---

std::string SegmentPool::reserve_path() const {
  return options_.directory + "/reserve-" + std::to_string(options_.loop);
}

void SegmentPool::make_reserve() {
  if (options_.reserve_bytes == 0 || has_reserve_ || is_making_reserve_) return;
  const Result<FileId> file = disk_.open(reserve_path(), OpenMode::kWrite);
  if (!file) return;
  const Result<uint64_t> size = disk_.size(*file);
  if (size && *size == options_.reserve_bytes) {
    has_reserve_ = true;
    is_full_ = false;
    disk_.close(*file);
    return;
  }
  is_making_reserve_ = true;
  disk_.preallocate(*file, options_.reserve_bytes, [this, file = *file](int error) {
    is_making_reserve_ = false;
    disk_.close(file);
    if (error == 0) {
      has_reserve_ = true;
      is_full_ = false;
      return;
    }
    is_full_ = true;
    disk_.remove_file(reserve_path(), [](int /*removed*/) {});
  });
}

bool SegmentPool::has_room_for(uint64_t bytes) {
  const Result<uint64_t> free = disk_.free_bytes(options_.directory);
  return free && *free >= bytes;
}

void SegmentPool::tend() {
  if (!is_full_ || is_busy_ || is_making_reserve_) return;
  if (!has_room_for(options_.reserve_bytes + 2 * options_.segment_bytes_min)) return;
  if (options_.reserve_bytes == 0) {
    is_full_ = false;
    return;
  }
  make_reserve();
}

}  // namespace petrel::store

// Segment files of a FileStore: when they are written, synced, closed, and what stays in memory.
#include "store/byte_codec.h"
#include "store/file_store.h"
#include "store/segment_index_codec.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace petrel::store {
namespace {

// What was just read stays until it was looked at.
constexpr size_t kCachedFramesMin = 16;
// So many that cannot go are looked at in one trim.
constexpr size_t kLooksMax = 256;
// Above it an index goes although somebody waits for a message of its segment.
constexpr size_t kLoadedAwaitedMax = 64;
// Complete frames are written together, this part of a segment: one large write costs little more
// than a small one.
constexpr uint64_t kRunPart = 32;
// Runs of this part of a segment take whole pages, so that they need not go through the page cache.
constexpr uint64_t kPagedPart = 128;
constexpr uint64_t kPageBytes = 4096;
// Of the budget of subjects, for indexes, when not all subjects fit: each holds its subjects.
constexpr size_t kIndexPart = 8;
constexpr size_t kSpillsMax = 8;

constexpr uint64_t round_to_page(uint64_t bytes) {
  return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

}  // namespace

std::string FileStore::path_of(uint64_t id) const {
  return options_.directory + "/" + segment_file_name(id);
}

Segment& FileStore::begin_segment(uint64_t first) {
  Segment& segment = index_.begin_segment(next_id_++, first);
  segment.file = std::make_shared<SegmentFile>();
  segment.file->id = segment.id;
  segment.file->key_id = codec_.key_id();
  by_id_[segment.id] = &segment;
  return segment;
}

Status FileStore::make_directory() {
  if (has_directory_) return Status::ok();
  PETREL_TRY_STATUS(disk_.make_directories(options_.directory));
  has_directory_ = true;
  is_directory_new_ = true;
  return Status::ok();
}

Status FileStore::ensure_open(SegmentFile& file) {
  if (file.is_open) return Status::ok();
  PETREL_TRY_STATUS(make_directory());
  PETREL_TRY(file.handle, disk_.open(path_of(file.id), OpenMode::kWrite));
  if (!file.is_there) has_new_files_ = true;
  file.is_there = true;
  file.is_open = true;
  return Status::ok();
}

void FileStore::put(const File& file, uint64_t offset, std::string bytes) {
  if (!ensure_open(*file).is_ok()) return fail(file, EIO);
  if (!file->is_dirty) {
    file->is_dirty = true;
    dirty_.push_back(file);
  }
  ++file->pending;
  disk_.write(file->handle, offset, std::move(bytes),
              [this, life = std::weak_ptr<int>(life_), file](int error) {
                if (life.expired()) return;
                --file->pending;
                if (error != 0) fail(file, error);
                close_if_idle(*file);
              });
}

void FileStore::note_written(Segment& segment, Frame& frame, const FrameHead& head,
                             uint64_t offset) {
  frame.file_offset = offset;
  frame.stored_bytes = head.stored_bytes;
  frame.encoding = head.encoding;
  if (frame.block->capacity() > 2 * frame.bytes) {
    BlockRef tight = BlockRef::allocate(frame.bytes);
    std::memcpy(tight->bytes(), frame.block->bytes(), frame.bytes);
    frame.block = std::move(tight);
  }
  note_cached(segment, frame);
}

bool FileStore::is_paged(uint64_t run) const {
  return run >= options_.segment_bytes / kPagedPart;
}

uint64_t FileStore::begin_run(const SegmentFile& file, uint64_t bytes) const {
  return is_paged(bytes) ? round_to_page(file.bytes) : file.bytes;
}

void FileStore::put_run(const File& file, uint64_t offset, std::string run) {
  if (is_paged(run.size())) run.resize(round_to_page(run.size()));
  file->bytes = offset + run.size();
  put(file, offset, std::move(run));
}

// Those before the last one, when it is worth a write. False: nothing was written.
bool FileStore::write_complete_frames(Segment& segment) {
  const auto& frames = segment.frames.all();
  uint64_t bytes = 0;
  for (size_t at = frames.size() - 1; at > 0 && frames[at - 1].stored_bytes == 0; --at) {
    bytes += frames[at - 1].bytes;
  }
  if (bytes < options_.segment_bytes / kRunPart) return false;
  write_frames(segment, frames.size() - 1);
  return true;
}

// What was not written yet of the frames before `end`.
void FileStore::write_frames(Segment& segment, size_t end) {
  SegmentFile& file = *segment.file;
  auto& frames = segment.frames.all();
  size_t at = end;
  uint64_t bytes = kSegmentHeadBytes;
  for (; at > 0 && frames[at - 1].stored_bytes == 0; --at) {
    bytes += kFrameHeadBytes + frames[at - 1].bytes;
  }
  if (file.error != 0 || at == end) return;
  const uint64_t offset = begin_run(file, bytes);
  std::string run;
  run.reserve(round_to_page(bytes));
  if (file.bytes == 0) run = encode_segment_head(file.id);
  for (; at < end; ++at) {
    FrameHead head;
    head.segment = file.id;
    head.offset = frames[at].offset;
    const uint64_t place = offset + run.size();
    head = codec_.encode(head, {frames[at].data(), frames[at].bytes}, run);
    note_written(segment, frames[at], head, place);
  }
  put_run(segment.file, offset, std::move(run));
}

// The index behind the frames, and where it is at the end.
void FileStore::write_index(Segment& segment) {
  SegmentFile& file = *segment.file;
  if (file.error != 0) return;
  const std::string dictionary = SegmentIndexCodec::encode_dictionary(*segment.index);
  const std::string entries = SegmentIndexCodec::encode_entries(*segment.index, segment.frames);
  const uint64_t offset = begin_run(file, dictionary.size() + entries.size());
  FrameHead head;
  head.segment = file.id;
  head.kind = FrameKind::kDictionary;
  std::string all;
  codec_.encode(head, dictionary, all);
  file.dictionary_offset = offset;
  file.entries_offset = offset + all.size();
  head.kind = FrameKind::kEntries;
  codec_.encode(head, entries, all);
  ByteWriter places;
  places.fixed(file.dictionary_offset);
  places.fixed(file.entries_offset);
  head.kind = FrameKind::kTrailer;
  codec_.encode(head, places.bytes(), all);
  put_run(segment.file, offset, std::move(all));
  mark_changed(segment);
}

void FileStore::seal() {
  Segment& segment = *index_.active();
  const File file = segment.file;
  if (segment.live > 0) {
    segment.index->seal();
    write_frames(segment, segment.frames.all().size());
    write_index(segment);
  }
  const bool is_left = segment.live > 0;
  index_.seal_active();
  if (!is_left) return;
  note_loaded(segment);
  begin_sync(file);
}

void FileStore::begin_sync(const File& file) {
  if (!file->is_dirty || file->error != 0) return;
  if (!ensure_open(*file).is_ok()) return fail(file, EIO);
  file->is_dirty = false;
  std::erase(dirty_, file);
  ++file->pending;
  if (file->syncs++ == 0) syncing_.push_back(file);
  disk_.sync(file->handle, [this, life = std::weak_ptr<int>(life_), file](int error) {
    if (life.expired()) return;
    --file->pending;
    if (--file->syncs == 0) std::erase(syncing_, file);
    if (error != 0) fail(file, error);
    close_if_idle(*file);
    step_checkpoint();
  });
}

void FileStore::fail(const File& file, int error) {
  if (file->error == 0) failed_.push_back(file);
  file->error = error;
  file->needs_copy = true;
  const Segment* segment = segment_of(file->id);
  const bool is_target = copy_ != nullptr && segment == copy_->target.get();
  if (segment != nullptr && !is_target) return;
  // Nothing of it will be needed, unless a checkpoint that is being written names it.
  std::erase(failed_, file);
  if (checkpoint_ != nullptr && file->is_logged) checkpoint_->error = error;
}

// Sealed segments, and all when nothing was written for a while, hold no open file, but for the one
// that is being read.
void FileStore::close_if_idle(SegmentFile& file) {
  if (!file.is_open || file.pending > 0 || file.is_dirty || read_lately_.get() == &file) return;
  disk_.close(file.handle);
  file.is_open = false;
}

void FileStore::keep_open(const File& file) {
  is_read_again_ = true;
  if (read_lately_ == file) return;
  const File before = std::exchange(read_lately_, file);
  if (before != nullptr) close_if_idle(*before);
}

bool FileStore::let_go_of_read_file() {
  if (read_lately_ == nullptr || std::exchange(is_read_again_, false)) {
    return read_lately_ != nullptr;
  }
  const File before = std::exchange(read_lately_, nullptr);
  close_if_idle(*before);
  return false;
}

void FileStore::note_cached(const Segment& segment, const Frame& frame) {
  cached_.emplace_back(segment.id, frame.offset);
  cached_bytes_ += frame.bytes;
}

void FileStore::note_loaded(Segment& segment) {
  segment.file->index_bytes = segment.index->memory_bytes();
  loaded_bytes_ += segment.file->index_bytes;
  loaded_.push_back(segment.id);
}

bool FileStore::evict_frame(uint64_t id, uint32_t offset) {
  Segment* segment = segment_of(id);
  if (segment == nullptr || segment->frames.all().empty()) return true;
  if (segment->file->pending > 0 || segment->file->error != 0) return false;
  Frame& frame = segment->frames.at(offset);
  if (frame.offset != offset || !frame.block || frame.stored_bytes == 0) return true;
  cached_bytes_ -= frame.bytes;
  frame.block = {};
  return true;
}

bool FileStore::evict_index(uint64_t id) {
  Segment* segment = segment_of(id);
  if (segment == nullptr || segment->index == nullptr || !segment->is_sealed) return true;
  const SegmentFile& file = *segment->file;
  if (file.is_awaited && loaded_.size() < kLoadedAwaitedMax) return false;
  if (file.pending > 0 || file.error != 0 || file.dictionary_offset == 0 || is_copied(id)) {
    return false;
  }
  for (const Frame& frame : segment->frames.all()) {
    if (frame.block && frame.stored_bytes != 0) cached_bytes_ -= frame.bytes;
  }
  segment->frames.all().clear();
  segment->index->release_subjects();
  segment->index = nullptr;
  index_.subjects_table().look_again();
  loaded_bytes_ -= file.index_bytes;
  segment->file->index_bytes = 0;
  return true;
}

// Nothing that a lookup holds may go, so this is called before them, never by them.
void FileStore::trim() {
  for (size_t at = 0; at + kCachedFramesMin < cached_.size() && at < kLooksMax &&
                      cached_bytes_ > options_.cache_bytes;) {
    const auto [id, offset] = cached_[at];
    if (evict_frame(id, offset)) {
      cached_.erase(cached_.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      ++at;
    }
  }
  trim_memory();
  if (needs_recount_) recount();
}

void FileStore::trim_memory() {
  SubjectTable& subjects = index_.subjects_table();
  const bool is_tight = subjects.is_over_budget();
  const size_t most =
      is_tight ? std::min(options_.index_bytes, options_.subject_memory->limit() / kIndexPart)
               : options_.index_bytes;
  for (size_t at = 0; at + 1 < loaded_.size() && at < kLooksMax && loaded_bytes_ > most;) {
    if (evict_index(loaded_[at])) {
      loaded_.erase(loaded_.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      ++at;
    }
  }
  if (!(is_tight && has_directory_) && subjects.used() != 0) return;
  // The subjects of a segment whose index was let go of are several times what goes at once.
  for (size_t at = 0; at < kSpillsMax && subjects.spill_if_due(); ++at) continue;
}

}  // namespace petrel::store

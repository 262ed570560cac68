// Messages in and out; files are written in file_store_files.cc.
#include "store/file_store.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace petrel::store {
namespace {

// What nats-server counts for a message in a file, and more when it has a header.
constexpr uint32_t kCountedBytes = 30;
constexpr uint32_t kCountedHeader = 4;
constexpr uint32_t kFrameBytesMin = 1 << 10;
constexpr uint32_t kFrameBytesMax = 64 << 10;
// Read together: at first, and while they are read one after the other.
constexpr uint64_t kReadFirstBytes = 256 << 10;
constexpr uint64_t kReadAheadBytes = 1 << 20;
// So many frames before the end of what was read the next ones are asked for.
constexpr size_t kFramesAhead = 8;
constexpr uint64_t kGapBytesMax = 4096;  // between the frames of two writes
constexpr size_t kIdMemory = 32 << 20;
// Subjects on disk that are merged while as many messages as fit a large write are added.
constexpr size_t kMergedPerWrite = 12'288;

uint32_t frame_bytes(const SegmentFrames& frames) {
  const size_t doublings = std::min<size_t>(frames.all().size(), 6);
  return std::min(kFrameBytesMax, kFrameBytesMin << doublings);
}

char* bytes_at(const Frame& frame, const EntryPlace& place) {
  return frame.data() + (place.offset - frame.offset);
}

}  // namespace

FileStore::FileStore(Disk& disk, const FileStoreOptions& options, Listener& listener)
    : disk_(disk),
      options_(options),
      listener_(listener),
      codec_(options.compression, options.encryption),
      ids_(std::make_unique<IdRuns>(disk, codec_, options.directory,
                                    [this] { return make_directory(); }),
           options.id_memory == nullptr ? std::make_shared<MemoryBudget>(kIdMemory)
                                        : options.id_memory),
      index_({int64_t{kCountedBytes} - kRecordHeadBytes, kCountedHeader}, *this) {
  // Runs are not encrypted.
  if (options.subject_memory == nullptr || !options.encryption.key.empty()) return;
  spill_ = std::make_unique<SubjectSpill>(
      SubjectSpill{disk, options.directory, options.subject_memory, *this});
  index_.subjects_table().spill_to(spill_.get());
}

FileStore::~FileStore() {
  life_ = nullptr;
  for (const auto& [id, segment] : by_id_) {
    if (segment->file->is_open) disk_.close(segment->file->handle);
  }
  if (is_log_open_) disk_.close(log_);
}

uint64_t FileStore::counted_bytes(size_t subject, size_t header, size_t body) const {
  return kCountedBytes + subject + header + body + (header > 0 ? kCountedHeader : 0);
}

Segment* FileStore::segment_of(uint64_t id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

void FileStore::mark_changed(Segment& segment) {
  if (segment.file->is_changed) return;
  segment.file->is_changed = true;
  changed_.push_back(segment.id);
}

void FileStore::append(const NewMessage& message) {
  report_damage();
  const uint64_t bytes =
      record_bytes(message.subject.size(), message.header.size(), message.body.size());
  PETREL_CHECK(bytes <= kRecordBytesMax && message.sequence > state().last_sequence);
  Segment* segment = index_.active();
  if (segment != nullptr && segment->entries > 0 &&
      (segment->entries >= kSegmentEntriesMax || segment->file->error != 0 ||
       segment->record_bytes + bytes > options_.segment_bytes ||
       message.sequence - segment->base >= kSegmentSpanMax)) {
    seal();
    segment = nullptr;
  }
  if (segment == nullptr) segment = &begin_segment(message.sequence);
  for (uint64_t gap = segment->last + 1; segment->entries > 0 && gap < message.sequence; ++gap) {
    segment->file->deleted.push_back(static_cast<uint32_t>(gap - segment->base));
  }
  EntryPlace place;
  place.bytes = static_cast<uint32_t>(bytes);
  place.has_header = !message.header.empty();
  const size_t frames = segment->frames.all().size();
  char* room = segment->frames.extend(place.bytes, frame_bytes(segment->frames));
  place.offset = segment->frames.end() - place.bytes;
  write_record(message, room);
  seal_record(room);
  index_.append(message, place);
  mark_changed(*segment);
  if (segment->frames.all().size() > frames && write_complete_frames(*segment)) {
    trim();
    index_.subjects_table().tend(kMergedPerWrite);
  }
}

std::optional<RemovedMessage> FileStore::remove(uint64_t sequence, bool with_erase) {
  trim();
  const auto found = index_.find(sequence);
  if (!found) return std::nullopt;
  if (with_erase) erase(*found);
  return index_.remove(*found);
}

uint64_t FileStore::purge_below(uint64_t sequence,
                                const std::function<void(const RemovedMessage&)>& visit) {
  trim();
  const uint64_t gone = index_.purge_below(sequence, visit);
  std::erase_if(lost_, [&](const Range& range) { return range.second < sequence; });
  return gone;
}

void FileStore::on_deleted(Segment& segment, uint32_t entry) {
  segment.file->deleted.push_back(segment.index->position(entry));
  mark_changed(segment);
}

void FileStore::on_passed() {
  if (index_.subjects_table().is_spilled()) trim_memory();
}

void FileStore::on_dropped(std::unique_ptr<Segment> segment) {
  const File file = segment->file;
  if (is_copied(file->id)) abandon_copy();
  // A checkpoint that is being written names it.
  if (checkpoint_ != nullptr && file->is_logged) begin_sync(file);
  by_id_.erase(file->id);
  for (const Frame& frame : segment->frames.all()) {
    if (frame.block && frame.stored_bytes != 0) cached_bytes_ -= frame.bytes;
  }
  loaded_bytes_ -= file->index_bytes;
  std::erase(dirty_, file);
  std::erase(failed_, file);
  forget_erases(file->id);
  if (file->is_open) disk_.close(file->handle);
  file->is_open = false;
  if (file->is_logged) {
    removed_.push_back(file->id);
  } else if (file->is_there) {
    remove_file(path_of(file->id));
  }
}

// A checkpoint that erases is not over while files with erased messages are there.
void FileStore::remove_file(const std::string& path) {
  ++removing_;
  disk_.remove_file(path, [this, life = std::weak_ptr<int>(life_)](int) {
    if (life.expired()) return;
    --removing_;
    step_checkpoint();
  });
}

// On disk with the next checkpoint, when it is certain that the message is gone: plain records are
// overwritten, frames that are compressed or encrypted are written anew before.
void FileStore::erase(const MessageIndex::Found& found) {
  Segment& segment = *found.segment;
  if (is_copied(segment.id)) abandon_copy();
  const EntryPlace place = segment.index->place(found.entry);
  Frame& frame = segment.frames.at(place.offset);
  if (frame.stored_bytes != 0 && frame.encoding != 0) {
    moves_.push_back({segment.id, place});
    return;
  }
  if (frame.stored_bytes != 0) {
    wipes_.push_back({segment.id,
                      frame.file_offset + kFrameHeadBytes + (place.offset - frame.offset),
                      place.bytes});
    return;
  }
  if (!frame.block.is_unique()) {
    // Readers hold the block and never see a change.
    BlockRef own = BlockRef::allocate(frame.block->capacity());
    std::memcpy(own->bytes(), frame.block->bytes(), frame.bytes);
    frame.block = std::move(own);
  }
  std::memset(bytes_at(frame, place), 0, place.bytes);
}

// Writes the frame behind the others, without what is to be erased.
void FileStore::move_frame(Segment& segment, Frame& frame) {
  // Readers hold the block and never see a change.
  BlockRef own = BlockRef::allocate(frame.bytes);
  std::memcpy(own->bytes(), frame.data(), frame.bytes);
  frame.block = std::move(own);
  frame.block_offset = 0;
  std::erase_if(checkpoint_->moves, [&](const Move& move) {
    const uint32_t offset = move.place.offset;
    if (move.segment != segment.id || offset < frame.offset ||
        offset >= frame.offset + frame.bytes) {
      return false;
    }
    std::memset(bytes_at(frame, move.place), 0, move.place.bytes);
    return true;
  });
  FrameHead head;
  head.segment = segment.id;
  head.offset = frame.offset;
  std::string encoded;
  head = codec_.encode(head, {frame.data(), frame.bytes}, encoded);
  checkpoint_->record.wipes.push_back(
      {segment.id, frame.file_offset, kFrameHeadBytes + frame.stored_bytes});
  frame.file_offset = segment.file->bytes;
  frame.stored_bytes = head.stored_bytes;
  frame.encoding = head.encoding;
  segment.file->bytes += encoded.size();
  put(segment.file, frame.file_offset, std::move(encoded));
}

// The file is about to be removed as a whole.
void FileStore::forget_erases(uint64_t segment) {
  const auto is_of = [segment](const auto& of) { return of.segment == segment; };
  std::erase_if(wipes_, is_of);
  std::erase_if(moves_, is_of);
  if (checkpoint_ == nullptr) return;
  const size_t gone =
      std::erase_if(checkpoint_->moves, is_of) + std::erase_if(checkpoint_->record.wipes, is_of);
  // The file goes with the next checkpoint only, so this one cannot say that they are erased.
  if (gone > 0) checkpoint_->error = EAGAIN;
}

ReadStatus FileStore::read(uint64_t sequence, StoredMessage& message) {
  report_damage();
  trim();
  if (is_lost(sequence)) return ReadStatus::kCorrupt;
  const auto found = index_.find(sequence);
  if (!found) return is_lost(sequence) ? ReadStatus::kCorrupt : ReadStatus::kMissing;
  Segment& segment = *found->segment;
  const EntryPlace place = segment.index->place(found->entry);
  const size_t at = segment.frames.find(place.offset);
  Frame& frame = segment.frames.all()[at];
  if (!frame.block) {
    segment.file->is_awaited = true;
    keep_open(segment.file);
    begin_read(segment, at);
    return segment.file->error != 0 && segment.file->reading.empty() ? ReadStatus::kCorrupt
                                                                     : ReadStatus::kPending;
  }
  segment.file->is_awaited = false;
  if (segment.file->read_at != frame.offset) {
    segment.file->read_at = frame.offset;
    read_ahead(segment, at);
  }
  if (place.offset - frame.offset < frame.checked_bytes) {
    view_record({bytes_at(frame, place), place.bytes}, message);
  } else if (!check_record(frame, place, sequence, message)) {
    quarantine_record(segment, frame, place, sequence);
    report_damage();
    return ReadStatus::kCorrupt;
  }
  hold_block(frame.block, message);
  return ReadStatus::kFound;
}

bool FileStore::is_reading(const SegmentFile& file, const Frame& frame) {
  return std::find(file.reading.begin(), file.reading.end(), frame.offset) != file.reading.end();
}

// Who reads one frame after the other finds the next ones there.
void FileStore::read_ahead(Segment& segment, size_t frame) {
  const auto& frames = segment.frames.all();
  if (frame > 0 && !frames[frame - 1].block) return;
  const size_t end = std::min(frames.size(), frame + 1 + kFramesAhead);
  for (size_t at = frame + 1; at < end; ++at) {
    if (frames[at].block) continue;
    if (is_reading(*segment.file, frames[at])) return;
    keep_open(segment.file);
    return begin_read(segment, at);
  }
}

size_t FileStore::next_matches(const Filters& filters, uint64_t from, std::span<uint64_t> out) {
  trim();
  return index_.next_to_read(filters, from, out);
}

// The frame, and those behind it when they are being read one after the other: with one read.
void FileStore::begin_read(Segment& segment, size_t frame) {
  SegmentFile& file = *segment.file;
  const auto& frames = segment.frames.all();
  if (is_reading(file, frames[frame])) return;
  if (!ensure_open(file).is_ok())
    return quarantine({segment.base, segment.last}, "cannot be opened");
  const auto end_of = [](const Frame& of) {
    return of.file_offset + kFrameHeadBytes + of.stored_bytes;
  };
  const uint64_t first = frames[frame].file_offset;
  uint64_t behind = end_of(frames[frame]);
  const bool is_next =
      frame > 0 && (frames[frame - 1].block || is_reading(file, frames[frame - 1]));
  const uint64_t bytes_max = frame == 0 ? kReadFirstBytes : is_next ? kReadAheadBytes : 0;
  size_t at = frame + 1;
  for (; at < frames.size() && !frames[at].block && !is_reading(file, frames[at]); ++at) {
    const uint64_t place = frames[at].file_offset;
    if (place < behind || place - behind > kGapBytesMax || end_of(frames[at]) - first > bytes_max) {
      break;
    }
    behind = end_of(frames[at]);
  }
  const FrameRun run{frames[frame].offset, frames[at - 1].offset + frames[at - 1].bytes, first};
  for (; at > frame; --at) file.reading.push_back(frames[at - 1].offset);
  ++file.pending;
  // What comes a second time is worth a place in the page cache.
  const bool is_once = !file.is_dirty && file.read_bytes < file.bytes;
  file.read_bytes += behind - first;
  disk_.read(file.handle, {first, behind - first, is_once},
             [this, life = std::weak_ptr<int>(life_), shared = segment.file, run](
                 int error, const BlockRef& block, Slice bytes) {
               if (!life.expired()) on_read(shared, run, error == 0 ? block : BlockRef(), bytes);
             });
}

// Plain records stay where they were read to. `block` null: they could not be read.
bool FileStore::decode_frame(const SegmentFile& file, Frame& frame, const BlockRef& block,
                             Slice bytes) {
  FrameHead head;
  const bool has_head = block && parse_frame_head(bytes, head) && head.segment == file.id &&
                        head.offset == frame.offset && head.raw_bytes == frame.bytes &&
                        head.kind == FrameKind::kRecords;
  frame.checked_bytes = 0;
  frame.block_offset = 0;
  const bool is_plain = has_head ? head.encoding == 0 && head.stored_crc == 0 : frame.encoding == 0;
  if (block && is_plain && bytes.size() >= kFrameHeadBytes + frame.bytes) {
    frame.block = block;
    frame.block_offset = static_cast<uint32_t>(bytes.data() + kFrameHeadBytes - block->bytes());
    return true;
  }
  frame.block = BlockRef::allocate(frame.bytes);
  if (has_head && codec_.decode(head, bytes.substr(kFrameHeadBytes), frame.data())) return true;
  std::memset(frame.data(), 0, frame.bytes);
  if (!is_plain || bytes.size() <= kFrameHeadBytes) return false;
  bytes = bytes.substr(kFrameHeadBytes, frame.bytes);
  std::memcpy(frame.data(), bytes.data(), bytes.size());
  return true;
}

void FileStore::on_read(const File& file, const FrameRun& run, const BlockRef& block, Slice bytes) {
  --file->pending;
  std::erase_if(file->reading,
                [&](uint32_t offset) { return offset >= run.offset && offset < run.end; });
  Segment* segment = segment_of(file->id);
  if (segment == nullptr) return step_checkpoint();
  index_.loaded(*segment);
  auto& frames = segment->frames.all();
  for (size_t at = segment->frames.find(run.offset);
       at < frames.size() && frames[at].offset < run.end; ++at) {
    Frame& frame = frames[at];
    if (frame.block) continue;
    const uint64_t place = std::min<uint64_t>(frame.file_offset - run.file_offset, bytes.size());
    const Slice stored = bytes.substr(place, kFrameHeadBytes + frame.stored_bytes);
    const bool is_decoded = decode_frame(*file, frame, block, stored);
    if (!is_decoded) check_frame(*segment, frame);
    note_cached(*segment, frame);
  }
  close_if_idle(*file);
  step_checkpoint();
  report_damage();
  listener_.on_readable();
}

// False: it is not the one that the index says. Fills all of `message` but its block.
bool FileStore::check_record(Frame& frame, const EntryPlace& place, uint64_t sequence,
                             StoredMessage& message) {
  RecordView record;
  if (!parse_record({bytes_at(frame, place), place.bytes}, record) || record.bytes != place.bytes ||
      record.message.sequence != sequence) {
    return false;
  }
  if (place.offset - frame.offset == frame.checked_bytes) frame.checked_bytes += place.bytes;
  record.message.block = std::move(message.block);
  message = std::move(record.message);
  return true;
}

void FileStore::quarantine_record(const Segment& segment, const Frame& frame,
                                  const EntryPlace& place, uint64_t sequence) {
  quarantine({sequence, sequence},
             "damaged record in " + segment_file_name(segment.id) + " at " +
                 std::to_string(frame.file_offset + kFrameHeadBytes + place.offset - frame.offset));
}

// Every live record of the frame is the one that the index says, or it is set aside.
void FileStore::check_frame(const Segment& segment, Frame& frame) {
  const SegmentIndex& index = *segment.index;
  StoredMessage message;
  for (uint32_t entry = index.entry_at_offset(frame.offset); entry < index.entries(); ++entry) {
    const EntryPlace place = index.place(entry);
    if (place.offset >= frame.offset + frame.bytes) break;
    const uint64_t sequence = segment.base + index.position(entry);
    if (segment.is_deleted(index.position(entry)) || is_lost(sequence) ||
        place.offset - frame.offset < frame.checked_bytes) {
      continue;
    }
    if (!check_record(frame, place, sequence, message)) {
      quarantine_record(segment, frame, place, sequence);
    }
  }
  frame.checked_bytes = UINT32_MAX;
}

void FileStore::quarantine(Range range, const std::string& what) {
  if (!damages_.empty() && damages_.back().range.second + 1 == range.first) {
    damages_.back().range.second = range.second;
  } else {
    damages_.push_back({range, what});
  }
  lost_.push_back(range);
  std::sort(lost_.begin(), lost_.end());
  std::vector<Range> merged;
  for (const Range& next : lost_) {
    if (!merged.empty() && next.first <= merged.back().second + 1) {
      merged.back().second = std::max(merged.back().second, next.second);
    } else {
      merged.push_back(next);
    }
  }
  lost_ = std::move(merged);
}

bool FileStore::is_lost(uint64_t sequence) const {
  if (lost_.empty()) return false;
  const auto behind =
      std::upper_bound(lost_.begin(), lost_.end(), sequence,
                       [](uint64_t wanted, const Range& range) { return wanted < range.first; });
  return behind != lost_.begin() && sequence <= (behind - 1)->second;
}

void FileStore::report_damage() {
  if (damages_.empty()) return;
  const std::vector<Damage> damages = std::move(damages_);
  damages_ = {};
  for (const Damage& damage : damages) {
    listener_.on_damaged(damage.range.first, damage.range.second, damage.what);
  }
}

uint64_t FileStore::bytes_on_disk() const {
  uint64_t bytes = log_bytes_ + ids_.runs()->bytes_on_disk();
  for (const auto& [id, segment] : by_id_) bytes += segment->file->bytes;
  return bytes;
}

void FileStore::destroy(std::function<void(int error)> done) {
  life_ = std::make_shared<int>(0);
  checkpoint_ = nullptr;
  copy_ = nullptr;
  ids_.runs()->stop();
  for (const auto& [id, segment] : by_id_) {
    if (segment->file->is_open) disk_.close(segment->file->handle);
    segment->file->is_open = false;
  }
  if (is_log_open_) disk_.close(log_);
  is_log_open_ = false;
  index_.subjects_table().forget_messages();
  disk_.remove_tree(options_.directory, std::move(done));
}

Result<RecoveredStore> open_file_store(Disk& disk, const FileStoreOptions& options,
                                       MessageStore::Listener& listener) {
  auto store = std::make_unique<FileStore>(disk, options, listener);
  RecoveredStore found;
  PETREL_TRY_STATUS(store->recover(found));
  found.store = std::move(store);
  return found;
}

}  // namespace petrel::store

// Work of a FileStore that nobody waits for: copying segments together, looking for damage.
#include "store/file_store.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <cstring>

namespace petrel::store {
namespace {

constexpr uint64_t kStepBytes = 256 << 10;
constexpr size_t kSegmentsPerStep = 64;  // looked at
// So many small neighbours become one; a segment is small below this part of a full one.
constexpr size_t kSmallOnesMin = 4;
constexpr uint64_t kSmallPart = 4;
constexpr uint32_t kFrameBytes = 64 << 10;
constexpr size_t kMergedPerStep = 16'384;  // subjects on disk

}  // namespace

bool FileStore::maintain() {
  index_.subjects_table().look_again();
  trim();
  report_damage();
  const bool is_read = let_go_of_read_file();
  const bool is_merging = index_.subjects_table().tend(kMergedPerStep);
  if (copy_ != nullptr) return step_copy();
  if (choose_copy()) return true;
  scrub();
  return is_read || is_merging;
}

bool FileStore::is_erased_from(uint64_t segment) const {
  const auto is_of = [segment](const auto& of) { return of.segment == segment; };
  if (std::any_of(wipes_.begin(), wipes_.end(), is_of)) return true;
  if (std::any_of(moves_.begin(), moves_.end(), is_of)) return true;
  return checkpoint_ != nullptr &&
         (std::any_of(checkpoint_->moves.begin(), checkpoint_->moves.end(), is_of) ||
          std::any_of(checkpoint_->record.wipes.begin(), checkpoint_->record.wipes.end(), is_of));
}

bool FileStore::may_be_copied(const Segment& segment) const {
  const bool has_damage = std::any_of(lost_.begin(), lost_.end(), [&](const Range& range) {
    return range.first <= segment.last && segment.base <= range.second;
  });
  return segment.is_sealed && segment.live > 0 && !has_damage && segment.file->error == 0 &&
         segment.file->pending == 0 && !is_erased_from(segment.id);
}

// What has to go to another file first, then what is mostly deleted, then small neighbours.
bool FileStore::choose_copy() {
  if (!failed_.empty()) {
    const uint64_t id = failed_.front()->id;
    if (Segment* active = index_.active(); active != nullptr && active->id == id) {
      index_.seal_active();
    }
    Segment* failed = segment_of(id);
    if (failed == nullptr) return false;
    begin_copy({id});
    return true;
  }
  auto& segments = index_.segments();
  for (size_t looked = 0; looked < std::min(kSegmentsPerStep, segments.size()); ++looked) {
    if (next_looked_at_ >= segments.size()) next_looked_at_ = 0;
    const size_t at = next_looked_at_++;
    const Segment& segment = *segments[at];
    if (!may_be_copied(segment)) continue;
    if (segment.file->needs_copy || segment.deleted_bytes * 2 > segment.record_bytes) {
      begin_copy({segment.id});
      return true;
    }
    const std::vector<uint64_t> run = small_run(at);
    if (run.size() < kSmallOnesMin) continue;
    begin_copy(run);
    return true;
  }
  return false;
}

// Small segments beginning at `at` that fit into one.
std::vector<uint64_t> FileStore::small_run(size_t at) {
  auto& segments = index_.segments();
  std::vector<uint64_t> run;
  uint64_t bytes = 0;
  uint64_t entries = 0;
  const uint64_t base = segments[at]->base;
  for (; at < segments.size(); ++at) {
    const Segment& segment = *segments[at];
    bytes += segment.record_bytes - segment.deleted_bytes;
    entries += segment.live;
    const bool fits = segment.record_bytes <= options_.segment_bytes / kSmallPart &&
                      bytes <= options_.segment_bytes && entries <= kSegmentEntriesMax &&
                      segment.last - base < kSegmentSpanMax;
    if (!fits || !may_be_copied(segment)) break;
    run.push_back(segment.id);
  }
  return run;
}

void FileStore::begin_copy(std::vector<uint64_t> sources) {
  copy_ = std::make_unique<Copy>();
  copy_->sources = std::move(sources);
  copy_->target = index_.begin_copy(next_id_++);
  copy_->target->file = std::make_shared<SegmentFile>();
  copy_->target->file->id = copy_->target->id;
  copy_->target->file->key_id = codec_.key_id();
  by_id_[copy_->target->id] = copy_->target.get();
}

bool FileStore::is_copied(uint64_t id) const {
  return copy_ != nullptr &&
         std::find(copy_->sources.begin(), copy_->sources.end(), id) != copy_->sources.end();
}

// True: there is more to do, or the disk has to answer first.
bool FileStore::step_copy() {
  Segment& target = *copy_->target;
  if (target.file->error != 0) {
    abandon_copy();
    return false;
  }
  for (uint64_t bytes = 0; bytes < kStepBytes;) {
    if (copy_->source == copy_->sources.size()) {
      finish_copy();
      return true;
    }
    Segment& source = *segment_of(copy_->sources[copy_->source]);
    SegmentIndex& index = index_.loaded(source);
    const uint32_t position = source.next_live(copy_->position);
    if (position == kNoEntry) {
      ++copy_->source;
      copy_->position = 0;
      continue;
    }
    const uint32_t entry = index.lower_bound(position);
    EntryPlace place = index.place(entry);
    const size_t at = source.frames.find(place.offset);
    Frame& frame = source.frames.all()[at];
    if (!frame.block) {
      begin_read(source, at);
      return true;
    }
    check_frame(source, frame);
    copy_record(target, {frame.data() + (place.offset - frame.offset), place.bytes});
    place.offset = target.frames.end() - place.bytes;
    index_.copy_entry(target, {&source, entry}, place);
    copy_->position = position + 1;
    bytes += place.bytes;
  }
  return true;
}

void FileStore::copy_record(Segment& target, Slice record) {
  auto& frames = target.frames.all();
  const size_t before = frames.size();
  char* room = target.frames.extend(static_cast<uint32_t>(record.size()), kFrameBytes);
  std::memcpy(room, record.data(), record.size());
  if (frames.size() > before) write_complete_frames(target);
}

void FileStore::finish_copy() {
  Segment& target = *copy_->target;
  SegmentIndex& index = *target.index;
  // Deleted while it was copied.
  for (uint32_t entry = 0; entry < index.entries(); ++entry) {
    const uint32_t position = index.position(entry);
    if (index_.contains(target.base + position)) continue;
    const EntryPlace place = index.place(entry);
    target.set_deleted(position);
    --target.live;
    target.live_bytes -= index_.counted(place);
    target.deleted_bytes += place.bytes;
    --index.subjects()[index.local(entry)].live;
  }
  write_frames(target, target.frames.all().size());
  write_index(target);
  if (target.file->error != 0) return abandon_copy();
  const std::unique_ptr<Copy> done = std::move(copy_);
  const size_t at = index_.place_of(*segment_of(done->sources.front()));
  index_.replace(at, done->sources.size(), std::move(done->target));
  note_loaded(target);
}

void FileStore::abandon_copy() {
  const std::unique_ptr<Copy> gone = std::move(copy_);
  gone->target->file->is_logged = false;
  gone->target->index->release_subjects();
  on_dropped(std::move(gone->target));
}

// Reads and checks one frame that nobody has asked for; what is damaged is found before it is
// needed.
void FileStore::scrub() {
  if (cached_.size() > 0 && cached_bytes_ > options_.cache_bytes) return;
  const uint64_t sequence = index_.next_match({}, scrubbed_);
  if (sequence == 0) {
    scrubbed_ = 0;
    return;
  }
  const auto found = index_.find(sequence);
  if (!found) {
    scrubbed_ = sequence + 1;
    return;
  }
  Segment& segment = *found->segment;
  const SegmentIndex& index = *segment.index;
  const size_t at = segment.frames.find(index.place(found->entry).offset);
  Frame& frame = segment.frames.all()[at];
  if (!frame.block) return begin_read(segment, at);
  check_frame(segment, frame);
  const uint32_t behind = index.entry_at_offset(frame.offset + frame.bytes);
  scrubbed_ = behind < index.entries() ? segment.base + index.position(behind) : segment.last + 1;
}

}  // namespace petrel::store

// Checkpoints of a FileStore: sync what was written, then write down what is valid.
#include "store/file_store.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <cerrno>

namespace petrel::store {
namespace {

constexpr uint64_t kLogBytesMin = 64 << 10;
// A full record is written when those that came after it are this many times as long.
constexpr uint64_t kLogFactor = 4;

}  // namespace

SegmentRecord FileStore::describe(Segment& segment, bool with_all_deletions) {
  SegmentFile& file = *segment.file;
  SegmentRecord record;
  record.id = segment.id;
  record.base = segment.base;
  record.last = segment.last;
  record.entries = segment.entries;
  record.live = segment.live;
  record.live_bytes = segment.live_bytes;
  record.record_bytes = segment.record_bytes;
  record.deleted_bytes = segment.deleted_bytes;
  record.first_time = segment.first_time;
  record.last_time = segment.last_time;
  record.file_bytes = file.bytes;
  record.dictionary_offset = file.dictionary_offset;
  record.entries_offset = file.entries_offset;
  record.key_id = file.key_id;
  std::vector<uint32_t> deleted = std::move(file.deleted);
  file.deleted = {};
  if (with_all_deletions || !file.is_logged) {
    deleted.clear();
    for (uint32_t position = 0; position < segment.span(); ++position) {
      if (segment.is_deleted(position)) deleted.push_back(position);
    }
  }
  record.deleted = runs_of(std::move(deleted));
  file.is_changed = false;
  file.is_logged = true;
  return record;
}

CheckpointRecord FileStore::describe(bool is_full) {
  CheckpointRecord record;
  record.is_full = is_full;
  record.first_sequence = state().first_sequence;
  record.last_sequence = state().last_sequence;
  record.last_time = state().last_time;
  record.next_segment = next_id_;
  record.lost = lost_;
  if (is_full) {
    for (const auto& segment : index_.segments()) {
      if (segment->entries > 0) record.segments.push_back(describe(*segment, true));
    }
  } else {
    record.removed = removed_;
    record.removed.insert(record.removed.end(), orphans_.begin(), orphans_.end());
    for (const uint64_t id : changed_) {
      Segment* segment = segment_of(id);
      if (segment != nullptr && segment->entries > 0 && segment->file->is_changed) {
        record.segments.push_back(describe(*segment, false));
      }
    }
  }
  changed_.clear();
  return record;
}

void FileStore::checkpoint(uint64_t applied_index, std::string extra) {
  PETREL_CHECK(checkpoint_ == nullptr);
  checkpoint_ = std::make_unique<Checkpoint>();
  checkpoint_->applied_index = applied_index;
  Segment* active = index_.active();
  const bool is_active_moved =
      active != nullptr && std::any_of(moves_.begin(), moves_.end(), [&](const Move& move) {
        return move.segment == active->id;
      });
  if (is_active_moved) {
    seal();
  } else if (active != nullptr) {
    write_frames(*active, active->frames.all().size());
  }
  checkpoint_->record =
      describe(needs_full_ || log_bytes_ > kLogBytesMin + full_bytes_ * kLogFactor);
  checkpoint_->record.applied_index = applied_index;
  checkpoint_->record.extra = std::move(extra);
  checkpoint_->record.ids = ids_.describe(checkpoint_->record.is_full);
  checkpoint_->removed_ids = ids_.runs()->take_removed();
  checkpoint_->record.wipes = std::move(wipes_);
  wipes_ = {};
  checkpoint_->moves = std::move(moves_);
  moves_ = {};
  checkpoint_->removed = std::move(removed_);
  removed_ = {};
  checkpoint_->removed.insert(checkpoint_->removed.end(), orphans_.begin(), orphans_.end());
  orphans_.clear();
  checkpoint_->has_new_files = ids_.runs()->take_new_names() || has_new_files_;
  has_new_files_ = false;
  // Until it is written, what the file says is unknown.
  needs_full_ = true;
  step_checkpoint();
}

// Frames with erased messages come to stand somewhere else, with an index that says so. False:
// waiting for the disk.
bool FileStore::move_frames() {
  std::vector<Segment*> moved;
  bool is_waiting = false;
  const std::vector<Move> moves = checkpoint_->moves;
  for (const Move& move : moves) {
    Segment* segment = segment_of(move.segment);
    index_.loaded(*segment);
    const size_t at = segment->frames.find(move.place.offset);
    Frame& frame = segment->frames.all()[at];
    if (!frame.block) {
      begin_read(*segment, at);
      is_waiting = true;
    } else if (std::any_of(
                   checkpoint_->moves.begin(), checkpoint_->moves.end(), [&](const Move& left) {
                     return left.segment == move.segment && left.place.offset == move.place.offset;
                   })) {
      check_frame(*segment, frame);
      move_frame(*segment, frame);
      if (std::find(moved.begin(), moved.end(), segment) == moved.end()) moved.push_back(segment);
    }
  }
  for (Segment* segment : moved) {
    write_index(*segment);
    const SegmentFile& file = *segment->file;
    for (SegmentRecord& record : checkpoint_->record.segments) {
      if (record.id != segment->id) continue;
      record.file_bytes = file.bytes;
      record.dictionary_offset = file.dictionary_offset;
      record.entries_offset = file.entries_offset;
    }
  }
  return !is_waiting;
}

// False: waiting.
bool FileStore::sync_files() {
  const auto& files = checkpoint_->files;
  return std::none_of(files.begin(), files.end(), [](const File& file) { return file->syncs > 0; });
}

void FileStore::step_checkpoint() {
  using Phase = Checkpoint::Phase;
  if (checkpoint_ == nullptr || checkpoint_->phase == Phase::kWriting) return;
  if (!failed_.empty()) return finish_checkpoint(failed_.front()->error);
  if (checkpoint_->phase == Phase::kMoving) {
    if (!move_frames()) return;
    checkpoint_->phase = Phase::kSyncing;
    const std::vector<File> dirty = dirty_;
    for (const File& file : dirty) begin_sync(file);
    checkpoint_->files = syncing_;
    if (!failed_.empty()) return finish_checkpoint(failed_.front()->error);
  }
  if (!sync_files()) return;
  if (checkpoint_->phase == Phase::kWiping) {
    if (removing_ == 0) finish_checkpoint(checkpoint_->error);
    return;
  }
  if (checkpoint_->error != 0) return finish_checkpoint(checkpoint_->error);
  checkpoint_->phase = Phase::kWriting;
  write_checkpoint();
}

void FileStore::write_checkpoint() {
  const auto done = [this, life = std::weak_ptr<int>(life_)](int error) {
    if (life.expired()) return;
    if (error != 0) return finish_checkpoint(error);
    wipe();
  };
  std::string bytes = encode_checkpoint(checkpoint_->record, codec_);
  checkpoint_->record_bytes = bytes.size();
  if (!checkpoint_->record.is_full) return append_checkpoint(std::move(bytes), done);
  if (!make_directory().is_ok()) return finish_checkpoint(EIO);
  if (is_directory_new_) {
    const std::string parent = options_.directory.substr(0, options_.directory.rfind('/'));
    if (!disk_.sync_directory(parent).is_ok()) return finish_checkpoint(EIO);
    is_directory_new_ = false;
  }
  disk_.replace_file(options_.directory + "/checkpoint", encode_checkpoint_head() + bytes,
                     [this, done, life = std::weak_ptr<int>(life_)](int error) {
                       if (error != 0 || life.expired() || has_mark_) return done(error);
                       has_mark_ = true;
                       disk_.replace_file(options_.directory + "/checkpoint.mark", {}, done);
                     });
}

void FileStore::append_checkpoint(std::string bytes, Disk::Done done) {
  auto opened = disk_.open(options_.directory + "/checkpoint", OpenMode::kWrite);
  if (!opened) return finish_checkpoint(EIO);
  log_ = *opened;
  is_log_open_ = true;
  if (!checkpoint_->has_new_files) {
    disk_.write_and_sync(log_, log_bytes_, std::move(bytes), std::move(done));
    return;
  }
  // Replacing any file makes the names of the new segments durable as well.
  disk_.replace_file(options_.directory + "/checkpoint.mark", {},
                     [this, done = std::move(done), bytes = std::move(bytes),
                      life = std::weak_ptr<int>(life_)](int error) {
                       if (life.expired() || error != 0) return done(error);
                       disk_.write_and_sync(log_, log_bytes_, bytes, done);
                     });
}

// The record says which bytes nobody needs any more.
void FileStore::wipe() {
  checkpoint_->phase = Checkpoint::Phase::kWiping;
  checkpoint_->files.clear();
  for (const uint64_t id : checkpoint_->removed) remove_file(path_of(id));
  for (const uint64_t id : checkpoint_->removed_ids) remove_file(ids_.runs()->path_of(id));
  const std::vector<Wipe> wipes = checkpoint_->record.wipes;
  for (const Wipe& wipe : wipes) {
    const Segment* segment = segment_of(wipe.segment);
    if (segment == nullptr) continue;
    put(segment->file, wipe.offset, std::string(wipe.bytes, '\0'));
    checkpoint_->files.push_back(segment->file);
  }
  const std::vector<File> files = checkpoint_->files;
  for (const File& file : files) begin_sync(file);
  step_checkpoint();
}

void FileStore::finish_checkpoint(int error) {
  const std::unique_ptr<Checkpoint> done = std::move(checkpoint_);
  if (is_log_open_) disk_.close(log_);
  is_log_open_ = false;
  const bool is_written = done->phase == Checkpoint::Phase::kWiping;
  if (is_written) {
    needs_full_ = false;
    const bool is_full = done->record.is_full;
    log_bytes_ = (is_full ? encode_checkpoint_head().size() : log_bytes_) + done->record_bytes;
    if (is_full) full_bytes_ = done->record_bytes;
  } else {
    has_new_files_ = has_new_files_ || done->has_new_files;
    removed_.insert(removed_.end(), done->removed.begin(), done->removed.end());
    ids_.runs()->give_back(done->removed_ids);
    moves_.insert(moves_.end(), done->moves.begin(), done->moves.end());
  }
  if (error != 0) {
    wipes_.insert(wipes_.end(), done->record.wipes.begin(), done->record.wipes.end());
  }
  listener_.on_checkpoint(done->applied_index, error);
}

}  // namespace petrel::store

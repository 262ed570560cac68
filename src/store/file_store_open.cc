// How a FileStore takes up what is on disk: the checkpoint and the indexes of sealed segments, and
// the segments themselves where one of those is damaged.
#include "store/file_store.h"
#include "store/segment_index_codec.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace petrel::store {
namespace {

// The frame of this kind at the beginning of `bytes`, decoded; false: damaged.
bool decode_part(Slice bytes, FrameKind kind, uint64_t id, const FrameCodec& codec,
                 std::string& raw) {
  FrameHead head;
  if (!parse_frame_head(bytes, head) || head.kind != kind || head.segment != id ||
      head.raw_bytes / 64 > head.stored_bytes) {
    return false;
  }
  raw.resize(head.raw_bytes);
  return codec.decode(head, bytes.substr(kFrameHeadBytes), raw.data());
}

void set_bit(std::vector<uint64_t>& bits, uint32_t position) {
  if (bits.size() <= position / 64) bits.resize(position / 64 + 1);
  bits[position / 64] |= uint64_t{1} << (position % 64);
}

bool has_bit(const std::vector<uint64_t>& bits, uint32_t position) {
  return position / 64 < bits.size() && (bits[position / 64] >> (position % 64) & 1) != 0;
}

}  // namespace

Status FileStore::recover(RecoveredStore& found) {
  auto listed = disk_.list(options_.directory);
  if (!listed) {
    return listed.error().code == Errc::kNotFound ? Status::ok() : Status(listed.error());
  }
  has_directory_ = true;
  bool has_checkpoint = false;
  FileSizes sizes;
  for (const FileEntry& entry : *listed) {
    has_checkpoint |= entry.name == "checkpoint";
    has_mark_ |= entry.name == "checkpoint.mark";
    if (const uint64_t run = parse_id_run_name(entry.name)) ids_.runs()->on_file(run);
    forget_run(entry.name);
    const uint64_t id = parse_segment_file_name(entry.name);
    if (id == 0 || entry.is_directory) continue;
    sizes[id] = entry.bytes;
    next_id_ = std::max(next_id_, id + 1);
  }
  // Segments that no checkpoint has ever named: the journal brings their messages again.
  if (!has_checkpoint && !has_mark_) {
    for (const auto& [id, bytes] : sizes) orphans_.push_back(id);
    return Status::ok();
  }
  Result<CheckpointFile> file = Error{Errc::kNotFound, "the checkpoint file is missing"};
  if (has_checkpoint) {
    PETREL_TRY(const std::string bytes, disk_.load(options_.directory + "/checkpoint"));
    file = parse_checkpoint_file(bytes, codec_);
  }
  if (file) {
    // Not damage: nothing may be set aside for want of a key.
    for (const SegmentRecord& segment : file->newest.segments) {
      if (codec_.has_key(segment.key_id)) continue;
      return Error{Errc::kUnsupported, "encrypted with a key that is not configured"};
    }
    for (const IdRunRecord& run : file->newest.ids.runs) {
      if (codec_.has_key(run.key_id)) continue;
      return Error{Errc::kUnsupported,
                   "message ids are encrypted with a key that is not configured"};
    }
    PETREL_TRY_STATUS(ids_.restore(file->newest.ids));
    if (spill_ != nullptr) spill_->may_drain = true;
    recover_from(*file, sizes);
    if (spill_ != nullptr) spill_->may_drain = false;
    found.applied_index = file->newest.applied_index;
    found.extra = std::move(file->newest.extra);
    return Status::ok();
  }
  if (file.error().code == Errc::kUnsupported) return file.error();
  found.is_rebuilt = true;
  PETREL_TRY_STATUS(rebuild_all(sizes));
  damages_.push_back({{state().first_sequence, state().last_sequence},
                      file.error().detail + ": rebuilt from the segments, deletions are lost"});
  return Status::ok();
}

// Runs of subjects are of use to the process that wrote them.
void FileStore::forget_run(const std::string& name) {
  const uint64_t run = parse_run_file_name(name);
  if (run == 0) return;
  if (spill_ != nullptr) spill_->next_run = std::max(spill_->next_run, run + 1);
  disk_.remove_file(options_.directory + "/" + name, [](int) {});
}

Segment& FileStore::adopt(const SegmentRecord& record) {
  auto segment = std::make_unique<Segment>();
  segment->id = record.id;
  segment->serial = index_.next_serial();
  segment->is_sealed = true;
  segment->base = record.base;
  segment->last = record.last;
  segment->entries = record.entries;
  segment->live = record.live;
  segment->live_bytes = record.live_bytes;
  segment->record_bytes = record.record_bytes;
  segment->deleted_bytes = record.deleted_bytes;
  segment->first_time = record.first_time;
  segment->last_time = record.last_time;
  for (const auto& [first, count] : record.deleted) {
    for (uint32_t position = first; position < first + count; ++position) {
      if (position < segment->span()) segment->set_deleted(position);
    }
  }
  segment->file = std::make_shared<SegmentFile>();
  SegmentFile& file = *segment->file;
  file.id = record.id;
  file.is_there = true;
  file.bytes = record.file_bytes;
  file.dictionary_offset = record.dictionary_offset;
  file.entries_offset = record.entries_offset;
  file.key_id = record.key_id;
  file.is_logged = true;
  file.needs_copy = record.key_id != codec_.key_id();
  by_id_[record.id] = segment.get();
  next_id_ = std::max(next_id_, record.id + 1);
  index_.segments().push_back(std::move(segment));
  return *index_.segments().back();
}

void FileStore::recover_from(const CheckpointFile& file, const FileSizes& sizes) {
  const CheckpointRecord& newest = file.newest;
  next_id_ = std::max(next_id_, newest.next_segment);
  lost_ = newest.lost;
  wipes_ = newest.wipes;
  // What was read may be gone after a power failure: a sync that failed before this start, a name
  // whose directory was not synced, a record under the key before. So it is written anew as a
  // whole.
  needs_full_ = true;
  log_bytes_ = file.bytes;
  full_bytes_ = file.full_bytes;
  for (const SegmentRecord& record : newest.segments) adopt(record);
  StoreState& state = index_.mutable_state();
  state.first_sequence = newest.first_sequence;
  state.last_sequence = newest.last_sequence;
  state.last_time = newest.last_time;
  // They came after the checkpoint; their messages come again. Kept until it is certain.
  for (const auto& [id, bytes] : sizes) {
    if (segment_of(id) == nullptr) orphans_.push_back(id);
  }
  check_files(sizes);
  count_all();
}

// What the directory says about the files that the checkpoint names.
void FileStore::check_files(const FileSizes& sizes) {
  std::vector<Segment*> missing;
  for (const auto& segment : index_.segments()) {
    SegmentFile& file = *segment->file;
    const auto size = sizes.find(file.id);
    if (size == sizes.end()) {
      missing.push_back(segment.get());
      continue;
    }
    if (size->second < file.bytes) {
      file.bytes = size->second;
      file.dictionary_offset = 0;
    }
    if (size->second > file.bytes && ensure_open(file).is_ok()) {
      // A longer file is read as it is when it cannot be cut.
      (void)disk_.truncate(file.handle, file.bytes).is_ok();
      close_if_idle(file);
    }
  }
  for (Segment* segment : missing) {
    segment->file->is_there = false;
    lose_segment(*segment);
  }
}

void FileStore::lose_segment(Segment& segment) {
  quarantine({segment.base, segment.last}, segment_file_name(segment.id) + " is missing");
  auto& segments = index_.segments();
  const auto at = std::find_if(segments.begin(), segments.end(),
                               [&](const auto& held) { return held.get() == &segment; });
  std::unique_ptr<Segment> gone = std::move(*at);
  segments.erase(at);
  on_dropped(std::move(gone));
}

// Subjects with their messages, and the sums over all segments.
void FileStore::count_all() {
  StoreState& state = index_.mutable_state();
  state.messages = 0;
  state.bytes = 0;
  std::vector<Segment*> segments;
  for (const auto& segment : index_.segments()) segments.push_back(segment.get());
  SubjectTable& table = index_.subjects_table();
  table.begin_count();
  for (Segment* segment : segments) {
    count_subjects(*segment, table);
    state.messages += segment->live;
    state.bytes += segment->live_bytes;
    const bool is_complete = segment->file->dictionary_offset != 0;
    if (!is_complete && segment->file->error == 0 && segment->live > 0) write_index(*segment);
    trim_memory();
    table.flush_if_due();
  }
  if (!table.end_count()) count_into(table);
  needs_recount_ = false;
  state.subjects = table.used();
  if (state.messages > 0) {
    index_.refresh_first();
    state.deleted = state.last_sequence + 1 - state.first_sequence - state.messages;
  } else {
    if (state.last_sequence > 0) state.first_sequence = state.last_sequence + 1;
    state.first_time = {};
    state.deleted = 0;
  }
}

bool FileStore::count_by_dictionary(Segment& segment, SubjectTable& table) {
  const SegmentFile& file = *segment.file;
  if (file.dictionary_offset == 0 || segment.live != segment.entries) return false;
  const auto bytes = disk_.load_range(path_of(segment.id), file.dictionary_offset,
                                      file.entries_offset - file.dictionary_offset);
  std::string dictionary;
  if (!bytes || !decode_part(*bytes, FrameKind::kDictionary, file.id, codec_, dictionary)) {
    return false;
  }
  uint64_t messages = 0;
  const auto sum = [&](const SegmentIndexCodec::Counted& counted) { messages += counted.messages; };
  if (!SegmentIndexCodec::visit_dictionary(dictionary, sum) || messages != segment.live) {
    return false;
  }
  return SegmentIndexCodec::visit_dictionary(dictionary,
                                             [&](const SegmentIndexCodec::Counted& counted) {
                                               SubjectNode& node = table.intern(counted.subject);
                                               if (node.messages == 0)
                                                 node.first = segment.base + counted.first;
                                               node.last = segment.base + counted.last;
                                               table.add_messages(node, counted.messages);
                                             });
}

// Into a table that holds nothing of the segment yet.
void FileStore::count_into(SubjectTable& table) {
  for (const auto& segment : index_.segments()) {
    const bool was_loaded = segment->index != nullptr;
    count_subjects(*segment, table);
    if (!was_loaded && segment->index != nullptr && evict_index(segment->id)) {
      std::erase(loaded_, segment->id);
    }
    table.flush_if_due();
  }
}

void FileStore::count_subjects(Segment& segment, SubjectTable& table) {
  if (segment.index == nullptr && count_by_dictionary(segment, table)) return;
  const SegmentIndex& index = index_.loaded(segment);
  std::vector<SubjectNode*> nodes;
  for (const SegmentIndex::Subject& subject : index.subjects()) {
    const bool is_own = &table == &index_.subjects_table();
    nodes.push_back(is_own ? subject.node : &table.intern(subject.node->text()));
  }
  for (uint32_t entry = 0; entry < index.entries(); ++entry) {
    const uint32_t position = index.position(entry);
    if (segment.is_deleted(position)) continue;
    SubjectNode& node = *nodes[index.local(entry)];
    if (node.messages == 0) {
      node.first = segment.base + position;
      node.first_is_stale = 0;
    }
    node.last = segment.base + position;
    node.last_is_stale = 0;
    table.add_messages(node, 1);
  }
}

void FileStore::recount() {
  needs_recount_ = false;
  count_all();
}

void FileStore::load(Segment& segment) {
  if (!load_index(segment)) rebuild_index(segment);
  SegmentIndex& index = *segment.index;
  if (segment.live != segment.entries) {
    for (uint32_t entry = 0; entry < index.entries(); ++entry) {
      if (segment.is_deleted(index.position(entry))) --index.subjects()[index.local(entry)].live;
    }
  }
  note_loaded(segment);
}

bool FileStore::load_index(Segment& segment) {
  const SegmentFile& file = *segment.file;
  if (file.dictionary_offset == 0) return false;
  const auto bytes = disk_.load_range(path_of(segment.id), file.dictionary_offset,
                                      file.bytes - file.dictionary_offset);
  const uint64_t split = file.entries_offset - file.dictionary_offset;
  std::string dictionary;
  std::string entries;
  const bool is_whole =
      bytes && split < bytes->size() &&
      decode_part(*bytes, FrameKind::kDictionary, file.id, codec_, dictionary) &&
      decode_part(Slice(*bytes).substr(split), FrameKind::kEntries, file.id, codec_, entries) &&
      SegmentIndexCodec::decode(dictionary, entries, index_.subjects_table(), segment);
  if (!is_whole) return false;
  const SegmentIndex& index = *segment.index;
  if (index.entries() == segment.entries &&
      index.position(index.entries() - 1) == segment.last - segment.base) {
    return true;
  }
  segment.index->release_subjects();
  segment.index = nullptr;
  segment.frames.all().clear();
  return false;
}

void FileStore::fill_index(Segment& segment, const ScannedSegment& scanned) {
  segment.index = std::make_unique<SegmentIndex>();
  segment.frames = scanned.frames;
  SubjectTable& table = index_.subjects_table();
  std::unordered_map<std::string, uint16_t> locals;
  const auto add = [&](const ScannedRecord& record) {
    const auto [at, is_new] = locals.try_emplace(record.subject, uint16_t{0});
    if (is_new) at->second = segment.index->add_subject(table.intern_name(record.subject));
    segment.index->add(static_cast<uint32_t>(record.sequence - segment.base), record.time,
                       at->second, {record.offset, record.bytes, record.has_header});
    ++segment.index->subjects()[at->second].live;
  };
  const ScannedRecord* before = nullptr;
  for (const ScannedRecord& record : scanned.records) {
    if (record.sequence < segment.base || record.sequence > segment.last) continue;
    const bool has_hole = before != nullptr && before->offset + before->bytes < record.offset;
    if (has_hole && record.sequence > before->sequence + 1) {
      // What is damaged gets an entry of its own, so that its neighbours keep their lengths.
      ScannedRecord hole;
      hole.sequence = before->sequence + 1;
      hole.time = before->time;
      hole.offset = before->offset + before->bytes;
      hole.bytes = record.offset - hole.offset;
      add(hole);
    }
    add(record);
    before = &record;
  }
  segment.index->seal();
}

// From the records themselves. Messages that should be there and are not are lost.
void FileStore::rebuild_index(Segment& segment) {
  auto bytes = disk_.load_range(path_of(segment.id), 0, segment.file->bytes);
  const ScannedSegment scanned = scan_segment(bytes ? Slice(*bytes) : Slice(), segment.id, codec_);
  fill_index(segment, scanned);
  std::vector<uint64_t> present;
  for (const ScannedRecord& record : scanned.records) {
    if (record.sequence >= segment.base && record.sequence <= segment.last) {
      set_bit(present, static_cast<uint32_t>(record.sequence - segment.base));
    }
  }
  segment.file->needs_copy = segment.file->needs_copy || segment.file->dictionary_offset != 0;
  reconcile(segment, present);
}

void FileStore::reconcile(Segment& segment, const std::vector<uint64_t>& present) {
  const SegmentIndex& index = *segment.index;
  for (uint32_t position = segment.next_live(0); position != kNoEntry;
       position = segment.next_live(position + 1)) {
    if (has_bit(present, position)) continue;
    segment.set_deleted(position);
    segment.file->deleted.push_back(position);
    quarantine({segment.base + position, segment.base + position},
               "damaged record in " + segment_file_name(segment.id));
    needs_recount_ = true;
  }
  mark_changed(segment);
  segment.entries = index.entries();
  segment.live = 0;
  segment.live_bytes = 0;
  segment.record_bytes = 0;
  segment.deleted_bytes = 0;
  for (uint32_t entry = 0; entry < index.entries(); ++entry) {
    const EntryPlace place = index.place(entry);
    segment.record_bytes += place.bytes;
    if (segment.is_deleted(index.position(entry))) {
      segment.deleted_bytes += place.bytes;
      continue;
    }
    ++segment.live;
    segment.live_bytes += index_.counted(place);
  }
}

// Without a checkpoint: every segment that can be read. Of two with the same sequences the one
// that was completed counts, else the newer one.
Status FileStore::rebuild_all(const FileSizes& sizes) {
  struct Candidate {
    uint64_t id = 0;
    ScannedSegment scanned;
    uint64_t base() const { return scanned.records.front().sequence; }
    uint64_t last() const { return scanned.records.back().sequence; }
  };
  std::vector<Candidate> candidates;
  for (const auto& [id, size] : sizes) {
    auto bytes = disk_.load_range(path_of(id), 0, size);
    if (!bytes) continue;
    Candidate candidate{id, scan_segment(*bytes, id, codec_)};
    if (candidate.scanned.is_for_another_key) {
      return Error{Errc::kUnsupported, "encrypted with a key that is not configured"};
    }
    if (!candidate.scanned.records.empty()) candidates.push_back(std::move(candidate));
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return std::pair(a.scanned.has_trailer, a.id) > std::pair(b.scanned.has_trailer, b.id);
  });
  std::vector<SegmentRecord> records;
  for (const Candidate& candidate : candidates) {
    const bool overlaps = std::any_of(records.begin(), records.end(), [&](const auto& taken) {
      return candidate.base() <= taken.last && taken.base <= candidate.last();
    });
    if (overlaps) continue;
    SegmentRecord record;
    record.id = candidate.id;
    record.base = candidate.base();
    record.last = candidate.last();
    record.first_time = candidate.scanned.records.front().time;
    record.last_time = candidate.scanned.records.back().time;
    record.file_bytes = sizes.at(candidate.id);
    std::vector<uint32_t> gaps;
    uint64_t expected = record.base;
    for (const ScannedRecord& found : candidate.scanned.records) {
      for (; expected < found.sequence; ++expected) {
        gaps.push_back(static_cast<uint32_t>(expected - record.base));
      }
      ++expected;
    }
    record.deleted = runs_of(std::move(gaps));
    records.push_back(std::move(record));
  }
  std::sort(records.begin(), records.end(),
            [](const SegmentRecord& a, const SegmentRecord& b) { return a.base < b.base; });
  StoreState& state = index_.mutable_state();
  for (const SegmentRecord& record : records) {
    adopt(record).file->is_logged = true;
    state.last_sequence = record.last;
    state.last_time = record.last_time;
  }
  if (!records.empty()) state.first_sequence = records.front().base;
  count_all();
  return Status::ok();
}

}  // namespace petrel::store

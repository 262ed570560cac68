// FileStore: the messages of a stream with file storage. Records go to segment files without being
// synced; a checkpoint syncs what changed and writes down what is valid; the journal brings back
// what came later.
//
// Owner: one Stream. Thread: its home loop; blocks it hands out may be read by any loop.
// Memory: the unwritten tail; frames up to cache_bytes; indexes of sealed segments up to
// index_bytes; subjects, as many as their budget allows; a bit per deleted message.
// Errors: a file that could not be written or synced is never synced again: its messages are copied
// to a new one, and no checkpoint succeeds before that.
// Source: architecture section 4 (store, corruption); docs/formats/segment.md and checkpoint.md.
#pragma once

#include "store/checkpoint_log.h"
#include "store/frame_codec.h"
#include "store/id_runs.h"
#include "store/message_index.h"
#include "store/segment_scan.h"

#include "petrel/store/disk.h"
#include "petrel/store/message_store.h"

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace petrel::store {

// The file of one segment. Shared with the operations under way on it.
struct SegmentFile {
  uint64_t id = 0;
  FileId handle = 0;
  bool is_open = false;
  bool is_there = false;           // the file exists
  uint64_t bytes = 0;              // up to the end of what was written or is being written
  uint64_t dictionary_offset = 0;  // 0: the index is not in the file
  uint64_t entries_offset = 0;
  uint32_t key_id = 0;
  uint32_t pending = 0;           // writes, reads and syncs under way
  uint32_t syncs = 0;             // of these
  bool is_dirty = false;          // written since the last sync began
  bool is_changed = false;        // the checkpoint file says something else
  bool is_logged = false;         // the checkpoint file names it
  bool needs_copy = false;        // to another file, as soon as may be
  bool is_awaited = false;        // somebody was told to wait for a message of it
  int error = 0;                  // of a write or a sync
  size_t index_bytes = 0;         // of memory, as counted when it was loaded
  std::vector<uint32_t> deleted;  // positions, since the last checkpoint
  std::vector<uint32_t> reading;  // offsets of frames
  uint64_t read_bytes = 0;        // so far
  uint32_t read_at = UINT32_MAX;  // offset of the frame that was looked at last
  std::vector<uint32_t> moves;    // offsets of frames with erased messages, to be written anew
};

class FileStore final : public MessageStore,
                        private MessageIndex::Owner,
                        private SubjectSpill::Source {
 public:
  FileStore(Disk& disk, const FileStoreOptions& options, Listener& listener);
  ~FileStore() override;
  FileStore(const FileStore&) = delete;
  FileStore& operator=(const FileStore&) = delete;

  // Takes up what is on disk. Once, before anything else.
  Status recover(RecoveredStore& found);

  void append(const NewMessage& message) override;
  void skip(uint64_t sequence, WallTime time) override { index_.skip(sequence, time); }
  std::optional<RemovedMessage> remove(uint64_t sequence, bool erase) override;
  uint64_t purge_below(uint64_t sequence,
                       const std::function<void(const RemovedMessage&)>& visit) override;
  void advance(uint64_t sequence) override { index_.advance(sequence); }

  const StoreState& state() const override { return index_.state(); }
  uint64_t counted_bytes(size_t subject, size_t header, size_t body) const override;
  bool contains(uint64_t sequence) const override { return index_.contains(sequence); }
  SubjectTotals totals_of(Slice subject) const override { return index_.totals_of(subject); }
  uint64_t last_match(const Filters& filters, uint64_t at_most) const override {
    return index_.last_match(filters, at_most);
  }
  uint64_t next_match(const Filters& filters, uint64_t from) const override {
    return index_.next_match(filters, from);
  }
  uint64_t count_matches(const Filters& filters, uint64_t from) const override {
    return index_.count_matches(filters, from);
  }
  uint64_t first_at_or_after(WallTime time) const override {
    return index_.first_at_or_after(time);
  }
  std::vector<SubjectCount> subjects(const Filters& filters, Slice after,
                                     size_t max) const override {
    return index_.subjects(filters, after, max);
  }
  std::vector<uint64_t> deleted_sequences(size_t max) const override {
    return index_.deleted_sequences(max);
  }
  std::optional<Known> known(uint64_t sequence) const override { return index_.known(sequence); }

  ReadStatus read(uint64_t sequence, StoredMessage& message) override;
  size_t next_matches(const Filters& filters, uint64_t from, std::span<uint64_t> out) override;
  std::vector<std::pair<uint64_t, uint64_t>> lost_ranges() const override { return lost_; }

  MessageIds& ids() override { return ids_; }
  void checkpoint(uint64_t applied_index, std::string extra) override;
  bool is_checkpointing() const override { return checkpoint_ != nullptr; }
  uint64_t bytes_on_disk() const override;
  bool maintain() override;
  bool has_files_to_remove() const override { return !removed_.empty(); }
  void destroy(std::function<void(int error)> done) override;

 private:
  using File = std::shared_ptr<SegmentFile>;
  using Range = std::pair<uint64_t, uint64_t>;
  // A message to be erased from a frame that has to be written anew for it.
  struct Move {
    uint64_t segment = 0;
    EntryPlace place;
  };
  struct Checkpoint {
    uint64_t applied_index = 0;
    CheckpointRecord record;
    int error = 0;
    uint64_t record_bytes = 0;
    bool has_new_files = false;
    enum class Phase : uint8_t { kMoving, kSyncing, kWriting, kWiping } phase = Phase::kMoving;
    std::vector<Move> moves;        // to be made before
    std::vector<File> files;        // have to be synced before
    std::vector<uint64_t> removed;  // files that may go after it
    std::vector<uint64_t> removed_ids;
  };
  // Frames that are read together: offsets of their records, and where the first is in the file.
  struct FrameRun {
    uint32_t offset = 0;
    uint32_t end = 0;
    uint64_t file_offset = 0;
  };
  struct Damage {
    Range range;
    std::string what;
  };
  // Live messages of `count` segments beginning at the one with the id, on their way to another.
  struct Copy {
    std::vector<uint64_t> sources;
    size_t source = 0;
    uint32_t position = 0;
    std::unique_ptr<Segment> target;
  };

  // --- file_store.cc ---
  void load(Segment& segment) override;
  void on_dropped(std::unique_ptr<Segment> segment) override;
  void on_deleted(Segment& segment, uint32_t entry) override;
  void on_passed() override;
  Segment* segment_of(uint64_t id);
  void mark_changed(Segment& segment);
  void remove_file(const std::string& path);
  void erase(const MessageIndex::Found& found);
  void move_frame(Segment& segment, Frame& frame);
  void forget_erases(uint64_t segment);
  void begin_read(Segment& segment, size_t frame);
  void read_ahead(Segment& segment, size_t frame);
  static bool is_reading(const SegmentFile& file, const Frame& frame);
  void on_read(const File& file, const FrameRun& run, const BlockRef& block, Slice bytes);
  bool decode_frame(const SegmentFile& file, Frame& frame, const BlockRef& block, Slice bytes);
  static bool check_record(Frame& frame, const EntryPlace& place, uint64_t sequence,
                           StoredMessage& message);
  void check_frame(const Segment& segment, Frame& frame);
  void quarantine_record(const Segment& segment, const Frame& frame, const EntryPlace& place,
                         uint64_t sequence);
  void quarantine(Range range, const std::string& what);
  bool is_lost(uint64_t sequence) const;
  void report_damage();

  // --- file_store_files.cc ---
  Segment& begin_segment(uint64_t first);
  void seal();
  Status make_directory();
  Status ensure_open(SegmentFile& file);
  bool write_complete_frames(Segment& segment);
  void write_frames(Segment& segment, size_t end);
  void note_written(Segment& segment, Frame& frame, const FrameHead& head, uint64_t offset);
  bool is_paged(uint64_t run) const;
  uint64_t begin_run(const SegmentFile& file, uint64_t bytes) const;
  void put_run(const File& file, uint64_t offset, std::string run);
  void write_index(Segment& segment);
  void put(const File& file, uint64_t offset, std::string bytes);
  void begin_sync(const File& file);
  void fail(const File& file, int error);
  void close_if_idle(SegmentFile& file);
  void keep_open(const File& file);
  // Whether it may still be read: to be asked again.
  bool let_go_of_read_file();
  void note_cached(const Segment& segment, const Frame& frame);
  void note_loaded(Segment& segment);
  void trim();
  void trim_memory();
  bool evict_frame(uint64_t id, uint32_t offset);
  bool evict_index(uint64_t id);
  std::string path_of(uint64_t id) const;

  // --- file_store_open.cc ---
  using FileSizes = std::unordered_map<uint64_t, uint64_t>;
  void recover_from(const CheckpointFile& file, const FileSizes& sizes);
  Status rebuild_all(const FileSizes& sizes);
  Segment& adopt(const SegmentRecord& record);
  void forget_run(const std::string& name);
  void check_files(const FileSizes& sizes);
  void count_all();
  void count_into(SubjectTable& table) override;
  void count_subjects(Segment& segment, SubjectTable& table);
  bool count_by_dictionary(Segment& segment, SubjectTable& table);
  bool load_index(Segment& segment);
  void rebuild_index(Segment& segment);
  void fill_index(Segment& segment, const ScannedSegment& scanned);
  void reconcile(Segment& segment, const std::vector<uint64_t>& present);
  void recount();
  void lose_segment(Segment& segment);

  // --- file_store_checkpoint.cc ---
  CheckpointRecord describe(bool is_full);
  SegmentRecord describe(Segment& segment, bool with_all_deletions);
  bool move_frames();
  bool sync_files();
  void step_checkpoint();
  void write_checkpoint();
  void append_checkpoint(std::string bytes, Disk::Done done);
  void wipe();
  void finish_checkpoint(int error);

  // --- file_store_maintain.cc ---
  bool choose_copy();
  bool may_be_copied(const Segment& segment) const;
  bool is_erased_from(uint64_t segment) const;
  bool is_copied(uint64_t id) const;
  std::vector<uint64_t> small_run(size_t at);
  void begin_copy(std::vector<uint64_t> sources);
  void copy_record(Segment& target, Slice record);
  void scrub();
  bool step_copy();
  void finish_copy();
  void abandon_copy();

  Disk& disk_;
  const FileStoreOptions options_;
  Listener& listener_;
  FrameCodec codec_;
  MessageIds ids_;
  std::unique_ptr<SubjectSpill> spill_;  // null: all subjects stay in memory
  // Lookups load indexes, move cursors and remember matches.
  mutable MessageIndex index_;
  std::shared_ptr<int> life_ = std::make_shared<int>(0);  // operations outlive the store
  std::unordered_map<uint64_t, Segment*> by_id_;
  uint64_t next_id_ = 1;
  bool has_directory_ = false;
  bool is_directory_new_ = false;
  bool has_new_files_ = false;
  bool needs_recount_ = false;
  size_t removing_ = 0;      // files
  bool has_mark_ = false;    // there was a checkpoint once
  std::vector<Wipe> wipes_;  // with the next checkpoint
  std::vector<Move> moves_;

  std::vector<std::pair<uint64_t, uint32_t>> cached_;  // segment and offset of frames in memory
  size_t cached_bytes_ = 0;
  std::vector<uint64_t> loaded_;  // sealed segments whose index is in memory
  size_t loaded_bytes_ = 0;

  std::vector<Range> lost_;      // ascending, apart
  std::vector<Damage> damages_;  // not told yet
  File read_lately_;             // stays open for the next read of it
  bool is_read_again_ = false;   // since the last maintain()
  std::vector<File> dirty_;
  std::vector<File> syncing_;
  std::vector<File> failed_;
  std::vector<uint64_t> changed_;  // segments
  std::vector<uint64_t> removed_;  // segments that the checkpoint file still names
  std::vector<uint64_t> orphans_;  // files that it does not name, to go after the next one
  std::unique_ptr<Checkpoint> checkpoint_;
  FileId log_ = 0;
  bool is_log_open_ = false;
  bool needs_full_ = true;
  uint64_t log_bytes_ = 0;
  uint64_t full_bytes_ = 0;
  std::unique_ptr<Copy> copy_;
  size_t next_looked_at_ = 0;  // segment, by maintain()
  uint64_t scrubbed_ = 0;      // the next sequence to look at
};

}  // namespace petrel::store

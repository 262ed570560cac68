// IdRun: message ids in a file that never changes, in the order of their hashes: blocks, a filter
// that knows most of what is not there, and the first hash of each block. IdRunWriter makes one.
//
// Owner: IdRuns. Thread: the home loop. Lookups read one block at once, mostly of what is there.
// Errors: where a block cannot be read nothing is said about the ids whose hashes lie in it.
// Memory: 12 bits an id and 16 bytes a block.
// Source: docs/formats/message-ids.md.
#pragma once

#include "store/frame_codec.h"
#include "store/hash_filter.h"

#include "petrel/base/result.h"
#include "petrel/base/time.h"
#include "petrel/store/dedupe.h"
#include "petrel/store/disk.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace petrel::store {

// What the checkpoint says of a run.
struct IdRunRecord {
  uint64_t id = 0;
  uint32_t level = 0;  // how often its ids were merged
  uint32_t key_id = 0;
  uint64_t entries = 0;
  WallTime newest = {};
  uint64_t filter_offset = 0;  // also the end of the blocks
  uint64_t index_offset = 0;
  uint64_t bytes = 0;
};

std::string id_run_name(uint64_t id);
// 0: not the name of a run.
uint64_t parse_id_run_name(Slice name);

enum class IdLookup : uint8_t { kNone, kFound, kUnreadable };

class IdRun {
 public:
  IdRun(Disk& disk, const FrameCodec& codec, std::string path, const IdRunRecord& record)
      : disk_(disk), codec_(codec), path_(std::move(path)), record_(record) {}

  // Filter and index from the file; when they are damaged, from its blocks. At start only.
  void load();
  // Instead: whether every byte is as it was written. For `petrel check`.
  bool is_whole();
  // The newest entry with that id; its `id` is not set.
  IdLookup find(uint64_t hash, Slice id, Dedupe::Entry& found) const;
  bool may_hold(uint64_t hash) const { return filter_.may_hold(hash); }
  void prefetch(uint64_t hash) const { filter_.prefetch(hash); }

  const IdRunRecord& record() const { return record_; }
  const std::string& path() const { return path_; }
  size_t memory() const { return filter_.memory() + blocks_.capacity() * sizeof(Block); }
  size_t blocks() const { return blocks_.size(); }
  // The entries of a block; false: damaged.
  bool read_block(size_t at, std::string& raw) const;
  // Whether a block was found damaged. Such a run is not merged with others.
  bool is_damaged() const { return is_damaged_; }

 private:
  friend class IdRunWriter;
  struct Block {
    uint64_t first_hash = 0;
    uint64_t offset = 0;
  };

  bool read_frame(FrameKind kind, uint32_t number, uint64_t offset, uint64_t end,
                  std::string& raw) const;
  // The frames of one kind, one behind the other: everything or nothing.
  bool read_parts(FrameKind kind, uint64_t offset, uint64_t end, std::string& raw) const;
  bool load_index();
  bool load_filter();
  void scan();

  Disk& disk_;
  const FrameCodec& codec_;
  const std::string path_;
  IdRunRecord record_;
  HashFilter filter_;
  std::vector<Block> blocks_;
  mutable bool is_damaged_ = false;
};

void put_id(std::string& out, const Dedupe::Entry& entry);

// The entries of one block, one after the other.
class IdBlockReader {
 public:
  explicit IdBlockReader(Slice raw) : rest_(raw) {}
  // Null: the end, or bytes that are no entry. Its id is a view of the block.
  std::optional<Dedupe::Entry> next();

 private:
  Slice rest_;
};

// The entries of a run in its order.
class IdCursor {
 public:
  explicit IdCursor(const IdRun& run) : run_(run), block_({}) { advance(); }

  bool is_at_end() const { return !entry_; }
  bool is_failed() const { return is_failed_; }
  const Dedupe::Entry& entry() const { return *entry_; }
  void advance();

 private:
  const IdRun& run_;
  std::string raw_;
  IdBlockReader block_;
  size_t next_block_ = 0;
  std::optional<Dedupe::Entry> entry_;
  bool is_failed_ = false;
};

// Takes entries by ascending hash, those with equal hashes newest first.
class IdRunWriter {
 public:
  IdRunWriter(Disk& disk, FrameCodec& codec, std::string path, const IdRunRecord& record,
              uint64_t entries_max);
  ~IdRunWriter();
  IdRunWriter(const IdRunWriter&) = delete;
  IdRunWriter& operator=(const IdRunWriter&) = delete;

  Status open();
  void add(const Dedupe::Entry& entry);
  // One bounded part of what stands behind the blocks; true: that was the last one.
  bool finish();
  // As many writes are under way as may be.
  bool is_busy() const { return state_->pending >= kPendingMax; }
  bool is_failed() const { return state_->error != 0; }
  // Everything is on disk; the name is when the directory is synced.
  bool is_done() const { return state_->is_synced && state_->error == 0; }
  std::unique_ptr<IdRun> take() { return std::move(run_); }
  const std::string& path() const { return path_; }

 private:
  // Outlives the writer as long as operations are under way.
  struct State {
    uint32_t pending = 0;
    int error = 0;
    bool is_synced = false;
  };
  static constexpr uint32_t kPendingMax = 4;
  static constexpr size_t kBlockBytes = 4096;
  static constexpr size_t kWriteBytes = 256 << 10;

  void end_block();
  void put_frame(FrameKind kind, size_t number, Slice raw);
  void put(size_t bytes);
  uint64_t offset() const { return written_ + out_.size(); }

  Disk& disk_;
  FrameCodec& codec_;
  const std::string path_;
  std::unique_ptr<IdRun> run_;
  FileId file_ = 0;
  bool is_open_ = false;
  std::string block_;
  std::string out_;
  uint64_t written_ = 0;
  uint64_t first_hash_ = 0;
  size_t filter_done_ = 0;  // bytes
  size_t index_done_ = 0;   // blocks
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace petrel::store

// SortedRun: an immutable file of sorted keys, each with a small value, that its writer reads
// again. A bloom filter and the first key of each block are in memory. Never the only copy of
// anything: nothing of it is synced, and a block that is not what was written is answered as
// damaged.
//
// Owner: a table that spills. Thread: its home loop. Writes are asked for and awaited by nobody:
// until they are done, and while they fail, blocks are answered from memory. A block that is looked
// up is read at once.
// Cost in memory: 12 bits a key, and per block of 4 KB its first key and 4 bytes.
// Source: docs/formats/sorted-run.md, docs/design/013-subjects-on-disk.md.
#pragma once

#include "store/hash_filter.h"

#include "petrel/base/block.h"
#include "petrel/store/disk.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace petrel::store {

inline constexpr size_t kRunBlockBytes = 4096;
inline constexpr size_t kRunEntryBytesMax = 2048;  // key and value

std::string run_file_name(uint64_t id);
// 0: not the name of a run.
uint64_t parse_run_file_name(Slice name);

class SortedRun {
 public:
  // `directory` exists; `id` is not used again in it; at most `keys_max` keys will be added.
  SortedRun(Disk& disk, const std::string& directory, uint64_t id, size_t keys_max);
  // Removes the file.
  ~SortedRun();
  SortedRun(const SortedRun&) = delete;
  SortedRun& operator=(const SortedRun&) = delete;

  // REQUIRES: above the key before; key and value within kRunEntryBytesMax.
  void add(Slice key, Slice value);
  // Nothing will be added; what was added is found from now on.
  void finish();
  // Asks again for writes that failed.
  void retry_writes();

  uint64_t id() const { return id_; }
  size_t keys() const { return keys_; }
  size_t blocks() const { return block_starts_.size(); }
  // Bytes of blocks that are still in memory.
  size_t unwritten_bytes() const;
  size_t memory_bytes() const;

  // False: certainly not there. `hash`: hash_bytes(key).
  bool may_hold(uint64_t hash) const { return filter_.may_hold(hash); }
  // The block that holds the key if any does; blocks() when the key is below all.
  size_t block_of(Slice key) const;
  // Up to `count` blocks beginning at `block`; empty: they cannot be read.
  std::string load(size_t block, size_t count) const;
  bool is_whole(Slice bytes, size_t block) const;

 private:
  struct Chunk {
    uint64_t offset = 0;
    std::string bytes;
    bool is_failed = false;
    bool is_written = false;
  };
  struct Shared;  // with the writes under way

  void close_block();
  void write_chunk();
  void ask(const std::shared_ptr<Chunk>& chunk);
  Slice first_key(size_t block) const;

  Disk& disk_;
  const std::string path_;
  const uint64_t id_;
  size_t keys_ = 0;
  HashFilter filter_;
  std::string first_keys_;
  std::vector<uint32_t> block_starts_;  // in first_keys_
  std::string block_;                   // being filled
  std::string last_key_;
  uint32_t block_keys_ = 0;
  std::string chunk_;  // complete blocks that were not given to the disk
  uint64_t bytes_ = 0;
  std::deque<std::shared_ptr<Chunk>> chunks_;  // not known to be written
  FileId file_ = 0;
  bool is_open_ = false;
};

// Reads the entries of a block one after the other.
class RunBlockReader {
 public:
  RunBlockReader() = default;
  explicit RunBlockReader(Slice block);
  // False: there is none any more.
  bool next();
  Slice key() const { return key_; }
  Slice value() const { return value_; }

 private:
  Slice rest_;
  std::string key_;
  Slice value_;
  uint32_t left_ = 0;
};

// Walks over the entries of a run in order.
class RunCursor {
 public:
  explicit RunCursor(const SortedRun& run) : run_(&run) {}
  // To the first entry, or the first one at `key` or behind it.
  void seek(Slice key);
  void next();
  bool is_at_end() const { return is_at_end_; }
  // A block could not be read: at the end, and what was to come is unknown.
  bool is_damaged() const { return is_damaged_; }
  Slice key() const { return reader_.key(); }
  Slice value() const { return reader_.value(); }

 private:
  bool begin_block(size_t block);

  const SortedRun* run_;
  std::string bytes_;  // of some blocks
  size_t first_ = 0;   // of them
  size_t count_ = 0;   // of them
  size_t block_ = 0;
  size_t ahead_ = 1;
  RunBlockReader reader_;
  bool is_at_end_ = true;
  bool is_damaged_ = false;
};

}  // namespace petrel::store

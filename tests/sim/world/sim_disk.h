// SimDisk: the files of one node on a disk that keeps only what was synced, and lies when told to.
// Writes go to a cache; finish_sync() makes durable what was written before its start_sync(). A
// crash keeps, tears or loses every write that was not synced, each on its own. The owner asks
// sync_delay() how long a sync takes and calls finish_sync() that much later. Thread: one.
#pragma once

#include "sim/world/fault_counts.h"

#include "petrel/base/block.h"
#include "petrel/base/prng.h"
#include "petrel/base/result.h"
#include "petrel/base/time.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace petrel::sim {

struct DiskOptions {
  Duration sync_min = Duration::micros(50);
  Duration sync_max = Duration::micros(500);
  uint32_t slow_per_mille = 0;  // syncs that take `slow`
  Duration slow = Duration::millis(200);
  uint32_t fail_per_mille = 0;  // syncs that answer kIo; their writes may be anywhere
};

// What happened to writes so far.
struct DiskCounts {
  uint64_t lost = 0;  // not synced and gone after a crash
  uint64_t torn = 0;  // not synced and kept in part
  uint64_t flipped = 0;
  uint64_t zeroed = 0;
  uint64_t misdirected = 0;
  uint64_t failed = 0;  // syncs
  uint64_t slow = 0;    // syncs
};

void add_disk_counts(FaultCounts& total, const DiskCounts& counts);

class SimDisk {
 public:
  SimDisk(const DiskOptions& options, uint64_t seed) : options_(options), prng_(seed) {}

  void write(const std::string& file, uint64_t offset, Slice bytes);
  // As a process sees it: the cache over the disk.
  std::string read(const std::string& file) const;
  bool has(const std::string& file) const { return files_.contains(file); }
  uint64_t size(const std::string& file) const;
  // Both durable at once, as after a sync of the folder.
  void rename(const std::string& from, const std::string& to);
  void remove(const std::string& file) { files_.erase(file); }

  using Ticket = uint64_t;
  Ticket start_sync(const std::string& file);
  Duration sync_delay();
  Status finish_sync(const std::string& file, Ticket ticket);

  void crash();
  // Damage to durable bytes, without any notice. False: the file is shorter than that.
  bool flip_bit(const std::string& file, uint64_t offset);
  bool zero(const std::string& file, uint64_t offset, uint64_t count);
  // The next write of any file lands where the owner did not ask for it, `distance` bytes earlier.
  void misdirect_next_write(uint64_t distance) { misdirect_ = distance; }
  void set_options(const DiskOptions& options) { options_ = options; }
  const DiskCounts& counts() const { return counts_; }

 private:
  struct Write {
    Ticket order;
    uint64_t offset;
    std::string bytes;
  };
  struct File {
    std::string durable;
    std::vector<Write> cached;
  };
  static void store(std::string& content, uint64_t offset, Slice bytes);

  DiskOptions options_;
  Prng prng_;
  std::map<std::string, File> files_;
  DiskCounts counts_;
  Ticket order_ = 0;
  uint64_t misdirect_ = 0;
};

}  // namespace petrel::sim

// StoreDisk: store::Disk in memory that behaves as badly as a disk may. What was not synced is
// kept, torn by sectors or lost in a crash, each write on its own; names that were not synced with
// their directory may be lost; completions are late at random; calls fail when told to; synced
// bytes can be damaged. One seed, one behaviour. Thread: one.
#pragma once

#include "petrel/base/prng.h"
#include "petrel/store/disk.h"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace petrel::sim {

class StoreDisk final : public store::Disk {
 public:
  enum class Call : uint8_t { kWrite, kRead, kSync, kPreallocate, kOpen, kRename, kRemove, kCount };

  // Each operation takes 1 to `delay_max` polls.
  explicit StoreDisk(uint64_t seed, uint64_t delay_max = 4) : prng_(seed), delay_max_(delay_max) {}

  // --- what the simulation does to it ---
  // The n-th call from now of this kind fails with `error`; 0: the next one.
  void fail_after(Call call, uint64_t calls, int error);
  void heal();
  // Writes beyond it fail with ENOSPC.
  void set_capacity(uint64_t bytes) { capacity_ = bytes; }
  uint64_t used() const;
  // After this many more writes that make a file longer (preallocations, new files too) there is
  // room only for what is removed, until free_room.
  void fill_after(uint64_t growths) { growths_left_ = growths; }
  void free_room() { growths_left_ = capacity_ = ~uint64_t{0}; }
  bool is_full() const { return capacity_ != ~uint64_t{0}; }
  // Power failure: nothing is under way any more, no file is open.
  void crash();
  // What is on the disk under a name; null: nothing. May be damaged by the caller after a crash.
  std::string* bytes_of(const std::string& path);
  std::vector<std::string> paths() const;
  // The next write lands this many bytes behind where it should.
  void misdirect_next_write(uint64_t distance) { misdirect_ = distance; }

  // --- store::Disk ---
  void write(store::FileId file, uint64_t offset, std::string bytes, Done done) override;
  void read(store::FileId file, const store::FileRange& range, ReadDone done) override;
  void sync(store::FileId file, Done done) override;
  void write_and_sync(store::FileId file, uint64_t offset, std::string bytes, Done done) override;
  void preallocate(store::FileId file, uint64_t bytes, Done done) override;
  void close(store::FileId file) override;
  void replace_file(std::string path, std::string bytes, Done done) override;
  void rename_file(std::string from, std::string to, Done done) override;
  void remove_file(std::string path, Done done) override;
  void remove_tree(std::string path, Done done) override;
  Result<store::FileId> open(const std::string& path, store::OpenMode mode) override;
  Result<uint64_t> size(store::FileId file) override;
  Status truncate(store::FileId file, uint64_t bytes) override;
  Status make_directories(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Result<std::vector<store::FileEntry>> list(const std::string& path) override;
  Result<std::string> load(const std::string& path) override;
  Result<std::string> load_range(const std::string& path, uint64_t offset, size_t bytes) override;
  Result<uint64_t> free_bytes(const std::string& path) override;
  size_t poll() override;
  void drain() override;
  size_t pending() const override { return queue_.size(); }

 private:
  struct Write {
    uint64_t order;
    uint64_t offset;
    std::string bytes;
  };
  struct Inode {
    std::string current;        // as the process sees it
    std::string durable;        // as it is after a power failure
    std::vector<Write> cached;  // between the two
  };
  using File = std::shared_ptr<Inode>;
  // A change of names that its directory has not been synced with.
  struct NameChange {
    std::string directory;
    std::vector<std::pair<std::string, File>> names;  // null: removed
  };
  struct Pending {
    uint64_t due;
    uint64_t order;
    std::function<void()> complete;
  };

  bool fails(Call call, int& error);
  int put(Inode& inode, uint64_t offset, std::string bytes);
  int make_durable(Inode& inode, uint64_t order);
  void push(const void* ordered_by, std::function<void()> complete);
  void change_names(const std::string& path, std::vector<std::pair<std::string, File>> names);
  void apply(const NameChange& change);
  void tear(Inode& inode, const Write& write);
  const File& file(store::FileId id) const;
  static void store_bytes(std::string& content, uint64_t offset, Slice bytes);

  Prng prng_;
  const uint64_t delay_max_;
  uint64_t capacity_ = ~uint64_t{0};
  uint64_t misdirect_ = 0;
  uint64_t growths_left_ = ~uint64_t{0};  // all ones: no end
  struct Fault {
    bool is_set = false;
    uint64_t calls_left = 0;
    int error = 0;
  };
  std::array<Fault, static_cast<size_t>(Call::kCount)> faults_;
  std::map<std::string, File> names_;
  std::map<std::string, File> durable_names_;
  std::vector<NameChange> changes_;
  std::map<store::FileId, File> open_;
  store::FileId next_id_ = 1;
  uint64_t order_ = 0;
  uint64_t tick_ = 0;
  std::vector<Pending> queue_;
  std::map<const void*, uint64_t> last_due_;
};

}  // namespace petrel::sim

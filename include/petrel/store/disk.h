// Disk: files by completion. No call blocks the loop; completions come from poll(). The simulation
// has a twin that forgets unsynced writes, tears, flips, misdirects, fails and delays.
//
// Owner: one per loop. Thread: its loop (workers behind it never call back by themselves).
// Order: operations on one file take effect in the order they were asked for, and so do those that
// name a path; operations on different files in any order.
// Errors: errno values. A failed sync says nothing about what is on the disk, and a later one that
// succeeds says nothing about what was written before the failed one.
// Source: architecture section 4.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/result.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace petrel::store {

using FileId = uint32_t;

enum class OpenMode : uint8_t {
  kRead,    // must exist
  kWrite,   // read and write, created if absent
  kCreate,  // read and write, must not exist
};

struct FileEntry {
  std::string name;
  bool is_directory = false;
  uint64_t bytes = 0;
};

// Part of a file to be read.
struct FileRange {
  uint64_t offset = 0;
  size_t bytes = 0;
  bool is_once = false;  // nobody reads it again soon: around the page cache, if that is possible
};

// What is done with an open file, by completion.
class FileOperations {
 public:
  // `error` 0: success; else an errno value.
  using Done = std::function<void(int error)>;
  // `bytes` lie in the block and may be shorter than asked for at the end of the file.
  using ReadDone = std::function<void(int error, const BlockRef& block, Slice bytes)>;

  virtual ~FileOperations() = default;
  // `bytes` is kept until done. The file grows as needed. Large writes of whole sectors (512 bytes)
  // cost least: they go around the page cache.
  virtual void write(FileId file, uint64_t offset, std::string bytes, Done done) = 0;
  virtual void read(FileId file, const FileRange& range, ReadDone done) = 0;
  // fdatasync of everything written to the file before.
  virtual void sync(FileId file, Done done) = 0;
  // Writes, then syncs: one operation, for the journal. Never waits behind other files' reads.
  virtual void write_and_sync(FileId file, uint64_t offset, std::string bytes, Done done) = 0;
  // Writes `bytes` zeros from the beginning and syncs, so that later syncs change no metadata.
  virtual void preallocate(FileId file, uint64_t bytes, Done done) = 0;
  // Closes after everything asked for before; no completion.
  virtual void close(FileId file) = 0;
};

// What is done with a path, by completion; durable when done.
class PathOperations {
 public:
  using Done = FileOperations::Done;

  virtual ~PathOperations() = default;
  // Writes `path`.tmp, syncs it, renames it to `path`, syncs the directory.
  virtual void replace_file(std::string path, std::string bytes, Done done) = 0;
  // Both names in one directory. An open file stays open.
  virtual void rename_file(std::string from, std::string to, Done done) = 0;
  virtual void remove_file(std::string path, Done done) = 0;
  // A directory with all that is in it. Done as well when it is not there.
  virtual void remove_tree(std::string path, Done done) = 0;
};

// At once: cheap metadata, or only at start and stop.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<FileId> open(const std::string& path, OpenMode mode) = 0;
  virtual Result<uint64_t> size(FileId file) = 0;
  virtual Status truncate(FileId file, uint64_t bytes) = 0;
  virtual Status make_directories(const std::string& path) = 0;
  virtual Status sync_directory(const std::string& path) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  // By name. kNotFound when the directory does not exist.
  virtual Result<std::vector<FileEntry>> list(const std::string& path) = 0;
  virtual Result<std::string> load(const std::string& path) = 0;
  virtual Result<std::string> load_range(const std::string& path, uint64_t offset,
                                         size_t bytes) = 0;
  virtual Result<uint64_t> free_bytes(const std::string& path) = 0;
};

class Disk : public FileOperations, public PathOperations, public FileSystem {
 public:
  using Done = FileOperations::Done;

  // Calls what completed. Returns how many.
  virtual size_t poll() = 0;
  // Waits until everything asked for has completed and was called (start and stop only).
  virtual void drain() = 0;
  // Operations under way.
  virtual size_t pending() const = 0;
};

}  // namespace petrel::store

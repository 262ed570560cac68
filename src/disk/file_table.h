// FileTable: the open files of a disk, and what a disk answers at once. The back ends add the
// operations by completion.
//
// Owner: the back end that derives from it. Thread: the loop's.
#pragma once

#include "petrel/store/disk.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace petrel::disk {

// One open file. Operations of one file run one after the other, so whoever runs one may use it.
struct OpenFile {
  int fd = -1;
  bool is_direct = false;          // O_DIRECT is set on it
  bool is_direct_refused = false;  // the file system does not take it
  // Of the first sync that failed: all later ones fail as well, whatever the kernel says.
  int sync_error = 0;
};

struct Operation;

class FileTable : public store::Disk {
 public:
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

 protected:
  FileTable();
  // A read of an open file, with room for its bytes.
  Operation reading(store::FileId id, const store::FileRange& range, ReadDone done);
  // Aborts for an id that is not open.
  const std::shared_ptr<OpenFile>& file(store::FileId id) const;
  // The id may be given out again.
  std::shared_ptr<OpenFile> take_file(store::FileId id);
  // Closes what is still open. Nothing may be under way.
  void close_all();

 private:
  std::vector<std::shared_ptr<OpenFile>> files_;
  std::vector<store::FileId> free_;
  std::shared_ptr<BlockPool> blocks_;  // of large reads
};

}  // namespace petrel::disk

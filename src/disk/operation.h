// Operation: one thing asked of a disk, as a value that a worker performs and the loop completes.
// Thread: made and completed on the loop's, performed on a worker's.
#pragma once

#include "disk/file_table.h"

#include <cstdint>
#include <memory>
#include <string>

namespace petrel::disk {

struct Operation {
  enum class Kind : uint8_t {
    kWrite,
    kRead,
    kSync,
    kWriteAndSync,
    kPreallocate,
    kClose,
    kReplaceFile,
    kRenameFile,
    kRemoveFile,
    kRemoveTree,
  };

  Kind kind = Kind::kSync;
  std::shared_ptr<OpenFile> file = {};  // of operations on paths: the one that orders them
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t filled = 0;  // of what is preallocated or read
  std::string path = {};
  std::string target = {};
  std::string bytes = {};
  BlockRef block = {};          // of reads
  store::FileRange range = {};  // that was asked for; `offset` and `size` are what is read
  int error = 0;
  store::Disk::Done done = {};
  store::Disk::ReadDone read_done = {};

  // The journal's: never behind what may take long.
  bool is_urgent() const { return kind == Kind::kWriteAndSync; }
  // Does it, or a bounded part of it. False: more is left.
  bool perform();
  void complete();
  // Whether it is about whole sectors that are worth going around the page cache.
  bool wants_direct() const;
  // Where a read puts its bytes, as a device needs it.
  char* room() const;

 private:
  int perform_call();
  int read();
};

// Sets or clears O_DIRECT; false: the file does not take it.
bool turn_direct(OpenFile& file, bool is_direct);

}  // namespace petrel::disk

#include "disk/operation.h"

#include "disk/file_calls.h"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace petrel::disk {

namespace {

constexpr size_t kTreeStep = 16;         // files of a tree removed before others get their turn
constexpr uint64_t kFillStep = 1 << 20;  // and bytes filled

// Once a sync failed the kernel has forgotten what it could not write: no later one is believed.
int sync(OpenFile& file) {
  if (file.sync_error == 0) file.sync_error = sync_data(file.fd);
  return file.sync_error;
}

// `is_direct`: around the page cache, if the file takes it.
int put(OpenFile& file, uint64_t offset, Slice bytes, bool is_direct) {
  size_t done = 0;
  if (is_direct && turn_direct(file, true)) {
    const int error = write_direct(file.fd, offset, bytes, done);
    if (error != EINVAL) return error;
    file.is_direct_refused = true;
  }
  if (!turn_direct(file, false)) return EIO;
  return write_all(file.fd, offset + done, bytes.substr(done));
}

// A part of it; EAGAIN: more is left.
int fill(OpenFile& file, uint64_t size, uint64_t& filled) {
  static const std::string kZeros(kFillStep, '\0');
  const uint64_t step = std::min(size - filled, kFillStep);
  const int error =
      put(file, filled, Slice(kZeros).substr(0, step), is_whole_sectors(filled, step));
  if (error != 0) return error;
  filled += step;
  return filled < size ? EAGAIN : sync_whole(file.fd);
}

}  // namespace

bool turn_direct(OpenFile& file, bool is_direct) {
  if (file.is_direct == is_direct) return true;
  if (is_direct && file.is_direct_refused) return false;
  if (set_direct(file.fd, is_direct) != 0) {
    file.is_direct_refused = true;
    return false;
  }
  file.is_direct = is_direct;
  return true;
}

char* Operation::room() const {
  if (!block) return nullptr;  // there is nothing to be read
  if (!range.is_once) return block->bytes();
  const auto at = reinterpret_cast<uintptr_t>(block->bytes());
  return block->bytes() + (kDirectAlignment - at % kDirectAlignment) % kDirectAlignment;
}

// Behind the last whole sector of a file there is nothing that a device could give.
int Operation::read() {
  filled = 0;
  bool is_direct = wants_direct() && turn_direct(*file, true);
  for (;;) {
    if (!is_direct && !turn_direct(*file, false)) return EIO;
    const int failed = read_up_to(file->fd, offset, size, room(), filled);
    if (!is_direct || (failed == 0 && is_whole_sectors(filled, 0))) return failed;
    if (failed != 0 && failed != EINVAL) return failed;
    file->is_direct_refused = failed == EINVAL && is_whole_sectors(filled, 0);
    is_direct = false;
  }
}

bool Operation::wants_direct() const {
  if (kind == Kind::kRead) return range.is_once;
  if (!is_whole_sectors(offset, bytes.size())) return false;
  return kind == Kind::kWriteAndSync || (kind == Kind::kWrite && bytes.size() >= kDirectBytesMin);
}

bool Operation::perform() {
  error = perform_call();
  return !((kind == Kind::kRemoveTree || kind == Kind::kPreallocate) && error == EAGAIN);
}

int Operation::perform_call() {
  switch (kind) {
    case Kind::kWrite:
      return put(*file, offset, bytes, wants_direct());
    case Kind::kRead:
      return read();
    case Kind::kSync:
      return sync(*file);
    case Kind::kWriteAndSync: {
      const int written = put(*file, offset, bytes, wants_direct());
      return written != 0 ? written : sync(*file);
    }
    case Kind::kPreallocate:
      return fill(*file, size, filled);
    case Kind::kClose:
      return ::close(file->fd) == 0 ? 0 : errno;
    case Kind::kReplaceFile:
      return replace_file(path, bytes);
    case Kind::kRenameFile:
      return rename_file(path, target);
    case Kind::kRemoveFile:
      return remove_file(path);
    case Kind::kRemoveTree:
      return remove_tree_part(path, kTreeStep);
  }
  return EINVAL;
}

void Operation::complete() {
  if (read_done) {
    const uint64_t before = range.offset - offset;
    const Slice found(room(), error == 0 ? filled : 0);
    read_done(error, block, found.substr(std::min(before, found.size()), range.bytes));
  }
  if (done) done(error);
}

}  // namespace petrel::disk

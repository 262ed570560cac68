#include "disk/operation.h"

#include "disk/file_calls.h"

#include <cerrno>
#include <unistd.h>

namespace petrel::disk {

namespace {

constexpr size_t kTreeStep = 16;  // files of a tree removed before others get their turn

// Once a sync failed the kernel has forgotten what it could not write: no later one is believed.
int sync(OpenFile& file) {
  if (file.sync_error == 0) file.sync_error = sync_data(file.fd);
  return file.sync_error;
}

}  // namespace

bool Operation::perform() {
  error = perform_call();
  return !(kind == Kind::kRemoveTree && error == EAGAIN);
}

int Operation::perform_call() {
  switch (kind) {
    case Kind::kWrite:
      return write_all(file->fd, offset, bytes);
    case Kind::kRead:
      return read_up_to(file->fd, offset, size, bytes);
    case Kind::kSync:
      return sync(*file);
    case Kind::kWriteAndSync: {
      const int written = write_all(file->fd, offset, bytes);
      return written != 0 ? written : sync(*file);
    }
    case Kind::kPreallocate:
      return fill_with_zeros(file->fd, size);
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
  if (read_done) read_done(error, error == 0 ? Slice(bytes) : Slice());
  if (done) done(error);
}

}  // namespace petrel::disk

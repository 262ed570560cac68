#include "disk/file_table.h"

#include "disk/file_calls.h"
#include "disk/operation.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>

namespace petrel::disk {

namespace {

constexpr mode_t kFileMode = 0640;
// Large reads fill blocks that come back and are taken again: fresh memory costs more than the
// read.
constexpr uint32_t kPooledBytes = (1 << 20) + 4 * kDirectAlignment;
constexpr size_t kPooledMax = 6;
constexpr size_t kLargePage = 2 << 20;

int flags_of(store::OpenMode mode) {
  switch (mode) {
    case store::OpenMode::kRead:
      return O_RDONLY;
    case store::OpenMode::kWrite:
      return O_RDWR | O_CREAT;
    case store::OpenMode::kCreate:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

// In large pages when it is large: otherwise fresh pages cost more than the read.
void make_room(std::string& content, size_t bytes) {
  content.reserve(bytes);
  if (bytes >= kLargePage) {
    const auto begin = reinterpret_cast<uintptr_t>(content.data());
    const uintptr_t first = (begin + kLargePage - 1) / kLargePage * kLargePage;
    const uintptr_t end = (begin + bytes) / kLargePage * kLargePage;
    if (first < end) ::madvise(content.data() + (first - begin), end - first, MADV_HUGEPAGE);
  }
  content.resize(bytes);
}

Result<std::string> load_part(const std::string& path, uint64_t offset, size_t bytes) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return error_of("open", path, errno);
  struct stat status{};
  int error = ::fstat(fd, &status) == 0 ? 0 : errno;
  std::string content;
  if (error == 0) {
    const auto size = static_cast<uint64_t>(status.st_size);
    const uint64_t left = size > offset ? size - offset : 0;
    make_room(content, std::min<uint64_t>(left, bytes));
    uint64_t filled = 0;
    error = read_up_to(fd, offset, content.size(), content.data(), filled);
    content.resize(filled);
  }
  ::close(fd);
  if (error != 0) return error_of("read", path, error);
  return content;
}

}  // namespace

FileTable::FileTable() : blocks_(BlockPool::create(kPooledBytes, kPooledMax)) {}

// What goes around the page cache begins and ends with a page.
Operation FileTable::reading(store::FileId id, const store::FileRange& range, ReadDone done) {
  const bool is_direct = range.is_once && range.bytes >= kDirectBytesMin;
  const uint64_t before = is_direct ? range.offset % kDirectAlignment : 0;
  uint64_t size = before + range.bytes;
  if (is_direct) size = (size + kDirectAlignment - 1) / kDirectAlignment * kDirectAlignment;
  const uint64_t capacity = size + (is_direct ? kDirectAlignment : 0);
  Operation operation{.kind = Operation::Kind::kRead, .file = file(id)};
  operation.offset = range.offset - before;
  operation.size = size;
  operation.range = range;
  operation.range.is_once = is_direct;
  operation.block = capacity > kPooledBytes / 2 && capacity <= kPooledBytes
                        ? blocks_->take()
                        : BlockRef::allocate(static_cast<uint32_t>(capacity));
  operation.read_done = std::move(done);
  return operation;
}

Result<store::FileId> FileTable::open(const std::string& path, store::OpenMode mode) {
  const int fd = ::open(path.c_str(), flags_of(mode) | O_CLOEXEC, kFileMode);
  if (fd < 0) return error_of("open", path, errno);
  auto opened = std::make_shared<OpenFile>();
  opened->fd = fd;
  if (free_.empty()) {
    files_.push_back(std::move(opened));
    return static_cast<store::FileId>(files_.size() - 1);
  }
  const store::FileId id = free_.back();
  free_.pop_back();
  files_[id] = std::move(opened);
  return id;
}

Result<uint64_t> FileTable::size(store::FileId id) {
  struct stat status{};
  if (::fstat(file(id)->fd, &status) != 0) return error_of("stat", "an open file", errno);
  return static_cast<uint64_t>(status.st_size);
}

Status FileTable::truncate(store::FileId id, uint64_t bytes) {
  if (::ftruncate(file(id)->fd, static_cast<off_t>(bytes)) == 0) return Status::ok();
  return error_of("truncate", "an open file", errno);
}

Status FileTable::make_directories(const std::string& path) {
  // Each one by itself, so that its name is on the disk before something is put into it.
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0750) == 0) {
      if (const int error = sync_directory_of(part); error != 0) {
        return error_of("sync", part, error);
      }
    } else if (errno != EEXIST) {
      return error_of("mkdir", part, errno);
    }
    if (end == std::string::npos) break;
  }
  return Status::ok();
}

Status FileTable::sync_directory(const std::string& path) {
  const int error = disk::sync_directory(path);
  if (error != 0) return error_of("sync", path, error);
  return Status::ok();
}

Status FileTable::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return Status::ok();
  return error_of("rename", from, errno);
}

Result<std::vector<store::FileEntry>> FileTable::list(const std::string& path) {
  std::error_code error;
  std::vector<store::FileEntry> entries;
  for (auto at = std::filesystem::directory_iterator(path, error);
       !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    std::error_code ignored;  // it may vanish meanwhile
    store::FileEntry entry;
    entry.name = at->path().filename().string();
    entry.is_directory = at->is_directory(ignored);
    if (!entry.is_directory) {
      const auto bytes = at->file_size(ignored);
      entry.bytes = ignored ? 0 : bytes;
    }
    entries.push_back(std::move(entry));
  }
  if (error) return error_of("list", path, error.value());
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

Result<std::string> FileTable::load(const std::string& path) {
  return load_part(path, 0, ~size_t{0});
}

Result<std::string> FileTable::load_range(const std::string& path, uint64_t offset, size_t bytes) {
  return load_part(path, offset, bytes);
}

Result<uint64_t> FileTable::free_bytes(const std::string& path) {
  struct statvfs status{};
  if (::statvfs(path.c_str(), &status) != 0) return error_of("statvfs", path, errno);
  return uint64_t{status.f_bavail} * uint64_t{status.f_frsize};
}

const std::shared_ptr<OpenFile>& FileTable::file(store::FileId id) const {
  PETREL_CHECK(id < files_.size() && files_[id] != nullptr);
  return files_[id];
}

std::shared_ptr<OpenFile> FileTable::take_file(store::FileId id) {
  std::shared_ptr<OpenFile> taken = file(id);
  files_[id] = nullptr;
  free_.push_back(id);
  return taken;
}

void FileTable::close_all() {
  for (const std::shared_ptr<OpenFile>& open : files_) {
    if (open != nullptr) ::close(open->fd);
  }
  files_.clear();
  free_.clear();
}

}  // namespace petrel::disk

#include "disk/file_calls.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace petrel::disk {

namespace {

constexpr mode_t kFileMode = 0640;
constexpr size_t kDirectStep = 1 << 20;

// A descriptor that is closed at the end of the call.
class ScopedFd {
 public:
  explicit ScopedFd(int fd) : fd_(fd) {}
  ~ScopedFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  ScopedFd(const ScopedFd&) = delete;
  ScopedFd& operator=(const ScopedFd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// Names in a directory, directories with a slash at the end. At most `max`.
int names_in(const std::string& path, size_t max, std::vector<std::string>& names) {
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
  if (directory == nullptr) return errno;
  while (names.size() < max) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) return errno;
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat status{};
    const std::string whole = path + "/" + name;
    if (::lstat(whole.c_str(), &status) != 0) return errno;
    names.push_back(S_ISDIR(status.st_mode) ? whole + "/" : whole);
  }
  return 0;
}

// Takes from `left` what it removed.
int remove_part(const std::string& path, size_t& left) {
  while (left > 0) {
    std::vector<std::string> names;
    if (const int error = names_in(path, left, names); error != 0) {
      return error == ENOENT ? 0 : error;
    }
    if (names.empty()) {
      --left;
      return ::rmdir(path.c_str()) == 0 || errno == ENOENT ? 0 : errno;
    }
    for (std::string& name : names) {
      if (left == 0) return EAGAIN;
      if (name.back() == '/') {
        name.pop_back();
        if (const int error = remove_part(name, left); error != 0) return error;
        continue;
      }
      if (::unlink(name.c_str()) != 0 && errno != ENOENT) return errno;
      --left;
    }
  }
  return EAGAIN;
}

}  // namespace

int write_all(int fd, uint64_t offset, Slice bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return errno;
    if (done == 0) return EIO;
    bytes.remove_prefix(static_cast<size_t>(done));
    offset += static_cast<uint64_t>(done);
  }
  return 0;
}

int write_direct(int fd, uint64_t offset, Slice bytes, size_t& done) {
  // Those of each worker: they stay in the cache of its core.
  static thread_local DirectMemory of_small;
  static thread_local DirectMemory of_large;
  DirectMemory& memory = bytes.size() < DirectMemory::kHugeFrom ? of_small : of_large;
  const size_t step = std::min(bytes.size(), kDirectStep);
  if (memory.capacity() < step) memory = DirectMemory(step);
  if (memory.capacity() < step) return EINVAL;
  done = 0;
  while (done < bytes.size()) {
    const Slice part = bytes.substr(done, step);
    std::memcpy(memory.bytes(), part.data(), part.size());
    const ssize_t written =
        ::pwrite(fd, memory.bytes(), part.size(), static_cast<off_t>(offset + done));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return EIO;
    done += static_cast<size_t>(written);
  }
  return 0;
}

int set_direct(int fd, bool is_direct) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return errno;
  const int wanted = is_direct ? flags | O_DIRECT : flags & ~O_DIRECT;
  return ::fcntl(fd, F_SETFL, wanted) == 0 ? 0 : errno;
}

int read_up_to(int fd, uint64_t offset, size_t bytes, char* to, uint64_t& filled) {
  while (filled < bytes) {
    const ssize_t done =
        ::pread(fd, to + filled, bytes - filled, static_cast<off_t>(offset + filled));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return errno;
    if (done == 0) break;
    filled += static_cast<uint64_t>(done);
  }
  return 0;
}

int sync_data(int fd) {
  // An interrupted sync may have dropped its errors: not repeated.
  return ::fdatasync(fd) == 0 ? 0 : errno;
}

void write_event(int fd) {
  const uint64_t one = 1;
  // Fails only if the counter is full, and then nobody waits.
  const ssize_t written = ::write(fd, &one, sizeof(one));
  static_cast<void>(written);
}

int sync_directory(const std::string& directory) {
  const ScopedFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return errno;
  return ::fsync(fd.get()) == 0 ? 0 : errno;
}

int sync_directory_of(const std::string& path) {
  return sync_directory(directory_of(path));
}

int sync_whole(int fd) {
  return ::fsync(fd) == 0 ? 0 : errno;
}

int replace_file(const std::string& path, Slice bytes) {
  const std::string temporary = path + ".tmp";
  int error = 0;
  {
    const ScopedFd fd(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode));
    if (fd.get() < 0) return errno;
    error = write_all(fd.get(), 0, bytes);
    if (error == 0 && ::fsync(fd.get()) != 0) error = errno;
  }
  if (error != 0) {
    ::unlink(temporary.c_str());
    return error;
  }
  return rename_file(temporary, path);
}

int rename_file(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return errno;
  return sync_directory_of(to);
}

int remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return errno;
  return sync_directory_of(path);
}

int remove_tree_part(const std::string& path, size_t max) {
  const int error = remove_part(path, max);
  return error != 0 ? error : sync_directory_of(path);
}

Error error_of(const char* call, const std::string& path, int error) {
  const Errc code = error == ENOENT                      ? Errc::kNotFound
                    : error == ENOSPC || error == EDQUOT ? Errc::kFull
                                                         : Errc::kIo;
  return {code, std::string(call) + " " + path + ": " + std::generic_category().message(error)};
}

}  // namespace petrel::disk

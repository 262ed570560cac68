#include "server/system_sources.h"

#include "petrel/net/loop.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace petrel::server {

namespace {
constexpr size_t kReadBytes = 64 * 1024;
}  // namespace

Result<std::string> SystemFiles::read(const std::string& path) const {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Error{Errc::kIo, "open " + path + ": " + net::errno_text(errno)};
  std::string content;
  while (true) {
    const size_t before = content.size();
    content.resize(before + kReadBytes);
    const ssize_t count = ::read(fd, content.data() + before, kReadBytes);
    const int error = errno;
    content.resize(before + static_cast<size_t>(count > 0 ? count : 0));
    if (count < 0 && error == EINTR) continue;
    if (count > 0) continue;
    close(fd);
    if (count < 0) return Error{Errc::kIo, "read " + path + ": " + net::errno_text(error)};
    return content;
  }
}

conf::PathKind SystemFiles::kind(const std::string& path) const {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return conf::PathKind::kMissing;
  if (!S_ISDIR(status.st_mode)) return conf::PathKind::kFile;
  return access(path.c_str(), W_OK) == 0 ? conf::PathKind::kDirectory
                                         : conf::PathKind::kReadOnlyDirectory;
}

std::optional<std::string> SystemEnvironment::get(const std::string& name) const {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

}  // namespace petrel::server

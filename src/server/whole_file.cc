#include "server/whole_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <unistd.h>

namespace petrel::server {

namespace {

Error failed(const char* what, const std::string& path, int error) {
  return {Errc::kIo, std::string(what) + " " + path + ": " + std::strerror(error)};
}

// 0 or errno.
int write_all(int fd, const std::string& bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t written = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno != EINTR) return errno;
    done += static_cast<size_t>(std::max<ssize_t>(written, 0));
  }
  return ::fsync(fd) == 0 ? 0 : errno;
}

}  // namespace

std::optional<std::string> read_whole_file(const std::string& path, size_t bytes_max) {
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error || bytes > bytes_max) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Status replace_whole_file(const std::string& path, const std::string& bytes) {
  const std::string draft = path + ".new";
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return failed("open", draft, errno);
  const int error = write_all(fd, bytes);
  ::close(fd);
  if (error != 0) return failed("write", draft, error);
  if (::rename(draft.c_str(), path.c_str()) != 0) return failed("rename", draft, errno);
  return Status::ok();
}

}  // namespace petrel::server

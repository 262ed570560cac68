#include "server/log_file.h"

#include "petrel/base/go_quote.h"
#include "petrel/net/loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace petrel::server {

namespace {

constexpr mode_t kPermissions = 0640;
// YYYY.MM.DD.hh.mm.ss.nnnnnnnnn
constexpr std::string_view kStampShape = "0000.00.00.00.00.00.000000000";

struct Now {
  std::tm local{};
  int64_t nanos = 0;
};

Now now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  Now result;
  localtime_r(&time.tv_sec, &result.local);
  result.nanos = time.tv_nsec;
  return result;
}

std::string format_time(const Now& time, const char* format) {
  std::array<char, 64> text{};
  const size_t count = std::strftime(text.data(), text.size(), format, &time.local);
  return std::string(text.data(), count);
}

std::string nine_digits(int64_t nanos) {
  const std::string digits = std::to_string(nanos);
  return std::string(9 - digits.size(), '0') + digits;
}

bool is_stamp(std::string_view text) {
  if (text.size() != kStampShape.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (kStampShape[i] == '0' ? !is_digit : text[i] != kStampShape[i]) return false;
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<LogTarget>> LogFile::open(LogFileOptions options) {
  std::unique_ptr<LogFile> file(new LogFile(std::move(options)));
  if (!file->reopen()) {
    return Error{Errc::kIo,
                 "error opening file: open " + file->options_.path + ": " + net::errno_text(errno)};
  }
  return std::unique_ptr<LogTarget>(std::move(file));
}

int64_t LogFile::size_of(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 ? status.st_size : 0;
}

LogFile::~LogFile() {
  if (fd_ >= 0) close(fd_);
}

bool LogFile::reopen() {
  fd_ = ::open(options_.path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kPermissions);
  if (fd_ < 0) return false;
  struct stat status{};
  size_ = fstat(fd_, &status) == 0 ? status.st_size : 0;
  return true;
}

void LogFile::write(LogLevel /*level*/, std::string_view line, std::string_view /*text*/) {
  write_all(fd_, line);
  size_ += static_cast<int64_t>(line.size());
  if (options_.size_limit > 0 && size_ > options_.size_limit) rotate();
}

void LogFile::rotate() {
  const Now time = now();
  const std::string backup =
      options_.path + format_time(time, ".%Y.%m.%d.%H.%M.%S.") + nine_digits(time.nanos);
  std::rename(options_.path.c_str(), backup.c_str());
  const int old = fd_;
  if (!reopen()) {
    // Better a log under the wrong name than none.
    const std::string why = net::errno_text(errno);
    fd_ = old;
    size_ = 0;
    say("[ERR] ",
        "Unable to re-open the logfile " + go_quote(options_.path) + " after rotation: " + why);
    return;
  }
  close(old);
  say("[INF] ", "Rotated log, backup saved as " + go_quote(backup));
  if (options_.max_num > 0) remove_oldest();
}

void LogFile::remove_oldest() {
  const std::filesystem::path path(options_.path);
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const std::string base = path.filename().string() + ".";
  std::vector<std::string> backups;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with(base) && is_stamp(std::string_view(name).substr(base.size()))) {
      backups.push_back(name);
    }
  }
  if (error) {
    say("[ERR] ", "Unable to read directory " + go_quote(folder.string()) + " for log purge (" +
                      error.message() + "), will attempt next rotation");
    return;
  }
  std::sort(backups.begin(), backups.end());
  const auto kept = static_cast<size_t>(options_.max_num - 1);
  for (size_t i = 0; i + kept < backups.size(); ++i) {
    if (!std::filesystem::remove(folder / backups[i], error) && error) {
      say("[ERR] ", "Unable to remove backup log file " + go_quote(backups[i]) + " (" +
                        error.message() + "), will attempt next rotation");
      return;
    }
    say("[INF] ", "Purged log file " + go_quote(backups[i]));
  }
}

// Lines about the rotation itself: always local time, and with the CR that nats-server gives them.
void LogFile::say(std::string_view label, const std::string& text) {
  std::string line = "[" + std::to_string(getpid()) + "] ";
  if (options_.logtime) {
    const Now time = now();
    line.append(format_time(time, "%Y/%m/%d %H:%M:%S."));
    line.append(nine_digits(time.nanos).substr(0, 6)).append(" ");
  }
  line.append(label).append(text).append("\r\n");
  write_all(fd_, line);
  size_ += static_cast<int64_t>(line.size());
}

}  // namespace petrel::server

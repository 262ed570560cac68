// Header-only, because the packages have no static library and Petrel is one file.
#define SPDLOG_HEADER_ONLY
#define FMT_HEADER_ONLY

#include "server/logger.h"

#include "server/log_file.h"
#include "server/log_target.h"
#include "server/syslog.h"

#include <spdlog/details/log_msg.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include <cerrno>
#include <mutex>
#include <sys/stat.h>
#include <unistd.h>

namespace petrel::server {

namespace {

// spdlog knows no level of ours by name; these numbers only travel through it.
spdlog::level::level_enum through_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return spdlog::level::trace;
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kFatal:
      return spdlog::level::critical;
  }
  return spdlog::level::info;
}

LogLevel from_spdlog(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
      return LogLevel::kTrace;
    case spdlog::level::debug:
      return LogLevel::kDebug;
    case spdlog::level::warn:
      return LogLevel::kWarn;
    case spdlog::level::err:
      return LogLevel::kError;
    case spdlog::level::critical:
      return LogLevel::kFatal;
    default:
      return LogLevel::kInfo;
  }
}

std::string_view label(LogLevel level, bool is_coloured) {
  switch (level) {
    case LogLevel::kInfo:
      return is_coloured ? "[\x1b[32mINF\x1b[0m]" : "[INF]";
    case LogLevel::kWarn:
      return is_coloured ? "[\x1b[0;93mWRN\x1b[0m]" : "[WRN]";
    case LogLevel::kError:
      return is_coloured ? "[\x1b[31mERR\x1b[0m]" : "[ERR]";
    case LogLevel::kFatal:
      return is_coloured ? "[\x1b[31mFTL\x1b[0m]" : "[FTL]";
    case LogLevel::kDebug:
      return is_coloured ? "[\x1b[36mDBG\x1b[0m]" : "[DBG]";
    case LogLevel::kTrace:
      return is_coloured ? "[\x1b[33mTRC\x1b[0m]" : "[TRC]";
  }
  return "[INF]";
}

class LabelFlag final : public spdlog::custom_flag_formatter {
 public:
  explicit LabelFlag(bool is_coloured) : is_coloured_(is_coloured) {}
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/,
              spdlog::memory_buf_t& out) override {
    const std::string_view text = label(from_spdlog(message.level), is_coloured_);
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<LabelFlag>(is_coloured_);
  }

 private:
  bool is_coloured_;
};

class StandardError final : public LogTarget {
 public:
  void write(LogLevel /*level*/, std::string_view line, std::string_view /*text*/) override {
    write_all(STDERR_FILENO, line);
  }
};

bool stderr_is_terminal() {
  struct stat status{};
  return fstat(STDERR_FILENO, &status) == 0 && S_ISCHR(status.st_mode);
}

std::unique_ptr<spdlog::formatter> make_formatter(const LogSettings& settings, bool is_coloured) {
  const auto zone =
      settings.logtime_utc ? spdlog::pattern_time_type::utc : spdlog::pattern_time_type::local;
  auto formatter = std::make_unique<spdlog::pattern_formatter>(zone, "\n");
  formatter->add_flag<LabelFlag>('*', is_coloured);
  const std::string pid = "[" + std::to_string(getpid()) + "] ";
  formatter->set_pattern(pid + (settings.logtime ? "%Y/%m/%d %H:%M:%S.%f " : "") + "%* %v");
  return formatter;
}

}  // namespace

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

// spdlog's sink brings the lock that keeps lines whole.
class Logger::Sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void go_over(std::unique_ptr<LogTarget> target, std::unique_ptr<spdlog::formatter> formatter) {
    const std::lock_guard<std::mutex> lock(mutex_);
    target_ = std::move(target);
    formatter_ = std::move(formatter);
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (target_ == nullptr) return;
    line_.clear();
    formatter_->format(message, line_);
    target_->write(from_spdlog(message.level), {line_.data(), line_.size()},
                   {message.payload.data(), message.payload.size()});
  }
  void flush_() override {}

  std::unique_ptr<LogTarget> target_;
  spdlog::memory_buf_t line_;
};

LogSettings log_settings(const conf::Options& options, const std::string& tag) {
  LogSettings settings;
  settings.debug = options.debug;
  settings.trace = options.trace;
  settings.logtime = options.logtime;
  settings.logtime_utc = options.logtime_utc;
  settings.file = options.log_file;
  settings.size_limit = options.log_size_limit;
  settings.max_num = options.log_max_num;
  settings.remote_syslog = options.remote_syslog;
  settings.syslog = options.syslog;
  settings.tag = tag;
  return settings;
}

Logger::Logger() : sink_(std::make_shared<Sink>()) {}
Logger::~Logger() = default;

Result<std::function<void()>> Logger::prepare(const LogSettings& settings) {
  std::unique_ptr<LogTarget> target;
  bool is_coloured = false;
  if (!settings.file.empty()) {
    PETREL_TRY(target, LogFile::open({settings.file, settings.size_limit, settings.max_num,
                                      settings.logtime}));
  } else if (!settings.remote_syslog.empty()) {
    PETREL_TRY(target, Syslog::dial(settings.remote_syslog, settings.tag));
  } else if (settings.syslog) {
    PETREL_TRY(target, Syslog::open_local(settings.tag));
  } else {
    target = std::make_unique<StandardError>();
    is_coloured = stderr_is_terminal();
  }
  // std::function wants to be copied, what it holds here does not.
  auto opened = std::make_shared<std::unique_ptr<LogTarget>>(std::move(target));
  return std::function<void()>([this, settings, is_coloured, opened] {
    sink_->go_over(std::move(*opened), make_formatter(settings, is_coloured));
    adopt(settings);
  });
}

Status Logger::configure(const LogSettings& settings) {
  PETREL_TRY(const std::function<void()> go_over, prepare(settings));
  go_over();
  return Status::ok();
}

void Logger::adopt(const LogSettings& settings) {
  settings_ = settings;
  debug_.store(settings.debug, std::memory_order_relaxed);
  trace_.store(settings.trace, std::memory_order_relaxed);
  is_open_ = true;
  if (!settings.file.empty() && settings.size_limit > 0 &&
      LogFile::size_of(settings.file) > settings.size_limit) {
    write(LogLevel::kInfo, "Rotating logfile...");
  }
}

void Logger::write(LogLevel level, const std::string& text) {
  if (level == LogLevel::kDebug && !debug_.load(std::memory_order_relaxed)) return;
  if (level == LogLevel::kTrace && !trace_.load(std::memory_order_relaxed)) return;
  std::string_view said = text;
  if (said.ends_with('\n')) said.remove_suffix(1);
  sink_->log(spdlog::details::log_msg(spdlog::string_view_t(), through_spdlog(level),
                                      spdlog::string_view_t(said.data(), said.size())));
}

Status Logger::reopen() {
  if (!is_open_ || settings_.file.empty()) {
    write(LogLevel::kInfo, "File log re-open ignored, not a file logger");
    return Status::ok();
  }
  PETREL_TRY_STATUS(configure(settings_));
  write(LogLevel::kInfo, "File log re-opened");
  return Status::ok();
}

}  // namespace petrel::server

#include "server/syslog.h"

#include "petrel/base/go_quote.h"
#include "petrel/conf/url.h"
#include "petrel/net/loop.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace petrel::server {

namespace {

constexpr int kDaemonFacility = 3 << 3;
constexpr std::array<const char*, 3> kLocalPaths = {"/dev/log", "/var/run/syslog", "/var/run/log"};

int severity(LogLevel level) {
  switch (level) {
    case LogLevel::kFatal:
      return 2;
    case LogLevel::kError:
      return 3;
    case LogLevel::kWarn:
      return 4;
    case LogLevel::kDebug:
      return 7;
    case LogLevel::kInfo:
    case LogLevel::kTrace:
      return 5;
  }
  return 5;
}

void set_send_timeout(int fd) {
  timeval limit{};
  limit.tv_sec = Syslog::kSendTimeout.ns / Duration::seconds(1).ns;
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

// A connected socket, or -1 with errno set.
int connect_unix(const std::string& path, int type) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

std::string time_text(const char* format) {
  const std::time_t seconds = std::time(nullptr);
  std::tm local{};
  localtime_r(&seconds, &local);
  std::array<char, 64> text{};
  return std::string(text.data(), std::strftime(text.data(), text.size(), format, &local));
}

// 2026-01-31T10:00:00+01:00, or Z instead of the offset.
std::string rfc3339() {
  std::string text = time_text("%Y-%m-%dT%H:%M:%S%z");
  if (text.ends_with("+0000")) return text.substr(0, text.size() - 5) + "Z";
  return text.insert(text.size() - 2, ":");
}

}  // namespace

Syslog::Syslog(Network network, std::string address, std::string tag)
    : network_(network), address_(std::move(address)), tag_(std::move(tag)) {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) == 0) host_ = name.data();
  if (host_.empty()) host_ = "localhost";
}

Syslog::~Syslog() {
  if (fd_ >= 0) close(fd_);
}

Result<std::unique_ptr<LogTarget>> Syslog::open_local(const std::string& tag) {
  std::unique_ptr<Syslog> syslog(new Syslog(Network::kLocal, "", tag));
  PETREL_TRY_STATUS(syslog->connect());
  return std::unique_ptr<LogTarget>(std::move(syslog));
}

Result<std::unique_ptr<LogTarget>> Syslog::dial(const std::string& url, const std::string& tag) {
  PETREL_TRY(const conf::Url parsed, conf::parse_url(url));
  Network network = Network::kUdp;
  if (parsed.scheme == "tcp") {
    network = Network::kTcp;
  } else if (parsed.scheme == "unix") {
    network = Network::kUnix;
  } else if (parsed.scheme != "udp") {
    return Error{Errc::kInvalidArgument, "error invalid network type: " + go_quote(parsed.scheme)};
  }
  std::unique_ptr<Syslog> syslog(
      new Syslog(network, network == Network::kUnix ? parsed.path : parsed.host, tag));
  PETREL_TRY_STATUS(syslog->connect());
  return std::unique_ptr<LogTarget>(std::move(syslog));
}

Status Syslog::connect() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  const bool is_inet = network_ == Network::kUdp || network_ == Network::kTcp;
  if (const Status status = is_inet ? connect_inet() : connect_local(); !status) {
    return Error{Errc::kIo, "error connecting to syslog: " + go_quote(status.error().detail)};
  }
  set_send_timeout(fd_);
  return Status::ok();
}

Status Syslog::connect_local() {
  if (network_ == Network::kUnix) {
    fd_ = connect_unix(address_, SOCK_STREAM);
    if (fd_ >= 0) return Status::ok();
    return Error{Errc::kIo, "dial unix " + address_ + ": connect: " + net::errno_text(errno)};
  }
  for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
    for (const char* path : kLocalPaths) {
      fd_ = connect_unix(path, type);
      if (fd_ >= 0) return Status::ok();
    }
  }
  return Error{Errc::kIo, "Unix syslog delivery error"};
}

Status Syslog::connect_inet() {
  const std::string network = network_ == Network::kTcp ? "tcp" : "udp";
  const size_t colon = address_.rfind(':');
  if (colon == std::string::npos || address_.ends_with(']')) {
    return Error{Errc::kInvalidArgument,
                 "dial " + network + ": address " + address_ + ": missing port in address"};
  }
  std::string host = address_.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty()) host = "localhost";
  addrinfo hints{};
  hints.ai_socktype = network_ == Network::kTcp ? SOCK_STREAM : SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), address_.substr(colon + 1).c_str(), &hints, &found) != 0) {
    return Error{Errc::kIo, "dial " + network + ": lookup " + host + ": no such host"};
  }
  int error = 0;
  for (const addrinfo* each = found; each != nullptr && fd_ < 0; each = each->ai_next) {
    const int fd = socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, each->ai_protocol);
    if (fd < 0) continue;
    set_send_timeout(fd);
    if (::connect(fd, each->ai_addr, each->ai_addrlen) == 0) {
      fd_ = fd;
    } else {
      error = errno;
      close(fd);
    }
  }
  freeaddrinfo(found);
  if (fd_ >= 0) return Status::ok();
  return Error{Errc::kIo,
               "dial " + network + " " + address_ + ": connect: " + net::errno_text(error)};
}

void Syslog::write(LogLevel level, std::string_view /*line*/, std::string_view text) {
  const bool is_inet = network_ == Network::kUdp || network_ == Network::kTcp;
  // To another place nats-server names no facility.
  const int facility = network_ == Network::kLocal ? kDaemonFacility : 0;
  std::string packet = "<" + std::to_string(facility | severity(level)) + ">";
  packet.append(is_inet ? rfc3339() + " " + host_ : time_text("%b %e %H:%M:%S"));
  packet.append(" ").append(tag_).append("[").append(std::to_string(getpid())).append("]: ");
  packet.append(text).append("\n");
  if (fd_ >= 0 && send(packet)) return;
  if (connect()) static_cast<void>(send(packet));
}

bool Syslog::send(const std::string& packet) const {
  size_t sent = 0;
  while (sent < packet.size()) {
    const ssize_t count = ::send(fd_, packet.data() + sent, packet.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    sent += static_cast<size_t>(count);
  }
  return true;
}

}  // namespace petrel::server

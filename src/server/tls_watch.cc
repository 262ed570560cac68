#include "server/tls_watch.h"

#include <sys/stat.h>
#include <utility>
#include <vector>

namespace petrel::server {

namespace {

constexpr Duration kPeriod = Duration::seconds(1);

std::vector<std::string> files_of(const conf::TlsOptions& tls) {
  std::vector<std::string> files = {tls.cert_file, tls.key_file, tls.ca_file};
  for (const conf::CertificatePair& pair : tls.certificates) {
    files.push_back(pair.cert_file);
    files.push_back(pair.key_file);
  }
  return files;
}

}  // namespace

// Kubernetes replaces a directory behind a symbolic link: the inode tells, the path does not.
std::string tls_files_signature(const conf::Options& options) {
  std::string signature;
  if (!options.tls) return signature;
  for (const std::string& path : files_of(*options.tls)) {
    struct stat found{};
    if (path.empty() || ::stat(path.c_str(), &found) != 0) {
      signature += "-;";
      continue;
    }
    for (const auto number : {static_cast<int64_t>(found.st_ino), int64_t{found.st_size},
                              int64_t{found.st_mtim.tv_sec}, int64_t{found.st_mtim.tv_nsec}}) {
      signature += std::to_string(number) + ",";
    }
    signature += ";";
  }
  return signature;
}

TlsWatch::TlsWatch(TlsWatchHost& host, std::string seen)
    : host_(host), seen_(std::move(seen)), thread_([this] { watch(); }) {}

TlsWatch::~TlsWatch() {
  sleep_.cancel();
  thread_.join();
}

void TlsWatch::watch() {
  while (sleep_.sleep_for(kPeriod)) {
    host_.report_refused_handshakes();
    host_.look_after_staples();
    std::string now = tls_files_signature(host_.watched_options());
    if (now == seen_) continue;
    seen_ = std::move(now);
    host_.tls_files_changed();
  }
}

}  // namespace petrel::server

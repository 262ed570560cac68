// Provokes EMFILE in this process. One at a time.
#pragma once

#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace petrel::net::testing {

// Allows few open files, and none at all between fill() and drain().
class SmallFileTable {
 public:
  SmallFileTable() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::dup(0);
    ::close(next);
    rlimit lowered = before_;
    lowered.rlim_cur = static_cast<rlim_t>(next) + 40;
    ::setrlimit(RLIMIT_NOFILE, &lowered);
  }
  ~SmallFileTable() {
    drain();
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }
  void fill() {
    for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) fillers_.push_back(fd);
  }
  void drain() {
    for (const int fd : fillers_) ::close(fd);
    fillers_.clear();
  }

 private:
  rlimit before_{};
  std::vector<int> fillers_;
};

}  // namespace petrel::net::testing

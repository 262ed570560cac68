// Link: a connected socket of the load generator, plain or with TLS over it, as send() and recv().
// Thread: one. Errors: as the system calls; a TLS error ends the process.
#pragma once

#include <string_view>
#include <sys/types.h>

struct ssl_st;

namespace petrel::bench {

class Link {
 public:
  explicit Link(int fd) : fd_(fd) {}
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  int fd() const { return fd_; }
  // Reads INFO and shakes hands; certificates are not looked at. Blocking.
  void start_tls();
  // -1 with errno, as send() and recv().
  ssize_t send(std::string_view bytes, int flags);
  ssize_t recv(char* into, size_t room);

 private:
  const int fd_;
  ssl_st* ssl_ = nullptr;
};

}  // namespace petrel::bench

#include "link.h"

#include "process.h"

#include <openssl/ssl.h>

#include <array>
#include <cerrno>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace petrel::bench {

namespace {

SSL_CTX* client_context() {
  static SSL_CTX* const kContext = [] {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // As the official clients, which do not resume sessions.
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    return context;
  }();
  return kContext;
}

// The result of SSL_read or SSL_write as one of the system call.
ssize_t as_system_call(SSL* ssl, int result) {
  if (result > 0) return result;
  switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    default:
      fail("TLS error");
  }
}

}  // namespace

Link::~Link() {
  SSL_free(ssl_);
  ::close(fd_);
}

void Link::start_tls() {
  std::string info;
  std::array<char, 4096> chunk;
  while (info.find("\r\n") == std::string::npos) {
    const ssize_t got = ::recv(fd_, chunk.data(), chunk.size(), 0);
    if (got <= 0) fail("no INFO");
    info.append(chunk.data(), static_cast<size_t>(got));
  }
  ssl_ = SSL_new(client_context());
  SSL_set_fd(ssl_, fd_);
  if (SSL_connect(ssl_) != 1) fail("TLS handshake");
}

ssize_t Link::send(std::string_view bytes, int flags) {
  if (ssl_ == nullptr) return ::send(fd_, bytes.data(), bytes.size(), flags);
  return as_system_call(ssl_, SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())));
}

ssize_t Link::recv(char* into, size_t room) {
  if (ssl_ == nullptr) return ::recv(fd_, into, room, 0);
  return as_system_call(ssl_, SSL_read(ssl_, into, static_cast<int>(room)));
}

}  // namespace petrel::bench

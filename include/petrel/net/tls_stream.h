// TlsStream: the server's side of one TLS connection, without a socket: bytes of the wire go in and
// come out, and so do plain ones.
//
// Owner: TlsConnections, one per connection. Thread: the connection's loop.
// Limits: kHandshakeBytesMax before the handshake is done; until the first record is there only its
// bytes are held, afterwards OpenSSL holds one record.
// Errors: TlsFailure, worded as nats-server logs it.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/tls_peer.h"
#include "petrel/net/ocsp.h"
#include "petrel/net/tls_context.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <sys/uio.h>
#include <utility>
#include <vector>

namespace petrel::net {

struct TlsFailure {
  std::string text = {};
  // The first bytes were no TLS at all: a probe of a load balancer, say.
  bool is_probe = false;
};

class TlsStream {
 public:
  enum class State : uint8_t { kHandshake, kOpen, kClosed, kFailed };
  static constexpr size_t kHandshakeBytesMax = 64 * 1024;

  explicit TlsStream(std::shared_ptr<const TlsContext> context);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  State state() const { return state_; }
  // Takes bytes of the wire, which have to stay where they are until read() returned 0 or, during
  // the handshake, until advance() returned. What has to be sent is appended to `out` by any call
  // that gets one.
  void feed(Slice wire) {
    if (ssl_ != nullptr && !begin_.empty()) std::string().swap(begin_);
    input_ = wire;
  }
  // What of it was not taken.
  Slice rest() const { return input_; }
  // kHandshake: goes on with it.
  void advance(std::string& out);
  // kOpen: decrypts. 0: nothing more for now, or the state changed.
  size_t read(std::span<char> plain, std::string& out);
  // kOpen: encrypts from the first `skip` bytes of `parts` on, until about `wire_max` bytes stand
  // in `out`. Returns the number of plain bytes that it took.
  size_t write(std::span<const iovec> parts, size_t skip, size_t wire_max, std::string& out);
  // Ends it with an error of ours.
  void give_up(std::string text) { fail(std::move(text), false); }
  // Tells the peer that no more comes.
  void shut_down(std::string& out);

  // kOpen and later.
  std::shared_ptr<const TlsPeer> peer() const;
  // The peer's verified chain without its root; nothing if none of it names a responder, or the
  // context does not ask them.
  std::vector<OcspLink> links_to_check() const;
  // kFailed.
  const TlsFailure& failure() const { return failure_; }

 private:
  struct Wire;
  void on_result(int result);
  void inspect_hello();
  bool has_first_record();
  void open();
  void fail(std::string text, bool is_probe);
  bool encrypt(Slice plain, std::string& out);

  const std::shared_ptr<const TlsContext> context_;
  ssl_st* ssl_ = nullptr;  // from the first whole record on
  State state_ = State::kHandshake;
  Slice input_;                    // what OpenSSL has not taken yet
  std::string* output_ = nullptr;  // during a call
  size_t handshake_bytes_ = 0;
  std::array<unsigned char, 9> first_{};  // header of the first record and of its message
  std::string begin_;                     // the first record, if it came in pieces
  TlsFailure failure_;
};

}  // namespace petrel::net

// TlsConnections: the TLS side of a loop's connections. It stands between the loop and what serves
// its connections: bytes of the wire below, plain bytes above.
//
// Owner: who owns the loop's connections. Thread: the loop's.
// Limits: a connection holds at most kWireBytes that its socket did not take, and while it is open
// about 10 KiB of OpenSSL's; handshakes see TlsStream.
#pragma once

#include "petrel/net/block_cursor.h"
#include "petrel/net/loop.h"
#include "petrel/net/tls_stream.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace petrel::net {

// What becomes of connections. None is called for one that was forgotten.
class TlsHandler {
 public:
  virtual ~TlsHandler() = default;
  // Handshake done, and the context asks responders about these links of the client's chain: the
  // connection is held, without on_tls_open, until settle().
  virtual void on_tls_check(ConnectionId id, std::vector<OcspLink> links) = 0;
  virtual void on_tls_open(ConnectionId id, std::shared_ptr<const TlsPeer> peer) = 0;
  virtual void on_tls_data(ConnectionId id, const BlockRef& block, Slice plain) = 0;
  // The peer said that no more comes.
  virtual void on_tls_end(ConnectionId id) = 0;
  // The socket is still there. `was_open`: not in the handshake.
  virtual void on_tls_failed(ConnectionId id, const TlsFailure& failure, bool was_open) = 0;
};

class TlsConnections {
 public:
  static constexpr size_t kWireBytes = 128 * 1024;

  TlsConnections(Loop& loop, TlsHandler& handler) : loop_(loop), handler_(handler) {}
  TlsConnections(const TlsConnections&) = delete;
  TlsConnections& operator=(const TlsConnections&) = delete;

  // The connection speaks TLS from now on; `first` are bytes of it that came already.
  void start(ConnectionId id, std::shared_ptr<const TlsContext> context, Slice first);
  bool has(ConnectionId id) const { return find(id) != nullptr; }
  void on_data(ConnectionId id, Slice wire);
  // The answer to on_tls_check. `refusal` empty: the client is let in.
  void settle(ConnectionId id, const std::string& refusal);
  // The socket has room again. False: not for plain bytes.
  bool on_writable(ConnectionId id);
  // As Loop::write. What is given before the handshake is done is lost.
  size_t write(ConnectionId id, std::span<const iovec> parts);
  // Before the socket is closed: the peer is told.
  void forget(ConnectionId id);
  // After the socket was lost.
  void lose(ConnectionId id);

 private:
  struct Connection {
    Connection(ConnectionId named, std::shared_ptr<const TlsContext> context)
        : id(named), stream(std::move(context)) {}
    const ConnectionId id;
    TlsStream stream;
    std::string unsent;  // bytes of the wire
    size_t owed = 0;     // plain bytes at the front of the next write that are in `unsent` already
    bool is_held = false;  // until settle()
    std::string held;      // bytes of the wire that came meanwhile, at most kWireBytes
  };

  Connection* find(ConnectionId id) const {
    if (id.slot >= connections_.size()) return nullptr;
    Connection* connection = connections_[id.slot].get();
    return connection != nullptr && connection->id == id ? connection : nullptr;
  }
  // These two: false when the connection was forgotten meanwhile.
  bool shake_hands(Connection& connection);
  bool report_open(Connection& connection);
  bool deliver(Connection& connection);
  bool is_known(const Connection& connection) const { return find(connection.id) == &connection; }
  void receive(Connection& connection, Slice wire);
  void hold(Connection& connection, Slice wire);
  void report_end(Connection& connection, bool was_open);
  // Hands `wire_` to the socket; what it does not take waits.
  void send(Connection& connection);

  Loop& loop_;
  TlsHandler& handler_;
  std::vector<std::unique_ptr<Connection>> connections_;  // by slot
  std::vector<std::unique_ptr<Connection>> forgotten_;    // while a call of theirs may run
  size_t depth_ = 0;
  std::string wire_;  // to send at once
  BlockCursor cursor_;
};

}  // namespace petrel::net

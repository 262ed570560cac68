#include "petrel/net/tls_connections.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <utility>

namespace petrel::net {

namespace {

size_t total_bytes(std::span<const iovec> parts) {
  size_t total = 0;
  for (const iovec& part : parts) total += part.iov_len;
  return total;
}

}  // namespace

void TlsConnections::start(ConnectionId id, std::shared_ptr<const TlsContext> context,
                           Slice first) {
  if (id.slot >= connections_.size()) connections_.resize(id.slot + 1);
  PETREL_CHECK(connections_[id.slot] == nullptr);
  connections_[id.slot] = std::make_unique<Connection>(id, std::move(context));
  if (!first.empty()) receive(*connections_[id.slot], first);
}

void TlsConnections::on_data(ConnectionId id, Slice wire) {
  if (Connection* connection = find(id); connection != nullptr) receive(*connection, wire);
}

void TlsConnections::receive(Connection& connection, Slice wire) {
  ++depth_;
  if (connection.is_held) {
    hold(connection, wire);
    if (--depth_ == 0) forgotten_.clear();
    return;
  }
  const bool was_open = connection.stream.state() == TlsStream::State::kOpen;
  connection.stream.feed(wire);
  if (shake_hands(connection) && deliver(connection)) report_end(connection, was_open);
  if (--depth_ == 0) forgotten_.clear();
}

bool TlsConnections::shake_hands(Connection& connection) {
  if (connection.stream.state() != TlsStream::State::kHandshake) return true;
  connection.stream.advance(wire_);
  send(connection);
  if (connection.stream.state() != TlsStream::State::kOpen) return true;
  std::vector<OcspLink> links = connection.stream.links_to_check();
  if (links.empty()) return report_open(connection);
  connection.is_held = true;
  loop_.pause_reads(connection.id);
  hold(connection, connection.stream.rest());
  if (is_known(connection)) handler_.on_tls_check(connection.id, std::move(links));
  return false;
}

bool TlsConnections::report_open(Connection& connection) {
  handler_.on_tls_open(connection.id, connection.stream.peer());
  return is_known(connection);
}

void TlsConnections::hold(Connection& connection, Slice wire) {
  connection.held.append(wire);
  if (connection.held.size() <= kWireBytes) return;
  connection.is_held = false;
  connection.stream.give_up("tls: too much data before the handshake is done");
  report_end(connection, false);
}

void TlsConnections::settle(ConnectionId id, const std::string& refusal) {
  Connection* connection = find(id);
  if (connection == nullptr || !connection->is_held) return;
  ++depth_;
  connection->is_held = false;
  if (!refusal.empty()) {
    connection->stream.give_up(refusal);
    report_end(*connection, false);
  } else {
    loop_.resume_reads(id);
    const std::string held = std::exchange(connection->held, {});
    connection->stream.feed(held);
    if (report_open(*connection) && deliver(*connection)) report_end(*connection, true);
  }
  if (--depth_ == 0) forgotten_.clear();
}

bool TlsConnections::deliver(Connection& connection) {
  TlsStream& stream = connection.stream;
  while (stream.state() == TlsStream::State::kOpen) {
    const std::span<char> room = cursor_.reserve(loop_.block_pool());
    size_t filled = 0;
    while (filled < room.size()) {
      const size_t bytes = stream.read(room.subspan(filled), wire_);
      if (bytes == 0) break;
      filled += bytes;
    }
    send(connection);
    if (filled == 0) return true;
    cursor_.advance(filled);
    // A copy: a nested call may go on to another block.
    const BlockRef block = cursor_.block();
    handler_.on_tls_data(connection.id, block, Slice(room.data(), filled));
    if (!is_known(connection)) return false;
  }
  return true;
}

void TlsConnections::report_end(Connection& connection, bool was_open) {
  switch (connection.stream.state()) {
    case TlsStream::State::kHandshake:
    case TlsStream::State::kOpen:
      return;
    case TlsStream::State::kClosed:
      handler_.on_tls_end(connection.id);
      return;
    case TlsStream::State::kFailed:
      handler_.on_tls_failed(connection.id, connection.stream.failure(), was_open);
      return;
  }
}

void TlsConnections::send(Connection& connection) {
  if (wire_.empty()) return;
  size_t sent = 0;
  if (connection.unsent.empty()) {
    const iovec part{wire_.data(), wire_.size()};
    sent = loop_.write(connection.id, std::span(&part, 1));
  }
  connection.unsent.append(wire_, sent);
  wire_.clear();
  // Answers to a peer that asks again and again for new keys, and reads none of them.
  if (connection.unsent.size() > 2 * kWireBytes)
    connection.stream.give_up("tls: peer does not read");
}

size_t TlsConnections::write(ConnectionId id, std::span<const iovec> parts) {
  Connection* connection = find(id);
  if (connection == nullptr || connection->stream.state() != TlsStream::State::kOpen) {
    return total_bytes(parts);
  }
  if (!connection->unsent.empty()) return 0;
  const size_t total = total_bytes(parts);
  size_t taken = std::min(std::exchange(connection->owed, 0), total);
  while (taken < total && connection->unsent.empty()) {
    const size_t encrypted = connection->stream.write(parts, taken, kWireBytes, wire_);
    if (encrypted == 0) break;
    send(*connection);
    // What the socket did not take is not taken yet: it is asked for again, and known then.
    connection->owed = std::min(encrypted, connection->unsent.size());
    taken += encrypted - connection->owed;
  }
  return taken;
}

bool TlsConnections::on_writable(ConnectionId id) {
  Connection* connection = find(id);
  if (connection == nullptr) return true;
  std::string& unsent = connection->unsent;
  if (unsent.empty()) return true;
  const iovec part{unsent.data(), unsent.size()};
  const size_t sent = loop_.write(id, std::span(&part, 1));
  if (sent < unsent.size()) {
    unsent.erase(0, sent);
    return false;
  }
  std::string().swap(unsent);
  return true;
}

void TlsConnections::forget(ConnectionId id) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  if (connection->unsent.empty()) {
    connection->stream.shut_down(wire_);
    send(*connection);
  }
  lose(id);
}

void TlsConnections::lose(ConnectionId id) {
  if (!has(id)) return;
  forgotten_.push_back(std::move(connections_[id.slot]));
  if (depth_ == 0) forgotten_.clear();
}

}  // namespace petrel::net

// The few socket operations that both back ends share. Thread: any; nothing is kept.
#pragma once

#include "petrel/net/loop.h"

#include <cstddef>
#include <optional>
#include <span>
#include <sys/socket.h>
#include <sys/uio.h>

namespace petrel::net {

struct SendOutcome {
  size_t sent = 0;
  bool is_short = false;  // the socket's buffer is full
  int error = 0;          // not 0: the connection is dead
};

// Sends until everything is taken or the socket is full. Never blocks, never raises SIGPIPE.
SendOutcome send_parts(int fd, std::span<const iovec> parts);

// What nats-server prints for the address: IPv4 in IPv6 as plain IPv4, the zone behind a `%`.
PeerAddress to_peer_address(const sockaddr_storage& address);
// The peer of a connected socket, or nothing if it went away.
std::optional<PeerAddress> peer_of(int fd);

// Throws away what has arrived: closing a socket with unread bytes resets it, and the peer would
// lose what was sent to it last.
void discard_input(int fd);

// Errors of accept that concern one lost connection, not the listener.
bool is_lost_connection(int accept_error);

}  // namespace petrel::net

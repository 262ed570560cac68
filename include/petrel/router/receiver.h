// Receiver: the side of a connection that the router delivers to.
//
// Owner: the session that derives from it. Thread: its loop.
#pragma once

#include "petrel/router/account_interest.h"
#include "petrel/router/client_info.h"
#include "petrel/router/outbound.h"

#include <cstdint>

namespace petrel::router {

struct Message;
struct Subscription;

// Names a connection from another loop; stale when the generation differs.
struct ConnectionHandle {
  uint32_t slot = 0;
  uint32_t generation = 0;
  uint16_t loop = 0;
  friend bool operator==(const ConnectionHandle&, const ConnectionHandle&) = default;
};

class Receiver {
 public:
  Receiver(BufferPool& pool, ConnectionHandle named) : outbound(pool), handle(named) {}
  virtual ~Receiver() = default;
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  // Rare questions and notices, off the straight path.
  // Whether this message may be delivered (denied subjects that a wildcard subscription covers).
  virtual bool may_receive(const Subscription& subscription, const Message& message) = 0;
  // A message with a reply subject is being delivered to a receiver with limited reply rights.
  virtual void note_reply(Slice reply) = 0;
  // pending_bytes went above max_pending.
  virtual void on_pending_exceeded() = 0;
  // The last message of a subscription with a maximum was delivered; remove it.
  virtual void on_max_delivered(uint32_t subscription_slot) = 0;
  // What services of other accounts are told of it.
  virtual ClientInfo client_info(bool /*is_detailed*/) const { return {}; }
  // For the protocol trace.
  virtual void trace_delivery(Slice prefix, const Message& message) = 0;

  Outbound outbound;
  ConnectionHandle handle;
  uint64_t max_pending = 64 << 20;
  AccountInterest* account = nullptr;
  uint64_t out_msgs = 0;
  uint64_t out_bytes = 0;
  bool is_closed = false;   // takes nothing more
  bool is_touched = false;  // stands in the turn's flush list
  bool echo = true;
  bool headers = false;
  bool is_endpoint = false;      // an Endpoint: takes messages instead of frames
  bool checks_delivery = false;  // may_receive must be asked
  bool tracks_replies = false;
  bool is_congested = false;  // more than three quarters of max_pending wait
  bool is_traced = false;
};

}  // namespace petrel::router

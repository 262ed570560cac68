// Endpoint: a subscriber inside the server (JetStream, requests of the system account). It takes
// messages as values; no frame is made for it.
//
// Owner: the service that derives from it. Thread: its loop.
#pragma once

#include "petrel/router/message.h"
#include "petrel/router/receiver.h"
#include "petrel/router/subscription.h"

namespace petrel::router {

class RouteObserver;

class Endpoint : public Receiver {
 public:
  Endpoint(BufferPool& pool, uint16_t loop) : Receiver(pool, ConnectionHandle{~0U, 0, loop}) {
    is_endpoint = true;
    headers = true;
  }

  // The message is a view that ends with the call: keep a copy of what is needed later.
  // REQUIRES: does not call Router::route (it is running); answers wait for LoopService::run.
  virtual void take(const Subscription& subscription, const Message& message) = 0;
  // What a trace says of a message that comes here; nothing is said of most.
  virtual void observe(RouteObserver& /*observer*/, const Message& /*message*/) const {}

 private:
  bool may_receive(const Subscription&, const Message&) override { return true; }
  void note_reply(Slice) override {}
  void on_pending_exceeded() override {}
  void on_max_delivered(uint32_t) override {}
  void trace_delivery(Slice, const Message&) override {}
};

}  // namespace petrel::router

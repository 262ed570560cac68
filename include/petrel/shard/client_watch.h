// ClientWatch: is told what happens to the clients of a loop.
//
// Owner: Shard, as one of its services. Thread: its loop; calls may come while a message is being
// routed, so nothing may be routed in them.
#pragma once

#include "petrel/session/client_session.h"

namespace petrel::shard {

class ClientWatch {
 public:
  virtual ~ClientWatch() = default;
  virtual void client_changed(const session::ClientSession& client, session::ClientChange change,
                              session::CloseReason reason) = 0;
  virtual void client_closed(const session::SessionView& last) = 0;
};

}  // namespace petrel::shard

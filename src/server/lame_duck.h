// LameDuck: hands the clients of this server over to others: no new ones, a notice, a time of
// grace, then one after the other is closed.
//
// Owner: server. Thread: its own, which talks to the loops through their inboxes.
// Source: spec operations.md section 4.
#pragma once

#include "server/cancellable_sleep.h"

#include "petrel/base/prng.h"
#include "petrel/base/time.h"
#include "petrel/router/receiver.h"
#include "petrel/server.h"

#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace petrel::server {

// What lame duck mode asks of the server. Called on LameDuck's thread.
class LameDuckHost {
 public:
  virtual ~LameDuckHost() = default;
  // Returns when no further client can come.
  virtual void close_client_listener() = 0;
  virtual void announce_lame_duck() = 0;
  virtual std::vector<router::ConnectionHandle> clients() = 0;
  // Nothing happens when it is gone.
  virtual void close_client(router::ConnectionHandle client) = 0;
  virtual void say(LogLevel level, const std::string& text) const = 0;
};

// How long to wait between two of `clients` clients that are closed within `spread`: at most a
// second, and at least a nanosecond.
Duration close_interval(Duration spread, size_t clients);

class LameDuck {
 public:
  struct Times {
    Duration duration;
    Duration grace;
    uint64_t seed = 0;
  };

  // `done` is called on LameDuck's thread when the last client was closed; not after cancel.
  LameDuck(LameDuckHost& host, Times times, std::function<void()> done);
  // Cancels and waits for the thread.
  ~LameDuck();
  LameDuck(const LameDuck&) = delete;
  LameDuck& operator=(const LameDuck&) = delete;

 private:
  void run();
  bool hand_over();

  LameDuckHost& host_;
  const Times times_;
  const std::function<void()> done_;
  Prng prng_;
  CancellableSleep sleep_;
  std::thread thread_;
};

}  // namespace petrel::server

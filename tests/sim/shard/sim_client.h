// SimClient: a client in the simulation. Knows what it sent, reads what it got, and remembers in
// which step of the world each thing happened.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace petrel::sim {

struct SimSubscription {
  std::string subject;
  std::string queue;
  uint64_t confirmed_at = 0;     // step of the PONG that followed the SUB; 0: not yet
  uint64_t unsubscribed_at = 0;  // step in which UNSUB was sent; 0: never
  uint64_t gone_at = 0;          // step of the PONG that followed the UNSUB; 0: not yet
};

struct Received {
  uint64_t message = 0;  // number of the publish
  uint64_t step = 0;
};

class SimClient {
 public:
  // Commands to send; the world feeds them.
  std::string subscribe(const std::string& subject, const std::string& queue);
  std::string unsubscribe(int sid, uint64_t step);
  std::string ping(uint64_t step);
  // Bytes from the server. Returns an error text, "" when all is well.
  std::string take(const std::string& bytes, uint64_t step);

  std::map<int, SimSubscription> subscriptions;
  std::map<int, std::vector<Received>> received;  // by sid
  // Messages sent before this step are known to be handed over: the PONG of a later PING came.
  uint64_t flushed_before = 0;
  uint64_t flushed_at = 0;      // step in which that PONG came
  uint64_t last_pong_ping = 0;  // step in which the PING of the last PONG was sent
  size_t pings_out() const { return pings_.size(); }

 private:
  struct Ping {
    uint64_t step;
    std::vector<int> subscribed;
    std::vector<int> unsubscribed;
  };
  std::string take_line(const std::string& line, uint64_t step);
  void take_pong(uint64_t step);

  int next_sid_ = 1;
  std::vector<int> new_subscriptions_;
  std::vector<int> new_unsubscriptions_;
  std::deque<Ping> pings_;
  std::string input_;
};

}  // namespace petrel::sim

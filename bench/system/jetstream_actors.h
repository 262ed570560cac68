// The parts that clients of streams play in a run (jetstream.h): each owns one connection, is told
// when it may read and asked to send in each turn.
// Thread: one. Errors: any surprise ends the process.
#pragma once

#include "jetstream.h"
#include "message_reader.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace petrel::bench {

// What the actors of a run have done so far.
struct Tally {
  uint64_t sent = 0;
  uint64_t answered = 0;
  uint64_t delivered = 0;
  bool may_send = true;  // publishers and requesters go on
  std::vector<int64_t> latencies_ns;
};

class Actor {
 public:
  Actor(const Endpoint& server, Tally& tally) : reader_(server), tally_(tally) {}
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;
  virtual ~Actor() = default;

  int fd() { return reader_.client().fd(); }
  // Queues what is due and sends what is queued.
  void turn();
  void read();
  bool is_blocked() { return reader_.client().is_blocked(); }
  void unblock() { reader_.client().unblock(); }
  // PING behind everything that was sent; answered when its PONG came.
  void ping();
  bool is_answered() const { return pings_ == reader_.pongs(); }

 protected:
  virtual void queue_due() = 0;
  virtual void on_message(const Message& message) = 0;
  void subscribe(std::string_view subject);

  std::string out_;

 private:
  MessageReader reader_;

 protected:
  Tally& tally_;

 private:
  uint64_t pings_ = 0;
  uint32_t subscriptions_ = 0;
};

// Requests that wait for their answer: slots with the moment of sending.
class Window {
 public:
  Window(std::string inbox, uint32_t size);
  const std::string& inbox() const { return inbox_; }
  bool has_room() const { return !free_.empty(); }
  // The reply subject of the next request.
  std::string_view take(int64_t now);
  // The latency of the request that was answered under `subject`.
  int64_t give_back(std::string_view subject);

 private:
  std::string inbox_;  // ends with a dot
  std::string reply_;
  std::vector<uint32_t> free_;
  std::vector<int64_t> sent_ns_;  // 0: free
};

class PublishActor : public Actor {
 public:
  PublishActor(const Endpoint& server, Tally& tally, const JetStreamOptions& options,
               uint32_t number);

 private:
  void queue_due() override;
  void on_message(const Message& message) override;
  void append_subject();

  const JetStreamOptions& options_;
  Window window_;
  std::string tail_;  // " <size>\r\n<payload>\r\n"
};

class RequestActor : public Actor {
 public:
  using Request = std::pair<std::string, std::string>;  // subject, payload
  RequestActor(const Endpoint& server, Tally& tally, const JetStreamOptions& options,
               const std::vector<Request>& requests);

 private:
  void queue_due() override;
  void on_message(const Message& message) override;

  const JetStreamOptions& options_;
  const std::vector<Request>& requests_;
  Window window_;
};

class PullActor : public Actor {
 public:
  PullActor(const Endpoint& server, Tally& tally, const JetStreamOptions& options, uint32_t number);

 private:
  void queue_due() override;
  void on_message(const Message& message) override;

  const JetStreamOptions& options_;
  std::string request_;
  uint64_t requested_ = 0;  // messages that may still come
  uint64_t asked_ = 0;      // in all
  uint64_t last_sequence_ = 0;
};

class PushActor : public Actor {
 public:
  PushActor(const Endpoint& server, Tally& tally, const JetStreamOptions& options, uint32_t number);

 private:
  void queue_due() override;
  void on_message(const Message& message) override;
  void on_status(const Message& message);

  std::string create_;  // the request that is still to be sent
  std::string inbox_;
  uint64_t last_sequence_ = 0;
};

}  // namespace petrel::bench

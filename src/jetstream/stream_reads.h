// StreamReads: requests that read messages: STREAM.MSG.GET and direct get in all its forms.
//
// Owner: StreamCore. Thread: the home loop. A read that must wait for the disk is continued when
// the store says so; answers of one request leave in order.
// Limits: 64 reads at once, 1,024 results of multi_last, 64 MiB per batch.
// Source: spec streams.md section 4, api.md section 3.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/ring_queue.h"
#include "petrel/jetstream/api_requests.h"
#include "petrel/jetstream/stream.h"
#include "petrel/store/message_store.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace petrel::jetstream {

class StreamCore;
struct Incoming;

class StreamReads {
 public:
  explicit StreamReads(StreamCore& core) : core_(core) {}

  void get(const GetRequest& request, Stream::MessageDone done);
  // A direct get from a client. Never sends.
  void take(const Incoming& request);
  // Continues what waited. Returns whether more can be done at once.
  bool run();
  void on_readable() { is_readable_ = true; }
  void stop();

 private:
  // One read or one series of reads under way. Returns false while it waits for the disk.
  using Read = std::function<bool()>;
  struct Direct;

  void begin(Read read);
  void status(const std::string& reply, Slice line);
  void start_direct(const std::shared_ptr<Direct>& direct);
  void start_multi(const std::shared_ptr<Direct>& direct);
  bool step(Direct& direct);
  bool step_multi(Direct& direct);
  // The next sequence of a direct get; 0: none.
  uint64_t find(const Direct& direct) const;
  void send(Direct& direct, const store::StoredMessage& message);
  void send_end(Direct& direct);
  std::string answer_header(const Direct& direct, const store::StoredMessage& message) const;

  StreamCore& core_;
  RingQueue<Read> waiting_;
  bool is_readable_ = false;
};

}  // namespace petrel::jetstream

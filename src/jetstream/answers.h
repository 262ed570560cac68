// Answers: what a stream owes its clients, each behind the commit of what it depends on, in order.
//
// Owner: StreamCore. Thread: the home loop. No allocation per PubAck in steady state.
// Limits: bounded by what is staged (StreamCore refuses above its limits).
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/byte_queue.h"
#include "petrel/base/ring_queue.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace petrel::jetstream {

class Answers {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void send_ack(Slice reply, uint64_t sequence, Slice rest) = 0;
    virtual void send_text(Slice reply, Slice header, Slice body) = 0;
  };

  // A PubAck once `index` is applied; `rest` stands behind the sequence: ",\"val\":..." or nothing.
  void ack(uint64_t index, Slice reply, uint64_t sequence, Slice rest = {}) {
    push(index, Kind::kAck, sequence, reply, rest, {});
  }
  void text(uint64_t index, Slice reply, Slice header, Slice body) {
    push(index, Kind::kText, 0, reply, header, body);
  }
  // `is_lost`: what it waited for will not be applied.
  using Call = std::function<void(bool is_lost)>;
  void call(uint64_t index, Call call) {
    push(index, Kind::kCall, 0, {}, {}, {});
    calls_.push_back(std::move(call));
  }

  // Gives everything that waits for at most `applied`.
  void drain(uint64_t applied, Sink& sink);
  // What waits for more than `applied` is lost: calls are told, texts are dropped.
  void lose(uint64_t applied);
  bool empty() const { return begin_ == items_.size(); }

 private:
  enum class Kind : uint8_t { kAck, kText, kCall };
  struct Item {
    uint64_t index;
    uint64_t sequence;
    Slice reply;
    const char* rest;  // header, then body
    uint32_t header_bytes;
    uint32_t body_bytes;
    Kind kind;
  };
  void push(uint64_t index, Kind kind, uint64_t sequence, Slice reply, Slice header, Slice body);
  void give(const Item& item, Sink& sink);
  void pop();

  std::vector<Item> items_;  // [begin_, size)
  size_t begin_ = 0;
  ByteQueue bytes_;
  RingQueue<Call> calls_;
};

}  // namespace petrel::jetstream

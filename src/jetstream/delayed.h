// Delayed: messages that were accepted with Nats-Delay and become part of the stream when they are
// due. Until then they have no sequence: nobody counts, reads or delivers them.
//
// Owner: StreamCore. Thread: the home loop. They are durable like any entry and stand in
// checkpoints. Limits: 100,000 messages or 64 MiB per stream; above it publishers get 10077.
// Source: MORE-05. Not in nats-server.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/time.h"

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

namespace petrel::jetstream {

class StreamCore;

class Delayed {
 public:
  explicit Delayed(StreamCore& core) : core_(core) {}

  bool is_full() const { return by_time_.size() >= kMessagesMax || bytes_ >= kBytesMax; }

  // --- applied entries ---
  // `number`: the index of the entry, which names it.
  void add(uint64_t number, WallTime due, Slice entry);
  void release(uint64_t number);
  std::string snapshot() const;
  void restore(Slice snapshot);

  // --- the leader's ---
  void run(WallTime now);
  WallTime next_due() const;  // ns 0: none
  size_t size() const { return by_time_.size(); }

  static constexpr size_t kMessagesMax = 100'000;
  static constexpr uint64_t kBytesMax = 64 << 20;

 private:
  using Key = std::pair<int64_t, uint64_t>;  // due, number

  StreamCore& core_;
  std::map<Key, std::string> by_time_;
  std::unordered_map<uint64_t, int64_t> due_of_;
  uint64_t bytes_ = 0;
  uint64_t proposed_index_ = 0;  // wait for it before more is proposed
  WallTime refused_until_ = {};
};

}  // namespace petrel::jetstream

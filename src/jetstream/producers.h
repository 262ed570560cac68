// Producers: the last sequences of producers that number their messages, so that a repeated message
// is known however late it comes.
//
// Owner: StreamCore. Thread: the home loop.
// Limits: 10,000 producers, each with its last 64 messages; the longest idle one makes room.
// Source: MORE-06; capabilities.tsv. Not in nats-server.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/time.h"

#include <array>
#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>

namespace petrel::jetstream {

class Producers {
 public:
  enum class Verdict : uint8_t { kNext, kDuplicate, kGap };
  struct Answer {
    Verdict verdict = Verdict::kNext;
    uint64_t sequence = 0;  // duplicate: of the stream, 0 when too long ago; gap: last of producer
  };
  // A producer that is not known may begin anywhere.
  Answer check(Slice id, uint64_t producer_sequence) const;
  // From apply.
  void on_stored(Slice id, uint64_t producer_sequence, uint64_t sequence, WallTime time);

  size_t size() const { return by_id_.size(); }
  std::string snapshot() const;
  void restore(Slice snapshot);

  static constexpr size_t kProducersMax = 10'000;
  static constexpr size_t kRemembered = 64;

 private:
  struct Producer {
    std::string id;
    uint64_t last = 0;
    WallTime time = {};
    std::array<uint64_t, kRemembered> sequences{};  // by producer sequence modulo
  };
  std::list<Producer> by_age_;  // longest idle first
  std::unordered_map<std::string, std::list<Producer>::iterator> by_id_;
};

}  // namespace petrel::jetstream

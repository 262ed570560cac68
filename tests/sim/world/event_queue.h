// EventQueue: virtual time. Events come out by time, those of one instant in the order they went
// in, so a run depends on its seed only. Thread: one.
#pragma once

#include "petrel/base/time.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace petrel::sim {

template <typename Event>
class EventQueue {
 public:
  // Events in the past come next.
  void push(Instant at, Event event) {
    heap_.push_back({std::max(at, now_).ns, order_++, std::move(event)});
    std::push_heap(heap_.begin(), heap_.end(), is_later);
  }

  // REQUIRES: not empty. Moves the time on to the event's.
  Event pop() {
    std::pop_heap(heap_.begin(), heap_.end(), is_later);
    Item item = std::move(heap_.back());
    heap_.pop_back();
    now_ = Instant{item.at};
    return std::move(item.event);
  }

  // REQUIRES: no event before `at`. Time passes though nothing happens.
  void pass_to(Instant at) { now_ = std::max(now_, at); }

  bool is_empty() const { return heap_.empty(); }
  size_t size() const { return heap_.size(); }
  Instant now() const { return now_; }
  Instant next_at() const { return Instant{heap_.front().at}; }

 private:
  struct Item {
    int64_t at;
    uint64_t order;
    Event event;
  };
  static bool is_later(const Item& a, const Item& b) {
    return a.at != b.at ? a.at > b.at : a.order > b.order;
  }

  std::vector<Item> heap_;
  uint64_t order_ = 0;
  Instant now_;
};

}  // namespace petrel::sim

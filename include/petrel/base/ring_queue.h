// RingQueue: first in, first out in one piece of memory that grows with its content. An empty one
// has no memory at all, where a std::deque has 600 bytes: thousands of streams have several each.
//
// Owner: whoever has it as a member. Thread: its owner's.
// References are valid until the next push.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace petrel {

template <typename T>
class RingQueue {
 public:
  bool empty() const { return count_ == 0; }
  size_t size() const { return count_; }
  T& front() { return at(0); }
  const T& front() const { return at(0); }
  T& back() { return at(count_ - 1); }
  const T& back() const { return at(count_ - 1); }
  T& operator[](size_t i) { return at(i); }
  const T& operator[](size_t i) const { return at(i); }

  void push_back(T item) {
    if (count_ == capacity_) grow();
    at(count_) = std::move(item);
    ++count_;
  }
  void pop_front() {
    front() = T();
    first_ = (first_ + 1) & (capacity_ - 1);
    if (--count_ == 0) forget();
  }
  void pop_back() {
    back() = T();
    --count_;
  }
  void clear() {
    while (count_ != 0) pop_back();
    forget();
  }

 private:
  static constexpr size_t kFirstCapacity = 4;
  static constexpr size_t kKeptCapacity = 1024;  // what a burst took goes when all of it is done

  T& at(size_t i) { return items_[(first_ + i) & (capacity_ - 1)]; }
  const T& at(size_t i) const { return items_[(first_ + i) & (capacity_ - 1)]; }
  void forget() {
    if (capacity_ <= kKeptCapacity) return;
    items_ = nullptr;
    capacity_ = first_ = 0;
  }
  void grow() {
    const size_t capacity = capacity_ == 0 ? kFirstCapacity : capacity_ * 2;
    auto items = std::make_unique<T[]>(capacity);
    for (size_t i = 0; i < count_; ++i) items[i] = std::move(at(i));
    items_ = std::move(items);
    capacity_ = capacity;
    first_ = 0;
  }

  std::unique_ptr<T[]> items_;
  size_t capacity_ = 0;  // a power of two, or nothing
  size_t first_ = 0;
  size_t count_ = 0;
};

}  // namespace petrel

// SegmentedTable: a hash table that grows by splitting one small segment at a time, so that no
// insert of ten million ever moves more than a segment (extendible hashing).
//
// Owner: whoever holds it; not thread-safe. Values are small and trivial; keys live in them, the
// caller compares. Equal values may stand in it more than once.
// Limits: about 12 bytes a pointer at 44 to 88 % fill. Colliding hashes make a segment longer
// instead of the directory, so memory follows the number of values whatever their hashes are.
#pragma once

#include "petrel/base/check.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace petrel::subject {

template <typename Value>
class SegmentedTable {
  static_assert(std::is_trivially_copyable_v<Value>);

 public:
  SegmentedTable() = default;
  ~SegmentedTable() { clear(); }
  SegmentedTable(const SegmentedTable&) = delete;
  SegmentedTable& operator=(const SegmentedTable&) = delete;

  uint32_t size() const { return size_; }

  // The first value with this hash for which is_equal(value) holds, or null. Valid until a change.
  template <typename IsEqual>
  Value* find(uint32_t hash, IsEqual is_equal) const {
    if (size_ == 0) return nullptr;
    const uint32_t key = key_of(hash);
    Segment* segment = directory_[index_of(key)];
    for (uint32_t at = key & segment->mask();; at = (at + 1) & segment->mask()) {
      if (segment->keys()[at] == kFree) return nullptr;
      if (segment->keys()[at] == key && is_equal(segment->values()[at])) {
        return &segment->values()[at];
      }
    }
  }

  void insert(uint32_t hash, Value value) {
    const uint32_t key = key_of(hash);
    if (directory_.empty()) directory_.push_back(Segment::create(kFirstCapacity, 0));
    while (directory_[index_of(key)]->is_full()) make_room(key);
    directory_[index_of(key)]->put(key, value);
    ++size_;
  }

  // Removes the value that find would return; false when there is none.
  template <typename IsEqual>
  bool erase(uint32_t hash, IsEqual is_equal) {
    Value* value = find(hash, is_equal);
    if (value == nullptr) return false;
    const uint32_t key = key_of(hash);
    Segment* segment = directory_[index_of(key)];
    segment->take(static_cast<uint32_t>(value - segment->values()));
    if (--size_ == 0) {
      clear();
    } else if (segment->used == 0) {
      merge_with_neighbour(key);
    }
    return true;
  }

  template <typename Visit>
  void for_each(Visit visit) const {
    for (uint32_t i = 0; i < directory_.size(); i += span_of(*directory_[i])) {
      const Segment& segment = *directory_[i];
      for (uint32_t at = 0; at < segment.capacity; ++at) {
        if (segment.keys()[at] != kFree) visit(segment.values()[at]);
      }
    }
  }

 private:
  static constexpr uint32_t kFree = 0;
  static constexpr uint32_t kFirstCapacity = 4;
  static constexpr uint32_t kSplitCapacity = 256;
  static constexpr uint32_t kValuesPerDirectoryEntry = 64;  // the directory is no longer than this
  static constexpr uint8_t kDepthMax = 24;

  // Linear probing; its values stand behind it, then its keys.
  struct alignas(16) Segment {
    uint32_t capacity = 0;
    uint32_t used = 0;
    uint8_t depth = 0;  // how many leading bits all its keys share

    static Segment* create(uint32_t capacity, uint8_t depth) {
      // The values may be pointers. NOLINTNEXTLINE(bugprone-sizeof-expression)
      const size_t bytes = sizeof(Segment) + capacity * (sizeof(Value) + sizeof(uint32_t));
      void* memory = std::malloc(bytes);
      PETREL_CHECK(memory != nullptr);
      auto* segment = ::new (memory) Segment;
      segment->capacity = capacity;
      segment->depth = depth;
      std::memset(segment->keys(), 0, capacity * sizeof(uint32_t));
      return segment;
    }
    static void destroy(Segment* segment) { std::free(segment); }

    uint32_t mask() const { return capacity - 1; }
    bool is_full() const { return used + 1 > capacity - (capacity + 7) / 8; }
    Value* values() { return reinterpret_cast<Value*>(this + 1); }
    const Value* values() const { return reinterpret_cast<const Value*>(this + 1); }
    uint32_t* keys() { return reinterpret_cast<uint32_t*>(values() + capacity); }
    const uint32_t* keys() const { return reinterpret_cast<const uint32_t*>(values() + capacity); }

    void put(uint32_t key, Value value) {
      uint32_t at = key & mask();
      while (keys()[at] != kFree) at = (at + 1) & mask();
      keys()[at] = key;
      values()[at] = value;
      ++used;
    }

    // Closes the gap: whatever probing had pushed past it moves back.
    void take(uint32_t gap) {
      for (uint32_t at = (gap + 1) & mask(); keys()[at] != kFree; at = (at + 1) & mask()) {
        const uint32_t distance = (at - (keys()[at] & mask())) & mask();
        if (distance < ((at - gap) & mask())) continue;
        keys()[gap] = keys()[at];
        values()[gap] = values()[at];
        gap = at;
      }
      keys()[gap] = kFree;
      --used;
    }
  };

  static uint32_t key_of(uint32_t hash) { return hash == kFree ? 1 : hash; }
  uint32_t index_of(uint32_t key) const { return depth_ == 0 ? 0 : key >> (32 - depth_); }
  uint32_t span_of(const Segment& segment) const { return uint32_t{1} << (depth_ - segment.depth); }
  uint32_t first_of(const Segment& segment, uint32_t index) const {
    return index & ~(span_of(segment) - 1);
  }

  void clear() {
    for (uint32_t i = 0; i < directory_.size();) {
      const uint32_t span = span_of(*directory_[i]);
      Segment::destroy(directory_[i]);
      i += span;
    }
    std::vector<Segment*>().swap(directory_);
    depth_ = 0;
  }

  void point(uint32_t first, uint32_t count, Segment* segment) {
    for (uint32_t i = first; i < first + count; ++i) directory_[i] = segment;
  }

  void make_room(uint32_t key) {
    const Segment& segment = *directory_[index_of(key)];
    const bool may_deepen =
        depth_ < kDepthMax && size_ / kValuesPerDirectoryEntry >= directory_.size();
    if (segment.capacity < kSplitCapacity || (segment.depth == depth_ && !may_deepen)) {
      lengthen(key);
      return;
    }
    if (segment.depth == depth_) deepen();
    split(key);
  }

  void lengthen(uint32_t key) {
    const uint32_t index = index_of(key);
    Segment* old = directory_[index];
    Segment* longer = Segment::create(old->capacity * 2, old->depth);
    move_all(*old, *longer, *longer);
    point(first_of(*old, index), span_of(*old), longer);
    Segment::destroy(old);
  }

  void deepen() {
    std::vector<Segment*> wider;
    wider.reserve(directory_.size() * 2);
    for (Segment* segment : directory_) wider.insert(wider.end(), 2, segment);
    directory_ = std::move(wider);
    ++depth_;
  }

  void split(uint32_t key) {
    const uint32_t index = index_of(key);
    Segment* old = directory_[index];
    const uint32_t first = first_of(*old, index);
    const uint32_t half = span_of(*old) / 2;
    const auto depth = static_cast<uint8_t>(old->depth + 1);
    Segment* low = Segment::create(old->capacity, depth);
    Segment* high = Segment::create(old->capacity, depth);
    move_all(*old, *low, *high);
    point(first, half, low);
    point(first + half, half, high);
    Segment::destroy(old);
  }

  // Into `low` or `high` by the first bit that the keys of `from` do not share.
  static void move_all(const Segment& from, Segment& low, Segment& high) {
    const uint32_t bit = uint32_t{1} << (31 - from.depth);
    for (uint32_t at = 0; at < from.capacity; ++at) {
      const uint32_t key = from.keys()[at];
      if (key != kFree) ((key & bit) != 0 ? high : low).put(key, from.values()[at]);
    }
  }

  // Gives the place of an empty segment to the one it was split from, if that is still whole.
  void merge_with_neighbour(uint32_t key) {
    const uint32_t index = index_of(key);
    Segment* empty = directory_[index];
    if (empty->depth == 0) return;
    const uint32_t span = span_of(*empty);
    const uint32_t first = first_of(*empty, index);
    Segment* neighbour = directory_[first ^ span];
    if (neighbour->depth != empty->depth) return;
    point(first, span, neighbour);
    --neighbour->depth;
    Segment::destroy(empty);
  }

  std::vector<Segment*> directory_;  // 2 to the power of depth_ entries, or none
  uint32_t size_ = 0;
  uint8_t depth_ = 0;
};

}  // namespace petrel::subject

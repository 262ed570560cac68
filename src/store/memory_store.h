// MemoryStore: the messages of a stream with memory storage. Gone when the process ends.
//
// Owner: one Stream. Thread: its home loop; blocks it hands out may be read by any loop.
// Memory: frames whose messages are all deleted are freed at once; a segment that is half deleted
// is copied together once it is complete.
#pragma once

#include "store/message_index.h"

#include "petrel/store/message_store.h"

namespace petrel::store {

class MemoryStore final : public MessageStore, private MessageIndex::Owner {
 public:
  explicit MemoryStore(Listener& listener);

  void append(const NewMessage& message) override;
  void skip(uint64_t sequence, WallTime time) override { index_.skip(sequence, time); }
  std::optional<RemovedMessage> remove(uint64_t sequence, bool erase) override;
  uint64_t purge_below(uint64_t sequence,
                       const std::function<void(const RemovedMessage&)>& visit) override {
    return index_.purge_below(sequence, visit);
  }
  void advance(uint64_t sequence) override { index_.advance(sequence); }

  const StoreState& state() const override { return index_.state(); }
  uint64_t counted_bytes(size_t subject, size_t header, size_t body) const override;
  bool contains(uint64_t sequence) const override { return index_.contains(sequence); }
  SubjectTotals totals_of(Slice subject) const override { return index_.totals_of(subject); }
  uint64_t last_match(const Filters& filters, uint64_t at_most) const override {
    return index_.last_match(filters, at_most);
  }
  uint64_t next_match(const Filters& filters, uint64_t from) const override {
    return index_.next_match(filters, from);
  }
  uint64_t count_matches(const Filters& filters, uint64_t from) const override {
    return index_.count_matches(filters, from);
  }
  uint64_t first_at_or_after(WallTime time) const override {
    return index_.first_at_or_after(time);
  }
  std::vector<SubjectCount> subjects(const Filters& filters, Slice after,
                                     size_t max) const override {
    return index_.subjects(filters, after, max);
  }
  std::vector<uint64_t> deleted_sequences(size_t max) const override {
    return index_.deleted_sequences(max);
  }
  std::optional<Known> known(uint64_t sequence) const override { return index_.known(sequence); }

  ReadStatus read(uint64_t sequence, StoredMessage& message) override;
  size_t next_matches(const Filters& filters, uint64_t from, std::span<uint64_t> out) override;
  std::vector<std::pair<uint64_t, uint64_t>> lost_ranges() const override { return {}; }

  MessageIds& ids() override { return ids_; }
  void checkpoint(uint64_t applied_index, std::string extra) override;
  bool is_checkpointing() const override { return false; }
  uint64_t bytes_on_disk() const override { return 0; }
  void destroy(std::function<void(int error)> done) override { done(0); }

 private:
  void load(Segment& segment) override;
  void on_dropped(std::unique_ptr<Segment> segment) override;
  void on_deleted(Segment& segment, uint32_t entry) override;
  void seal();
  void compact(Segment& segment);

  Listener& listener_;
  MessageIds ids_;
  // Lookups move cursors and remember matches.
  mutable MessageIndex index_;
  uint64_t next_id_ = 1;
};

}  // namespace petrel::store

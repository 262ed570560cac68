// MessageIndex: which sequences a store holds, with subject, time and place of each; answers every
// lookup of MessageStore. Segments by sequence, a table of subjects over all of them.
//
// Owner: a MemoryStore or FileStore. Thread: its home loop.
// Costs: append and remove are constant; a literal filter costs one look per segment between its
// matches; a wildcard that admits a bounded number of subjects costs these, in lists of what comes
// next; another one is matched once against the dictionary of a segment and remembered.
// Source: spec streams.md sections 3 and 11.
#pragma once

#include "store/segment_index.h"

#include "petrel/store/message_store.h"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace petrel::store {

// What a message counts besides its bytes.
struct Accounting {
  int64_t fixed = 0;    // besides its record; may be negative
  uint32_t header = 0;  // when it has one
};

class MessageIndex {
 public:
  // Keeps what the index does not hold.
  class Owner {
   public:
    virtual ~Owner() = default;
    // Puts the index of the segment back into memory.
    virtual void load(Segment& segment) = 0;
    // No message of the segment is left; it is out of the index.
    virtual void on_dropped(std::unique_ptr<Segment> segment) = 0;
    // A message of the segment was deleted; its index is in memory.
    virtual void on_deleted(Segment& segment, uint32_t entry) = 0;
    // A lookup goes on to other segments; of those before it holds no index, and no subject that is
    // not referred to.
    virtual void on_passed() {}
  };

  MessageIndex(Accounting accounting, Owner& owner) : accounting_(accounting), owner_(owner) {}
  ~MessageIndex();
  MessageIndex(const MessageIndex&) = delete;
  MessageIndex& operator=(const MessageIndex&) = delete;

  struct Found {
    Segment* segment = nullptr;
    uint32_t entry = 0;
    uint64_t sequence() const { return segment->base + segment->index->position(entry); }
  };

  // --- changes ---
  // The segment that appends go to; null: begin one first.
  Segment* active();
  // REQUIRES: active() is null or was sealed; `first` above every sequence.
  Segment& begin_segment(uint64_t id, uint64_t first);
  void seal_active();
  // Into active(), which is neither full nor too far below the sequence.
  void append(const NewMessage& message, const EntryPlace& place);
  void skip(uint64_t sequence, WallTime time);
  // What is to go must have been found before.
  RemovedMessage remove(const Found& found);
  uint64_t purge_below(uint64_t sequence, const std::function<void(const RemovedMessage&)>& visit);
  void advance(uint64_t sequence);

  // --- for the owner ---
  using Segments = std::vector<std::unique_ptr<Segment>>;
  Segments& segments() { return segments_; }
  SubjectTable& subjects_table() { return subjects_; }
  StoreState& mutable_state() { return state_; }
  const Accounting& accounting() const { return accounting_; }
  SegmentIndex& loaded(Segment& segment) {
    if (segment.index == nullptr) owner_.load(segment);
    return *segment.index;
  }
  uint32_t next_serial() { return ++serial_; }
  uint64_t counted(const EntryPlace& place) const;
  // A segment that live messages are copied to one by one, and that then takes the place of those
  // they came from: `count` ones beginning at `at`. The old ones go to Owner::on_dropped.
  std::unique_ptr<Segment> begin_copy(uint64_t id);
  void copy_entry(Segment& to, const Found& from, const EntryPlace& place);
  void replace(size_t at, size_t count, std::unique_ptr<Segment> copy);
  // Where the segment stands; segments().size() when it does not.
  size_t place_of(const Segment& segment);
  // The first sequence and its time after messages went from the front.
  void refresh_first();

  // --- lookups ---
  const StoreState& state() const { return state_; }
  bool contains(uint64_t sequence);
  std::optional<Found> find(uint64_t sequence);
  SubjectTotals totals_of(Slice subject);
  SubjectTotals totals_of(SubjectNode& node);
  uint64_t last_match(const Filters& filters, uint64_t at_most);
  uint64_t next_match(const Filters& filters, uint64_t from);
  size_t next_matches(const Filters& filters, uint64_t from, std::span<uint64_t> out);
  // The same; what of them is in memory is fetched into the processor's cache.
  size_t next_to_read(const Filters& filters, uint64_t from, std::span<uint64_t> out);
  uint64_t count_matches(const Filters& filters, uint64_t from);
  uint64_t first_at_or_after(WallTime time);
  std::vector<MessageStore::SubjectCount> subjects(const Filters& filters, Slice after, size_t max);
  std::vector<uint64_t> deleted_sequences(size_t max);
  std::optional<MessageStore::Known> known(uint64_t sequence);

 private:
  // The subjects of one segment that a set of filters admits.
  struct MatchSet {
    uint32_t serial = 0;
    Filters filters;
    uint32_t examined = 0;  // subjects of the dictionary
    std::vector<uint64_t> bits;
    std::vector<uint16_t> few;  // the matching ones while they are few
    uint32_t matches = 0;
    bool admits(uint16_t local) const { return (bits[local / 64] >> (local % 64) & 1) != 0; }
  };
  // What filters with wildcards admit of one range of sequences (match_lists.cc). Later messages
  // lie behind it; deleted ones are passed over when they are met.
  struct MatchList {
    Filters filters;
    uint64_t begin = 0;  // first and last sequence that were looked at
    uint64_t end = 0;
    bool is_hopeless = false;  // the filters admit too many subjects
    std::vector<uint64_t> sequences;
  };
  static constexpr size_t kMatchSetsMax = 32;
  static constexpr uint32_t kFewMax = 8;

  size_t segment_at(uint64_t sequence);
  void drop_segment(size_t at);
  void leave(std::unique_ptr<Segment> segment);
  void forget_message(SubjectNode& node, uint64_t sequence);
  void purge_segment(Segment& segment, const std::function<void(const RemovedMessage&)>& visit);
  void purge_subjects(SegmentIndex& index);
  uint64_t next_live(uint64_t from);
  uint64_t last_live(uint64_t at_most);
  uint64_t count_live(uint64_t from);
  uint64_t next_literal(SubjectNode& node, uint64_t from);
  size_t next_literals(SubjectNode& node, uint64_t from, std::span<uint64_t> out);
  size_t literals_in(Segment& segment, const SubjectNode& node, uint64_t from,
                     std::span<uint64_t> out);
  uint64_t last_literal(SubjectNode& node, uint64_t at_most);
  uint64_t count_literal(SubjectNode& node, uint64_t from);
  uint64_t count_in_segment(Segment& segment, const SubjectNode& node, uint64_t from);
  void resolve_first(SubjectNode& node);
  void resolve_last(SubjectNode& node);
  bool collect_few(const Filters& filters, HeldSubjects& few);
  MatchSet& match_set(Segment& segment, const Filters& filters);
  void extend(MatchSet& set, Segment& segment);
  uint64_t near_match(const Filters& filters, uint64_t from);
  MatchList* list_of(const Filters& filters);
  uint64_t next_listed(const MatchList& list, uint64_t from);
  bool collect_nodes(const Filters& filters, HeldSubjects& nodes);
  void append_sequences(const SubjectNode& node, uint64_t begin, uint64_t end,
                        std::vector<uint64_t>& out);
  void fill_list(MatchList& list, const HeldSubjects& nodes);
  MatchList& begin_list(const Filters& filters, uint64_t from);
  MatchList& make_list(const Filters& filters, uint64_t from);
  uint64_t count_subjects(const Filters& filters);
  uint64_t next_by_segment(const Filters& filters, uint64_t from);
  uint32_t next_in_segment(Segment& segment, const Filters& filters, uint32_t from);
  uint32_t last_in_segment(Segment& segment, const Filters& filters, uint32_t at_most);
  uint64_t count_wild(const Filters& filters, uint64_t from);
  uint32_t entry_at(Segment& segment, uint64_t sequence);
  static bool is_deleted(const Segment& segment, uint32_t entry) {
    return segment.is_deleted(segment.index->position(entry));
  }

  const Accounting accounting_;
  Owner& owner_;
  StoreState state_;
  SubjectTable subjects_;
  Segments segments_;
  size_t hint_ = 0;  // where segment_at found the last one
  uint32_t serial_ = 0;
  std::vector<MatchSet> match_sets_;
  size_t next_match_set_ = 0;
  std::vector<MatchList> lists_;
  size_t next_list_ = 0;
};

}  // namespace petrel::store

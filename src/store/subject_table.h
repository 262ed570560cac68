// SubjectTable: the literal subjects of one store, by hash and in bytewise order.
//
// Owner: a MessageIndex. Thread: its home loop.
// A subject without messages stays until sweep() finds that nothing refers to it, so that a KV key
// which comes and goes keeps its place. Ordered runs are merged only when order is asked for.
// Cost: 32 bytes and the text, 8 bytes a hash slot, 8 bytes a place in a run.
#pragma once

#include "petrel/base/block.h"

#include <cstdint>
#include <vector>

namespace petrel::store {

// Header of a subject; the text follows in the same allocation.
struct SubjectNode {
  uint64_t first = 0;  // lower bound when first_is_stale
  uint64_t last = 0;   // upper bound when last_is_stale
  uint32_t messages = 0;
  uint32_t references : 30 = 0;  // dictionaries of segments in memory that name it
  uint32_t first_is_stale : 1 = 0;
  uint32_t last_is_stale : 1 = 0;
  uint32_t segment = 0;  // serial of the newest segment whose dictionary names it
  uint16_t local = 0;    // its place there
  uint16_t length = 0;

  Slice text() const { return {reinterpret_cast<const char*>(this + 1), length}; }
};
static_assert(sizeof(SubjectNode) == 32);

class SubjectTable {
 public:
  SubjectTable() = default;
  ~SubjectTable();
  SubjectTable(const SubjectTable&) = delete;
  SubjectTable& operator=(const SubjectTable&) = delete;

  SubjectNode* find(Slice subject) const;
  // Adds the subject without messages when it is not there. REQUIRES: subject.size() <= 65535.
  SubjectNode& intern(Slice subject);

  void add_message(SubjectNode& node) {
    if (node.messages++ == 0) ++used_;
  }
  void add_messages(SubjectNode& node, uint32_t count) {
    if (node.messages == 0 && count > 0) ++used_;
    node.messages += count;
  }
  void take_messages(SubjectNode& node, uint32_t count) {
    node.messages -= count;
    if (node.messages == 0 && count > 0) --used_;
  }
  // No subject has a message any more.
  void forget_messages();
  // Subjects with messages.
  size_t used() const { return used_; }
  // Frees unused subjects when they outnumber the used ones. Not while a visit is under way.
  void sweep_if_due() {
    if (nodes_ - used_ >= sweep_at_ && nodes_ - used_ > used_) sweep();
  }
  size_t memory_bytes() const;

  // Calls `visit(node)` for subjects with messages that begin with `prefix` and lie behind `after`,
  // in bytewise order; stops when it answers false.
  template <typename Visit>
  void visit_ordered(Slice prefix, Slice after, Visit&& visit) const;
  // The same without an order, cheaper.
  template <typename Visit>
  void visit_any(Slice prefix, Visit&& visit) const;

 private:
  using Run = std::vector<SubjectNode*>;
  static constexpr size_t kSweepMin = 1024;
  static constexpr size_t kMergeFactor = 4;

  void grow(size_t slots);
  void place(SubjectNode* node);
  void sweep();
  void order() const;
  static Run::const_iterator seek(const Run& run, Slice prefix, Slice after);
  static bool has_prefix(Slice text, Slice prefix) {
    return text.substr(0, prefix.size()) == prefix;
  }

  // Pointer in the low 48 bits, 16 bits of the hash above it.
  std::vector<uint64_t> slots_;
  size_t nodes_ = 0;
  size_t used_ = 0;
  size_t text_bytes_ = 0;
  size_t sweep_at_ = kSweepMin;    // unused subjects
  mutable Run recent_;             // in order of creation
  mutable std::vector<Run> runs_;  // each sorted, the larger ones first
};

template <typename Visit>
void SubjectTable::visit_any(Slice prefix, Visit&& visit) const {
  order();
  for (const Run& run : runs_) {
    for (auto at = seek(run, prefix, {}); at != run.end(); ++at) {
      if (!has_prefix((*at)->text(), prefix)) break;
      if ((*at)->messages > 0 && !visit(**at)) return;
    }
  }
}

template <typename Visit>
void SubjectTable::visit_ordered(Slice prefix, Slice after, Visit&& visit) const {
  order();
  struct Cursor {
    Run::const_iterator at;
    Run::const_iterator end;
  };
  std::vector<Cursor> cursors;
  for (const Run& run : runs_) {
    const auto at = seek(run, prefix, after);
    if (at != run.end()) cursors.push_back({at, run.end()});
  }
  while (!cursors.empty()) {
    size_t least = 0;
    for (size_t i = 1; i < cursors.size(); ++i) {
      if ((*cursors[i].at)->text() < (*cursors[least].at)->text()) least = i;
    }
    SubjectNode* node = *cursors[least].at;
    if (!has_prefix(node->text(), prefix)) return;
    if (node->messages > 0 && !visit(*node)) return;
    if (++cursors[least].at == cursors[least].end) {
      cursors[least] = cursors.back();
      cursors.pop_back();
    }
  }
}

}  // namespace petrel::store

// SubjectTable: the literal subjects of one store, by hash and in bytewise order.
//
// Owner: a MessageIndex. Thread: its home loop.
// A subject without messages stays until sweep() finds that nothing refers to it, so that a KV key
// which comes and goes keeps its place. Ordered runs are merged only when order is asked for.
// Cost: 32 bytes and the text, 8 bytes a hash slot, 8 bytes a place in a run.
// The table of a file store whose subjects do not fit its budget keeps only some of them as nodes;
// the others are in sorted runs on disk, about 2.3 bytes each in memory (subject_spill.cc). A node
// overrides what a run says. Runs only repeat what segments know: damaged ones are made anew.
// Source: docs/design/013-subjects-on-disk.md.
#pragma once

#include "store/subject_runs.h"

#include "petrel/base/block.h"
#include "petrel/base/hash.h"
#include "petrel/store/message_store.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace petrel::store {

// Header of a subject; the text follows in the same allocation.
struct SubjectNode {
  uint64_t first = 0;  // lower bound when first_is_stale
  uint64_t last = 0;   // upper bound when last_is_stale
  uint32_t messages = 0;
  uint32_t references : 27 = 0;  // dictionaries of segments in memory, and lookups, that name it
  uint32_t is_cold : 1 = 0;      // messages, first and last are what the runs say: not read yet
  uint32_t is_on_disk : 1 = 0;   // a run may hold the subject
  uint32_t is_dirty : 1 = 0;     // and says something else
  uint32_t first_is_stale : 1 = 0;
  uint32_t last_is_stale : 1 = 0;
  uint32_t segment = 0;  // serial of the newest segment whose dictionary names it
  uint16_t local = 0;    // its place there
  uint16_t length = 0;

  Slice text() const { return {reinterpret_cast<const char*>(this + 1), length}; }
};
static_assert(sizeof(SubjectNode) == 32);

// Nodes that a lookup has in hand: they stay in memory.
class HeldSubjects {
 public:
  HeldSubjects() = default;
  ~HeldSubjects() { clear(); }
  HeldSubjects(const HeldSubjects&) = delete;
  HeldSubjects& operator=(const HeldSubjects&) = delete;
  void add(SubjectNode& node) {
    ++node.references;
    nodes_.push_back(&node);
  }
  void clear() {
    for (SubjectNode* node : nodes_) --node->references;
    nodes_.clear();
  }
  const std::vector<SubjectNode*>& all() const { return nodes_; }
  std::vector<SubjectNode*> distinct() const {
    std::vector<SubjectNode*> nodes = nodes_;
    std::sort(nodes.begin(), nodes.end());
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    return nodes;
  }

 private:
  std::vector<SubjectNode*> nodes_;
};

class HeldSubject {
 public:
  explicit HeldSubject(SubjectNode& node) : node_(node) { ++node_.references; }
  ~HeldSubject() { --node_.references; }
  HeldSubject(const HeldSubject&) = delete;
  HeldSubject& operator=(const HeldSubject&) = delete;

 private:
  SubjectNode& node_;
};

class SubjectTable;

// Where a table puts what does not fit.
struct SubjectSpill {
  // Knows all subjects and their messages from elsewhere.
  class Source {
   public:
    virtual ~Source() = default;
    // Adds all of them to an empty table.
    virtual void count_into(SubjectTable& table) = 0;
  };
  Disk& disk;
  std::string directory;
  std::shared_ptr<MemoryBudget> budget;
  Source& source;
  uint64_t next_run = 1;
  bool may_drain = false;  // while a store is opened: waits for the disk
};

class SubjectTable {
 public:
  SubjectTable() = default;
  // `spill` outlives it; null: everything stays in memory.
  explicit SubjectTable(SubjectSpill* spill) : spill_(spill) {}
  ~SubjectTable();
  SubjectTable(const SubjectTable&) = delete;
  SubjectTable& operator=(const SubjectTable&) = delete;

  void spill_to(SubjectSpill* spill) { spill_ = spill; }
  // Whether some subjects are only on disk.
  bool is_spilled() const { return is_spilled_; }

  // With its messages known.
  SubjectNode* find(Slice subject) {
    const uint64_t hash = hash_bytes(subject);
    SubjectNode* node = find_in_memory(subject, hash);
    return is_spilled_ ? find_spilled(node, subject, hash) : node;
  }
  // The node when there is one in memory; its messages may be unknown.
  SubjectNode* find_name(Slice subject) const {
    return find_in_memory(subject, hash_bytes(subject));
  }
  // Adds the subject without messages when it is not there. REQUIRES: subject.size() <= 65535.
  SubjectNode& intern(Slice subject) {
    SubjectNode* node = find(subject);
    return node != nullptr ? *node : insert(subject);
  }
  // For a dictionary: its messages may be unknown.
  SubjectNode& intern_name(Slice subject);
  // Makes its messages known.
  void resolve(SubjectNode& node) {
    if (node.is_cold != 0) find_spilled(&node, node.text(), hash_bytes(node.text()));
  }
  // The same for many, in the order of the runs. Changes the order of `nodes`.
  void resolve_all(std::vector<SubjectNode*>& nodes);

  // The next three change subjects whose messages are known.
  void add_message(SubjectNode& node) {
    node.is_dirty = 1;
    if (node.messages++ == 0) ++used_;
  }
  void add_messages(SubjectNode& node, uint32_t count) {
    node.is_dirty = 1;
    if (node.messages == 0 && count > 0) ++used_;
    node.messages += count;
  }
  void take_messages(SubjectNode& node, uint32_t count) {
    node.is_dirty = 1;
    node.messages -= count;
    if (node.messages == 0 && count > 0) --used_;
  }
  // No subject has a message any more.
  void forget_messages();
  // Subjects with messages.
  size_t used() const { return used_; }
  // Frees unused subjects when they outnumber the used ones. Not while a visit is under way.
  void sweep_if_due() {
    if (is_spilled_ || nodes_ < used_) return;
    if (nodes_ - used_ >= sweep_at_ && nodes_ - used_ > used_) sweep();
  }
  size_t memory_bytes() const;

  // --- subjects on disk (subject_spill.cc) ---
  // All tables hold more than they may, and this one more than a little.
  bool is_over_budget();
  // Moves some subjects that nothing refers to to the disk when the table is over its budget. No
  // node that nothing refers to outlives it. True: nothing was written, and there may be more.
  bool spill_if_due();
  // What was referred to may have been let go of: the next spill looks at all of them again.
  void look_again() { spill_nodes_min_ = 0; }
  // One bounded step of merging. True: there is more to do.
  bool tend(size_t entries);
  // Between these two every subject is added with all its messages, beginning with an empty table;
  // those who refer to nodes learn of the messages later. False: runs were damaged meanwhile, and
  // nothing is known.
  void begin_count();
  bool end_count();
  void flush_if_due();

  // Calls `visit(node)` for subjects with messages that begin with `prefix` and lie behind `after`,
  // in bytewise order; stops when it answers false. What it keeps it asks kept() for.
  template <typename Visit>
  void visit_ordered(Slice prefix, Slice after, Visit&& visit);
  // The same without an order, cheaper.
  template <typename Visit>
  void visit_any(Slice prefix, Visit&& visit);
  // The node of a subject that is being visited, to stay until the next spill.
  SubjectNode* kept(SubjectNode& node) { return is_spilled_ ? keep(node) : &node; }

 private:
  using Run = std::vector<SubjectNode*>;
  static constexpr size_t kSweepMin = 1024;
  static constexpr size_t kMergeFactor = 4;
  // Where a node was that is gone.
  static constexpr uint64_t kGone = 1;

  SubjectNode* find_in_memory(Slice subject, uint64_t hash) const;
  SubjectNode& insert(Slice subject);
  void grow(size_t slots);
  void place(SubjectNode* node);
  void sweep();
  void order() const;
  static Run::const_iterator seek(const Run& run, Slice prefix, Slice after);
  static bool has_prefix(Slice text, Slice prefix) {
    return text.substr(0, prefix.size()) == prefix;
  }

  SubjectNode* find_spilled(SubjectNode* node, Slice subject, uint64_t hash);
  SubjectNode* keep(SubjectNode& node);
  SubjectNode& stand_in(Slice subject, const SubjectCounts& counts);
  void walk(Slice prefix, Slice after, const std::function<bool(SubjectNode&)>& visit);
  bool walk_on(Slice prefix, std::string& last, const std::function<bool(SubjectNode&)>& visit);
  void rebuild();
  void absorb(SubjectTable& other);
  void note_memory();
  void take_unreferenced(size_t most, Run& taken);
  void write_run(Run& nodes);
  void release(SubjectNode* node);
  template <typename Each>
  void each_node(Each&& each) const {
    for (SubjectNode* node : recent_) each(node);
    for (const Run& run : runs_) {
      for (SubjectNode* node : run) each(node);
    }
  }

  // Pointer in the low 48 bits, 16 bits of the hash above it.
  std::vector<uint64_t> slots_;
  size_t nodes_ = 0;
  size_t gone_ = 0;  // slots
  size_t used_ = 0;
  size_t text_bytes_ = 0;
  size_t sweep_at_ = kSweepMin;    // unused subjects
  mutable Run recent_;             // in order of creation
  mutable std::vector<Run> runs_;  // each sorted, the larger ones first

  SubjectSpill* spill_ = nullptr;
  bool is_spilled_ = false;   // `on_disk_` counts
  bool is_counting_ = false;  // its runs are to be summed up
  bool stays_ = false;        // in memory, for the disk damages what is put there
  std::unique_ptr<SubjectRuns> on_disk_;
  size_t spill_at_ = 0;         // the next node to look at
  size_t spill_nodes_min_ = 0;  // before so many it is not worth while
  size_t noted_bytes_ = 0;      // in the budget
  SubjectNode* visited_ = nullptr;
  std::vector<uint64_t> visited_bytes_;
};

template <typename Visit>
void SubjectTable::visit_any(Slice prefix, Visit&& visit) {
  if (is_spilled_) return walk(prefix, {}, visit);
  order();
  for (const Run& run : runs_) {
    for (auto at = seek(run, prefix, {}); at != run.end(); ++at) {
      if (!has_prefix((*at)->text(), prefix)) break;
      if ((*at)->messages > 0 && !visit(**at)) return;
    }
  }
}

template <typename Visit>
void SubjectTable::visit_ordered(Slice prefix, Slice after, Visit&& visit) {
  if (is_spilled_) return walk(prefix, after, visit);
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

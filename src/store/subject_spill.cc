// The subjects of a table that are on disk: what leaves memory, and how it is found again.
#include "store/subject_table.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace petrel::store {
namespace {

// Subjects that go to the disk at once; fewer are not worth a file.
constexpr size_t kSpillNodes = 16'384;
constexpr size_t kSpillMin = 1024;
constexpr size_t kLooksPerNode = 4;
// What a table holds whatever the others do, and what it gathers while it counts, as a part of
// the budget.
constexpr size_t kLeastPart = 8;
constexpr size_t kCountPart = 4;
// Nothing more is put on the disk while so much was not written.
constexpr size_t kUnwrittenMax = 8 << 20;
constexpr size_t kCountsBytesMax = 32;

bool comes_before(const SubjectNode* a, const SubjectNode* b) {
  return a->text() < b->text();
}

bool fits(const SubjectNode& node) {
  return node.length + kCountsBytesMax <= kRunEntryBytesMax;
}

// The runs say the same, or nobody needs it.
bool is_clean(const SubjectNode& node) {
  if (node.is_on_disk != 0) return node.is_dirty == 0;
  return node.messages == 0;
}

SubjectCounts counts_of(const SubjectNode& node) {
  return {node.first, node.last, node.messages, node.first_is_stale != 0, node.last_is_stale != 0};
}

void set_counts(SubjectNode& node, const SubjectCounts& counts) {
  node.first = counts.first;
  node.last = counts.last;
  node.messages = counts.messages;
  node.first_is_stale = counts.first_is_stale ? 1 : 0;
  node.last_is_stale = counts.last_is_stale ? 1 : 0;
  node.is_cold = 0;
  node.is_dirty = 0;
}

}  // namespace

void SubjectTable::note_memory() {
  const size_t bytes = memory_bytes();
  spill_->budget->change(noted_bytes_, bytes);
  noted_bytes_ = bytes;
}

bool SubjectTable::is_over_budget() {
  if (spill_ == nullptr || stays_) return false;
  note_memory();
  const size_t on_disk = on_disk_ == nullptr ? 0 : on_disk_->memory_bytes();
  return spill_->budget->used() > spill_->budget->limit() &&
         noted_bytes_ - on_disk > spill_->budget->limit() / kLeastPart;
}

SubjectNode& SubjectTable::intern_name(Slice subject) {
  if (SubjectNode* node = find_name(subject)) return *node;
  SubjectNode& node = insert(subject);
  node.is_cold = is_spilled_ && fits(node) ? 1 : 0;
  node.is_on_disk = node.is_cold;
  return node;
}

SubjectNode* SubjectTable::find_spilled(SubjectNode* node, Slice subject, uint64_t hash) {
  while (node == nullptr || node->is_cold != 0) {
    SubjectCounts counts;
    const SubjectRuns::Answer answer =
        is_spilled_ ? on_disk_->find(subject, hash, counts) : SubjectRuns::Answer::kMissing;
    if (answer == SubjectRuns::Answer::kDamaged) {
      rebuild();
      node = find_in_memory(subject, hash);
      continue;
    }
    if (node == nullptr && counts.messages == 0) return nullptr;
    if (node == nullptr) node = &insert(subject);
    set_counts(*node, counts);
    node->is_on_disk = is_spilled_ ? 1 : 0;
  }
  return node;
}

void SubjectTable::resolve_all(std::vector<SubjectNode*>& nodes) {
  std::sort(nodes.begin(), nodes.end(), comes_before);
  for (SubjectNode* node : nodes) resolve(*node);
}

SubjectNode* SubjectTable::keep(SubjectNode& node) {
  if (&node != visited_) return &node;
  SubjectNode& made = insert(node.text());
  set_counts(made, counts_of(node));
  made.is_on_disk = 1;
  return &made;
}

// A node that stands for a subject on disk while it is visited.
SubjectNode& SubjectTable::stand_in(Slice subject, const SubjectCounts& counts) {
  visited_bytes_.resize((sizeof(SubjectNode) + subject.size()) / sizeof(uint64_t) + 1);
  visited_ = new (visited_bytes_.data()) SubjectNode;
  visited_->length = static_cast<uint16_t>(subject.size());
  std::memcpy(reinterpret_cast<char*>(visited_ + 1), subject.data(), subject.size());
  set_counts(*visited_, counts);
  return *visited_;
}

void SubjectTable::walk(Slice prefix, Slice after, const std::function<bool(SubjectNode&)>& visit) {
  std::string last(after);
  while (!walk_on(prefix, last, visit)) rebuild();
}

// In the order of texts, behind `last`, which it moves. False: the runs are damaged.
bool SubjectTable::walk_on(Slice prefix, std::string& last,
                           const std::function<bool(SubjectNode&)>& visit) {
  order();
  std::vector<std::pair<Run::const_iterator, Run::const_iterator>> cursors;
  for (const Run& run : runs_) cursors.emplace_back(seek(run, prefix, last), run.end());
  RunMerge on_disk(is_spilled_ ? on_disk_->all() : std::vector<const SortedRun*>());
  on_disk.seek(last < prefix ? prefix : Slice(last));
  if (!on_disk.is_at_end() && !last.empty() && on_disk.key() == last) on_disk.next();
  for (;;) {
    if (on_disk.is_damaged()) return false;
    std::erase_if(cursors, [](const auto& cursor) { return cursor.first == cursor.second; });
    const auto least = std::min_element(
        cursors.begin(), cursors.end(),
        [](const auto& a, const auto& b) { return comes_before(*a.first, *b.first); });
    SubjectNode* node = least == cursors.end() ? nullptr : *least->first;
    if (node == nullptr && on_disk.is_at_end()) return true;
    const bool is_there =
        !on_disk.is_at_end() && (node == nullptr || on_disk.key() <= node->text());
    const SubjectCounts counts = is_there ? on_disk.newest() : SubjectCounts();
    if (is_there && (node == nullptr || on_disk.key() < node->text())) {
      node = &stand_in(on_disk.key(), counts);
    } else {
      if (node->is_cold != 0) set_counts(*node, counts);
      ++least->first;
    }
    if (!has_prefix(node->text(), prefix)) return true;
    last = node->text();
    if (is_there) on_disk.next();
    if (node->messages > 0 && !visit(*node)) return true;
  }
}

// Up to `most` nodes that nothing refers to leave their lists.
void SubjectTable::take_unreferenced(size_t most, Run& taken) {
  size_t looks = most * kLooksPerNode;
  size_t skipped = 0;
  const auto take_from = [&](Run& list) {
    const size_t from = std::min(spill_at_ - skipped, list.size());
    skipped += from;
    if (from == list.size() || looks == 0 || taken.size() == most) return;
    size_t at = from;
    size_t to = from;
    for (; at < list.size() && looks > 0 && taken.size() < most; ++at, --looks) {
      SubjectNode* node = list[at];
      if (node->references == 0 && fits(*node)) {
        taken.push_back(node);
      } else {
        list[to++] = node;
      }
    }
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(to),
               list.begin() + static_cast<std::ptrdiff_t>(at));
    skipped += to - from;
    spill_at_ = skipped;
  };
  for (Run& run : runs_) take_from(run);
  take_from(recent_);
  if (looks > 0 && taken.size() < most) spill_at_ = 0;
  std::erase_if(runs_, [](const Run& run) { return run.empty(); });
}

// Sorts them.
void SubjectTable::write_run(Run& nodes) {
  if (nodes.empty()) return;
  if (on_disk_ == nullptr) {
    on_disk_ = std::make_unique<SubjectRuns>(spill_->disk, spill_->directory, spill_->next_run);
  }
  std::sort(nodes.begin(), nodes.end(), comes_before);
  std::unique_ptr<SortedRun> run = on_disk_->begin_run(nodes.size());
  for (const SubjectNode* node : nodes) run->add(node->text(), encode_counts(counts_of(*node)));
  run->finish();
  on_disk_->adopt(std::move(run));
}

bool SubjectTable::spill_if_due() {
  if (is_spilled_ && used_ == 0) forget_messages();
  if (is_counting_ || !is_over_budget() || nodes_ < spill_nodes_min_) return false;
  if (on_disk_ != nullptr && on_disk_->unwritten_bytes() > kUnwrittenMax) return false;
  Run taken;
  take_unreferenced(kSpillNodes, taken);
  const bool is_more = spill_at_ != 0;
  // Otherwise it is not looked for more before there is more.
  const size_t least = std::min(kSpillMin, nodes_ / 16 + 1);
  spill_nodes_min_ = taken.size() < least && !is_more ? nodes_ + nodes_ / 16 : 0;
  const auto clean = std::partition(taken.begin(), taken.end(),
                                    [](const SubjectNode* node) { return !is_clean(*node); });
  for (auto at = clean; at != taken.end(); ++at) release(*at);
  taken.erase(clean, taken.end());
  if (taken.size() < least) {
    recent_.insert(recent_.end(), taken.begin(), taken.end());
    return is_more;
  }
  write_run(taken);
  is_spilled_ = true;
  for (SubjectNode* node : taken) release(node);
  note_memory();
  return false;
}

bool SubjectTable::tend(size_t entries) {
  if (on_disk_ == nullptr || is_counting_) return false;
  on_disk_->retry_writes();
  if (on_disk_->is_damaged()) rebuild();
  return is_spilled_ && on_disk_->unwritten_bytes() <= kUnwrittenMax &&
         on_disk_->step_merge(entries);
}

// --- counting everything anew ---

void SubjectTable::begin_count() {
  forget_messages();
  is_counting_ = true;
}

// Each run has a part of the messages of its subjects.
void SubjectTable::flush_if_due() {
  if (!is_counting_ || !is_over_budget()) return;
  const size_t on_disk = on_disk_ == nullptr ? 0 : on_disk_->memory_bytes();
  if (noted_bytes_ - on_disk <= spill_->budget->limit() / kCountPart) return;
  Run taken;
  spill_at_ = 0;
  take_unreferenced(nodes_, taken);
  Run counted = taken;
  std::erase_if(counted, [](const SubjectNode* node) { return node->messages == 0; });
  write_run(counted);
  for (SubjectNode* node : taken) release(node);
  if (spill_->may_drain) spill_->disk.drain();
  if (on_disk_ != nullptr) on_disk_->retry_writes();
  note_memory();
}

bool SubjectTable::end_count() {
  is_counting_ = false;
  if (on_disk_ == nullptr || on_disk_->is_empty()) return true;
  Run counted;
  uint64_t too_long = 0;
  each_node([&](SubjectNode* node) {
    if (node->messages == 0) return;
    if (fits(*node))
      counted.push_back(node);
    else
      ++too_long;
  });
  write_run(counted);
  uint64_t subjects = 0;
  stays_ = !on_disk_->sum_up(subjects, spill_->may_drain);
  if (stays_) {
    forget_messages();
    return false;
  }
  is_spilled_ = true;
  used_ = subjects + too_long;
  Run taken;
  spill_at_ = 0;
  take_unreferenced(nodes_, taken);
  for (SubjectNode* node : taken) release(node);
  each_node([](SubjectNode* node) {
    if (!fits(*node)) return;
    node->messages = 0;
    node->is_cold = 1;
    node->is_on_disk = 1;
    node->is_dirty = 0;
  });
  note_memory();
  return true;
}

// What the runs said is found out from the segments. Nodes whose messages are known keep them.
void SubjectTable::rebuild() {
  SubjectTable fresh(spill_);
  fresh.begin_count();
  spill_->source.count_into(fresh);
  if (!fresh.end_count()) {
    // Twice: everything stays in memory, until the store is opened again.
    stays_ = true;
    spill_->source.count_into(fresh);
  }
  if (!fresh.is_spilled_) return absorb(fresh);
  on_disk_ = std::move(fresh.on_disk_);
  is_spilled_ = true;
  each_node([](SubjectNode* node) { node->is_on_disk = fits(*node) ? 1 : 0; });
}

// All of it fits into memory.
void SubjectTable::absorb(SubjectTable& other) {
  is_spilled_ = false;
  on_disk_->clear();
  each_node([](SubjectNode* node) {
    if (node->is_cold != 0) set_counts(*node, {});
    node->is_on_disk = 0;
  });
  other.each_node([this](SubjectNode* known) {
    SubjectNode* node = find_name(known->text());
    if (known->messages == 0 || (node != nullptr && node->is_dirty != 0)) return;
    if (node == nullptr) node = &insert(known->text());
    set_counts(*node, counts_of(*known));
  });
}

}  // namespace petrel::store

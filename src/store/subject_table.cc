#include "store/subject_table.h"

#include "petrel/base/check.h"
#include "petrel/base/hash.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace petrel::store {
namespace {

constexpr uint64_t kPointerMask = (uint64_t{1} << 48) - 1;
constexpr size_t kSlotsMin = 8;

uint64_t tag_of(uint64_t hash) {
  return hash & ~kPointerMask;
}

SubjectNode* node_of(uint64_t slot) {
  return reinterpret_cast<SubjectNode*>(slot & kPointerMask);  // NOLINT(performance-no-int-to-ptr)
}

SubjectNode* make_node(Slice subject) {
  void* memory = ::operator new(sizeof(SubjectNode) + subject.size());
  auto* node = new (memory) SubjectNode;
  node->length = static_cast<uint16_t>(subject.size());
  std::memcpy(static_cast<char*>(memory) + sizeof(SubjectNode), subject.data(), subject.size());
  return node;
}

void free_node(SubjectNode* node) {
  node->~SubjectNode();
  ::operator delete(node);
}

bool comes_before(const SubjectNode* a, const SubjectNode* b) {
  return a->text() < b->text();
}

}  // namespace

SubjectTable::~SubjectTable() {
  for (SubjectNode* node : recent_) free_node(node);
  for (const Run& run : runs_) {
    for (SubjectNode* node : run) free_node(node);
  }
}

SubjectNode* SubjectTable::find(Slice subject) const {
  if (slots_.empty()) return nullptr;
  const uint64_t hash = hash_bytes(subject);
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const uint64_t slot = slots_[at];
    if (slot == 0) return nullptr;
    if (tag_of(slot) == tag_of(hash) && node_of(slot)->text() == subject) return node_of(slot);
  }
}

SubjectNode& SubjectTable::intern(Slice subject) {
  PETREL_CHECK(subject.size() <= UINT16_MAX);
  if (SubjectNode* node = find(subject)) return *node;
  if ((nodes_ + 1) * 4 > slots_.size() * 3) grow(std::max(kSlotsMin, slots_.size() * 2));
  SubjectNode* node = make_node(subject);
  place(node);
  recent_.push_back(node);
  ++nodes_;
  text_bytes_ += subject.size();
  return *node;
}

void SubjectTable::place(SubjectNode* node) {
  const uint64_t hash = hash_bytes(node->text());
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  while (slots_[at] != 0) at = (at + 1) & mask;
  slots_[at] = tag_of(hash) | reinterpret_cast<uint64_t>(node);
}

void SubjectTable::grow(size_t slots) {
  slots_.assign(slots, 0);
  for (SubjectNode* node : recent_) place(node);
  for (const Run& run : runs_) {
    for (SubjectNode* node : run) place(node);
  }
}

void SubjectTable::forget_messages() {
  const auto forget = [](const Run& run) {
    for (SubjectNode* node : run) node->messages = 0;
  };
  forget(recent_);
  for (const Run& run : runs_) forget(run);
  used_ = 0;
}

void SubjectTable::sweep() {
  const auto drop = [this](Run& run) {
    std::erase_if(run, [this](SubjectNode* node) {
      if (node->messages > 0 || node->references > 0) return false;
      --nodes_;
      text_bytes_ -= node->length;
      free_node(node);
      return true;
    });
  };
  drop(recent_);
  for (Run& run : runs_) drop(run);
  std::erase_if(runs_, [](const Run& run) { return run.empty(); });
  size_t slots = kSlotsMin;
  while (nodes_ * 2 > slots) slots *= 2;
  slots_.shrink_to_fit();
  grow(slots);
  // What is still referred to is not looked at again before as much has come on top of it.
  sweep_at_ = kSweepMin + 2 * (nodes_ - used_);
}

void SubjectTable::order() const {
  if (recent_.empty()) return;
  std::sort(recent_.begin(), recent_.end(), comes_before);
  runs_.push_back(std::move(recent_));
  recent_ = {};
  while (runs_.size() > 1 && runs_.back().size() * kMergeFactor >= runs_[runs_.size() - 2].size()) {
    Run& larger = runs_[runs_.size() - 2];
    Run merged(larger.size() + runs_.back().size());
    std::merge(larger.begin(), larger.end(), runs_.back().begin(), runs_.back().end(),
               merged.begin(), comes_before);
    runs_.pop_back();
    runs_.back() = std::move(merged);
  }
}

SubjectTable::Run::const_iterator SubjectTable::seek(const Run& run, Slice prefix, Slice after) {
  if (after < prefix || after.empty()) {
    return std::lower_bound(
        run.begin(), run.end(), prefix,
        [](const SubjectNode* node, Slice text) { return node->text() < text; });
  }
  return std::upper_bound(run.begin(), run.end(), after,
                          [](Slice text, const SubjectNode* node) { return text < node->text(); });
}

size_t SubjectTable::memory_bytes() const {
  size_t listed = recent_.capacity();
  for (const Run& run : runs_) listed += run.capacity();
  return nodes_ * (sizeof(SubjectNode) + 16) + text_bytes_ + (slots_.capacity() + listed) * 8;
}

}  // namespace petrel::store

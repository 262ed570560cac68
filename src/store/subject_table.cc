#include "store/subject_table.h"

#include "petrel/base/check.h"

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
  if (spill_ != nullptr) spill_->budget->change(noted_bytes_, 0);
  each_node([](SubjectNode* node) { free_node(node); });
}

SubjectNode* SubjectTable::find_in_memory(Slice subject, uint64_t hash) const {
  if (slots_.empty()) return nullptr;
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const uint64_t slot = slots_[at];
    if (slot == 0) return nullptr;
    if (tag_of(slot) == tag_of(hash) && slot != kGone && node_of(slot)->text() == subject) {
      return node_of(slot);
    }
  }
}

// REQUIRES: not there yet.
SubjectNode& SubjectTable::insert(Slice subject) {
  PETREL_CHECK(subject.size() <= UINT16_MAX);
  if ((nodes_ + gone_ + 1) * 4 > slots_.size() * 3) {
    grow(std::max(kSlotsMin, gone_ > nodes_ ? slots_.size() : slots_.size() * 2));
  }
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
  while (slots_[at] > kGone) at = (at + 1) & mask;
  if (slots_[at] == kGone) --gone_;
  slots_[at] = tag_of(hash) | reinterpret_cast<uint64_t>(node);
}

void SubjectTable::grow(size_t slots) {
  slots_.assign(slots, 0);
  gone_ = 0;
  each_node([this](SubjectNode* node) { place(node); });
}

// It is in no list any more.
void SubjectTable::release(SubjectNode* node) {
  const size_t mask = slots_.size() - 1;
  size_t at = hash_bytes(node->text()) & mask;
  while (node_of(slots_[at]) != node) at = (at + 1) & mask;
  slots_[at] = kGone;
  ++gone_;
  // Nothing lies behind it that is looked for from here.
  for (; slots_[(at + 1) & mask] == 0 && slots_[at] == kGone; at = (at - 1) & mask) {
    slots_[at] = 0;
    --gone_;
  }
  --nodes_;
  text_bytes_ -= node->length;
  free_node(node);
}

void SubjectTable::forget_messages() {
  each_node([](SubjectNode* node) {
    node->messages = 0;
    node->is_cold = 0;
    node->is_on_disk = 0;
  });
  used_ = 0;
  is_spilled_ = false;
  if (on_disk_ != nullptr) on_disk_->clear();
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
  const size_t on_disk = on_disk_ == nullptr ? 0 : on_disk_->memory_bytes();
  return nodes_ * (sizeof(SubjectNode) + 16) + text_bytes_ + (slots_.capacity() + listed) * 8 +
         on_disk;
}

}  // namespace petrel::store

#include "petrel/store/message_ids.h"

#include "store/id_runs.h"

#include "petrel/base/hash.h"

#include <algorithm>
#include <map>
#include <vector>

namespace petrel::store {
namespace {

// Of an id in memory, besides its bytes.
constexpr size_t kBytesPerId = 96;
// More than this is on disk even when there is room: it bounds what a checkpoint writes.
constexpr size_t kRunBytesMax = 16 << 20;
// A run has so much of the budget, and of what all streams may have when they are above it.
constexpr size_t kRunsPerBudget = 8;
constexpr size_t kRunsAboveBudget = 256;
constexpr size_t kDrainMax = 64;

}  // namespace

MessageIds::MessageIds() = default;
MessageIds::MessageIds(std::unique_ptr<IdRuns> runs, std::shared_ptr<MemoryBudget> budget)
    : runs_(std::move(runs)), budget_(std::move(budget)) {}

MessageIds::~MessageIds() {
  if (budget_ != nullptr) budget_->change(accounted_, 0);
}

MessageIds::Lookup MessageIds::find(Slice id, WallTime oldest, Known& known) const {
  oldest = std::max(oldest, expired_);
  if (const Dedupe::Entry* entry = recent_.find(id)) {
    known = {entry->sequence, entry->time};
    return entry->time > oldest ? Lookup::kKnown : Lookup::kNew;
  }
  if (runs_ == nullptr || runs_->empty()) return Lookup::kNew;
  Dedupe::Entry entry;
  switch (runs_->find({id, hash_bytes(id), drained_, oldest}, entry)) {
    case IdLookup::kNone:
      return Lookup::kNew;
    case IdLookup::kUnreadable:
      return Lookup::kUnreadable;
    case IdLookup::kFound:
      break;
  }
  known = {entry.sequence, entry.time};
  return entry.time > oldest ? Lookup::kKnown : Lookup::kNew;
}

void MessageIds::visit(const std::function<void(Slice, const Known&)>& visit) const {
  std::map<std::string, Known> newest;
  if (runs_ != nullptr) {
    runs_->visit([&](const Dedupe::Entry& entry) {
      Known& known = newest[std::string(entry.id)];
      const bool is_newer =
          entry.time != known.time ? entry.time > known.time : entry.sequence > known.sequence;
      if (is_newer) known = {entry.sequence, entry.time};
    });
  }
  recent_.visit([&](const Dedupe::Entry& entry) {
    newest[std::string(entry.id)] = {entry.sequence, entry.time};
  });
  std::erase_if(newest, [&](const auto& each) { return each.second.time <= expired_; });
  std::vector<std::pair<Slice, Known>> sorted(newest.begin(), newest.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.second.time != b.second.time ? a.second.time < b.second.time
                                          : a.second.sequence < b.second.sequence;
  });
  for (const auto& [id, known] : sorted) visit(id, known);
}

std::string MessageIds::take_damage() {
  return runs_ == nullptr ? std::string() : runs_->take_damage();
}

// --- memory ---

size_t MessageIds::memory() const {
  return recent_.size() * kBytesPerId + recent_.id_bytes();
}

void MessageIds::account() {
  const size_t now = memory() + runs_->memory();
  budget_->change(accounted_, now);
  accounted_ = now;
}

uint64_t MessageIds::first_in_memory_only() const {
  return std::max(recent_.begin(), runs_->covered());
}

void MessageIds::step() {
  const size_t limit = budget_->limit();
  const bool is_above = budget_->used() > limit;
  if (!runs_->is_spilling() && recent_.size() != 0) {
    const size_t run_bytes =
        std::min(limit / (is_above ? kRunsAboveBudget : kRunsPerBudget), kRunBytesMax);
    const uint64_t ids = recent_.end() - first_in_memory_only();
    if (ids * (memory() / recent_.size()) >= run_bytes) runs_->begin_spill(recent_);
  }
  runs_->step(recent_, expired_);
  if (budget_->used() > limit / 2) {
    for (size_t i = 0; i < kDrainMax && recent_.begin() < runs_->covered(); ++i) {
      recent_.pop_front();
      drained_ = recent_.begin();
    }
  }
  account();
}

// --- checkpoints ---

IdsRecord MessageIds::describe(bool is_full) {
  runs_->expire(expired_);
  IdsRecord record;
  record.expired = expired_;
  record.runs = runs_->describe();
  const uint64_t first = first_in_memory_only();
  record.recent = recent_.end() - first;
  for (uint64_t at = is_full ? first : std::max(first, logged_); at < recent_.end(); ++at) {
    put_id(record.added, recent_[at]);
  }
  logged_ = recent_.end();
  return record;
}

Status MessageIds::restore(const IdsRecord& record) {
  expired_ = record.expired;
  runs_->restore(record.runs);
  if (!record.runs.empty()) drained_ = 1;
  std::vector<Dedupe::Entry> added;
  IdBlockReader entries(record.added);
  while (const auto entry = entries.next()) added.push_back(*entry);
  if (added.size() < record.recent) {
    return Error{Errc::kCorrupt, "the checkpoint file lacks message ids"};
  }
  for (size_t at = added.size() - static_cast<size_t>(record.recent); at < added.size(); ++at) {
    recent_.add(added[at].id, added[at].sequence, added[at].time);
  }
  account();
  return {};
}

}  // namespace petrel::store

#include "store/id_runs.h"

#include <algorithm>

namespace petrel::store {
namespace {

// Work of one step, in ids.
constexpr uint64_t kGatherMax = 1024;
constexpr size_t kWriteMax = 64;
constexpr size_t kMergeMax = 128;
// As many runs of a level become one of the next.
constexpr size_t kMergeRuns = 8;
constexpr uint32_t kLevelMax = 4;
constexpr uint32_t kPauseSteps = 64;

}  // namespace

void IdRuns::on_file(uint64_t id) {
  next_id_ = std::max(next_id_, id + 1);
  removed_.push_back(id);
}

void IdRuns::restore(const std::vector<IdRunRecord>& runs) {
  for (const IdRunRecord& record : runs) {
    std::erase(removed_, record.id);
    next_id_ = std::max(next_id_, record.id + 1);
    auto run = std::make_unique<IdRun>(disk_, codec_, path_of(record.id), record);
    run->load();
    runs_.push_back({std::move(run)});
  }
}

// --- lookups ---

IdLookup IdRuns::find(const Wanted& wanted, Dedupe::Entry& found) const {
  size_t end = 0;
  for (; end < runs_.size() && runs_[end].first < wanted.before; ++end) {
    runs_[end].run->prefetch(wanted.hash);
  }
  IdLookup result = IdLookup::kNone;
  while (end > 0) {
    const IdRun& run = *runs_[--end].run;
    if (run.record().newest <= wanted.oldest || !run.may_hold(wanted.hash)) continue;
    const IdLookup looked = run.find(wanted.hash, wanted.id, found);
    if (looked == IdLookup::kFound) return looked;
    if (looked == IdLookup::kNone) continue;
    result = looked;
    if (told_ != run.record().id) damage_ = run.path();
    told_ = run.record().id;
  }
  return result;
}

std::string IdRuns::take_damage() {
  return std::exchange(damage_, {});
}

void IdRuns::visit(const std::function<void(const Dedupe::Entry&)>& visit) const {
  for (const Held& held : runs_) {
    for (IdCursor cursor(*held.run); !cursor.is_at_end(); cursor.advance()) visit(cursor.entry());
  }
}

size_t IdRuns::memory() const {
  size_t bytes = 0;
  for (const Held& held : runs_) bytes += held.run->memory();
  return bytes;
}

uint64_t IdRuns::bytes_on_disk() const {
  uint64_t bytes = 0;
  for (const Held& held : runs_) bytes += held.run->record().bytes;
  return bytes;
}

std::vector<IdRunRecord> IdRuns::describe() const {
  std::vector<IdRunRecord> records;
  for (const Held& held : runs_) records.push_back(held.run->record());
  return records;
}

// --- changes ---

std::unique_ptr<IdRunWriter> IdRuns::begin_run(uint32_t level, uint64_t entries_max) {
  IdRunRecord record;
  record.id = next_id_++;
  record.level = level;
  auto writer =
      std::make_unique<IdRunWriter>(disk_, codec_, path_of(record.id), record, entries_max);
  if (make_directory_().is_ok() && writer->open().is_ok()) return writer;
  pause_ = kPauseSteps;
  return nullptr;
}

void IdRuns::abandon(IdRunWriter& writer) {
  pause_ = kPauseSteps;
  disk_.remove_file(writer.path(), [](int) {});
}

void IdRuns::stop() {
  spill_ = nullptr;
  merge_ = nullptr;
}

void IdRuns::begin_spill(const Dedupe& recent) {
  if (spill_ != nullptr || pause_ > 0) return;
  auto spill = std::make_unique<Spill>();
  spill->first = spill->gathered = std::max(covered_, recent.begin());
  spill->end = recent.end();
  spill->writer = begin_run(0, spill->end - spill->first);
  if (spill->writer != nullptr) spill_ = std::move(spill);
}

void IdRuns::step(const Dedupe& recent, WallTime expired) {
  if (pause_ > 0) --pause_;
  if (spill_ != nullptr) step_spill(recent);
  if (merge_ != nullptr) {
    step_merge(expired);
  } else {
    expire(expired);
    choose_merge();
  }
}

void IdRuns::step_spill(const Dedupe& recent) {
  Spill& spill = *spill_;
  if (spill.writer->is_failed()) {
    abandon(*spill.writer);
    spill_ = nullptr;
    return;
  }
  if (spill.gathered < spill.end) {
    const uint64_t end = std::min(spill.end, spill.gathered + kGatherMax);
    for (uint64_t at = std::max(spill.gathered, recent.begin()); at < end; ++at) {
      const uint64_t hash = recent[at].hash;
      spill.buckets[hash >> 58].push_back({hash, at});
    }
    spill.gathered = end;
  } else if (spill.bucket < kBuckets) {
    if (!spill.writer->is_busy()) write_sorted(recent);
  } else if (!spill.is_finished) {
    if (!spill.writer->is_busy()) spill.is_finished = spill.writer->finish();
  } else if (spill.writer->is_done()) {
    covered_ = spill.end;
    has_new_names_ = true;
    runs_.push_back({spill.writer->take(), spill.first});
    spill_ = nullptr;
  }
}

void IdRuns::write_sorted(const Dedupe& recent) {
  for (size_t left = kWriteMax; left > 0 && spill_->bucket < kBuckets;) {
    std::vector<Place>& places = spill_->buckets[spill_->bucket];
    if (spill_->written == 0) {
      std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
        return a.hash != b.hash ? a.hash < b.hash : a.position > b.position;
      });
    }
    for (; left > 0 && spill_->written < places.size(); --left, ++spill_->written) {
      const uint64_t position = places[spill_->written].position;
      // What has expired meanwhile is not in memory any more.
      if (position >= recent.begin()) spill_->writer->add(recent[position]);
    }
    if (spill_->written < places.size()) return;
    places = {};
    spill_->written = 0;
    ++spill_->bucket;
  }
}

// The oldest neighbours of one level.
void IdRuns::choose_merge() {
  if (pause_ > 0) return;
  for (size_t at = 0; at + kMergeRuns <= runs_.size(); ++at) {
    const uint32_t level = runs_[at].run->record().level;
    const bool may_merge =
        level < kLevelMax && std::all_of(
                                 runs_.begin() + static_cast<ptrdiff_t>(at),
                                 runs_.begin() + static_cast<ptrdiff_t>(at + kMergeRuns),
                                 [&](const Held& held) {
                                   return held.run->record().level == level &&
                                          !held.run->is_damaged();
                                 });
    if (!may_merge) continue;
    auto merge = std::make_unique<Merge>();
    merge->first = runs_[at].first;
    uint64_t entries = 0;
    for (size_t i = at; i < at + kMergeRuns; ++i) {
      merge->inputs.push_back(runs_[i].run.get());
      entries += runs_[i].run->record().entries;
    }
    merge->writer = begin_run(level + 1, entries);
    if (merge->writer == nullptr) return;
    merge->cursors.reserve(kMergeRuns);
    for (const IdRun* run : merge->inputs) merge->cursors.emplace_back(*run);
    merge_ = std::move(merge);
    return;
  }
}

// False: nothing is left.
bool IdRuns::merge_next(WallTime expired) {
  IdCursor* least = nullptr;
  for (IdCursor& cursor : merge_->cursors) {
    if (cursor.is_at_end()) continue;
    // Of equal hashes the newer one first.
    if (least == nullptr || cursor.entry().hash <= least->entry().hash) least = &cursor;
  }
  if (least == nullptr) return false;
  if (least->entry().time > expired) merge_->writer->add(least->entry());
  least->advance();
  return true;
}

void IdRuns::step_merge(WallTime expired) {
  Merge& merge = *merge_;
  if (!merge.is_finished && !merge.writer->is_busy()) {
    bool is_more = true;
    for (size_t i = 0; i < kMergeMax && is_more; ++i) is_more = merge_next(expired);
    const bool is_failed = std::any_of(merge.cursors.begin(), merge.cursors.end(),
                                       [](const IdCursor& each) { return each.is_failed(); });
    if (is_failed) return abandon_merge();
    if (!is_more) merge.is_finished = merge.writer->finish();
  }
  if (merge.writer->is_failed()) return abandon_merge();
  if (!merge.writer->is_done()) return;
  const auto at = std::find_if(runs_.begin(), runs_.end(), [&](const Held& held) {
    return held.run.get() == merge.inputs.front();
  });
  for (const IdRun* input : merge.inputs) removed_.push_back(input->record().id);
  *at = {merge.writer->take(), merge.first};
  runs_.erase(at + 1, at + static_cast<ptrdiff_t>(kMergeRuns));
  has_new_names_ = true;
  merge_ = nullptr;
}

void IdRuns::abandon_merge() {
  abandon(*merge_->writer);
  merge_ = nullptr;
}

void IdRuns::expire(WallTime expired) {
  if (merge_ != nullptr) return;
  size_t gone = 0;
  while (gone < runs_.size() && runs_[gone].run->record().newest <= expired) {
    removed_.push_back(runs_[gone++].run->record().id);
  }
  runs_.erase(runs_.begin(), runs_.begin() + static_cast<ptrdiff_t>(gone));
}

}  // namespace petrel::store

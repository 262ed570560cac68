#include "store/subject_runs.h"

#include "store/byte_codec.h"

#include <algorithm>
#include <utility>

namespace petrel::store {
namespace {

constexpr size_t kCachedBlocks = 32;
// So many runs are merged at least.
constexpr size_t kMergeMin = 4;
constexpr uint64_t kDrainEvery = 65'536;  // subjects

}  // namespace

std::string encode_counts(const SubjectCounts& counts) {
  ByteWriter out;
  out.varint(uint64_t{counts.messages} << 2 | (counts.first_is_stale ? 1 : 0) |
             (counts.last_is_stale ? 2 : 0));
  if (counts.messages > 0) {
    out.varint(counts.first);
    out.varint(counts.last - counts.first);
  }
  return out.take();
}

SubjectCounts decode_counts(Slice value) {
  ByteReader in(value);
  const uint64_t head = in.varint();
  SubjectCounts counts;
  counts.messages = static_cast<uint32_t>(head >> 2);
  counts.first_is_stale = (head & 1) != 0;
  counts.last_is_stale = (head & 2) != 0;
  if (counts.messages > 0) {
    counts.first = in.varint();
    counts.last = counts.first + in.varint();
  }
  return counts;
}

RunMerge::RunMerge(const std::vector<const SortedRun*>& runs) {
  cursors_.reserve(runs.size());
  for (const SortedRun* run : runs) cursors_.emplace_back(*run);
}

bool RunMerge::is_behind(size_t a, size_t b) const {
  return cursors_[a].key() > cursors_[b].key();
}

void RunMerge::enter(size_t cursor) {
  is_damaged_ = is_damaged_ || cursors_[cursor].is_damaged();
  if (cursors_[cursor].is_at_end()) return;
  heap_.push_back(cursor);
  std::push_heap(heap_.begin(), heap_.end(),
                 [this](size_t a, size_t b) { return is_behind(a, b); });
}

void RunMerge::gather() {
  same_.clear();
  if (is_damaged_) return;
  while (!heap_.empty() && (same_.empty() || cursors_[heap_.front()].key() == key())) {
    std::pop_heap(heap_.begin(), heap_.end(),
                  [this](size_t a, size_t b) { return is_behind(a, b); });
    same_.push_back(heap_.back());
    heap_.pop_back();
  }
}

void RunMerge::seek(Slice key) {
  heap_.clear();
  for (size_t at = 0; at < cursors_.size(); ++at) {
    cursors_[at].seek(key);
    enter(at);
  }
  gather();
}

void RunMerge::next() {
  const std::vector<size_t> passed = std::move(same_);
  same_ = {};
  for (const size_t at : passed) {
    cursors_[at].next();
    enter(at);
  }
  gather();
}

SubjectCounts RunMerge::newest() const {
  return decode_counts(cursors_[*std::max_element(same_.begin(), same_.end())].value());
}

SubjectCounts RunMerge::sum() const {
  SubjectCounts all;
  for (const size_t at : same_) {
    const SubjectCounts counts = decode_counts(cursors_[at].value());
    if (counts.messages == 0) continue;
    all.first = all.messages == 0 ? counts.first : std::min(all.first, counts.first);
    all.last = std::max(all.last, counts.last);
    all.messages += counts.messages;
  }
  return all;
}

std::vector<const SortedRun*> SubjectRuns::all() const {
  std::vector<const SortedRun*> all;
  for (const auto& run : runs_) all.push_back(run.get());
  return all;
}

void SubjectRuns::clear() {
  merge_ = nullptr;
  runs_.clear();
  is_damaged_ = false;
  cache_ = {};
}

// Null: damaged.
const std::string* SubjectRuns::block(const SortedRun& run, size_t block) {
  if (cache_.empty()) cache_.resize(kCachedBlocks);
  CachedBlock& place = cache_[(run.id() * 7 + block) % kCachedBlocks];
  if (place.run == run.id() && place.block == block) return &place.bytes;
  place.run = 0;
  place.bytes = run.load(block, 1);
  if (!run.is_whole(place.bytes, block)) return nullptr;
  place.run = run.id();
  place.block = block;
  return &place.bytes;
}

SubjectRuns::Answer SubjectRuns::find(Slice subject, uint64_t hash, SubjectCounts& counts) {
  for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
    if (!(*run)->may_hold(hash)) continue;
    const size_t at = (*run)->block_of(subject);
    if (at == (*run)->blocks()) continue;
    const std::string* bytes = block(**run, at);
    if (bytes == nullptr) return Answer::kDamaged;
    RunBlockReader reader(*bytes);
    while (reader.next()) {
      if (reader.key() < subject) continue;
      if (reader.key() != subject) break;
      counts = decode_counts(reader.value());
      return Answer::kFound;
    }
  }
  return Answer::kMissing;
}

// The newest runs, as long as an older one is not larger than all of them together.
bool SubjectRuns::choose_merge() {
  size_t at = runs_.size();
  size_t keys = 0;
  while (at > 0 && (keys == 0 || runs_[at - 1]->keys() <= keys)) keys += runs_[--at]->keys();
  const size_t count = runs_.size() - at;
  if (count < kMergeMin) return false;
  std::vector<const SortedRun*> inputs = all();
  inputs.erase(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(at));
  merge_ = std::make_unique<Merge>(Merge{at, count, RunMerge(inputs), begin_run(keys)});
  merge_->input.seek({});
  return true;
}

bool SubjectRuns::step_merge(size_t entries) {
  if (is_damaged_ || (merge_ == nullptr && !choose_merge())) return false;
  RunMerge& input = merge_->input;
  for (; entries > 0 && !input.is_at_end(); --entries, input.next()) {
    const SubjectCounts counts = input.newest();
    // Nothing older is left that says otherwise.
    if (counts.messages == 0 && merge_->at == 0) continue;
    merge_->output->add(input.key(), encode_counts(counts));
  }
  if (!input.is_at_end()) return true;
  const std::unique_ptr<Merge> done = std::move(merge_);
  is_damaged_ = input.is_damaged();
  if (is_damaged_) return false;
  done->output->finish();
  const auto first = runs_.begin() + static_cast<std::ptrdiff_t>(done->at);
  const auto behind = runs_.erase(first, first + static_cast<std::ptrdiff_t>(done->count));
  if (done->output->keys() > 0) runs_.insert(behind, std::move(done->output));
  return true;
}

bool SubjectRuns::sum_up(uint64_t& subjects, bool may_drain) {
  size_t keys = 0;
  for (const auto& run : runs_) keys += run->keys();
  std::unique_ptr<SortedRun> output = begin_run(keys);
  RunMerge input(all());
  subjects = 0;
  for (input.seek({}); !input.is_at_end(); input.next()) {
    output->add(input.key(), encode_counts(input.sum()));
    if (++subjects % kDrainEvery != 0 || !may_drain) continue;
    disk_.drain();
    output->retry_writes();
  }
  clear();
  if (input.is_damaged()) return false;
  output->finish();
  adopt(std::move(output));
  return true;
}

void SubjectRuns::retry_writes() {
  for (const auto& run : runs_) run->retry_writes();
  if (merge_ != nullptr) merge_->output->retry_writes();
}

size_t SubjectRuns::unwritten_bytes() const {
  size_t bytes = merge_ == nullptr ? 0 : merge_->output->unwritten_bytes();
  for (const auto& run : runs_) bytes += run->unwritten_bytes();
  return bytes;
}

size_t SubjectRuns::memory_bytes() const {
  size_t bytes = cache_.size() * kRunBlockBytes;
  if (merge_ != nullptr) bytes += merge_->output->memory_bytes();
  for (const auto& run : runs_) bytes += run->memory_bytes();
  return bytes;
}

}  // namespace petrel::store

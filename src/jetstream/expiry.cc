#include "jetstream/expiry.h"

#include "jetstream/stream_core.h"
#include "jetstream/stream_entry.h"

#include "petrel/base/go_duration.h"
#include "petrel/proto/header_view.h"

#include <algorithm>
#include <unordered_map>

namespace petrel::jetstream {
namespace {

constexpr int64_t kTick = 100'000'000;
constexpr int64_t kTicksPerSecond = 10;
constexpr int64_t kLastTick = INT64_MAX / kTick;
constexpr size_t kBatch = 1000;

}  // namespace

void Expiry::on_stored(uint64_t sequence, WallTime time, int64_t ttl_seconds) {
  if (ttl_seconds < 0) {
    never_.insert(sequence);
  } else if (ttl_seconds > 0) {
    const int64_t now = (time.ns + kTick - 1) / kTick;
    const int64_t ticks = std::min(ttl_seconds, (kLastTick - now) / kTicksPerSecond);
    due_[now + ticks * kTicksPerSecond].push_back(sequence);
  }
}

std::string Expiry::snapshot() const {
  EntryWriter out;
  for (const uint64_t sequence : never_) {
    if (!core_.store->contains(sequence)) continue;
    out.i64(-1);
    out.u64(sequence);
  }
  for (const auto& [tick, sequences] : due_) {
    for (const uint64_t sequence : sequences) {
      if (!core_.store->contains(sequence)) continue;
      out.i64(tick);
      out.u64(sequence);
    }
  }
  return out.take();
}

void Expiry::restore(Slice snapshot) {
  EntryReader reader(snapshot);
  while (!reader.at_end() && reader.is_ok()) {
    const int64_t tick = reader.i64();
    const uint64_t sequence = reader.u64();
    if (tick < 0) {
      never_.insert(sequence);
    } else {
      due_[tick].push_back(sequence);
    }
  }
}

bool Expiry::run(WallTime now) {
  if (proposed_index_ > core_.group->applied_index()) return false;
  const bool more_by_ttl = run_ttl(now);
  if (proposed_index_ > core_.group->applied_index()) return true;
  return run_age(now) || more_by_ttl;
}

bool Expiry::run_ttl(WallTime now) {
  std::vector<uint64_t> sequences;
  auto bucket = due_.begin();
  while (bucket != due_.end() && bucket->first * kTick <= now.ns && sequences.size() < kBatch) {
    std::vector<uint64_t>& candidates = bucket->second;
    std::erase_if(candidates, [&](uint64_t sequence) { return !core_.store->contains(sequence); });
    for (const uint64_t sequence : candidates) {
      if (sequences.size() < kBatch) sequences.push_back(sequence);
    }
    bucket = candidates.empty() ? due_.erase(bucket) : std::next(bucket);
  }
  if (sequences.empty()) return false;
  // They stay in the list until they are gone from the store.
  return propose(sequences);
}

bool Expiry::run_age(WallTime now) {
  const Duration age = core_.config.max_age;
  const store::StoreState& state = core_.store->state();
  if (age.ns <= 0 || state.messages == 0) return false;
  const WallTime last{now.ns - age.ns};
  std::erase_if(never_, [&](uint64_t sequence) { return sequence < state.first_sequence; });
  if (never_.empty() && core_.config.subject_delete_marker_ttl.ns == 0) {
    if (state.first_time > last) return false;
    EntryWriter entry(EntryKind::kExpireBelow);
    // At least the first one, whatever the times behind it are.
    entry.u64(
        std::max(core_.store->first_at_or_after(WallTime{last.ns + 1}), state.first_sequence + 1));
    const Slice parts[] = {entry.bytes()};
    proposed_index_ = core_.propose(parts);
    return false;
  }
  std::vector<uint64_t> sequences;
  age_from_ = std::max(age_from_, state.first_sequence);
  uint64_t from = age_from_;
  while (sequences.size() < kBatch) {
    const uint64_t found = core_.store->next_match({}, from);
    if (found == 0) break;
    const auto known = core_.store->known(found);
    if (known && known->time > last) break;
    from = found + 1;
    if (never_.contains(found)) {
      if (sequences.empty()) age_from_ = from;
      continue;
    }
    sequences.push_back(found);
  }
  return !sequences.empty() && propose(sequences);
}

bool Expiry::deserves_marker(uint64_t sequence, bool& is_pending) {
  store::StoredMessage message;
  const store::ReadStatus status = core_.store->read(sequence, message);
  is_pending = status == store::ReadStatus::kPending;
  if (status != store::ReadStatus::kFound) return false;
  const proto::HeaderView header(message.header);
  const auto operation = header.find("KV-Operation");
  return !header.has("Nats-Marker-Reason") && (!operation || *operation != "PURGE");
}

bool Expiry::propose(const std::vector<uint64_t>& sequences) {
  std::unordered_map<std::string, uint64_t> removed;  // by subject
  std::vector<std::string> markers;
  EntryWriter expire(EntryKind::kExpire);
  size_t taken = 0;
  for (const uint64_t sequence : sequences) {
    if (core_.config.subject_delete_marker_ttl.ns > 0) {
      const auto known = core_.store->known(sequence);
      if (!known) continue;
      const store::SubjectTotals totals = core_.store->totals_of(known->subject);
      const bool is_last = removed[known->subject] + 1 == totals.messages &&
                           core_.staged.last_of(Staged::hash_of(known->subject)) == 0;
      bool is_pending = false;
      if (is_last && deserves_marker(totals.last_sequence, is_pending)) {
        markers.push_back(known->subject);
      }
      if (is_pending) break;
      ++removed[known->subject];
    }
    expire.u64(sequence);
    ++taken;
  }
  if (taken == 0) return false;
  proposed_index_ = core_.ingest.propose_with_markers(expire.bytes(), markers);
  return taken == kBatch;
}

WallTime Expiry::next_due() const {
  WallTime due{};
  if (!due_.empty()) due.ns = due_.begin()->first * kTick;
  const store::StoreState& state = core_.store->state();
  if (core_.config.max_age.ns <= 0 || state.messages == 0) return due;
  WallTime first = state.first_time;
  if (age_from_ > state.first_sequence) {
    const uint64_t next = core_.store->next_match({}, age_from_);
    const auto known = next == 0 ? std::nullopt : core_.store->known(next);
    if (!known) return due;
    first = known->time;
  }
  const WallTime aged = first + core_.config.max_age;
  return due.ns == 0 || aged < due ? aged : due;
}

}  // namespace petrel::jetstream

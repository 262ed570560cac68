#include "petrel/jetstream/solo_group.h"

namespace petrel::jetstream {

Result<uint64_t> SoloGroup::propose(std::span<const Slice> parts, Urgency urgency) {
  if (failed_) return Error{Errc::kIo, "the journal failed"};
  Pending entry{proposed_ + 1, 0, {}};
  size_t bytes = 0;
  for (const Slice part : parts) bytes += part.size();
  entry.bytes.reserve(bytes);
  for (const Slice part : parts) entry.bytes.append(part);
  if (journal_ != nullptr) {
    store::JournalRecord record;
    record.group = options_.group;
    record.index = entry.index;
    record.term = term();
    record.kind = kEntryKind;
    record.bytes = entry.bytes;
    PETREL_TRY(const uint64_t position, journal_->append(record));
    if (options_.durability == Durability::kSynced) entry.position = position;
    if (options_.demand != nullptr) {
      (urgency == Urgency::kNow ? options_.demand->now : options_.demand->soon) = position;
    }
  }
  proposed_ = entry.index;
  pending_.push_back(std::move(entry));
  return proposed_;
}

bool SoloGroup::advance(size_t max) {
  while (!pending_.empty() && is_committed(pending_.front())) {
    if (max-- == 0) return true;
    // Out of the queue first: apply may look at what is still proposed.
    const Pending entry = std::move(pending_.front());
    pending_.pop_front();
    applied_ = entry.index;
    member_.apply(entry.index, entry.bytes);
  }
  return false;
}

void SoloGroup::checkpointed(uint64_t index) {
  ++checkpoints_;
  if (journal_ != nullptr) journal_->release(options_.group, index);
}

bool SoloGroup::on_synced(uint64_t position) {
  synced_ = position;
  return !pending_.empty() && is_committed(pending_.front());
}

void SoloGroup::on_failed(uint64_t last_synced, const Error& why) {
  synced_ = last_synced;
  failed_ = true;
  while (!pending_.empty() && !is_committed(pending_.back())) pending_.pop_back();
  proposed_ = pending_.empty() ? applied_ : pending_.back().index;
  member_.on_lost(proposed_, why);
}

}  // namespace petrel::jetstream

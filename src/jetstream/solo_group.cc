#include "petrel/jetstream/solo_group.h"

#include "petrel/base/byte_queue.h"

namespace petrel::jetstream {

SoloGroup::SoloGroup(const SoloGroupOptions& options, store::Journal* journal, GroupMember& member)
    : options_(options),
      journal_(journal),
      member_(member),
      bytes_(std::make_unique<ByteQueue>()),
      proposed_(options.applied_index),
      applied_(options.applied_index) {}

SoloGroup::~SoloGroup() = default;

Result<uint64_t> SoloGroup::propose(std::span<const Slice> parts, Urgency urgency) {
  if (failed_) return Error{Errc::kIo, "the journal failed"};
  Pending entry{proposed_ + 1, 0, bytes_->push(parts)};
  if (journal_ != nullptr) {
    store::JournalRecord record;
    record.group = options_.group;
    record.index = entry.index;
    record.term = term();
    record.kind = kEntryKind;
    record.bytes = entry.bytes;
    const Result<uint64_t> position = journal_->append(record);
    if (!position) {
      bytes_->take_back(entry.bytes.size());
      return position.error();
    }
    if (options_.durability == Durability::kSynced) entry.position = *position;
    if (options_.demand != nullptr) {
      (urgency == Urgency::kNow ? options_.demand->now : options_.demand->soon) = *position;
    }
  }
  proposed_ = entry.index;
  pending_.push_back(entry);
  return proposed_;
}

bool SoloGroup::advance(size_t max) {
  while (!pending_.empty() && is_committed(pending_.front())) {
    if (max-- == 0) return true;
    // Out of the queue first: apply may look at what is still proposed.
    const Pending entry = pending_.front();
    pending_.pop_front();
    applied_ = entry.index;
    member_.apply(entry.index, entry.bytes);
    bytes_->pop(entry.bytes.size());
  }
  return false;
}

void SoloGroup::checkpointed(uint64_t index) {
  ++checkpoints_;
  if (journal_ != nullptr) journal_->release(options_.group, index);
}

void SoloGroup::checkpoint_failed() {
  if (journal_ != nullptr) journal_->checkpoint_failed(options_.group);
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

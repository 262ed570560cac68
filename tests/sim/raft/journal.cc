#include "sim/raft/journal.h"

#include "raft/varint.h"

#include "petrel/base/hash.h"

#include <algorithm>
#include <cstring>

namespace petrel::sim {

using raft::put_varint;
using raft::VarintReader;

namespace {

constexpr char kHard = 1;
constexpr char kEntry = 2;
constexpr uint64_t kRotateBytes = 64 << 10;
constexpr size_t kHeadBytes = 8;

uint32_t checksum(Slice bytes) {
  return static_cast<uint32_t>(hash_bytes(bytes, 0x6a6f75726e616cULL));
}

void put_u32(std::string& out, uint32_t value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

uint32_t get_u32(Slice bytes, size_t at) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

std::string encode(const Checkpoint& checkpoint) {
  std::string out;
  put_varint(out, checkpoint.meta.index);
  put_varint(out, checkpoint.meta.term);
  put_varint(out, checkpoint.meta.id);
  const std::string membership = checkpoint.meta.membership.encode();
  put_varint(out, membership.size());
  return out + membership + checkpoint.state;
}

Checkpoint decode_checkpoint(Slice bytes) {
  VarintReader reader(bytes);
  Checkpoint checkpoint;
  checkpoint.meta.index = reader.varint();
  checkpoint.meta.term = reader.varint();
  checkpoint.meta.id = reader.varint();
  checkpoint.meta.membership = *raft::Membership::decode(reader.bytes(reader.varint()));
  checkpoint.state = std::string(reader.bytes(reader.left()));
  return checkpoint;
}

}  // namespace

struct Journal::Scan {
  raft::HardState hard;
  std::vector<raft::Entry> entries;
  raft::LogIndex base = 0;
  raft::LogIndex seen_last = 0;  // in any readable record
  uint64_t batch = 0;
  uint64_t hard_batch = 0;           // of `hard`
  raft::LogIndex proved_commit = 0;  // before the first bad record
  uint64_t broken_batch = 0;
  bool is_batch_end = true;
  bool is_broken = false;
  bool is_damaged = false;
};

void Journal::add_record(char type, const std::string& body) {
  std::string payload(1, type);
  put_varint(payload, batch_);
  put_varint(payload, offset_ + buffer_.size());
  payload += body;
  put_u32(buffer_, static_cast<uint32_t>(payload.size()));
  put_u32(buffer_, checksum(payload));
  buffer_ += payload;
}

void Journal::add(const raft::HardState& hard) {
  std::string body;
  put_varint(body, hard.term);
  put_varint(body, hard.vote);
  put_varint(body, hard.commit);
  put_varint(body, hard.damaged_to);
  put_varint(body, hard.incarnation);
  // So that a hole which swallowed the last entries is as long as it was.
  put_varint(body, entries_.empty() ? 0 : entries_.back().index);
  add_record(kHard, body);
}

void Journal::add(const raft::Entry& entry) {
  while (!entries_.empty() && entries_.back().index >= entry.index) entries_.pop_back();
  synced_last_ = std::min(synced_last_, entry.index - 1);
  syncing_last_ = std::min(syncing_last_, entry.index - 1);
  entries_.push_back(entry);
  std::string body;
  put_varint(body, entry.term);
  put_varint(body, entry.index);
  body.push_back(static_cast<char>(entry.kind));
  body += entry.data.bytes();
  add_record(kEntry, body);
}

void Journal::start_batch(const raft::HardState& hard) {
  add(hard);
  hard_syncing_ = hard;
  if (misdirect_to_ != 0) {
    disk_->misdirect_next_write(offset_ - misdirect_to_);
    misdirect_to_ = 0;
  }
  disk_->write("journal", offset_, buffer_);
  offset_ += buffer_.size();
  buffer_.clear();
  ++batch_;
  ticket_ = disk_->start_sync("journal");
  syncing_last_ = entries_.empty() ? 0 : entries_.back().index;
}

Status Journal::finish_batch() {
  const Status status = disk_->finish_sync("journal", ticket_);
  if (!status) return status;
  old_end_ = batch_end_;
  batch_end_ = disk_->size("journal");
  synced_last_ = syncing_last_;
  hard_synced_ = hard_syncing_;
  return status;
}

bool Journal::holds_durably(raft::LogIndex index, raft::Term term) const {
  if (checkpoint_.has_value() && index <= checkpoint_->meta.index) return true;
  if (index > synced_last_) return false;
  for (auto at = entries_.rbegin(); at != entries_.rend(); ++at) {
    if (at->index == index) return at->term == term;
  }
  return false;
}

void Journal::save_checkpoint(const Checkpoint& checkpoint) {
  std::string content = encode(checkpoint);
  std::string sum;
  put_u32(sum, checksum(content));
  disk_->write("checkpoint.new", 0, sum + content);
  if (!disk_->finish_sync("checkpoint.new", disk_->start_sync("checkpoint.new"))) return;
  disk_->rename("checkpoint.new", "checkpoint");
  checkpoint_ = checkpoint;
}

void Journal::drop_covered() {
  if (!checkpoint_.has_value()) return;
  const auto keep = std::find_if(entries_.begin(), entries_.end(), [&](const raft::Entry& entry) {
    return entry.index > checkpoint_->meta.index;
  });
  entries_.erase(entries_.begin(), keep);
}

void Journal::rewrite(const raft::HardState& hard) {
  drop_covered();
  const std::vector<raft::Entry> entries = std::move(entries_);
  entries_.clear();
  buffer_.clear();
  offset_ = 0;
  misdirect_to_ = 0;
  is_misdirected_ = false;
  disk_->remove("journal.new");
  for (const raft::Entry& entry : entries) add(entry);
  add(hard);
  const std::string content = std::move(buffer_);
  buffer_.clear();
  disk_->write("journal.new", 0, content);
  // Made durable at once: a driver would keep the old file until then.
  DiskOptions sound;
  disk_->set_options(sound);
  if (!disk_->finish_sync("journal.new", disk_->start_sync("journal.new"))) return;
  disk_->rename("journal.new", "journal");
  hard_synced_ = hard;
  offset_ = rewritten_bytes_ = content.size();
  old_end_ = 0;
  batch_end_ = offset_;
  ++batch_;
  synced_last_ = syncing_last_ = entries_.empty() ? 0 : entries_.back().index;
}

void Journal::rotate_if_large(const raft::HardState& hard) {
  if (offset_ > rewritten_bytes_ + kRotateBytes) rewrite(hard);
}

void Journal::reset_after_snapshot(const Checkpoint& checkpoint, const raft::HardState& hard) {
  save_checkpoint(checkpoint);
  entries_.clear();
  rewrite(hard);
}

// A batch ends with its hard state: what is bad is of the same batch or of the next.
void Journal::break_off(Scan& scan) {
  if (scan.is_broken) return;
  scan.is_broken = true;
  scan.broken_batch = scan.batch + (scan.is_batch_end ? 1 : 0);
  scan.proved_commit = scan.hard.commit;
}

void Journal::scan_file(Scan& scan) const {
  const std::string file = disk_->read("journal");
  const Slice bytes(file);
  for (size_t at = 0; at + kHeadBytes < bytes.size();) {
    const uint64_t length = get_u32(bytes, at);
    const bool fits = length > 0 && at + kHeadBytes + length <= bytes.size();
    const Slice payload = fits ? bytes.substr(at + kHeadBytes, length) : Slice();
    if (!fits || checksum(payload) != get_u32(bytes, at + 4)) {
      break_off(scan);
      ++at;
      continue;
    }
    scan_record(scan, payload, at);
    at += kHeadBytes + length;
  }
}

void Journal::scan_record(Scan& scan, Slice payload, uint64_t at) {
  VarintReader reader(payload);
  const uint8_t type = reader.byte();
  const uint64_t batch = reader.varint();
  const bool is_misplaced = reader.varint() != at;
  if (is_misplaced) break_off(scan);
  if (scan.is_broken && (is_misplaced || batch > scan.broken_batch)) scan.is_damaged = true;
  scan.batch = std::max(scan.batch, batch);
  scan.is_batch_end = type == kHard;
  if (type == kHard) {
    const bool is_unproved = scan.is_broken && !scan.is_damaged;
    if (is_unproved || batch < scan.hard_batch) return;
    scan.hard_batch = batch;
    scan.hard.term = reader.varint();
    scan.hard.vote = reader.varint();
    scan.hard.commit = reader.varint();
    scan.hard.damaged_to = reader.varint();
    scan.hard.incarnation = static_cast<raft::Incarnation>(reader.varint());
    scan.seen_last = std::max(scan.seen_last, reader.varint());
    return;
  }
  raft::Entry entry;
  entry.term = reader.varint();
  entry.index = reader.varint();
  entry.kind = static_cast<raft::EntryKind>(reader.byte());
  entry.data = raft::Payload::copy_of(reader.bytes(reader.left()));
  scan.seen_last = std::max(scan.seen_last, entry.index);
  if (scan.is_broken) return;
  while (!scan.entries.empty() && scan.entries.back().index >= entry.index) {
    scan.entries.pop_back();
  }
  scan.entries.push_back(std::move(entry));
}

Recovered Journal::recover() {
  Recovered found;
  buffer_.clear();
  const std::string file = disk_->read("checkpoint");
  if (file.size() > 4 && checksum(Slice(file).substr(4)) == get_u32(file, 0)) {
    found.checkpoint = decode_checkpoint(Slice(file).substr(4));
  }
  checkpoint_ = found.checkpoint;
  Scan scan;
  scan_file(scan);
  batch_ = scan.batch + 1;
  found.hard = scan.hard;
  entries_ = std::move(scan.entries);
  drop_covered();
  const raft::LogIndex base = checkpoint_.has_value() ? checkpoint_->meta.index : 0;
  if (!entries_.empty() && entries_.front().index != base + 1) entries_.clear();
  // What stands before the hole may have been overwritten in it, unless it was committed before.
  while (scan.is_damaged && !entries_.empty() && entries_.back().index > scan.proved_commit) {
    entries_.pop_back();
  }
  const raft::LogIndex last = entries_.empty() ? base : entries_.back().index;
  if (scan.is_damaged) {
    found.damage = {last + 1, std::max(last + 1, scan.seen_last)};
    found.hard.damaged_to = std::max(found.hard.damaged_to, found.damage.last);
  }
  rewrite(found.hard);
  found.entries = entries_;
  return found;
}

bool Journal::damage_old_batch(Prng& prng) {
  // Two faults on one file may leave no trace of the last batch: nobody could know what is gone.
  if (old_end_ == 0 || is_misdirected_) return false;
  return disk_->flip_bit("journal", prng.below(old_end_));
}

void Journal::misdirect_next_batch(Prng& prng) {
  if (old_end_ == 0 || is_misdirected_) return;
  misdirect_to_ = 1 + prng.below(old_end_);
  is_misdirected_ = true;
}

}  // namespace petrel::sim

#include "journal_world.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace petrel::sim {

namespace {

constexpr uint64_t kGroups = 6;
constexpr uint8_t kRemoveKind = 2;
const std::string kDirectory = "petrel/journal";

// Tells records of all sessions apart.
std::string body_of(store::GroupId group, uint64_t index, uint64_t session, size_t bytes) {
  std::string text =
      std::to_string(group) + ":" + std::to_string(index) + ":" + std::to_string(session) + ":";
  text.resize(std::max(text.size(), bytes), static_cast<char>('a' + index % 26));
  return text;
}

}  // namespace

JournalWorld::JournalWorld(uint64_t seed, bool trace)
    : prng_(seed), trace_(trace), disk_(prng_.next(), 1 + prng_.below(6)) {
  if (prng_.chance(300)) key_ = std::string(32, 'k');
}

void JournalWorld::say(const std::string& text) const {
  if (trace_) std::printf("%s\n", text.c_str());
}

void JournalWorld::fail(std::string text) {
  say("FAILED " + text);
  if (error_.empty()) error_ = "session " + std::to_string(sessions_) + ": " + std::move(text);
}

std::string JournalWorld::run() {
  const uint64_t sessions = 3 + prng_.below(6);
  while (sessions_ < sessions && error_.empty()) {
    ++sessions_;
    start();
    if (!error_.empty()) break;
    session();
    stop();
  }
  journal_.reset();
  return error_;
}

store::JournalOptions JournalWorld::options() {
  store::JournalOptions options;
  options.directory = kDirectory;
  options.segment_bytes_min = 4096;
  options.segment_bytes_max = 16384;
  options.total_bytes_max = 1 << 20;
  options.gather_bytes_max = 64 << 10;
  options.reserve_bytes = 8192;
  options.key = key_;
  for (int i = 0; i < 16; ++i) options.seed.push_back(static_cast<char>(prng_.below(256)));
  return options;
}

Result<std::unique_ptr<store::JournalTail>> JournalWorld::read() {
  return store::read_journals(disk_, kDirectory, {key_});
}

void JournalWorld::start() {
  auto tail = read();
  if (!tail) return fail("recovery refuses: " + tail.error().detail);
  check(**tail, false);
  if (!error_.empty()) return;
  old_files_ = (*tail)->files();
  is_old_discarded_ = false;
  in_flight_.clear();
  last_batch_.clear();
  wanted_.clear();
  expected_position_ = told_ = 0;
  has_failed_ = false;
  auto opened = store::open_journal(disk_, options(), *this);
  if (!opened) return fail("the journal does not open: " + opened.error().detail);
  journal_ = *std::move(opened);
}

void JournalWorld::session() {
  const uint64_t steps = 20 + prng_.below(600);
  for (uint64_t i = 0; i < steps && error_.empty() && !has_failed_; ++i) step();
}

void JournalWorld::step() {
  const uint64_t dice = prng_.below(100);
  if (dice < 45) {
    append();
  } else if (dice < 55) {
    journal_->commit();
  } else if (dice < 65) {
    now_ = now_ + Duration::micros(static_cast<int64_t>(prng_.below(120)));
    journal_->turn(now_);
  } else if (dice < 88) {
    disk_.poll();
  } else if (dice < 92) {
    checkpoint(1 + prng_.below(next_group_));
  } else if (dice < 95) {
    if (!wanted_.empty()) checkpoint(wanted_[prng_.below(wanted_.size())]);
  } else if (dice < 96) {
    remove_group();
  } else if (dice < 97) {
    checkpoint_all();
  } else if (dice < 98 && prng_.chance(200)) {
    plant_fault();
  }
}

void JournalWorld::append() {
  if (groups_.size() < kGroups || prng_.chance(20)) {
    groups_[next_group_++];
  }
  auto at = groups_.begin();
  std::advance(at, prng_.below(groups_.size()));
  auto& [id, group] = *at;
  if (group.removal != 0) return;
  size_t bytes = prng_.below(300);
  if (prng_.chance(30)) bytes = prng_.below(9000);
  Appended record{body_of(id, group.last + 1, sessions_, bytes)};
  const auto position = journal_->append({id, group.last + 1, 1, 0, record.bytes});
  if (!position) {
    if (position.error().code != Errc::kFull) fail("append: " + position.error().detail);
    return;
  }
  if (*position != ++expected_position_) return fail("positions are not ascending by one");
  say("append " + std::to_string(id) + ":" + std::to_string(group.last + 1) + " at " +
      std::to_string(*position));
  group.records[++group.last] = std::move(record);
  in_flight_.push_back({*position, id, group.last});
}

// As a stream that ends: a record, and when it is synced its files go and the journal forgets it.
void JournalWorld::remove_group() {
  auto at = groups_.begin();
  if (groups_.empty()) return;
  std::advance(at, prng_.below(groups_.size()));
  auto& [id, group] = *at;
  if (group.removal == 0) {
    const auto position = journal_->append({id, group.last + 1, 1, kRemoveKind, Slice()});
    if (!position) return;
    ++expected_position_;
    group.removal = ++group.last;
    group.records[group.last] = {};
    in_flight_.push_back({*position, id, group.last});
  } else if (group.is_removed && !group.is_forgotten) {
    say("forget " + std::to_string(id));
    group.is_forgotten = true;
    journal_->forget(id);
  }
}

void JournalWorld::checkpoint(store::GroupId id) {
  const auto at = groups_.find(id);
  if (at == groups_.end() || at->second.removal != 0) return;
  Group& group = at->second;
  uint64_t applied = group.recovered;
  for (const auto& [index, record] : group.records) {
    if (record.is_synced) applied = std::max(applied, index);
  }
  group.checkpoint = std::max(group.checkpoint, applied);
  say("checkpoint " + std::to_string(id) + " at " + std::to_string(group.checkpoint));
  journal_->release(id, group.checkpoint);
}

// What the old journals hold is in checkpoints or gone: their files go, one after the other.
void JournalWorld::checkpoint_all() {
  if (is_old_discarded_) return;
  for (const auto& [id, group] : groups_) {
    if (group.removal != 0 && !group.is_removed) return;
  }
  for (auto& [id, group] : groups_) {
    if (group.is_removed) group.is_forgotten = true;
    checkpoint(id);
  }
  is_old_discarded_ = true;
  store::remove_journals(disk_, old_files_, [this](int error) {
    if (error == 0) journal_->old_journals_removed();
  });
}

void JournalWorld::plant_fault() {
  const uint64_t calls = prng_.below(4);
  switch (prng_.below(5)) {
    case 0:
      say("a sync will fail");
      return disk_.fail_after(StoreDisk::Call::kSync, calls, EIO);
    case 1:
      say("a write will fail");
      return disk_.fail_after(StoreDisk::Call::kWrite, calls, prng_.chance(500) ? EIO : ENOSPC);
    case 2:
      say("a file will not be preallocated");
      return disk_.fail_after(StoreDisk::Call::kPreallocate, calls, ENOSPC);
    case 3:
      say("the disk is full");
      return disk_.set_capacity(disk_.used() + prng_.below(20'000));
    default:
      say("the disk has room");
      return disk_.set_capacity(~uint64_t{0});
  }
}

void JournalWorld::on_synced(uint64_t position) {
  if (position <= told_) return fail("synced positions go back");
  if (position > expected_position_) return fail("more is synced than was appended");
  told_ = position;
  say("synced " + std::to_string(position));
  last_batch_.clear();
  while (!in_flight_.empty() && in_flight_.front().position <= position) {
    const InFlight& record = in_flight_.front();
    Group& group = groups_[record.group];
    group.records[record.index].is_synced = true;
    if (record.index == group.removal) group.is_removed = true;
    last_batch_.emplace_back(record.group, record.index);
    in_flight_.pop_front();
  }
}

void JournalWorld::on_failed(int error, uint64_t last_synced) {
  say("the journal failed with " + std::to_string(error));
  has_failed_ = true;
  if (last_synced != told_) fail("on_failed names " + std::to_string(last_synced));
  if (journal_ != nullptr && journal_->append({1, 1, 1, 0, "x"})) {
    fail("a failed journal takes records");
  }
}

void JournalWorld::stop() {
  if (!error_.empty()) return;
  if (!has_failed_ && prng_.chance(200)) {
    say("clean stop");
    disk_.heal();
    disk_.set_capacity(~uint64_t{0});
    journal_->commit();
    for (int i = 0; i < 3; ++i) {
      disk_.drain();
      journal_->commit();
    }
    if (!has_failed_ && !in_flight_.empty()) return fail("a disk with room keeps records waiting");
  }
  journal_.reset();
  say("crash");
  disk_.crash();
  disk_.heal();
  disk_.set_capacity(~uint64_t{0});
  for (const auto& [id, index] : last_batch_) groups_[id].records[index].in_last_batch = true;
  for (const InFlight& record : in_flight_) {
    groups_[record.group].records[record.index].in_last_batch = true;
  }
  if (prng_.chance(500)) damage_and_check();
}

bool JournalWorld::is_between(const std::vector<std::string>& files, const std::string& bytes) {
  constexpr size_t kNumbers = 8;  // journal and segment, 8 bytes each
  if (bytes.size() < kNumbers + 16) return false;
  const auto number = [](const std::string& content) {
    uint64_t value = 0;
    std::memcpy(&value, content.data() + kNumbers + 8, sizeof(value));
    return value;
  };
  bool has_older = false;
  bool has_newer = false;
  for (const std::string& path : files) {
    const std::string& other = *disk_.bytes_of(path);
    if (other.size() < kNumbers + 16) continue;
    if (other.compare(kNumbers, 8, bytes, kNumbers, 8) != 0) continue;
    has_older = has_older || number(other) < number(bytes);
    has_newer = has_newer || number(other) > number(bytes);
  }
  return has_older && has_newer;
}

// Damages one place, reads, and repairs it again.
void JournalWorld::damage_and_check() {
  std::vector<std::string> files = disk_.paths();
  std::erase_if(files, [](const std::string& path) { return !path.ends_with(".journal"); });
  if (files.empty()) return;
  const std::string& path = files[prng_.below(files.size())];
  std::string& bytes = *disk_.bytes_of(path);
  const std::string before = bytes;
  if (bytes.empty()) return;
  const size_t used = std::max<size_t>(bytes.find_last_not_of('\0') + 1, 1);
  const size_t at = prng_.below(std::min(used, bytes.size()));
  switch (prng_.below(4)) {
    case 0:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << prng_.below(8)));
      break;
    case 1: {
      const size_t sector = at / 512 * 512;
      const size_t count = std::min<size_t>(512, bytes.size() - sector);
      bytes.replace(sector, count, count, '\0');
      break;
    }
    case 2:
      bytes.resize(at);
      break;
    default:
      // The first one may as well have been retired, the last one not have been begun.
      if (!is_between(files, before)) return;
      bytes.clear();
  }
  say("damage at " + std::to_string(at) + " of " + path);
  if (auto tail = read()) {
    check(**tail, true);
  } else {
    say("found: " + tail.error().detail);
    if (tail.error().code != Errc::kCorrupt) fail("damage is " + tail.error().detail);
  }
  bytes = before;
}

void JournalWorld::check(store::JournalTail& tail, bool is_damaged) {
  for (const store::GroupId id : tail.groups()) {
    if (!groups_.contains(id)) return fail("a group that never was: " + std::to_string(id));
  }
  for (auto& [id, group] : groups_) {
    std::map<uint64_t, std::string> found;
    uint64_t last = 0;
    const Status visited = tail.visit(id, [&](const store::JournalRecord& record) {
      if (record.group != id) fail("a record of another group");
      if (record.index <= last) fail("records out of order");
      last = record.index;
      found[record.index] = std::string(record.bytes);
    });
    if (!visited) return fail("visit: " + visited.error().detail);
    check_group(id, group, found, is_damaged);
    if (!error_.empty()) return;
  }
}

void JournalWorld::check_group(store::GroupId id, Group& group,
                               const std::map<uint64_t, std::string>& found, bool is_damaged) {
  const std::string name = "group " + std::to_string(id);
  say(name + ": " + std::to_string(found.size()) + " records to " +
      std::to_string(found.empty() ? 0 : found.rbegin()->first) + ", checkpoint " +
      std::to_string(group.checkpoint));
  uint64_t before = 0;
  for (const auto& [index, bytes] : found) {
    const auto at = group.records.find(index);
    if (at == group.records.end()) {
      return fail(name + " has a record that never was: " + std::to_string(index));
    }
    if (at->second.bytes != bytes) {
      return fail(name + " has other bytes at " + std::to_string(index));
    }
    // Whoever recovers a group sees that by itself, and refuses.
    if (index > std::max(before, group.checkpoint) + 1 && !group.is_forgotten) {
      if (!is_damaged) fail(name + " has a gap before " + std::to_string(index));
      return;
    }
    before = index;
  }
  if (group.is_forgotten) {
    if (!found.empty() && !found.contains(group.removal) && !is_damaged) {
      fail(name + " was removed and is back");
    }
    return;
  }
  uint64_t last = group.checkpoint;
  for (const auto& [index, record] : group.records) {
    if (found.contains(index)) last = std::max(last, index);
    if (!record.is_synced || index <= group.checkpoint || found.contains(index)) continue;
    if (is_damaged && record.in_last_batch) continue;
    return fail(name + " lost " + std::to_string(index) + (is_damaged ? " to damage" : ""));
  }
  if (is_damaged) return;
  // What was not found is gone for good; what was found counts as synced from now on.
  group.records.erase(group.records.upper_bound(last), group.records.end());
  for (auto& [index, record] : group.records) record.is_synced = true;
  group.recovered = group.last = last;
  if (group.removal > last) group.removal = 0;
  group.is_removed = group.removal != 0;
}

}  // namespace petrel::sim

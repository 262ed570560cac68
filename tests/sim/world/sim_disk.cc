#include "sim/world/sim_disk.h"

#include <algorithm>
#include <utility>

namespace petrel::sim {

void add_disk_counts(FaultCounts& total, const DiskCounts& counts) {
  total["unsynced writes lost"] += counts.lost;
  total["writes torn"] += counts.torn;
  total["bits flipped"] += counts.flipped;
  total["writes misdirected"] += counts.misdirected;
  total["syncs failed"] += counts.failed;
  total["syncs slow"] += counts.slow;
}

void SimDisk::store(std::string& content, uint64_t offset, Slice bytes) {
  if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size(), '\0');
  content.replace(offset, bytes.size(), bytes);
}

void SimDisk::write(const std::string& file, uint64_t offset, Slice bytes) {
  const uint64_t distance = std::min(std::exchange(misdirect_, 0), offset);
  counts_.misdirected += distance != 0;
  files_[file].cached.push_back({++order_, offset - distance, std::string(bytes)});
}

std::string SimDisk::read(const std::string& file) const {
  const auto found = files_.find(file);
  if (found == files_.end()) return {};
  std::string content = found->second.durable;
  for (const Write& write : found->second.cached) store(content, write.offset, write.bytes);
  return content;
}

uint64_t SimDisk::size(const std::string& file) const {
  const auto found = files_.find(file);
  if (found == files_.end()) return 0;
  uint64_t size = found->second.durable.size();
  for (const Write& write : found->second.cached) {
    size = std::max<uint64_t>(size, write.offset + write.bytes.size());
  }
  return size;
}

void SimDisk::rename(const std::string& from, const std::string& to) {
  auto found = files_.find(from);
  if (found == files_.end()) return;
  File file = std::move(found->second);
  files_.erase(found);
  files_[to] = std::move(file);
}

SimDisk::Ticket SimDisk::start_sync(const std::string& file) {
  files_[file];  // a file that was never written is synced too
  return order_;
}

Duration SimDisk::sync_delay() {
  if (prng_.chance(options_.slow_per_mille)) {
    ++counts_.slow;
    return options_.slow;
  }
  const auto span = static_cast<uint64_t>(options_.sync_max.ns - options_.sync_min.ns) + 1;
  return Duration{options_.sync_min.ns + static_cast<int64_t>(prng_.below(span))};
}

Status SimDisk::finish_sync(const std::string& file, Ticket ticket) {
  const auto found = files_.find(file);
  if (found == files_.end()) return Error{Errc::kNotFound};
  if (options_.fail_per_mille != 0 && prng_.chance(options_.fail_per_mille)) {
    ++counts_.failed;
    return Error{Errc::kIo};  // the writes stay unsynced; the owner must not believe a retry
  }
  std::vector<Write>& cached = found->second.cached;
  size_t count = 0;
  while (count < cached.size() && cached[count].order <= ticket) {
    store(found->second.durable, cached[count].offset, cached[count].bytes);
    ++count;
  }
  cached.erase(cached.begin(), cached.begin() + static_cast<std::ptrdiff_t>(count));
  return Status::ok();
}

void SimDisk::crash() {
  for (auto& [name, file] : files_) {
    for (const Write& write : file.cached) {
      const uint64_t fate = prng_.below(3);
      const uint64_t kept = fate == 0   ? 0
                            : fate == 1 ? write.bytes.size()
                                        : prng_.below(write.bytes.size() + 1);
      counts_.lost += kept == 0;
      counts_.torn += kept > 0 && kept < write.bytes.size();
      if (kept > 0) store(file.durable, write.offset, Slice(write.bytes).substr(0, kept));
    }
    file.cached.clear();
  }
  misdirect_ = 0;
}

bool SimDisk::flip_bit(const std::string& file, uint64_t offset) {
  const auto found = files_.find(file);
  if (found == files_.end() || offset >= found->second.durable.size()) return false;
  ++counts_.flipped;
  found->second.durable[offset] =
      static_cast<char>(found->second.durable[offset] ^ (1 << prng_.below(8)));
  return true;
}

bool SimDisk::zero(const std::string& file, uint64_t offset, uint64_t count) {
  const auto found = files_.find(file);
  if (found == files_.end() || offset + count > found->second.durable.size()) return false;
  ++counts_.zeroed;
  std::fill_n(found->second.durable.begin() + static_cast<std::ptrdiff_t>(offset), count, '\0');
  return true;
}

}  // namespace petrel::sim

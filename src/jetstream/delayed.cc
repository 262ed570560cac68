#include "jetstream/delayed.h"

#include "jetstream/stream_core.h"

#include <algorithm>

namespace petrel::jetstream {
namespace {

constexpr size_t kPerEntry = 256;

}  // namespace

void Delayed::add(uint64_t number, WallTime due, Slice entry) {
  by_time_.emplace(Key{due.ns, number}, std::string(entry));
  due_of_[number] = due.ns;
  bytes_ += entry.size();
}

void Delayed::release(uint64_t number) {
  const auto found = due_of_.find(number);
  if (found == due_of_.end()) return;
  const auto message = by_time_.find(Key{found->second, number});
  bytes_ -= message->second.size();
  by_time_.erase(message);
  due_of_.erase(found);
}

std::string Delayed::snapshot() const {
  EntryWriter out;
  for (const auto& [key, entry] : by_time_) {
    out.i64(key.first);
    out.u64(key.second);
    out.sized(entry);
  }
  return out.take();
}

void Delayed::restore(Slice snapshot) {
  EntryReader reader(snapshot);
  while (!reader.at_end() && reader.is_ok()) {
    const WallTime due{reader.i64()};
    const uint64_t number = reader.u64();
    add(number, due, reader.sized());
  }
}

void Delayed::run(WallTime now) {
  if (by_time_.empty() || proposed_index_ > core_.group->applied_index()) return;
  if (by_time_.begin()->first.first > now.ns || now < refused_until_) return;
  std::vector<uint64_t> numbers;
  std::vector<Candidate> candidates;
  candidates.reserve(kPerEntry);
  for (const auto& [key, entry] : by_time_) {
    MessageEntry message;
    if (key.first > now.ns || numbers.size() >= kPerEntry) break;
    if (!read_message(entry, message)) continue;
    Candidate candidate;
    candidate.subject = message.subject;
    candidate.header = message.header;
    candidate.body = message.body;
    candidate.ttl_seconds = message.head.ttl_seconds;
    candidate.flags =
        message.head.flags & static_cast<uint8_t>(message_flag::kRollupSubject |
                                                  message_flag::kRollupAll | message_flag::kHasTtl);
    if (!core_.ingest.check_limits(candidate).is_store()) {
      // The stream is full and refuses new messages: it keeps its place.
      refused_until_ = now + Duration::seconds(1);
      break;
    }
    numbers.push_back(key.second);
    candidates.push_back(std::move(candidate));
  }
  if (!numbers.empty()) proposed_index_ = core_.ingest.propose_released(numbers, candidates);
}

WallTime Delayed::next_due() const {
  if (by_time_.empty()) return {};
  return std::max(WallTime{by_time_.begin()->first.first}, refused_until_);
}

}  // namespace petrel::jetstream

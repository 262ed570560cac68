#include "jetstream/producers.h"

#include "jetstream/stream_entry.h"

namespace petrel::jetstream {

Producers::Answer Producers::check(Slice id, uint64_t producer_sequence) const {
  const auto found = by_id_.find(std::string(id));
  if (found == by_id_.end()) return {};
  const Producer& producer = *found->second;
  if (producer_sequence == producer.last + 1) return {};
  if (producer_sequence > producer.last) return {Verdict::kGap, producer.last};
  const bool is_remembered = producer.last - producer_sequence < kRemembered;
  return {Verdict::kDuplicate,
          is_remembered ? producer.sequences[producer_sequence % kRemembered] : 0};
}

void Producers::on_stored(Slice id, uint64_t producer_sequence, uint64_t sequence, WallTime time) {
  auto found = by_id_.find(std::string(id));
  if (found == by_id_.end()) {
    if (by_id_.size() >= kProducersMax) {
      by_id_.erase(by_age_.front().id);
      by_age_.pop_front();
    }
    by_age_.push_back(Producer{std::string(id)});
    found = by_id_.emplace(std::string(id), std::prev(by_age_.end())).first;
  } else {
    by_age_.splice(by_age_.end(), by_age_, found->second);
  }
  Producer& producer = *found->second;
  producer.last = producer_sequence;
  producer.time = time;
  producer.sequences[producer_sequence % kRemembered] = sequence;
}

std::string Producers::snapshot() const {
  EntryWriter out;
  for (const Producer& producer : by_age_) {
    out.sized(producer.id);
    out.u64(producer.last);
    out.i64(producer.time.ns);
    for (const uint64_t sequence : producer.sequences) out.u64(sequence);
  }
  return out.take();
}

void Producers::restore(Slice snapshot) {
  EntryReader reader(snapshot);
  while (!reader.at_end() && reader.is_ok()) {
    Producer producer{std::string(reader.sized())};
    producer.last = reader.u64();
    producer.time = WallTime{reader.i64()};
    for (uint64_t& sequence : producer.sequences) sequence = reader.u64();
    by_age_.push_back(std::move(producer));
    by_id_[by_age_.back().id] = std::prev(by_age_.end());
  }
}

}  // namespace petrel::jetstream

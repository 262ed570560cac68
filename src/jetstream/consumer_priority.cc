#include "jetstream/consumer_priority.h"

#include "jetstream/consumer_core.h"

#include "petrel/jetstream/stream_config.h"
#include "petrel/proto/header_view.h"

namespace petrel::jetstream {

void PriorityOrder::begin(const ConsumerState& state) {
  for (std::set<uint64_t>& level : levels_) level.clear();
  unknown_.assign(state.held().begin(), state.held().end());
}

void PriorityOrder::add(uint64_t sequence, Slice header) {
  const Slice digit = proto::HeaderView(header).find("Nats-Priority").value_or(Slice());
  levels_[is_priority(digit) ? static_cast<size_t>(digit[0] - '0') : kPriorityDefault].insert(
      sequence);
}

uint64_t PriorityOrder::first(const ConsumerState& state) {
  for (size_t level = levels_.size(); level-- > 0;) {
    std::set<uint64_t>& waiting = levels_[level];
    while (!waiting.empty() && state.held().count(*waiting.begin()) == 0) {
      waiting.erase(waiting.begin());
    }
    if (!waiting.empty()) return *waiting.begin();
  }
  return 0;
}

// Looks at what is stored, as far as it may, before it chooses.
Halt ConsumerCore::next_by_priority(Candidate& candidate) {
  while (const uint64_t sequence = priorities_.unknown()) {
    const Halt found = read(sequence, candidate);
    if (found == Halt::kReading) return found;
    if (found == Halt::kBudget) priorities_.add(sequence, candidate.message.header);
    if (found == Halt::kEndOfStream) state_.remove(sequence);
    priorities_.drop_unknown();
  }
  while (state_.held().size() < PriorityOrder::kAheadMax) {
    const Halt found = next_new(candidate);
    if (found == Halt::kReading) return found;
    if (found != Halt::kBudget) break;
    priorities_.add(candidate.message.sequence, candidate.message.header);
    pass_over(candidate.message.sequence);
  }
  while (const uint64_t sequence = priorities_.first(state_)) {
    const Halt found = read(sequence, candidate);
    if (found != Halt::kEndOfStream) return found;
    state_.remove(sequence);
  }
  return Halt::kEndOfStream;
}

}  // namespace petrel::jetstream

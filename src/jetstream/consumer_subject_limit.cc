#include "jetstream/consumer_subject_limit.h"

#include <algorithm>

namespace petrel::jetstream {

bool SubjectLimit::may_deliver(Slice subject) const {
  const auto found = subjects_.find(std::string(subject));
  // What is held comes first.
  return found == subjects_.end() ||
         (found->second.in_flight < limit_ && found->second.held.empty());
}

void SubjectLimit::on_delivered(uint64_t sequence, Slice subject) {
  const auto [place, is_new] = in_flight_.emplace(sequence, subject);
  if (!is_new) return;
  Subject& entry = subjects_[place->second];
  ++entry.in_flight;
  entry.held.erase(sequence);
}

void SubjectLimit::on_held(uint64_t sequence, Slice subject) {
  subjects_[std::string(subject)].held.insert(sequence);
  roomy_.insert(std::string(subject));
}

void SubjectLimit::drop_if_idle(const std::string& name) {
  const auto found = subjects_.find(name);
  if (found == subjects_.end()) return;
  if (found->second.in_flight == 0 && found->second.held.empty()) subjects_.erase(found);
}

void SubjectLimit::follow(const ConsumerState& state) {
  for (auto place = in_flight_.begin(); place != in_flight_.end();) {
    if (state.pending().find(place->first) != nullptr) {
      ++place;
      continue;
    }
    Subject& entry = subjects_[place->second];
    --entry.in_flight;
    if (!entry.held.empty()) roomy_.insert(place->second);
    drop_if_idle(place->second);
    place = in_flight_.erase(place);
  }
}

uint64_t SubjectLimit::next_held(const ConsumerState& state) {
  uint64_t first = 0;
  for (auto name = roomy_.begin(); name != roomy_.end();) {
    const auto found = subjects_.find(*name);
    if (found != subjects_.end()) {
      std::erase_if(found->second.held,
                    [&](uint64_t sequence) { return state.held().count(sequence) == 0; });
    }
    const bool has_room =
        found != subjects_.end() && !found->second.held.empty() && found->second.in_flight < limit_;
    if (!has_room) {
      drop_if_idle(*name);
      name = roomy_.erase(name);
      continue;
    }
    const uint64_t sequence = *found->second.held.begin();
    first = first == 0 ? sequence : std::min(first, sequence);
    ++name;
  }
  return first;
}

void SubjectLimit::clear() {
  subjects_.clear();
  in_flight_.clear();
  roomy_.clear();
}

}  // namespace petrel::jetstream

#include "jetstream/pull_queue.h"

#include <limits>
#include <utility>

namespace petrel::jetstream {

namespace {

constexpr size_t kSpareMax = 2;

int64_t priority_of(const WaitingPull& pull) {
  return pull.priority == nullptr ? std::numeric_limits<int64_t>::max() : pull.priority->priority;
}

}  // namespace

PullQueue::Place PullQueue::place_of(int64_t priority) {
  Place place = waiting_.begin();
  while (place != waiting_.end() && priority_of(*place) <= priority) ++place;
  return place;
}

void PullQueue::push(WaitingPull pull) {
  if (pull.no_wait) ++no_wait_;
  if (spare_.empty()) {
    waiting_.push_back(std::move(pull));
    return;
  }
  waiting_.splice(waiting_.end(), spare_, spare_.begin());
  waiting_.back() = std::move(pull);
}

void PullQueue::push_by_priority(WaitingPull pull) {
  const int64_t priority = priority_of(pull);
  push(std::move(pull));
  const Place last = std::prev(waiting_.end());
  // Looked up without the new one, which is last and may stay there.
  Place place = waiting_.begin();
  while (place != last && priority_of(*place) <= priority) ++place;
  if (place != last) waiting_.splice(place, waiting_, last);
}

PullQueue::Place PullQueue::erase(Place place) {
  if (place->no_wait) --no_wait_;
  if (spare_.size() >= kSpareMax) return waiting_.erase(place);
  const Place next = std::next(place);
  spare_.splice(spare_.begin(), waiting_, place);
  return next;
}

void PullQueue::rotate() {
  waiting_.splice(waiting_.end(), waiting_, waiting_.begin());
}

void PullQueue::rotate_in_priority() {
  waiting_.splice(place_of(priority_of(waiting_.front())), waiting_, waiting_.begin());
}

}  // namespace petrel::jetstream

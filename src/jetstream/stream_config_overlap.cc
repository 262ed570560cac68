#include "jetstream/stream_config_check.h"

#include "petrel/subject/subject.h"

#include <algorithm>

namespace petrel::jetstream {

OverlapFinder::OverlapFinder(const std::vector<std::string>& subjects) : subjects_(subjects) {
  for (size_t i = 0; i < subjects.size(); ++i) {
    if (subject::is_literal(subjects[i])) {
      literals_[subjects[i]].push_back(i);
    } else {
      wildcards_.push_back(i);
    }
  }
}

std::optional<size_t> OverlapFinder::first_behind(size_t place) const {
  const std::string& wanted = subjects_[place];
  if (!subject::is_literal(wanted)) {
    for (size_t i = place + 1; i < subjects_.size(); ++i) {
      if (subject::subjects_collide(subjects_[i], wanted)) return i;
    }
    return std::nullopt;
  }
  std::optional<size_t> first;
  const auto keep = [&](size_t i) {
    if (i > place && (!first || i < *first)) first = i;
  };
  const std::vector<size_t>& equals = literals_.at(wanted);
  const auto next = std::upper_bound(equals.begin(), equals.end(), place);
  if (next != equals.end()) keep(*next);
  for (const size_t i : wildcards_) {
    if (i > place && subject::subjects_collide(subjects_[i], wanted)) {
      keep(i);
      break;
    }
  }
  return first;
}

ApiStatus check_stream_overlap(const StreamConfig& config,
                               const std::vector<const StreamConfig*>& streams) {
  for (const StreamConfig* other : streams) {
    if (other->name == config.name) continue;
    for (const std::string& theirs : other->subjects) {
      for (const std::string& ours : config.subjects) {
        if (subject::subjects_collide(ours, theirs)) {
          return api_error(ApiErrc::kStreamSubjectOverlap);
        }
      }
    }
  }
  return {};
}

}  // namespace petrel::jetstream

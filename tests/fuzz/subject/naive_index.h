// NaiveIndex: what SubjectIndex must answer, found by asking every subscription one by one.
// Shares no code with it.
#pragma once

#include "petrel/subject/subject_index.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace petrel::subject::testing {

// One line "queue|slot/generation/loop" for each subscriber; the queue is empty for plain ones.
using Rows = std::multiset<std::string>;

inline std::string row_of(const std::string& queue, const Subscriber& subscriber) {
  return queue + "|" + std::to_string(subscriber.slot) + "/" +
         std::to_string(subscriber.generation) + "/" + std::to_string(subscriber.loop);
}

inline Rows rows_of(const MatchResult& result) {
  Rows rows;
  for (const Subscriber& subscriber : result.plain) rows.insert(row_of("", subscriber));
  for (const MatchResult::Group& group : result.groups) {
    for (uint32_t i = group.begin; i < group.end; ++i) {
      rows.insert(row_of(group.queue, result.members[i]));
    }
  }
  return rows;
}

// Every member stands in exactly one group, no group is empty, no name comes twice.
inline bool has_sound_groups(const MatchResult& result) {
  std::set<std::string> names;
  uint32_t end = 0;
  for (const MatchResult::Group& group : result.groups) {
    if (group.begin != end || group.end <= group.begin || group.queue.empty()) return false;
    if (!names.insert(group.queue).second) return false;
    end = group.end;
  }
  return end == result.members.size();
}

class NaiveIndex {
 public:
  struct Entry {
    std::string subject;
    std::string queue;
    Subscriber subscriber;
  };

  void insert(Entry entry) { entries_.push_back(std::move(entry)); }
  Entry take(size_t at) {
    Entry entry = entries_[at];
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
    return entry;
  }
  size_t size() const { return entries_.size(); }

  Rows match(const std::string& published) const {
    Rows rows;
    for (const Entry& entry : entries_) {
      if (admits(entry.subject, published)) rows.insert(row_of(entry.queue, entry.subscriber));
    }
    return rows;
  }

  static std::vector<std::string> split(const std::string& subject) {
    std::vector<std::string> tokens(1);
    for (const char c : subject) {
      if (c == '.') {
        tokens.emplace_back();
      } else {
        tokens.back().push_back(c);
      }
    }
    return tokens;
  }

  static bool admits(const std::string& pattern, const std::string& published) {
    const std::vector<std::string> wanted = split(pattern);
    const std::vector<std::string> tokens = split(published);
    if (std::count(tokens.begin(), tokens.end(), "") > 0) return false;
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (i >= tokens.size()) return false;
      if (wanted[i] == ">" && i + 1 == wanted.size()) return true;
      if (wanted[i] != "*" && wanted[i] != tokens[i]) return false;
    }
    return wanted.size() == tokens.size();
  }

 private:
  std::vector<Entry> entries_;
};

}  // namespace petrel::subject::testing

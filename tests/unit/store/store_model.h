// A message store that is obviously right, and the comparison of a real one with it.
#pragma once

#include "petrel/base/prng.h"
#include "petrel/store/message_store.h"
#include "petrel/subject/subject.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace petrel::store {

struct ModelMessage {
  int64_t time = 0;
  std::string subject;
  std::string header;
  std::string body;
};

// Overheads as nats-server counts them.
struct ModelCosts {
  uint64_t fixed = 0;
  uint64_t header = 0;
};

class StoreModel {
 public:
  explicit StoreModel(ModelCosts costs) : costs_(costs) {}

  std::map<uint64_t, ModelMessage> messages;
  uint64_t first = 0;
  uint64_t last = 0;
  int64_t last_time = 0;

  void append(uint64_t sequence, ModelMessage message) {
    last = sequence;
    last_time = message.time;
    messages.emplace(sequence, std::move(message));
    refresh();
  }
  void skip(uint64_t sequence, int64_t time) {
    last = sequence;
    last_time = time;
    refresh();
  }
  bool remove(uint64_t sequence) {
    const bool was_there = messages.erase(sequence) > 0;
    if (was_there) refresh();
    return was_there;
  }
  void purge_below(uint64_t sequence) {
    messages.erase(messages.begin(), messages.lower_bound(sequence));
    if (sequence > last + 1) last = sequence - 1;
    refresh();
  }
  uint64_t counted(const ModelMessage& message) const {
    return costs_.fixed + message.subject.size() + message.header.size() + message.body.size() +
           (message.header.empty() ? 0 : costs_.header);
  }
  static bool admits(const Filters& filters, const std::string& text) {
    return filters.empty() || std::any_of(filters.begin(), filters.end(), [&](const auto& filter) {
             return subject::subject_matches(text, filter);
           });
  }

 private:
  void refresh() { first = messages.empty() ? last + 1 : messages.begin()->first; }
  ModelCosts costs_;
};

// Everything that can be asked without reading messages, for these filters and positions.
inline void expect_same_lookups(MessageStore& store, const StoreModel& model,
                                const Filters& filters, uint64_t at) {
  uint64_t next = 0;
  uint64_t last = 0;
  uint64_t count = 0;
  std::map<std::string, SubjectTotals> totals;
  std::vector<uint64_t> some;
  for (const auto& [sequence, message] : model.messages) {
    if (!StoreModel::admits(filters, message.subject)) continue;
    if (sequence >= at && next == 0) next = sequence;
    if (sequence >= at && some.size() < 7) some.push_back(sequence);
    if (sequence <= at) last = sequence;
    if (sequence >= at) ++count;
    SubjectTotals& of = totals[message.subject];
    ++of.messages;
    if (of.first_sequence == 0) of.first_sequence = sequence;
    of.last_sequence = sequence;
  }
  const std::string what = (filters.empty() ? std::string("everything") : filters[0]) + " +" +
                           std::to_string(filters.size()) + " at " + std::to_string(at);
  ASSERT_EQ(store.next_match(filters, at), next) << what;
  std::vector<uint64_t> matches(7);
  matches.resize(store.next_matches(filters, at, matches));
  ASSERT_EQ(matches, some) << what;
  ASSERT_EQ(store.last_match(filters, at), last) << what;
  ASSERT_EQ(store.count_matches(filters, at), count) << what;
  const auto found = store.subjects(filters, {}, 1'000'000);
  ASSERT_EQ(found.size(), totals.size()) << what;
  auto expected = totals.begin();
  for (const auto& subject : found) {
    ASSERT_EQ(subject.subject, expected->first);
    ASSERT_EQ(subject.totals.messages, expected->second.messages) << subject.subject;
    ASSERT_EQ(subject.totals.first_sequence, expected->second.first_sequence) << subject.subject;
    ASSERT_EQ(subject.totals.last_sequence, expected->second.last_sequence) << subject.subject;
    ++expected;
  }
}

inline void expect_same_state(const MessageStore& store, const StoreModel& model) {
  const StoreState& state = store.state();
  uint64_t bytes = 0;
  std::set<std::string> subjects;
  for (const auto& [sequence, message] : model.messages) {
    bytes += model.counted(message);
    subjects.insert(message.subject);
  }
  ASSERT_EQ(state.messages, model.messages.size());
  ASSERT_EQ(state.bytes, bytes);
  ASSERT_EQ(state.last_sequence, model.last);
  ASSERT_EQ(state.first_sequence, model.first);
  ASSERT_EQ(state.last_time.ns, model.last_time);
  ASSERT_EQ(state.first_time.ns, model.messages.empty() ? 0 : model.messages.begin()->second.time);
  ASSERT_EQ(state.subjects, subjects.size());
  ASSERT_EQ(state.deleted,
            model.messages.empty() ? 0 : model.last + 1 - model.first - model.messages.size());
}

inline void expect_same_gaps(const MessageStore& store, const StoreModel& model) {
  std::vector<uint64_t> gaps;
  for (uint64_t sequence = model.first; sequence <= model.last && gaps.size() < 5000; ++sequence) {
    if (!model.messages.contains(sequence)) gaps.push_back(sequence);
  }
  if (model.messages.empty()) gaps.clear();
  ASSERT_EQ(store.deleted_sequences(5000), gaps);
}

inline void expect_same_times(const MessageStore& store, const StoreModel& model, int64_t time) {
  uint64_t expected = model.last + 1;
  for (const auto& [sequence, message] : model.messages) {
    if (message.time < time) continue;
    expected = sequence;
    break;
  }
  ASSERT_EQ(store.first_at_or_after({time}), expected) << time;
}

inline void expect_same_message(const StoredMessage& found, uint64_t sequence,
                                const ModelMessage& expected) {
  ASSERT_EQ(found.sequence, sequence);
  ASSERT_EQ(found.time.ns, expected.time);
  ASSERT_EQ(found.subject, expected.subject);
  ASSERT_EQ(found.header, expected.header);
  ASSERT_EQ(found.body, expected.body);
}

}  // namespace petrel::store

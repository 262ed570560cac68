// IndexHarness: reads bytes as subscriptions, removals and matches, and holds SubjectIndex against
// NaiveIndex after every one of them, kept results with their stamps included.
#pragma once

#include "fuzz/subject/naive_index.h"

#include "petrel/base/check.h"
#include "petrel/subject/subject.h"
#include "petrel/subject/subject_index.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace petrel::subject::testing {

class IndexHarness {
 public:
  // How often each thing was really tried, so that a test can see that it tests something.
  struct Tally {
    size_t inserts = 0;
    size_t removes = 0;
    size_t matches = 0;
    size_t interested = 0;  // matches with a result
    size_t current = 0;     // kept results found current after a change
    size_t shared_current = 0;
    size_t stale = 0;
  };

  explicit IndexHarness(uint64_t seed) : index_(seed) {}

  void run(const uint8_t* data, size_t size) {
    data_ = data;
    left_ = size;
    while (left_ > 0) step();
    while (naive_.size() > 0) remove(naive_.size() - 1);
    check(index_.stats().subscriptions == 0, "subscriptions left");
  }

  const Tally& tally() const { return tally_; }

 private:
  static constexpr size_t kSubscriptionsMax = 48;
  static constexpr size_t kKeptMax = 24;

  struct Kept {
    InterestStamp stamp;
    Rows rows;
  };

  static void check(bool holds, const std::string& state) {
    PETREL_CHECK_STATE(holds, state.c_str());
  }

  uint8_t take() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }

  void step() {
    switch (take() % 8) {
      case 0:
      case 1:
        insert();
        break;
      case 2:
        if (naive_.size() > 0) remove(take() % naive_.size());
        break;
      case 3:
        remove_absent();
        break;
      default:
        match(take_subject(true));
    }
  }

  // Up to five tokens of few, so that subjects meet. Only a published one may be wrong.
  std::string take_subject(bool is_published) {
    static const char* const kTokens[] = {"a", "a", "a", "b", "*", "*", "a*", ""};
    const uint8_t shape = take();
    std::string subject;
    const int tokens = 1 + shape % 5;
    for (int i = 0; i < tokens; ++i) {
      const uint8_t choice = take();
      std::string token = kTokens[choice % 8];
      const bool ends = i + 1 == tokens;
      if (token.empty() && (!is_published || choice < 200)) token = "a";
      if (ends && (shape & 0x60) == 0x60) token = ">";
      subject += (i > 0 ? "." : "") + token;
    }
    return subject;
  }

  NaiveIndex::Entry take_entry() {
    static const char* const kQueues[] = {"", "", "q", "queue with a longer name"};
    NaiveIndex::Entry entry;
    entry.subject = take_subject(false);
    entry.queue = kQueues[take() % 4];
    return entry;
  }

  void insert() {
    if (naive_.size() >= kSubscriptionsMax) return;
    NaiveIndex::Entry entry = take_entry();
    check(is_valid_subject(entry.subject), entry.subject);
    entry.subscriber.slot = ++next_slot_;
    entry.subscriber.generation = next_slot_ * 7;
    entry.subscriber.loop = static_cast<uint16_t>(next_slot_ % 3);
    index_.insert(entry.subject, entry.queue, entry.subscriber);
    naive_.insert(entry);
    ++tally_.inserts;
    check_kept("insert " + entry.subject);
  }

  void remove(size_t at) {
    const NaiveIndex::Entry entry = naive_.take(at);
    check(index_.remove(entry.subject, entry.queue, entry.subscriber), "lost " + entry.subject);
    check(!index_.remove(entry.subject, entry.queue, entry.subscriber), "twice " + entry.subject);
    ++tally_.removes;
    check_kept("remove " + entry.subject);
  }

  void remove_absent() {
    const NaiveIndex::Entry entry = take_entry();
    check(!index_.remove(entry.subject, entry.queue, {next_slot_ + 1, 0, 0, 0}),
          "removed what was never there: " + entry.subject);
  }

  void match(const std::string& subject) {
    const size_t dot = subject.rfind('.');
    const std::string prefix = dot == std::string::npos ? "" : subject.substr(0, dot);
    const InterestStamp shared = index_.shared_stamp(prefix);
    InterestStamp stamp;
    index_.match(subject, result_, stamp);
    const Rows rows = rows_of(result_);
    check(rows == naive_.match(subject), "match " + subject);
    check(has_sound_groups(result_), "groups of " + subject);
    ++tally_.matches;
    if (!rows.empty()) ++tally_.interested;
    if (kept_.size() < kKeptMax) kept_[subject] = {stamp, rows};
    if (result_.shareable) {
      check(dot != std::string::npos, "nothing to share: " + subject);
      if (shared_.size() < kKeptMax) shared_[prefix] = {shared, rows};
      check_siblings(prefix, rows);
    }
  }

  void check_siblings(const std::string& prefix, const Rows& rows) {
    for (const char* last : {"a", "b", "c", "*", "a*", "bb", ">", "z"}) {
      const std::string sibling = prefix + "." + last;
      check(naive_.match(sibling) == rows, "shared with " + sibling);
    }
  }

  // Whatever claims to be current after a change must still be true.
  void check_kept(const std::string& change) {
    for (auto it = kept_.begin(); it != kept_.end();) {
      if (!index_.is_current(it->second.stamp)) {
        ++tally_.stale;
        it = kept_.erase(it);
        continue;
      }
      check(naive_.match(it->first) == it->second.rows, it->first + " kept over " + change);
      ++tally_.current;
      ++it;
    }
    for (auto it = shared_.begin(); it != shared_.end();) {
      if (!index_.is_current(it->second.stamp)) {
        it = shared_.erase(it);
        continue;
      }
      check_siblings(it->first, it->second.rows);
      ++tally_.shared_current;
      ++it;
    }
  }

  SubjectIndex index_;
  NaiveIndex naive_;
  MatchResult result_;
  std::map<std::string, Kept> kept_;    // by subject
  std::map<std::string, Kept> shared_;  // by prefix
  uint32_t next_slot_ = 0;
  const uint8_t* data_ = nullptr;
  size_t left_ = 0;
  Tally tally_;
};

}  // namespace petrel::subject::testing

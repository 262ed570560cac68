#include "petrel/subject/subject_index.h"

#include "subject/literal_table.h"
#include "subject/wildcard_trie.h"

#include "petrel/base/check.h"
#include "petrel/base/hash.h"
#include "petrel/base/thread_annotations.h"
#include "petrel/subject/subject.h"

#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <shared_mutex>

namespace petrel::subject {

namespace {

// What a generation slot speaks of; each kind has its own hash seed.
enum Salt : uint64_t { kSubject = 11, kOneToken = 12, kTwoTokens = 13, kBelowPrefix = 14 };

constexpr uint32_t kSlots = 64 * 1024;
constexpr uint32_t kEverything = kSlots;  // the slot after the hashed ones
constexpr uint32_t kPrefixCounters = 256 * 1024;

uint32_t slot_of(Slice text, Salt salt) {
  return static_cast<uint32_t>(hash_bytes(text, salt) >> 20) % kSlots;
}

// The first `tokens` tokens; empty when there are not as many.
Slice first_tokens(Slice subject, int tokens) {
  size_t end = 0;
  for (int i = 0; i < tokens; ++i) {
    const size_t dot = subject.find('.', end);
    if (dot == Slice::npos) return i + 1 == tokens ? subject : Slice();
    end = dot + 1;
  }
  return subject.substr(0, end - 1);
}

Slice below_prefix(Slice subject) {
  const size_t dot = subject.rfind('.');
  return dot == Slice::npos ? Slice() : subject.substr(0, dot);
}

// How many tokens stand before the first wildcard.
int literal_tokens(Slice subject) {
  int count = 0;
  for (TokenReader reader(subject); reader.next(); ++count) {
    if (reader.token() == "*" || reader.token() == ">") break;
  }
  return count;
}

// Zeroed memory that costs nothing until it is touched.
template <typename T>
struct LazyArray {
  explicit LazyArray(size_t count) : items(static_cast<T*>(std::calloc(count, sizeof(T)))) {
    PETREL_CHECK(items != nullptr);
  }
  ~LazyArray() { std::free(items); }
  LazyArray(const LazyArray&) = delete;
  LazyArray& operator=(const LazyArray&) = delete;
  T& operator[](size_t i) const { return items[i]; }
  T* items;
};

}  // namespace

struct SubjectIndex::Impl {
  Impl() : slots(kSlots + 1), below(kPrefixCounters) {}

  void bump(uint32_t slot) { slots[slot].fetch_add(1, std::memory_order_relaxed); }
  // Makes stamps stale that depend on a changed subscription, then the version.
  void changed(Slice subject, bool is_literal_subject);
  void count_below(Slice subject, int32_t change);
  void add_to_stamp(InterestStamp& stamp, uint32_t slot) const {
    stamp.slots[stamp.count] = slot;
    stamp.values[stamp.count++] = slots[slot].load(std::memory_order_relaxed);
  }
  // The slots of wildcard subscriptions that may match.
  void add_wildcard_slots(InterestStamp& stamp, Slice subject) const;

  mutable std::shared_mutex mutex;
  LiteralTable literals PETREL_GUARDED_BY(mutex);
  WildcardTrie wildcards PETREL_GUARDED_BY(mutex);
  LazyArray<std::atomic<uint32_t>> slots;
  LazyArray<std::atomic<uint32_t>> below;  // literal subscriptions below a prefix, by its hash
  std::atomic<uint32_t> version{1};
  std::atomic<uint64_t> subscriptions{0};
  std::atomic<uint64_t> inserts{0};
  std::atomic<uint64_t> removes{0};
  mutable std::atomic<uint64_t> matches{0};
};

void SubjectIndex::Impl::changed(Slice subject, bool is_literal_subject) {
  if (is_literal_subject) {
    bump(slot_of(subject, kSubject));
    if (const Slice prefix = below_prefix(subject); !prefix.empty()) {
      bump(slot_of(prefix, kBelowPrefix));
    }
  } else {
    const int tokens = literal_tokens(subject);
    if (tokens == 0) {
      bump(kEverything);
    } else {
      bump(slot_of(first_tokens(subject, tokens >= 2 ? 2 : 1),
                   tokens >= 2 ? kTwoTokens : kOneToken));
    }
  }
  version.fetch_add(1, std::memory_order_release);
}

void SubjectIndex::Impl::count_below(Slice subject, int32_t change) {
  const Slice prefix = below_prefix(subject);
  if (prefix.empty()) return;
  below[hash_bytes(prefix, kBelowPrefix) % kPrefixCounters].fetch_add(static_cast<uint32_t>(change),
                                                                      std::memory_order_relaxed);
}

void SubjectIndex::Impl::add_wildcard_slots(InterestStamp& stamp, Slice subject) const {
  if (const Slice two = first_tokens(subject, 2); !two.empty()) {
    add_to_stamp(stamp, slot_of(two, kTwoTokens));
  }
  add_to_stamp(stamp, slot_of(first_tokens(subject, 1), kOneToken));
  add_to_stamp(stamp, kEverything);
}

void MatchResult::clear() {
  plain.clear();
  members.clear();
  groups.clear();
  shareable = false;
}

SubjectIndex::SubjectIndex() : impl_(std::make_unique<Impl>()) {}
SubjectIndex::~SubjectIndex() = default;

void SubjectIndex::insert(Slice subject, Slice queue, Subscriber subscriber) {
  const bool literal = is_literal(subject);
  const std::unique_lock lock(impl_->mutex);
  if (literal) {
    impl_->literals.find_or_add(subject, hash_bytes(subject)).interest.add(queue, subscriber);
    impl_->count_below(subject, 1);
  } else {
    impl_->wildcards.insert(subject, queue, subscriber);
  }
  impl_->changed(subject, literal);
  impl_->subscriptions.fetch_add(1, std::memory_order_relaxed);
  impl_->inserts.fetch_add(1, std::memory_order_relaxed);
}

bool SubjectIndex::remove(Slice subject, Slice queue, Subscriber subscriber) {
  const bool literal = is_literal(subject);
  const std::unique_lock lock(impl_->mutex);
  if (literal) {
    LiteralTable::Entry* entry = impl_->literals.find(subject, hash_bytes(subject));
    if (entry == nullptr || !entry->interest.remove(queue, subscriber)) return false;
    if (entry->interest.is_empty()) impl_->literals.erase(entry);
    impl_->count_below(subject, -1);
  } else if (!impl_->wildcards.remove(subject, queue, subscriber)) {
    return false;
  }
  impl_->changed(subject, literal);
  impl_->subscriptions.fetch_sub(1, std::memory_order_relaxed);
  impl_->removes.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void SubjectIndex::match(Slice subject, MatchResult& result, InterestStamp& stamp) const {
  result.clear();
  stamp.count = 0;
  stamp.version = impl_->version.load(std::memory_order_acquire);
  impl_->add_to_stamp(stamp, slot_of(subject, kSubject));
  impl_->add_wildcard_slots(stamp, subject);
  impl_->matches.fetch_add(1, std::memory_order_relaxed);
  // A published subject with an empty token reaches nobody.
  if (subject.empty() || subject.front() == '.' || subject.back() == '.' ||
      subject.find("..") != Slice::npos) {
    return;
  }
  const Slice prefix = below_prefix(subject);
  bool depends_on_last = prefix.empty();
  const std::shared_lock lock(impl_->mutex);
  if (const LiteralTable::Entry* entry = impl_->literals.find(subject, hash_bytes(subject));
      entry != nullptr) {
    entry->interest.append_to(result);
  }
  impl_->wildcards.match(subject, result, depends_on_last);
  result.shareable =
      !depends_on_last && impl_->below[hash_bytes(prefix, kBelowPrefix) % kPrefixCounters].load(
                              std::memory_order_relaxed) == 0;
}

InterestStamp SubjectIndex::shared_stamp(Slice prefix) const {
  InterestStamp stamp;
  stamp.version = impl_->version.load(std::memory_order_acquire);
  impl_->add_to_stamp(stamp, slot_of(prefix, kBelowPrefix));
  impl_->add_wildcard_slots(stamp, prefix);
  return stamp;
}

bool SubjectIndex::is_current(InterestStamp& stamp) const {
  const uint32_t version = impl_->version.load(std::memory_order_acquire);
  if (stamp.version == version) return true;
  for (uint8_t i = 0; i < stamp.count; ++i) {
    if (impl_->slots[stamp.slots[i]].load(std::memory_order_relaxed) != stamp.values[i]) {
      return false;
    }
  }
  stamp.version = version;
  return true;
}

SubjectIndex::Stats SubjectIndex::stats() const {
  return {impl_->subscriptions.load(std::memory_order_relaxed),
          impl_->inserts.load(std::memory_order_relaxed),
          impl_->removes.load(std::memory_order_relaxed),
          impl_->matches.load(std::memory_order_relaxed)};
}

}  // namespace petrel::subject

#include "petrel/subject/subject_index.h"

#include "subject/generation_slots.h"
#include "subject/wildcard_trie.h"

#include "petrel/base/check.h"
#include "petrel/base/hash.h"
#include "petrel/base/mutex.h"
#include "petrel/subject/subject.h"

#include <algorithm>
#include <unordered_map>

namespace petrel::subject {

namespace {

Slice prefix_of(Slice subject) {
  const size_t dot = subject.rfind(kSeparator);
  return dot == Slice::npos ? Slice() : subject.substr(0, dot);
}

}  // namespace

void MatchResult::clear() {
  plain.clear();
  members.clear();
  groups.clear();
  matched_groups.clear();
  branches.clear();
  shareable = false;
}

struct SubjectIndex::Impl {
  explicit Impl(uint64_t seed_of_hashes) : seed(seed_of_hashes), slots(seed), trie(seed) {}
  ~Impl() {
    literals.for_each([](Interest* interest) { Interest::destroy(interest); });
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  uint32_t literal_hash(Slice subject) const {
    return static_cast<uint32_t>(hash_bytes(subject, seed) >> 32);
  }
  uint32_t group_hash(const Interest& interest, Slice queue) const {
    const uint64_t salt = seed ^ reinterpret_cast<uintptr_t>(&interest);
    return static_cast<uint32_t>(hash_bytes(queue, salt) >> 32);
  }

  Interest* find(Slice subject) const PETREL_REQUIRES_SHARED(mutex);
  Interest* find_or_add(Slice subject) PETREL_REQUIRES(mutex);
  void drop(Interest* interest) PETREL_REQUIRES(mutex);
  QueueGroup* find_group(const Interest& interest, Slice queue) const PETREL_REQUIRES_SHARED(mutex);
  bool erase(Interest& interest, Slice queue, Subscriber subscriber) PETREL_REQUIRES(mutex);
  void note_change(Slice subject, bool is_insert) PETREL_REQUIRES(mutex);

  const uint64_t seed;
  GenerationSlots slots;
  mutable SharedMutex mutex;
  SegmentedTable<Interest*> literals PETREL_GUARDED_BY(mutex);
  SegmentedTable<QueueGroup*> groups PETREL_GUARDED_BY(mutex);  // by (interest, name)
  WildcardTrie trie PETREL_GUARDED_BY(mutex);
  // How many literal subscriptions stand below each prefix, by the slot of the prefix; none: 0.
  std::unordered_map<uint32_t, uint32_t> literals_below PETREL_GUARDED_BY(mutex);
  uint64_t inserts PETREL_GUARDED_BY(mutex) = 0;
  uint64_t removes PETREL_GUARDED_BY(mutex) = 0;
  std::atomic<uint64_t> matches{0};
};

Interest* SubjectIndex::Impl::find(Slice subject) const {
  if (!is_literal(subject)) return trie.find(subject);
  Interest** found = literals.find(
      literal_hash(subject), [subject](const Interest* other) { return other->text() == subject; });
  return found == nullptr ? nullptr : *found;
}

Interest* SubjectIndex::Impl::find_or_add(Slice subject) {
  if (!is_literal(subject)) return trie.find_or_add(subject);
  if (Interest* interest = find(subject); interest != nullptr) return interest;
  Interest* interest = Interest::create(subject);
  literals.insert(literal_hash(subject), interest);
  return interest;
}

void SubjectIndex::Impl::drop(Interest* interest) {
  if (interest->parent != nullptr) {
    trie.remove(interest);
    return;
  }
  literals.erase(literal_hash(interest->text()),
                 [interest](const Interest* other) { return other == interest; });
  Interest::destroy(interest);
}

QueueGroup* SubjectIndex::Impl::find_group(const Interest& interest, Slice queue) const {
  QueueGroup** found = groups.find(group_hash(interest, queue), [&](const QueueGroup* group) {
    return group->interest == &interest && group->name() == queue;
  });
  return found == nullptr ? nullptr : *found;
}

bool SubjectIndex::Impl::erase(Interest& interest, Slice queue, Subscriber subscriber) {
  if (queue.empty()) return interest.plain.erase(subscriber);
  QueueGroup* group = find_group(interest, queue);
  if (group == nullptr || !group->members.erase(subscriber)) return false;
  if (group->members.empty()) {
    groups.erase(group_hash(interest, queue),
                 [group](const QueueGroup* other) { return other == group; });
    QueueGroup::destroy(group);
  }
  return true;
}

void SubjectIndex::Impl::note_change(Slice subject, bool is_insert) {
  if (!is_literal(subject)) {
    slots.bump(slots.slot_of(SlotKind::kWildcard, literal_prefix(subject)));
    return;
  }
  slots.bump(slots.slot_of(SlotKind::kSubject, subject));
  const Slice prefix = prefix_of(subject);
  if (prefix.empty()) return;
  const uint32_t below = slots.slot_of(SlotKind::kBelow, prefix);
  slots.bump(below);
  if (is_insert) {
    ++literals_below[below];
  } else if (--literals_below[below] == 0) {
    literals_below.erase(below);
  }
}

SubjectIndex::SubjectIndex(uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {}

SubjectIndex::~SubjectIndex() = default;

void SubjectIndex::insert(Slice subject, Slice queue, Subscriber subscriber) {
  const WriterLock lock(impl_->mutex);
  Interest* interest = impl_->find_or_add(subject);
  if (queue.empty()) {
    interest->plain.insert(subscriber);
  } else {
    QueueGroup* group = impl_->find_group(*interest, queue);
    if (group == nullptr) {
      group = QueueGroup::create(*interest, queue);
      impl_->groups.insert(impl_->group_hash(*interest, queue), group);
    }
    group->members.insert(subscriber);
  }
  ++impl_->inserts;
  impl_->note_change(subject, true);
  version_.fetch_add(1, std::memory_order_release);
}

bool SubjectIndex::remove(Slice subject, Slice queue, Subscriber subscriber) {
  const WriterLock lock(impl_->mutex);
  Interest* interest = impl_->find(subject);
  if (interest == nullptr || !impl_->erase(*interest, queue, subscriber)) return false;
  ++impl_->removes;
  impl_->note_change(subject, false);
  if (interest->empty()) impl_->drop(interest);
  version_.fetch_add(1, std::memory_order_release);
  return true;
}

namespace {

// Members of groups with the same name, whatever they subscribed to, are one group.
void join_groups(MatchResult& result) {
  std::vector<const QueueGroup*>& found = result.matched_groups;
  if (found.size() > 1) {
    std::sort(found.begin(), found.end(),
              [](const QueueGroup* a, const QueueGroup* b) { return a->name() < b->name(); });
  }
  const QueueGroup* last = nullptr;
  for (const QueueGroup* group : found) {
    if (last == nullptr || last->name() != group->name()) {
      const auto begin = static_cast<uint32_t>(result.members.size());
      result.groups.push_back({begin, begin, std::string(group->name())});
      last = group;
    }
    group->members.append_to(result.members);
    result.groups.back().end = static_cast<uint32_t>(result.members.size());
  }
}

}  // namespace

void SubjectIndex::match(Slice subject, MatchResult& result, InterestStamp& stamp) const {
  const Impl& impl = *impl_;
  stamp.count = 0;
  stamp.version = version_.load(std::memory_order_acquire);
  impl.slots.add_to(stamp, impl.slots.slot_of(SlotKind::kSubject, subject));
  impl.slots.add_wildcards_to(stamp, subject);
  result.clear();
  impl_->matches.fetch_add(1, std::memory_order_relaxed);
  if (!has_only_full_tokens(subject)) return;

  const Slice prefix = prefix_of(subject);
  const uint32_t below = impl.slots.slot_of(SlotKind::kBelow, prefix);
  const ReaderLock lock(impl.mutex);
  Interest** literal =
      impl.literals.find(impl.literal_hash(subject),
                         [subject](const Interest* other) { return other->text() == subject; });
  if (literal != nullptr) (*literal)->append_to(result);
  result.shareable = !prefix.empty() && !impl.literals_below.contains(below);
  if (!impl.trie.empty() && !impl.trie.match(subject, result)) result.shareable = false;
  join_groups(result);
}

bool SubjectIndex::has_exact(Slice subject, Slice queue) const {
  const ReaderLock lock(impl_->mutex);
  const Interest* interest = impl_->find(subject);
  if (interest == nullptr) return false;
  if (queue.empty()) return !interest->plain.empty();
  const QueueGroup* group = interest->groups;
  while (group != nullptr && group->name() != queue) group = group->next;
  return group != nullptr;
}

InterestStamp SubjectIndex::shared_stamp(Slice prefix) const {
  InterestStamp stamp;
  stamp.version = version_.load(std::memory_order_acquire);
  impl_->slots.add_to(stamp, impl_->slots.slot_of(SlotKind::kBelow, prefix));
  impl_->slots.add_wildcards_to(stamp, prefix);
  return stamp;
}

bool SubjectIndex::is_unchanged(InterestStamp& stamp, uint64_t version) const {
  if (!impl_->slots.is_unchanged(stamp)) return false;
  stamp.version = version;
  return true;
}

SubjectIndex::Stats SubjectIndex::stats() const {
  const ReaderLock lock(impl_->mutex);
  return {impl_->inserts - impl_->removes, impl_->inserts, impl_->removes,
          impl_->matches.load(std::memory_order_relaxed)};
}

}  // namespace petrel::subject

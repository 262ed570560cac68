// Lookups of the index: by sequence, time and subject.
#include "store/filters.h"
#include "store/message_index.h"

#include "petrel/base/check.h"
#include "petrel/subject/subject.h"

#include <algorithm>
#include <utility>

namespace petrel::store {
namespace {

// More filters than this are looked up in the dictionary, not compared message by message.
constexpr size_t kScanFiltersMax = 8;
// Messages compared one by one before the dictionary of the segment is matched.
constexpr uint32_t kScanEntries = 32;
// Subjects looked at to find out whether a wildcard admits only a few.
constexpr size_t kExamineMax = 64;

}  // namespace

size_t MessageIndex::segment_at(uint64_t sequence) {
  const auto holds = [&](size_t at) {
    return at < segments_.size() && segments_[at]->last >= sequence &&
           (at == 0 || segments_[at - 1]->last < sequence);
  };
  if (holds(hint_)) return hint_;
  if (holds(hint_ + 1)) return ++hint_;
  if (!segments_.empty() && holds(segments_.size() - 1)) return segments_.size() - 1;
  const auto at =
      std::lower_bound(segments_.begin(), segments_.end(), sequence,
                       [](const auto& segment, uint64_t wanted) { return segment->last < wanted; });
  hint_ = static_cast<size_t>(at - segments_.begin());
  return hint_;
}

uint32_t MessageIndex::entry_at(Segment& segment, uint64_t sequence) {
  if (sequence <= segment.base) return 0;
  if (sequence > segment.last) return segment.entries;
  // Without gaps and deletions the index needs not be in memory.
  if (segment.last - segment.base + 1 == segment.entries) {
    return static_cast<uint32_t>(sequence - segment.base);
  }
  return loaded(segment).lower_bound(static_cast<uint32_t>(sequence - segment.base));
}

bool MessageIndex::contains(uint64_t sequence) {
  const size_t at = segment_at(sequence);
  if (at == segments_.size() || sequence < segments_[at]->base) return false;
  const Segment& segment = *segments_[at];
  return segment.live > 0 && !segment.is_deleted(static_cast<uint32_t>(sequence - segment.base));
}

std::optional<MessageIndex::Found> MessageIndex::find(uint64_t sequence) {
  const size_t at = segment_at(sequence);
  if (at == segments_.size() || sequence < segments_[at]->base) return std::nullopt;
  Segment& segment = *segments_[at];
  if (segment.live == 0) return std::nullopt;
  const auto position = static_cast<uint32_t>(sequence - segment.base);
  if (segment.is_deleted(position)) return std::nullopt;
  const uint32_t entry = loaded(segment).lower_bound(position);
  // Otherwise the record was lost with a damaged file.
  if (entry >= segment.index->entries() || segment.index->position(entry) != position) {
    return std::nullopt;
  }
  return Found{&segment, entry};
}

uint64_t MessageIndex::next_live(uint64_t from) {
  for (size_t at = segment_at(from); at < segments_.size(); ++at) {
    const Segment& segment = *segments_[at];
    if (segment.live == 0) continue;
    const uint32_t position = segment.next_live(segment.position_at(from));
    if (position != kNoEntry) return segment.base + position;
  }
  return 0;
}

uint64_t MessageIndex::last_live(uint64_t at_most) {
  for (size_t at = std::min(segment_at(at_most) + 1, segments_.size()); at-- > 0;) {
    const Segment& segment = *segments_[at];
    if (segment.live == 0 || segment.base > at_most) continue;
    const uint32_t position =
        segment.last_live(static_cast<uint32_t>(std::min(at_most, segment.last) - segment.base));
    if (position != kNoEntry) return segment.base + position;
  }
  return 0;
}

uint64_t MessageIndex::count_live(uint64_t from) {
  if (from <= state_.first_sequence) return state_.messages;
  uint64_t count = 0;
  for (size_t at = segment_at(from); at < segments_.size(); ++at) {
    const Segment& segment = *segments_[at];
    count += segment.count_live(segment.position_at(from));
  }
  return count;
}

uint64_t MessageIndex::next_literal(SubjectNode& node, uint64_t from) {
  const HeldSubject held(node);
  if (node.messages == 0 || node.last < from) return 0;
  if (from <= node.first) {
    if (node.first_is_stale == 0) return node.first;
    from = node.first;
  }
  if (node.messages == 1 && node.last_is_stale == 0) return node.last;
  for (size_t at = segment_at(from); at < segments_.size(); ++at) {
    Segment& segment = *segments_[at];
    if (segment.base > node.last) break;
    if (segment.live == 0) continue;
    SegmentIndex& index = loaded(segment);
    const uint16_t local = index.find_subject(node, segment.serial);
    if (local == kNoLocal || index.subjects()[local].live == 0) {
      owner_.on_passed();
      continue;
    }
    uint32_t entry = index.next_of(local, entry_at(segment, from));
    while (entry != kNoEntry && is_deleted(segment, entry)) entry = index.next_of(local, entry + 1);
    if (entry != kNoEntry) return segment.base + index.position(entry);
    owner_.on_passed();
  }
  return 0;
}

uint64_t MessageIndex::last_literal(SubjectNode& node, uint64_t at_most) {
  const HeldSubject held(node);
  if (node.messages == 0 || node.first > at_most) return 0;
  if (at_most >= node.last) {
    if (node.last_is_stale == 0) return node.last;
    at_most = node.last;
  }
  for (size_t at = std::min(segment_at(at_most) + 1, segments_.size()); at-- > 0;) {
    Segment& segment = *segments_[at];
    if (segment.last < node.first) break;
    if (segment.live == 0 || segment.base > at_most) continue;
    SegmentIndex& index = loaded(segment);
    const uint16_t local = index.find_subject(node, segment.serial);
    if (local == kNoLocal || index.subjects()[local].live == 0) {
      owner_.on_passed();
      continue;
    }
    const uint32_t behind = entry_at(segment, at_most + 1);
    uint32_t entry = behind == 0 ? kNoEntry : index.last_of(local, behind - 1);
    while (entry != kNoEntry && is_deleted(segment, entry)) {
      entry = entry == 0 ? kNoEntry : index.last_of(local, entry - 1);
    }
    if (entry != kNoEntry) return segment.base + index.position(entry);
    owner_.on_passed();
  }
  return 0;
}

void MessageIndex::resolve_first(SubjectNode& node) {
  if (node.first_is_stale == 0 || node.messages == 0) return;
  node.first = next_literal(node, node.first);
  node.first_is_stale = 0;
}

void MessageIndex::resolve_last(SubjectNode& node) {
  if (node.last_is_stale == 0 || node.messages == 0) return;
  node.last = last_literal(node, node.last);
  node.last_is_stale = 0;
}

uint64_t MessageIndex::count_in_segment(Segment& segment, const SubjectNode& node, uint64_t from) {
  if (segment.live == 0) return 0;
  SegmentIndex& index = loaded(segment);
  const uint16_t local = index.find_subject(node, segment.serial);
  if (local == kNoLocal) return 0;
  if (from <= segment.base) return index.subjects()[local].live;
  uint64_t count = 0;
  for (uint32_t entry = index.next_of(local, entry_at(segment, from)); entry != kNoEntry;
       entry = index.next_of(local, entry + 1)) {
    if (!is_deleted(segment, entry)) ++count;
  }
  return count;
}

uint64_t MessageIndex::count_literal(SubjectNode& node, uint64_t from) {
  if (node.messages == 0 || node.last < from) return 0;
  if (from <= node.first) return node.messages;
  if (node.messages == 1) return next_literal(node, from) != 0 ? 1 : 0;
  const HeldSubject held(node);
  uint64_t count = 0;
  for (size_t at = segment_at(from); at < segments_.size(); ++at) {
    if (segments_[at]->base > node.last) break;
    count += count_in_segment(*segments_[at], node, from);
    owner_.on_passed();
  }
  return count;
}

SubjectTotals MessageIndex::totals_of(SubjectNode& node) {
  if (node.messages == 0) return {};
  const HeldSubject held(node);
  resolve_first(node);
  resolve_last(node);
  return {node.messages, node.first, node.last};
}

SubjectTotals MessageIndex::totals_of(Slice subject) {
  SubjectNode* node = subjects_.find(subject);
  return node == nullptr ? SubjectTotals{} : totals_of(*node);
}

// False when there are more than a few, or when finding them would take long.
bool MessageIndex::collect_few(const Filters& filters, HeldSubjects& few) {
  if (filters.size() > kScanFiltersMax) return false;
  size_t examined = 0;
  for (const std::string& filter : filters) {
    if (subject::is_literal(filter)) {
      SubjectNode* node = subjects_.find(filter);
      if (node != nullptr && node->messages > 0) few.add(*node);
      continue;
    }
    bool is_whole = true;
    subjects_.visit_any(literal_prefix(filter), [&](SubjectNode& node) {
      if (subject::subject_matches(node.text(), filter)) few.add(*subjects_.kept(node));
      is_whole = ++examined < kExamineMax && few.all().size() <= kFewMax;
      return is_whole;
    });
    if (!is_whole) return false;
  }
  return few.all().size() <= kFewMax;
}

void MessageIndex::extend(MatchSet& set, Segment& segment) {
  const auto& subjects = segment.index->subjects();
  set.bits.resize((subjects.size() + 63) / 64);
  const auto add = [&set](size_t local) {
    uint64_t& word = set.bits[local / 64];
    const uint64_t bit = uint64_t{1} << (local % 64);
    if ((word & bit) != 0) return;
    word |= bit;
    if (++set.matches <= kFewMax) set.few.push_back(static_cast<uint16_t>(local));
  };
  Filters wild;
  for (const std::string& filter : set.filters) {
    if (!subject::is_literal(filter)) {
      wild.push_back(filter);
      continue;
    }
    const SubjectNode* node = subjects_.find_name(filter);
    if (node == nullptr) continue;
    const uint16_t local = segment.index->find_subject(*node, segment.serial);
    if (local != kNoLocal) add(local);
  }
  if (!wild.empty()) {
    for (size_t local = set.examined; local < subjects.size(); ++local) {
      if (admits(wild, subjects[local].node->text())) add(local);
    }
  }
  set.examined = static_cast<uint32_t>(subjects.size());
}

MessageIndex::MatchSet& MessageIndex::match_set(Segment& segment, const Filters& filters) {
  loaded(segment);
  MatchSet* found = nullptr;
  for (MatchSet& set : match_sets_) {
    if (set.serial == segment.serial && set.filters == filters) found = &set;
  }
  if (found == nullptr) {
    if (match_sets_.size() < kMatchSetsMax) {
      match_sets_.emplace_back();
      found = &match_sets_.back();
    } else {
      found = &match_sets_[next_match_set_++ % kMatchSetsMax];
      *found = {};
    }
    found->serial = segment.serial;
    found->filters = filters;
  }
  if (found->examined < segment.index->subjects().size()) extend(*found, segment);
  return *found;
}

// The next two answer positions.
uint32_t MessageIndex::next_in_segment(Segment& segment, const Filters& filters, uint32_t from) {
  SegmentIndex& index = loaded(segment);
  uint32_t position = segment.next_live(from);
  if (filters.size() <= kScanFiltersMax) {
    for (uint32_t scanned = 0; position != kNoEntry && scanned < kScanEntries; ++scanned) {
      if (admits(filters, index.subject(index.lower_bound(position)).text())) return position;
      position = segment.next_live(position + 1);
    }
  }
  if (position == kNoEntry) return kNoEntry;
  const MatchSet& set = match_set(segment, filters);
  if (set.matches == 0) return kNoEntry;
  if (set.matches > kFewMax) {
    while (position != kNoEntry && !set.admits(index.local(index.lower_bound(position)))) {
      position = segment.next_live(position + 1);
    }
    return position;
  }
  uint32_t least = kNoEntry;
  for (const uint16_t local : set.few) {
    uint32_t next = index.next_of(local, index.lower_bound(position));
    while (next != kNoEntry && is_deleted(segment, next)) next = index.next_of(local, next + 1);
    if (next != kNoEntry) least = std::min(least, index.position(next));
  }
  return least;
}

uint32_t MessageIndex::last_in_segment(Segment& segment, const Filters& filters, uint32_t at_most) {
  SegmentIndex& index = loaded(segment);
  const MatchSet& set = match_set(segment, filters);
  if (set.matches == 0) return kNoEntry;
  uint32_t position = segment.last_live(at_most);
  while (position != kNoEntry && !set.admits(index.local(index.lower_bound(position)))) {
    position = position == 0 ? kNoEntry : segment.last_live(position - 1);
  }
  return position;
}

uint64_t MessageIndex::next_by_segment(const Filters& filters, uint64_t from) {
  for (size_t at = segment_at(from); at < segments_.size(); ++at) {
    Segment& segment = *segments_[at];
    if (segment.live == 0) continue;
    const uint32_t position = next_in_segment(segment, filters, segment.position_at(from));
    if (position != kNoEntry) return segment.base + position;
    owner_.on_passed();
  }
  return 0;
}

uint64_t MessageIndex::last_match(const Filters& filters, uint64_t at_most) {
  if (state_.messages == 0 || at_most < state_.first_sequence) return 0;
  at_most = std::min(at_most, state_.last_sequence);
  if (admits_all(filters)) return last_live(at_most);
  HeldSubjects few;
  if (collect_few(filters, few)) {
    uint64_t most = 0;
    for (SubjectNode* node : few.all()) most = std::max(most, last_literal(*node, at_most));
    return most;
  }
  for (size_t at = std::min(segment_at(at_most) + 1, segments_.size()); at-- > 0;) {
    Segment& segment = *segments_[at];
    if (segment.live == 0 || segment.base > at_most) continue;
    const uint32_t position = last_in_segment(
        segment, filters, static_cast<uint32_t>(std::min(at_most, segment.last) - segment.base));
    if (position != kNoEntry) return segment.base + position;
    owner_.on_passed();
  }
  return 0;
}

uint64_t MessageIndex::count_wild(const Filters& filters, uint64_t from) {
  uint64_t count = 0;
  for (size_t at = segment_at(from); at < segments_.size(); ++at) {
    Segment& segment = *segments_[at];
    if (segment.live == 0) continue;
    owner_.on_passed();
    SegmentIndex& index = loaded(segment);
    MatchSet set;
    set.filters = filters;
    extend(set, segment);
    if (set.matches == 0) continue;
    if (from <= segment.base) {
      for (size_t local = 0; local < index.subjects().size(); ++local) {
        if (set.admits(static_cast<uint16_t>(local))) count += index.subjects()[local].live;
      }
      continue;
    }
    for (uint32_t position = segment.next_live(segment.position_at(from)); position != kNoEntry;
         position = segment.next_live(position + 1)) {
      if (set.admits(index.local(index.lower_bound(position)))) ++count;
    }
  }
  return count;
}

uint64_t MessageIndex::count_matches(const Filters& filters, uint64_t from) {
  if (state_.messages == 0 || from > state_.last_sequence) return 0;
  from = std::max(from, state_.first_sequence);
  if (admits_all(filters)) return count_live(from);
  if (from == state_.first_sequence) return count_subjects(filters);
  HeldSubjects few;
  if (!collect_few(filters, few)) return count_wild(filters, from);
  uint64_t count = 0;
  for (SubjectNode* node : few.distinct()) count += count_literal(*node, from);
  return count;
}

uint64_t MessageIndex::first_at_or_after(WallTime time) {
  for (size_t at = 0; at < segments_.size(); ++at) {
    Segment& segment = *segments_[at];
    if (segment.live == 0 || segment.last_time < time) continue;
    uint32_t from = 0;
    if (segment.first_time < time) {
      const uint32_t entry = loaded(segment).first_at_or_after(time);
      if (entry == segment.index->entries()) continue;
      from = segment.index->position(entry);
    }
    const uint32_t position = segment.next_live(from);
    if (position != kNoEntry) return segment.base + position;
  }
  return state_.last_sequence + 1;
}

std::vector<MessageStore::SubjectCount> MessageIndex::subjects(const Filters& filters, Slice after,
                                                               size_t max) {
  HeldSubjects held;
  const Filters everything = {">"};
  const bool is_all = admits_all(filters);
  for (const std::string& filter : is_all ? everything : filters) {
    if (subject::is_literal(filter)) {
      SubjectNode* node = subjects_.find(filter);
      if (node != nullptr && node->messages > 0 && node->text() > after) held.add(*node);
      continue;
    }
    size_t taken = 0;
    subjects_.visit_ordered(literal_prefix(filter), after, [&](SubjectNode& node) {
      if (!is_all && !subject::subject_matches(node.text(), filter)) return true;
      held.add(*subjects_.kept(node));
      return ++taken < max;
    });
  }
  std::vector<SubjectNode*> nodes = held.all();
  if (filters.size() > 1) {
    std::sort(nodes.begin(), nodes.end(),
              [](const SubjectNode* a, const SubjectNode* b) { return a->text() < b->text(); });
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  }
  if (nodes.size() > max) nodes.resize(max);
  std::vector<MessageStore::SubjectCount> counts;
  counts.reserve(nodes.size());
  for (SubjectNode* node : nodes) counts.push_back({std::string(node->text()), totals_of(*node)});
  held.clear();
  owner_.on_passed();
  return counts;
}

std::vector<uint64_t> MessageIndex::deleted_sequences(size_t max) {
  std::vector<uint64_t> gone;
  uint64_t expected = state_.first_sequence;
  const auto fill = [&](uint64_t end) {
    for (; expected < end && gone.size() < max; ++expected) gone.push_back(expected);
    expected = end;
  };
  for (const auto& segment : segments_) {
    if (gone.size() >= max || state_.messages == 0) break;
    if (segment->entries == 0 || segment->last < expected) continue;
    if (segment->live == segment->span()) {
      fill(segment->base);
      expected = segment->last + 1;
      continue;
    }
    for (uint32_t position = segment->next_live(segment->position_at(expected));
         position != kNoEntry && gone.size() < max; position = segment->next_live(position + 1)) {
      fill(segment->base + position);
      ++expected;
    }
  }
  if (state_.messages > 0) fill(state_.last_sequence + 1);
  return gone;
}

std::optional<MessageStore::Known> MessageIndex::known(uint64_t sequence) {
  const auto found = find(sequence);
  if (!found) return std::nullopt;
  const SegmentIndex& index = *found->segment->index;
  const SubjectNode& node = index.subject(found->entry);
  return MessageStore::Known{index.time(found->entry), counted(index.place(found->entry)),
                             std::string(node.text())};
}

}  // namespace petrel::store

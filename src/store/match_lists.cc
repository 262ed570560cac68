// The next message that filters with wildcards admit: lists of what comes next, made from the
// subjects, so that a consumer of few messages among many does not look at the many.
#include "store/filters.h"
#include "store/message_index.h"
#include "store/record.h"

#include <algorithm>

namespace petrel::store {
namespace {

constexpr size_t kListsMax = 256;
constexpr size_t kListedMax = 4096;       // sequences of one list
constexpr size_t kListedFiltersMax = 64;  // more filters are looked up segment by segment
constexpr size_t kNodesMax = 16'384;      // subjects looked at for one list
constexpr size_t kSegmentsPerList = 4;
constexpr uint32_t kNear = 32;  // messages compared one by one before a list is made
// So far nobody tries again to make a list that would be too long.
constexpr uint64_t kHopelessSequences = 65'536;

// Filter n admits the subject and none before it does: each subject is counted once.
bool is_first_admitting(const Filters& filters, size_t n, Slice subject) {
  if (!subject::subject_matches(subject, filters[n])) return false;
  for (size_t i = 0; i < n; ++i) {
    if (subject::subject_matches(subject, filters[i])) return false;
  }
  return true;
}

bool has_one_known(const SubjectNode* node) {
  return node->messages == 1 && node->last_is_stale == 0;
}

}  // namespace

// A match among the next messages that are there; 0: none.
uint64_t MessageIndex::near_match(const Filters& filters, uint64_t from) {
  const size_t at = segment_at(from);
  if (at == segments_.size() || segments_[at]->live == 0) return 0;
  Segment& segment = *segments_[at];
  const SegmentIndex& index = loaded(segment);
  uint32_t position = segment.next_live(segment.position_at(from));
  for (uint32_t looked = 0; position != kNoEntry && looked < kNear; ++looked) {
    if (admits(filters, index.subject(index.lower_bound(position)).text())) {
      return segment.base + position;
    }
    position = segment.next_live(position + 1);
  }
  return 0;
}

MessageIndex::MatchList* MessageIndex::list_of(const Filters& filters) {
  const auto found = std::find_if(lists_.begin(), lists_.end(),
                                  [&](const MatchList& list) { return list.filters == filters; });
  return found == lists_.end() ? nullptr : &*found;
}

// The first of the list that is still there; 0: none.
uint64_t MessageIndex::next_listed(const MatchList& list, uint64_t from) {
  auto at = std::lower_bound(list.sequences.begin(), list.sequences.end(), from);
  while (at != list.sequences.end() && !contains(*at)) ++at;
  return at == list.sequences.end() ? 0 : *at;
}

// False when there are too many.
bool MessageIndex::collect_nodes(const Filters& filters, HeldSubjects& nodes) {
  size_t looked = 0;
  for (const std::string& filter : filters) {
    if (subject::is_literal(filter)) {
      SubjectNode* node = subjects_.find(filter);
      if (node != nullptr && node->messages > 0) nodes.add(*node);
      continue;
    }
    subjects_.visit_any(literal_prefix(filter), [&](SubjectNode& node) {
      if (subject::subject_matches(node.text(), filter)) nodes.add(*subjects_.kept(node));
      return ++looked < kNodesMax;
    });
    if (looked >= kNodesMax) return false;
  }
  return true;
}

void MessageIndex::append_sequences(const SubjectNode& node, uint64_t begin, uint64_t end,
                                    std::vector<uint64_t>& out) {
  if (node.last < begin || node.first > end) return;
  if (has_one_known(&node)) {
    out.push_back(node.last);
    return;
  }
  for (size_t at = segment_at(std::max(begin, node.first)); at < segments_.size(); ++at) {
    Segment& segment = *segments_[at];
    if (segment.base > std::min(end, node.last)) return;
    if (segment.live == 0) continue;
    SegmentIndex& index = loaded(segment);
    const uint16_t local = index.find_subject(node, segment.serial);
    if (local == kNoLocal || index.subjects()[local].live == 0) continue;
    for (uint32_t entry = index.next_of(local, entry_at(segment, begin)); entry != kNoEntry;
         entry = index.next_of(local, entry + 1)) {
      const uint64_t sequence = segment.base + index.position(entry);
      if (sequence > end) return;
      if (!is_deleted(segment, entry)) out.push_back(sequence);
    }
  }
}

void MessageIndex::fill_list(MatchList& list, const HeldSubjects& held) {
  const std::vector<SubjectNode*> nodes = held.distinct();
  uint64_t begin = UINT64_MAX;
  for (const SubjectNode* node : nodes) {
    if (node->last >= list.begin) begin = std::min(begin, std::max(node->first, list.begin));
  }
  list.end = state_.last_sequence;
  list.sequences.clear();
  if (begin > state_.last_sequence) return;
  // Of a subject with one message it is known without a look into a segment.
  const bool is_known = std::all_of(nodes.begin(), nodes.end(), has_one_known);
  const size_t last_segment = segment_at(begin) + kSegmentsPerList - 1;
  if (!is_known && last_segment < segments_.size()) {
    list.end = std::max(segments_[last_segment]->last, begin);
  }
  for (const SubjectNode* node : nodes) {
    append_sequences(*node, begin, list.end, list.sequences);
  }
  std::sort(list.sequences.begin(), list.sequences.end());
  if (list.sequences.size() > kListedMax) {
    list.sequences.resize(kListedMax);
    list.end = list.sequences.back();
  }
  list.sequences.shrink_to_fit();
}

// For filters that have none yet, or whose list ended.
MessageIndex::MatchList& MessageIndex::begin_list(const Filters& filters, uint64_t from) {
  MatchList* list = list_of(filters);
  if (list == nullptr) {
    if (lists_.size() < kListsMax) {
      lists_.emplace_back();
      list = &lists_.back();
    } else {
      list = &lists_[next_list_++ % kListsMax];
    }
    list->filters = filters;
  }
  list->begin = from;
  list->is_hopeless = false;
  return *list;
}

// What comes at `from` and behind it. The list says how far it goes, and whether it could be made.
MessageIndex::MatchList& MessageIndex::make_list(const Filters& filters, uint64_t from) {
  MatchList& list = begin_list(filters, from);
  HeldSubjects nodes;
  list.is_hopeless = !collect_nodes(filters, nodes);
  if (list.is_hopeless) {
    list.sequences = {};
    list.end = from + kHopelessSequences;
  } else {
    fill_list(list, nodes);
  }
  return list;
}

// Who counts what comes from the first message on has seen the subjects: while each of them has one
// message the list is made with it.
uint64_t MessageIndex::count_subjects(const Filters& filters) {
  uint64_t count = 0;
  std::vector<uint64_t> sequences;
  const auto add = [&](const SubjectNode& node) {
    count += node.messages;
    if (sequences.size() < count && sequences.size() <= kListedMax && has_one_known(&node)) {
      sequences.push_back(node.last);
    }
  };
  bool is_wild = false;
  for (size_t n = 0; n < filters.size(); ++n) {
    if (subject::is_literal(filters[n])) {
      const SubjectNode* node = subjects_.find(filters[n]);
      if (node != nullptr && is_first_admitting(filters, n, filters[n])) add(*node);
      continue;
    }
    is_wild = true;
    subjects_.visit_any(literal_prefix(filters[n]), [&](const SubjectNode& node) {
      if (is_first_admitting(filters, n, node.text())) add(node);
      return true;
    });
  }
  const bool is_listed = is_wild && sequences.size() == count && count <= kListedMax &&
                         filters.size() <= kListedFiltersMax;
  if (!is_listed || list_of(filters) != nullptr) return count;
  MatchList& list = begin_list(filters, state_.first_sequence);
  std::sort(sequences.begin(), sequences.end());
  sequences.shrink_to_fit();
  list.sequences = std::move(sequences);
  list.end = state_.last_sequence;
  return count;
}

uint64_t MessageIndex::next_match(const Filters& filters, uint64_t from) {
  if (state_.messages == 0 || from > state_.last_sequence) return 0;
  from = std::max(from, state_.first_sequence);
  if (admits_all(filters)) return next_live(from);
  if (filters.size() == 1 && subject::is_literal(filters[0])) {
    SubjectNode* node = subjects_.find(filters[0]);
    return node == nullptr ? 0 : next_literal(*node, from);
  }
  if (filters.size() > kListedFiltersMax) return next_by_segment(filters, from);
  while (from <= state_.last_sequence) {
    const MatchList* list = list_of(filters);
    if (list == nullptr || from < list->begin || from > list->end) {
      if (const uint64_t near = near_match(filters, from)) return near;
      list = &make_list(filters, from);
    }
    if (list->is_hopeless) return next_by_segment(filters, from);
    if (const uint64_t listed = next_listed(*list, from)) return listed;
    from = list->end + 1;
  }
  return 0;
}

// Of one segment: how many.
size_t MessageIndex::literals_in(Segment& segment, const SubjectNode& node, uint64_t from,
                                 std::span<uint64_t> out) {
  SegmentIndex& index = loaded(segment);
  const uint16_t local = index.find_subject(node, segment.serial);
  if (local == kNoLocal || index.subjects()[local].live == 0) return 0;
  size_t count = 0;
  const uint32_t first = entry_at(segment, from);
  if (!index.is_sealed()) {
    for (uint32_t entry = index.next_of(local, first); entry != kNoEntry && count < out.size();
         entry = index.next_of(local, entry + 1)) {
      if (!is_deleted(segment, entry)) out[count++] = segment.base + index.position(entry);
    }
    return count;
  }
  const std::span<const uint16_t> entries = index.entries_of(local);
  for (auto at = std::lower_bound(entries.begin(), entries.end(), first);
       at != entries.end() && count < out.size(); ++at) {
    if (!is_deleted(segment, *at)) out[count++] = segment.base + index.position(*at);
  }
  return count;
}

size_t MessageIndex::next_literals(SubjectNode& node, uint64_t from, std::span<uint64_t> out) {
  if (node.messages == 0 || node.last < from) return 0;
  const HeldSubject held(node);
  from = std::max(from, node.first);
  size_t count = 0;
  for (size_t at = segment_at(from); at < segments_.size() && count < out.size(); ++at) {
    Segment& segment = *segments_[at];
    if (segment.base > node.last) break;
    if (segment.live > 0) count += literals_in(segment, node, from, out.subspan(count));
    owner_.on_passed();
  }
  return count;
}

size_t MessageIndex::next_matches(const Filters& filters, uint64_t from, std::span<uint64_t> out) {
  if (filters.size() == 1 && subject::is_literal(filters[0])) {
    SubjectNode* node = subjects_.find(filters[0]);
    return node == nullptr ? 0 : next_literals(*node, from, out);
  }
  size_t count = 0;
  while (count < out.size()) {
    const uint64_t sequence = next_match(filters, from);
    if (sequence == 0) break;
    out[count++] = sequence;
    from = sequence + 1;
    const MatchList* list = list_of(filters);
    if (list == nullptr || list->is_hopeless || from < list->begin || from > list->end) continue;
    auto at = std::lower_bound(list->sequences.begin(), list->sequences.end(), from);
    for (; at != list->sequences.end() && count < out.size(); ++at) {
      if (contains(*at)) out[count++] = *at;
      from = *at + 1;
    }
  }
  return count;
}

// Written out here: g++ takes a function that only prefetches for one without any effect.
size_t MessageIndex::next_to_read(const Filters& filters, uint64_t from, std::span<uint64_t> out) {
  constexpr size_t kLineBytes = 64;
  constexpr size_t kLinesMax = 4;
  const size_t count = next_matches(filters, from, out);
  // First where each record is, then the records: no fetch waits for the one before.
  for (const uint64_t sequence : out.first(count)) {
    if (const auto found = find(sequence)) found->segment->index->prefetch_place(found->entry);
  }
  for (const uint64_t sequence : out.first(count)) {
    const auto found = find(sequence);
    if (!found) continue;
    const EntryPlace place = found->segment->index->place(found->entry);
    const Frame& frame = found->segment->frames.at(place.offset);
    if (!frame.block) continue;
    __builtin_prefetch(&*frame.block, 1);  // its references: the reader counts itself
    const char* record = frame.data() + (place.offset - frame.offset);
    const size_t bytes = std::min<size_t>(place.bytes, kLinesMax * kLineBytes);
    for (size_t at = 0; at < bytes; at += kLineBytes) __builtin_prefetch(record + at);
    // It seldom begins where a line does.
    __builtin_prefetch(record + bytes - 1);
  }
  return count;
}

}  // namespace petrel::store

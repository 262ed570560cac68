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
  if (node.messages == 1 && node.last_is_stale == 0) {
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
  const size_t last_segment = segment_at(begin) + kSegmentsPerList - 1;
  if (last_segment < segments_.size()) list.end = std::max(segments_[last_segment]->last, begin);
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

// What comes at `from` and behind it. The list says how far it goes, and whether it could be made.
MessageIndex::MatchList& MessageIndex::make_list(const Filters& filters, uint64_t from) {
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
  HeldSubjects nodes;
  list->is_hopeless = !collect_nodes(filters, nodes);
  if (list->is_hopeless) {
    list->sequences = {};
    list->end = from + kHopelessSequences;
  } else {
    fill_list(*list, nodes);
  }
  return *list;
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
  }
  return count;
}

size_t MessageIndex::next_to_read(const Filters& filters, uint64_t from, std::span<uint64_t> out) {
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
    if (frame.block) prefetch_record({frame.data() + (place.offset - frame.offset), place.bytes});
  }
  return count;
}

}  // namespace petrel::store

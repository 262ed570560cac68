// Changes of the index; lookups are in message_lookup.cc.
#include "store/message_index.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <utility>

namespace petrel::store {

MessageIndex::~MessageIndex() = default;

Segment* MessageIndex::active() {
  if (segments_.empty() || segments_.back()->is_sealed) return nullptr;
  return segments_.back().get();
}

Segment& MessageIndex::begin_segment(uint64_t id, uint64_t first) {
  auto segment = std::make_unique<Segment>();
  segment->id = id;
  segment->serial = next_serial();
  segment->base = first;
  segment->last = first - 1;
  segment->index = std::make_unique<SegmentIndex>();
  segments_.push_back(std::move(segment));
  return *segments_.back();
}

void MessageIndex::seal_active() {
  Segment& segment = *segments_.back();
  segment.is_sealed = true;
  segment.index->seal();
  if (segment.live == 0) drop_segment(segments_.size() - 1);
}

uint64_t MessageIndex::counted(const EntryPlace& place) const {
  return static_cast<uint64_t>(place.bytes + accounting_.fixed) +
         (place.has_header ? accounting_.header : 0);
}

void MessageIndex::append(const NewMessage& message, const EntryPlace& place) {
  Segment& segment = *segments_.back();
  PETREL_DCHECK(message.sequence > state_.last_sequence);
  if (segment.entries == 0) {
    segment.base = message.sequence;
    segment.first_time = message.time;
  }
  for (uint64_t gap = segment.last + 1; segment.entries > 0 && gap < message.sequence; ++gap) {
    segment.set_deleted(static_cast<uint32_t>(gap - segment.base));
  }
  SubjectNode& node = subjects_.intern(message.subject);
  if (node.segment != segment.serial) {
    node.local = segment.index->add_subject(node);
    node.segment = segment.serial;
  }
  segment.index->add(static_cast<uint32_t>(message.sequence - segment.base), message.time,
                     node.local, place);
  ++segment.index->subjects()[node.local].live;
  const uint64_t bytes = counted(place);
  segment.last = message.sequence;
  segment.last_time = message.time;
  ++segment.entries;
  ++segment.live;
  segment.live_bytes += bytes;
  segment.record_bytes += place.bytes;
  if (node.messages == 0) {
    node.first = message.sequence;
    node.first_is_stale = 0;
  }
  node.last = message.sequence;
  node.last_is_stale = 0;
  subjects_.add_message(node);
  if (state_.messages == 0) {
    state_.first_sequence = message.sequence;
    state_.first_time = message.time;
  }
  ++state_.messages;
  state_.bytes += bytes;
  state_.last_sequence = message.sequence;
  state_.last_time = message.time;
  state_.subjects = subjects_.used();
  state_.deleted = state_.last_sequence + 1 - state_.first_sequence - state_.messages;
}

void MessageIndex::skip(uint64_t sequence, WallTime time) {
  state_.last_sequence = sequence;
  state_.last_time = time;
  if (state_.messages == 0) state_.first_sequence = sequence + 1;
  state_.deleted = state_.last_sequence + 1 - state_.first_sequence - state_.messages;
}

void MessageIndex::forget_message(SubjectNode& node, uint64_t sequence) {
  subjects_.take_messages(node, 1);
  if (node.messages == 0) return;
  if (sequence == node.first) node.first_is_stale = 1;
  if (sequence == node.last) node.last_is_stale = 1;
  if (node.messages == 1 && node.first_is_stale != node.last_is_stale) {
    (node.first_is_stale != 0 ? node.first : node.last) =
        node.first_is_stale != 0 ? node.last : node.first;
    node.first_is_stale = 0;
    node.last_is_stale = 0;
  }
}

RemovedMessage MessageIndex::remove(const Found& found) {
  Segment& segment = *found.segment;
  SegmentIndex& index = *segment.index;
  const EntryPlace place = index.place(found.entry);
  SubjectNode& node = index.subject(found.entry);
  subjects_.resolve(node);
  RemovedMessage removed;
  removed.sequence = found.sequence();
  removed.subject = node.text();
  removed.bytes = counted(place);
  segment.set_deleted(index.position(found.entry));
  --segment.live;
  segment.live_bytes -= removed.bytes;
  segment.deleted_bytes += place.bytes;
  --index.subjects()[index.local(found.entry)].live;
  forget_message(node, removed.sequence);
  --state_.messages;
  state_.bytes -= removed.bytes;
  owner_.on_deleted(segment, found.entry);
  if (segment.live == 0 && segment.is_sealed) drop_segment(segment_at(removed.sequence));
  if (removed.sequence == state_.first_sequence || state_.messages == 0) refresh_first();
  subjects_.sweep_if_due();
  state_.subjects = subjects_.used();
  state_.deleted = state_.last_sequence + 1 - state_.first_sequence - state_.messages;
  return removed;
}

void MessageIndex::refresh_first() {
  if (state_.messages == 0) {
    state_.first_sequence = state_.last_sequence + 1;
    state_.first_time = {};
    return;
  }
  state_.first_sequence = next_live(state_.first_sequence);
  const Segment& segment = *segments_[segment_at(state_.first_sequence)];
  if (state_.first_sequence == segment.base) {
    state_.first_time = segment.first_time;
  } else if (const auto first = find(state_.first_sequence)) {
    state_.first_time = segment.index->time(first->entry);
  }
}

void MessageIndex::drop_segment(size_t at) {
  std::unique_ptr<Segment> segment = std::move(segments_[at]);
  segments_.erase(segments_.begin() + static_cast<std::ptrdiff_t>(at));
  hint_ = 0;
  leave(std::move(segment));
}

void MessageIndex::leave(std::unique_ptr<Segment> segment) {
  if (segment->index != nullptr) segment->index->release_subjects();
  std::erase_if(match_sets_,
                [serial = segment->serial](const MatchSet& set) { return set.serial == serial; });
  owner_.on_dropped(std::move(segment));
}

std::unique_ptr<Segment> MessageIndex::begin_copy(uint64_t id) {
  auto copy = std::make_unique<Segment>();
  copy->id = id;
  copy->serial = next_serial();
  copy->index = std::make_unique<SegmentIndex>();
  return copy;
}

void MessageIndex::copy_entry(Segment& to, const Found& from, const EntryPlace& place) {
  const SegmentIndex& index = *from.segment->index;
  SubjectNode& node = index.subject(from.entry);
  const uint64_t sequence = from.sequence();
  const WallTime time = index.time(from.entry);
  if (to.entries == 0) {
    to.base = sequence;
    to.first_time = time;
  }
  for (uint64_t gap = to.last + 1; to.entries > 0 && gap < sequence; ++gap) {
    to.set_deleted(static_cast<uint32_t>(gap - to.base));
  }
  uint16_t local = to.index->find_subject(node, to.serial);
  if (local == kNoLocal) local = to.index->add_subject(node);
  to.index->add(static_cast<uint32_t>(sequence - to.base), time, local, place);
  ++to.index->subjects()[local].live;
  ++to.entries;
  ++to.live;
  to.last = sequence;
  to.last_time = time;
  to.live_bytes += counted(place);
  to.record_bytes += place.bytes;
}

void MessageIndex::replace(size_t at, size_t count, std::unique_ptr<Segment> copy) {
  copy->is_sealed = true;
  copy->index->seal();
  std::vector<std::unique_ptr<Segment>> old;
  for (size_t i = at; i < at + count; ++i) old.push_back(std::move(segments_[i]));
  const auto first = segments_.begin() + static_cast<std::ptrdiff_t>(at);
  *first = std::move(copy);
  segments_.erase(first + 1, first + static_cast<std::ptrdiff_t>(count));
  hint_ = 0;
  for (auto& segment : old) leave(std::move(segment));
}

size_t MessageIndex::place_of(const Segment& segment) {
  const size_t at = segment_at(segment.last);
  return at < segments_.size() && segments_[at].get() == &segment ? at : segments_.size();
}

void MessageIndex::purge_segment(Segment& segment,
                                 const std::function<void(const RemovedMessage&)>& visit) {
  const bool is_all_going = subjects_.used() == 0;
  if (visit) {
    SegmentIndex& index = loaded(segment);
    for (uint32_t position = segment.next_live(0); position != kNoEntry;
         position = segment.next_live(position + 1)) {
      const uint32_t entry = index.lower_bound(position);
      visit({segment.base + position, std::string(index.subject(entry).text()),
             counted(index.place(entry))});
    }
  }
  if (!is_all_going) purge_subjects(loaded(segment));
  state_.messages -= segment.live;
  state_.bytes -= segment.live_bytes;
  segment.live = 0;
  segment.live_bytes = 0;
}

void MessageIndex::purge_subjects(SegmentIndex& index) {
  if (subjects_.is_spilled()) {
    std::vector<SubjectNode*> cold;
    for (const SegmentIndex::Subject& subject : index.subjects()) {
      if (subject.live > 0 && subject.node->is_cold != 0) cold.push_back(subject.node);
    }
    subjects_.resolve_all(cold);
  }
  for (SegmentIndex::Subject& subject : index.subjects()) {
    if (subject.live == 0) continue;
    subjects_.take_messages(*subject.node, subject.live);
    subject.node->first_is_stale = 1;
    subject.live = 0;
  }
}

uint64_t MessageIndex::purge_below(uint64_t sequence,
                                   const std::function<void(const RemovedMessage&)>& visit) {
  const uint64_t before = state_.messages;
  // Nothing will be left, so nobody has to know what there was of each subject.
  if (sequence > state_.last_sequence && subjects_.is_spilled()) subjects_.forget_messages();
  while (!segments_.empty() && segments_.front()->last < sequence &&
         segments_.front()->entries > 0) {
    Segment& segment = *segments_.front();
    if (segment.live > 0) purge_segment(segment, visit);
    drop_segment(0);
    owner_.on_passed();
  }
  while (state_.messages > 0) {
    const uint64_t first = next_live(state_.first_sequence);
    if (first >= sequence) break;
    const RemovedMessage removed = remove(*find(first));
    if (visit) visit(removed);
  }
  refresh_first();
  if (sequence > state_.last_sequence + 1) advance(sequence);
  subjects_.sweep_if_due();
  state_.subjects = subjects_.used();
  state_.deleted = state_.last_sequence + 1 - state_.first_sequence - state_.messages;
  return before - state_.messages;
}

void MessageIndex::advance(uint64_t sequence) {
  if (state_.messages > 0 || sequence <= state_.last_sequence + 1) return;
  state_.last_sequence = sequence - 1;
  state_.first_sequence = sequence;
  state_.deleted = 0;
}

}  // namespace petrel::store

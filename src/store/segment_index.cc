#include "store/segment_index.h"

#include "petrel/base/check.h"
#include "petrel/base/hash.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

namespace petrel::store {
namespace {

// Up to this distance a scan is cheaper than the postings.
constexpr uint32_t kScanEntries = 128;

size_t slot_hash(const SubjectNode& node) {
  return hash_mix(reinterpret_cast<uint64_t>(&node), 0x9e3779b97f4a7c15ULL);
}

// Four places at a time: the highest bit of a 16-bit lane that became zero is set by the
// subtraction.
uint32_t scan_for(const uint16_t* places, uint32_t from, uint32_t end, uint16_t wanted) {
  constexpr uint64_t kOnes = 0x0001000100010001ULL;
  const uint64_t pattern = kOnes * wanted;
  while (from + 4 <= end) {
    uint64_t lanes = 0;
    std::memcpy(&lanes, places + from, sizeof(lanes));
    lanes ^= pattern;
    if (((lanes - kOnes) & ~lanes & (kOnes << 15)) != 0) break;
    from += 4;
  }
  while (from < end && places[from] != wanted) ++from;
  return from;
}

}  // namespace

void SegmentIndex::add(uint32_t position, WallTime time, uint16_t local, const EntryPlace& place) {
  PETREL_DCHECK(entries() < kSegmentEntriesMax && !is_sealed_);
  if (positions_.empty() && position != entries()) {
    positions_.resize(entries());
    std::iota(positions_.begin(), positions_.end(), 0U);
  }
  if (position != entries() || !positions_.empty()) positions_.push_back(position);
  times_.push_back(time.ns);
  offsets_.push_back(place.offset | (place.has_header ? kHeaderBit : 0));
  locals_.push_back(local);
  end_offset_ = place.offset + place.bytes;
}

uint16_t SegmentIndex::add_subject(SubjectNode& node) {
  const auto local = static_cast<uint16_t>(subjects_.size());
  subjects_.push_back({&node, 0});
  ++node.references;
  if (!slots_.empty()) {
    if (subjects_.size() * 2 > slots_.size()) {
      slots_.clear();
    } else {
      slot_of(node) = local;
    }
  }
  return local;
}

void SegmentIndex::release_subjects() {
  for (const Subject& subject : subjects_) --subject.node->references;
  subjects_.clear();
}

uint32_t SegmentIndex::lower_bound(uint32_t position) const {
  if (positions_.empty()) return std::min(position, entries());
  const auto at = std::lower_bound(positions_.begin(), positions_.end(), position);
  return static_cast<uint32_t>(at - positions_.begin());
}

uint32_t SegmentIndex::entry_at_offset(uint32_t offset) const {
  const auto at = std::lower_bound(
      offsets_.begin(), offsets_.end(), offset,
      [](uint32_t place, uint32_t wanted) { return (place & ~kHeaderBit) < wanted; });
  return static_cast<uint32_t>(at - offsets_.begin());
}

uint32_t SegmentIndex::first_at_or_after(WallTime time) const {
  const auto at = std::lower_bound(times_.begin(), times_.end(), time.ns);
  return static_cast<uint32_t>(at - times_.begin());
}

uint16_t& SegmentIndex::slot_of(const SubjectNode& node) {
  const size_t mask = slots_.size() - 1;
  size_t at = slot_hash(node) & mask;
  while (slots_[at] != kNoLocal && subjects_[slots_[at]].node != &node) at = (at + 1) & mask;
  return slots_[at];
}

void SegmentIndex::build_slots() {
  slots_.assign(std::bit_ceil(std::max<size_t>(8, subjects_.size() * 3)), kNoLocal);
  for (size_t local = 0; local < subjects_.size(); ++local) {
    slot_of(*subjects_[local].node) = static_cast<uint16_t>(local);
  }
}

uint16_t SegmentIndex::find_subject(const SubjectNode& node, uint32_t serial) {
  if (node.segment == serial && node.local < subjects_.size() &&
      subjects_[node.local].node == &node) {
    return node.local;
  }
  if (subjects_.size() <= 4) {
    for (size_t local = 0; local < subjects_.size(); ++local) {
      if (subjects_[local].node == &node) return static_cast<uint16_t>(local);
    }
    return kNoLocal;
  }
  if (slots_.empty()) build_slots();
  return slot_of(node);
}

void SegmentIndex::build_postings() {
  posting_starts_.assign(subjects_.size() + 1, 0);
  for (const uint16_t local : locals_) ++posting_starts_[local + 1];
  std::partial_sum(posting_starts_.begin(), posting_starts_.end(), posting_starts_.begin());
  postings_.resize(locals_.size());
  std::vector<uint32_t> next(posting_starts_.begin(), posting_starts_.end() - 1);
  for (uint32_t entry = 0; entry < entries(); ++entry) {
    postings_[next[locals_[entry]]++] = static_cast<uint16_t>(entry);
  }
}

uint32_t SegmentIndex::next_of(uint16_t local, uint32_t from) {
  const uint32_t near = is_sealed_ ? std::min(entries(), from + kScanEntries) : entries();
  const uint32_t at = scan_for(locals_.data(), std::min(from, near), near, local);
  if (at != near) return at;
  if (near == entries()) return kNoEntry;
  if (postings_.empty()) build_postings();
  const auto last = postings_.begin() + posting_starts_[local + 1];
  const auto found = std::lower_bound(postings_.begin() + posting_starts_[local], last, near);
  return found == last ? kNoEntry : *found;
}

std::span<const uint16_t> SegmentIndex::entries_of(uint16_t local) {
  PETREL_DCHECK(is_sealed_);
  if (postings_.empty()) build_postings();
  const uint32_t first = posting_starts_[local];
  return std::span(postings_).subspan(first, posting_starts_[local + 1] - first);
}

uint32_t SegmentIndex::last_of(uint16_t local, uint32_t at_most) {
  if (entries() == 0) return kNoEntry;
  at_most = std::min(at_most, entries() - 1);
  if (!is_sealed_) {
    for (uint32_t entry = at_most + 1; entry > 0; --entry) {
      if (locals_[entry - 1] == local) return entry - 1;
    }
    return kNoEntry;
  }
  if (postings_.empty()) build_postings();
  const auto first = postings_.begin() + posting_starts_[local];
  const auto behind =
      std::upper_bound(first, postings_.begin() + posting_starts_[local + 1], at_most);
  return behind == first ? kNoEntry : *(behind - 1);
}

void SegmentIndex::seal() {
  is_sealed_ = true;
  positions_.shrink_to_fit();
  times_.shrink_to_fit();
  offsets_.shrink_to_fit();
  locals_.shrink_to_fit();
  subjects_.shrink_to_fit();
}

size_t SegmentIndex::memory_bytes() const {
  return sizeof(*this) + positions_.capacity() * 4 + times_.capacity() * 8 +
         offsets_.capacity() * 4 + locals_.capacity() * 2 + subjects_.capacity() * sizeof(Subject) +
         slots_.capacity() * 2 + posting_starts_.capacity() * 4 + postings_.capacity() * 2;
}

uint32_t Segment::next_live(uint32_t from) const {
  const uint32_t end = span();
  if (from >= end) return kNoEntry;
  for (size_t word = from / 64; word < deleted.size(); ++word) {
    uint64_t live_bits = ~deleted[word];
    if (word == from / 64) live_bits &= ~uint64_t{0} << (from % 64);
    if (live_bits == 0) continue;
    const auto position =
        static_cast<uint32_t>(word * 64) + static_cast<uint32_t>(std::countr_zero(live_bits));
    return position < end ? position : kNoEntry;
  }
  const uint32_t behind = std::max(from, static_cast<uint32_t>(deleted.size() * 64));
  return behind < end ? behind : kNoEntry;
}

uint32_t Segment::last_live(uint32_t at_most) const {
  if (span() == 0) return kNoEntry;
  at_most = std::min(at_most, span() - 1);
  if (at_most / 64 >= deleted.size()) return at_most;
  for (size_t word = at_most / 64 + 1; word-- > 0;) {
    uint64_t live_bits = ~deleted[word];
    if (word == at_most / 64 && at_most % 64 != 63) {
      live_bits &= (uint64_t{1} << (at_most % 64 + 1)) - 1;
    }
    if (live_bits != 0) {
      return static_cast<uint32_t>(word * 64 + 63) -
             static_cast<uint32_t>(std::countl_zero(live_bits));
    }
  }
  return kNoEntry;
}

uint32_t Segment::count_live(uint32_t from) const {
  if (from == 0) return live;
  if (from >= span()) return 0;
  uint32_t gone = 0;
  for (size_t word = from / 64; word < deleted.size(); ++word) {
    uint64_t bits = deleted[word];
    if (word == from / 64) bits &= ~uint64_t{0} << (from % 64);
    gone += static_cast<uint32_t>(std::popcount(bits));
  }
  return span() - from - gone;
}

}  // namespace petrel::store

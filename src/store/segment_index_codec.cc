#include "store/segment_index_codec.h"

#include "store/byte_codec.h"

#include <algorithm>

namespace petrel::store {
namespace {

template <typename T>
void write_array(ByteWriter& out, const std::vector<T>& values) {
  out.raw(values.data(), values.size() * sizeof(T));
}

template <typename T>
void read_array(ByteReader& in, size_t count, std::vector<T>& values) {
  const Slice bytes = in.raw(count * sizeof(T));
  if (!in.is_ok()) return;
  values.resize(count);
  if (count > 0) std::memcpy(values.data(), bytes.data(), bytes.size());
}

template <typename T>
bool is_ascending(const std::vector<T>& values) {
  return std::adjacent_find(values.begin(), values.end(), [](T a, T b) { return a >= b; }) ==
         values.end();
}

}  // namespace

std::string SegmentIndexCodec::encode_dictionary(const SegmentIndex& index) {
  std::vector<Counted> counted(index.subjects_.size());
  for (uint32_t entry = 0; entry < index.entries(); ++entry) {
    Counted& of = counted[index.local(entry)];
    if (of.messages++ == 0) of.first = index.position(entry);
    of.last = index.position(entry);
  }
  ByteWriter out;
  out.varint(counted.size());
  for (size_t local = 0; local < counted.size(); ++local) {
    out.varint(counted[local].messages);
    out.varint(counted[local].first);
    out.varint(counted[local].last);
    out.text(index.subjects_[local].node->text());
  }
  return out.take();
}

bool SegmentIndexCodec::visit_dictionary(Slice bytes,
                                         const std::function<void(const Counted&)>& visit) {
  ByteReader in(bytes);
  const uint64_t count = in.varint();
  if (count > kSegmentEntriesMax) return false;
  for (uint64_t i = 0; i < count; ++i) {
    Counted counted;
    counted.messages = static_cast<uint32_t>(in.varint());
    counted.first = static_cast<uint32_t>(in.varint());
    counted.last = static_cast<uint32_t>(in.varint());
    counted.subject = in.text();
    if (!in.is_ok() || counted.subject.size() > UINT16_MAX || counted.last >= kSegmentSpanMax ||
        counted.first > counted.last) {
      return false;
    }
    visit(counted);
  }
  return in.is_ok() && in.left() == 0;
}

std::string SegmentIndexCodec::encode_entries(const SegmentIndex& index,
                                              const SegmentFrames& frames) {
  ByteWriter out;
  out.fixed(index.entries());
  out.fixed(index.end_offset_);
  out.fixed(static_cast<uint32_t>(index.positions_.empty() ? 0 : 1));
  out.fixed(static_cast<uint32_t>(frames.all().size()));
  for (const Frame& frame : frames.all()) {
    out.fixed(frame.offset);
    out.fixed(frame.bytes);
    out.fixed(frame.file_offset);
    out.fixed(frame.stored_bytes);
    out.fixed(uint32_t{frame.encoding});
  }
  write_array(out, index.times_);
  write_array(out, index.offsets_);
  write_array(out, index.locals_);
  write_array(out, index.positions_);
  return out.take();
}

bool SegmentIndexCodec::decode_entries(Slice bytes, size_t subjects, Segment& segment) {
  SegmentIndex& index = *segment.index;
  ByteReader in(bytes);
  const auto count = in.fixed<uint32_t>();
  index.end_offset_ = in.fixed<uint32_t>();
  const bool is_sparse = in.fixed<uint32_t>() != 0;
  const auto frames = in.fixed<uint32_t>();
  if (!in.is_ok() || count > kSegmentEntriesMax || frames > in.left() / 24) return false;
  uint64_t end = 0;
  for (uint32_t i = 0; i < frames; ++i) {
    Frame frame;
    frame.offset = in.fixed<uint32_t>();
    frame.bytes = in.fixed<uint32_t>();
    frame.file_offset = in.fixed<uint64_t>();
    frame.stored_bytes = in.fixed<uint32_t>();
    frame.encoding = static_cast<uint8_t>(in.fixed<uint32_t>());
    if (frame.offset < end || frame.bytes == 0) return false;
    end = uint64_t{frame.offset} + frame.bytes;
    segment.frames.all().push_back(std::move(frame));
  }
  read_array(in, count, index.times_);
  read_array(in, count, index.offsets_);
  read_array(in, count, index.locals_);
  if (is_sparse) read_array(in, count, index.positions_);
  if (!in.is_ok() || in.left() != 0 || index.end_offset_ > end) return false;
  if (!is_ascending(index.positions_)) return false;
  if (is_sparse && count > 0 && index.positions_.back() >= kSegmentSpanMax) return false;
  for (const uint16_t local : index.locals_) {
    if (local >= subjects) return false;
  }
  uint64_t least = 0;
  for (const uint32_t offset : index.offsets_) {
    const uint32_t place = offset & ~SegmentIndex::kHeaderBit;
    if (place < least || place >= end) return false;
    least = uint64_t{place} + 1;
  }
  return true;
}

bool SegmentIndexCodec::decode(Slice dictionary, Slice entries, SubjectTable& subjects,
                               Segment& segment) {
  segment.index = std::make_unique<SegmentIndex>();
  SegmentIndex& index = *segment.index;
  const bool is_whole = visit_dictionary(dictionary, [&](const Counted& counted) {
    index.add_subject(subjects.intern_name(counted.subject));
  });
  if (!is_whole || !decode_entries(entries, index.subjects_.size(), segment)) {
    index.release_subjects();
    segment.index = nullptr;
    segment.frames.all().clear();
    return false;
  }
  index.seal();
  for (const uint16_t local : index.locals_) ++index.subjects_[local].live;
  return true;
}

}  // namespace petrel::store

// SegmentIndexCodec: the index of a sealed segment as bytes: its dictionary, which is enough to
// count subjects when a store is opened, and its entries.
//
// Thread: pure functions on their arguments. Source: docs/formats/segment.md.
#pragma once

#include "store/segment_index.h"

#include <functional>
#include <string>

namespace petrel::store {

class SegmentIndexCodec {
 public:
  struct Counted {
    Slice subject;
    uint32_t messages = 0;
    uint32_t first = 0;  // positions
    uint32_t last = 0;
  };
  static std::string encode_dictionary(const SegmentIndex& index);
  static std::string encode_entries(const SegmentIndex& index, const SegmentFrames& frames);
  // False: damaged.
  static bool visit_dictionary(Slice bytes, const std::function<void(const Counted&)>& visit);
  // Fills the empty index and the frames; subjects are interned and referred to. False: damaged.
  static bool decode(Slice dictionary, Slice entries, SubjectTable& subjects, Segment& segment);

 private:
  static bool decode_entries(Slice bytes, size_t subjects, Segment& segment);
};

}  // namespace petrel::store

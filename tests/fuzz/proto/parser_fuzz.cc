// The parser against the reference: same operations and same error, wherever the stream is cut.
// Input: one byte of limits, one byte n, n bytes that are lengths of pieces, then the stream.
#include "fuzz/proto/parser_harness.h"
#include "fuzz/proto/reference_parser.h"

#include <cstdint>

namespace {

using petrel::Slice;
using petrel::proto::ParserLimits;
using petrel::proto::testing::Outcome;

ParserLimits limits_of(uint8_t bits) {
  ParserLimits limits;
  limits.max_control_line = (bits & 1) != 0 ? 24 : 4096;
  limits.max_payload = (bits & 2) != 0 ? 20 : 1 << 20;
  limits.headers = (bits & 4) == 0;
  limits.connect_first = (bits & 8) != 0;
  return limits;
}

void expect_same(const Outcome& outcome, const Outcome& expected) {
  PETREL_CHECK_STATE(outcome == expected,
                     (outcome.text() + "\ninstead of\n" + expected.text()).c_str());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const ParserLimits limits = limits_of(data[0]);
  const size_t pieces = std::min<size_t>(data[1], size - 2);
  const Slice stream(reinterpret_cast<const char*>(data) + 2 + pieces, size - 2 - pieces);

  const Outcome expected = petrel::proto::testing::ReferenceParser(limits).parse(stream);
  expect_same(petrel::proto::testing::parse_pieces(stream, limits, {}), expected);
  expect_same(petrel::proto::testing::parse_bytewise(stream, limits), expected);

  std::vector<size_t> cuts;
  size_t at = 0;
  for (size_t i = 0; i < pieces; ++i) {
    at += data[2 + i];
    if (at >= stream.size()) break;
    cuts.push_back(at);
  }
  expect_same(petrel::proto::testing::parse_pieces(stream, limits, cuts), expected);
  return 0;
}

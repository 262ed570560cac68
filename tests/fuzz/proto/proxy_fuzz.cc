// PROXY headers: the same answer however the bytes are cut, and no byte of the client lost.
// Input: one byte that is the length of the first piece, then the stream.
#include "petrel/base/check.h"
#include "petrel/proto/proxy_header.h"

#include <cstdint>
#include <string>

using petrel::Slice;
using petrel::proto::ProxyHeader;
using petrel::proto::ProxyResult;

namespace {

struct Answer {
  ProxyResult result = ProxyResult::kNeedMore;
  std::string source;
  std::string error;
  std::string rest;

  bool operator==(const Answer&) const = default;
};

Answer read(Slice stream, size_t first, size_t others) {
  ProxyHeader header;
  Answer answer;
  size_t at = 0;
  for (size_t piece = first; at < stream.size() && answer.result == ProxyResult::kNeedMore;
       piece = others) {
    const Slice bytes = stream.substr(at, piece);
    Slice input = bytes;
    answer.result = header.take(input);
    at += bytes.size() - input.size();
    PETREL_CHECK(answer.result != ProxyResult::kNeedMore || input.empty());
  }
  if (answer.result == ProxyResult::kAddress) {
    answer.source = header.source_ip() + " " + std::to_string(header.source_port());
    PETREL_CHECK(!header.source_ip().empty());
  }
  answer.error = header.error_text();
  PETREL_CHECK(answer.error.empty() == (answer.result != ProxyResult::kError));
  if (answer.result == ProxyResult::kNone) answer.rest = header.replay();
  if (answer.result != ProxyResult::kError) answer.rest += stream.substr(at);
  return answer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Slice stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Answer whole = read(stream, stream.size(), 1);
  PETREL_CHECK(read(stream, 1, 1) == whole);
  PETREL_CHECK(read(stream, size_t{data[0]} + 1, stream.size() + 1) == whole);
  if (whole.result == ProxyResult::kNone) PETREL_CHECK(whole.rest == stream);
  return 0;
}

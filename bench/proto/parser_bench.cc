// Cost of one PUB or HPUB in the parser, frames whole in one 256 KB block as the loop reads them.
#include "petrel/proto/parser.h"

#include <benchmark/benchmark.h>

#include <cstring>
#include <string>

namespace {

using petrel::BlockRef;
using petrel::Slice;
using petrel::proto::Op;
using petrel::proto::Parser;
using petrel::proto::ParseResult;
using petrel::proto::ParserLimits;

constexpr uint32_t kBlockBytes = 256 * 1024;

struct Stream {
  BlockRef block;
  size_t bytes = 0;
  int64_t frames = 0;
};

// Fills a block with frames; `line` gives the control line of the nth.
template <typename Line>
Stream make_stream(size_t message_bytes, Line line) {
  Stream stream{BlockRef::allocate(kBlockBytes)};
  const std::string message(message_bytes, 'x');
  for (size_t n = 0;; ++n) {
    const std::string frame = line(n) + "\r\n" + message + "\r\n";
    if (stream.bytes + frame.size() > kBlockBytes) return stream;
    std::memcpy(stream.block->bytes() + stream.bytes, frame.data(), frame.size());
    stream.bytes += frame.size();
    ++stream.frames;
  }
}

void run(benchmark::State& state, const Stream& stream) {
  Parser parser(ParserLimits{});
  Op op;
  uint64_t checksum = 0;
  for (auto _ : state) {
    Slice input(stream.block->bytes(), stream.bytes);
    while (parser.next(stream.block, input, op) == ParseResult::kOp) {
      checksum += op.subject.size() + op.message.size() + op.tail.size();
    }
  }
  benchmark::DoNotOptimize(checksum);
  state.counters["per_op"] = benchmark::Counter(
      static_cast<double>(stream.frames) * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

std::string size_text(const benchmark::State& state) {
  return std::to_string(state.range(0));
}

void BM_SameSubject(benchmark::State& state) {
  run(state, make_stream(static_cast<size_t>(state.range(0)),
                         [&](size_t) { return "PUB orders.eu.new " + size_text(state); }));
}
BENCHMARK(BM_SameSubject)->Arg(16)->Arg(128)->Arg(1024)->Arg(16384);

void BM_ThousandSubjects(benchmark::State& state) {
  run(state, make_stream(static_cast<size_t>(state.range(0)), [&](size_t n) {
        return "PUB orders.eu." + std::to_string(1000 + n * 7919 % 1000) + " " + size_text(state);
      }));
}
BENCHMARK(BM_ThousandSubjects)->Arg(16)->Arg(128);

void BM_SubjectsAndSizesVary(benchmark::State& state) {
  run(state, make_stream(static_cast<size_t>(state.range(0)), [&](size_t n) {
        return "PUB orders." + std::string(n * 7919 % 13, 'e') + ".new " + size_text(state);
      }));
}
BENCHMARK(BM_SubjectsAndSizesVary)->Arg(128);

void BM_RequestWithUniqueReply(benchmark::State& state) {
  run(state, make_stream(static_cast<size_t>(state.range(0)), [&](size_t n) {
        return "PUB svc.echo _INBOX.AbCdEfGhIjKlMnOpQrStUv." + std::to_string(10000000 + n) + " " +
               size_text(state);
      }));
}
BENCHMARK(BM_RequestWithUniqueReply)->Arg(16)->Arg(128);

void BM_Headers(benchmark::State& state) {
  run(state, make_stream(static_cast<size_t>(state.range(0)),
                         [&](size_t) { return "HPUB orders.eu.new 12 " + size_text(state); }));
}
BENCHMARK(BM_Headers)->Arg(128);

void BM_Subscriptions(benchmark::State& state) {
  Stream stream{BlockRef::allocate(kBlockBytes)};
  for (;; ++stream.frames) {
    const std::string frame =
        "SUB orders.eu.new " + std::to_string(100000 + stream.frames) + "\r\n";
    if (stream.bytes + frame.size() > kBlockBytes) break;
    std::memcpy(stream.block->bytes() + stream.bytes, frame.data(), frame.size());
    stream.bytes += frame.size();
  }
  run(state, stream);
}
BENCHMARK(BM_Subscriptions);

}  // namespace

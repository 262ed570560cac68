// Frames of Raft messages: the body is sealed with a right checksum, so that the fuzzer reaches the
// fields; what decodes must encode to what decodes to the same, and a replica survives all of it.
#include "raft/checksum.h"

#include "petrel/raft/raft_node.h"
#include "petrel/raft/wire.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

using namespace petrel::raft;
using petrel::BlockRef;
using petrel::Result;
using petrel::Slice;

std::string sealed(Slice body) {
  std::string frame("PTRL\1\0\0\0", 8);
  const auto put = [&](uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8) frame.push_back(static_cast<char>(value >> shift));
  };
  put(static_cast<uint32_t>(body.size()));
  put(crc32c(body, crc32c(frame)));
  return frame.append(body);
}

void feed_replica(Frame& frame) {
  static const RaftOptions options;
  const std::array<NodeId, 3> voters = {1, 2, 3};
  Restart restart;
  restart.group = 1;
  restart.self = 1;
  restart.base.membership = Membership::of_voters(voters);
  RaftNode node(options, std::move(restart));
  for (Message& message : frame.messages) {
    message.group = 1;
    message.from = 2 + message.from % 2;
    message.to = 1;
    node.step(std::move(message));
    while (node.has_ready()) {
      Ready ready = node.take_ready();
      if (ready.needs_write()) node.on_appended(ready.sequence);
      if (!ready.apply.is_empty()) node.on_applied(ready.apply.last);
      if (ready.store_chunk != nullptr) {
        const SnapshotChunk& chunk = *ready.store_chunk;
        node.on_snapshot_stored(chunk.meta.id, chunk.offset + chunk.bytes.size());
        if (chunk.last) node.on_snapshot_installed(chunk.meta.id);
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Slice input(reinterpret_cast<const char*>(data), size);
  if (decode_frame(BlockRef(), input)) return 0;  // a frame as it is: nothing more to learn
  Result<Frame> frame = decode_frame(BlockRef(), sealed(input));
  if (!frame) return 0;
  const std::string again = encode_frame(frame->messages, frame->info);
  Result<Frame> second = decode_frame(BlockRef(), again);
  if (!second || second->messages.size() != frame->messages.size()) std::abort();
  if (encode_frame(second->messages, second->info) != again) std::abort();
  feed_replica(*frame);
  return 0;
}

// What clients and damaged files hand to a consumer: ack subjects, pull requests, entries and
// snapshots of its state. The first byte says which.
#include "jetstream/consumer_ack_subject.h"
#include "jetstream/consumer_log.h"
#include "jetstream/consumer_state.h"

#include "petrel/base/check.h"
#include "petrel/jetstream/api_requests.h"

#include <cstddef>
#include <cstdint>

namespace {

using namespace petrel;
using namespace petrel::jetstream;

void read_ack(Slice bytes) {
  const AckSubject ack = parse_ack_subject(bytes);
  for (std::string again : {"$JS.ACK.S.C.", "$JS.ACK._.A.S.C."}) {
    append_ack_numbers(again, ack);
    const AckSubject back = parse_ack_subject(again);
    PETREL_CHECK(back.stream_sequence == ack.stream_sequence);
    PETREL_CHECK(back.consumer_sequence == ack.consumer_sequence);
    PETREL_CHECK(back.deliveries == ack.deliveries);
  }
}

void read_state(Slice bytes) {
  ConsumerState state;
  if (!state.decode(bytes)) return;
  std::string first;
  state.encode(first);
  ConsumerState again;
  PETREL_CHECK(again.decode(first).is_ok());
  std::string second;
  again.encode(second);
  PETREL_CHECK(first == second);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Slice bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      read_ack(bytes);
      break;
    case 1:
      static_cast<void>(parse_pull(bytes).is_ok());
      break;
    case 2:
      read_state(bytes);
      break;
    default: {
      ConsumerState state;
      state.begin(1);
      // A range of an entry may hold millions: the state would grow, which is not looked for here.
      state.set_operation(UINT64_MAX);
      const ConsumerEntryEffects effects{.on_settled = [](uint64_t) {},
                                         .on_settled_up_to = [](uint64_t) {}};
      static_cast<void>(apply_consumer_entry(bytes, state, effects).is_ok());
    }
  }
  return 0;
}

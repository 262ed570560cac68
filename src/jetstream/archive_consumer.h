// A consumer as archives hold it: JSON of version 2, state file (o.dat) of version 1.
// Thread: pure functions, any thread. Source: spec storage-format.md sections 4 and 6.
#pragma once

#include "petrel/base/result.h"
#include "petrel/jetstream/archive.h"

#include <string>

namespace petrel::jetstream {

std::string archived_consumer_json(const ArchivedConsumer& consumer);
// Fills in all but the name.
Status read_archived_consumer(Slice json, ArchivedConsumer& consumer);

// Fills in delivered, floors, pending and redelivered.
Status read_consumer_state_file(Slice bytes, ArchivedConsumer& consumer);

}  // namespace petrel::jetstream

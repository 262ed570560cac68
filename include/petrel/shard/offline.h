// What of a stream that was stored needs a higher API level than this server has: it is kept as it
// is and served by nobody, its requests are told why.
//
// Thread: values, any thread. Source: spec api.md section 2 (offline assets).
#pragma once

#include "petrel/jetstream/stream.h"

#include <map>
#include <string>

namespace petrel::shard {

struct Offline {
  std::string reason;                            // empty: the stream is served
  std::map<std::string, std::string> consumers;  // that cannot be served, and why
};

Offline offline_of(const jetstream::Stream& stream);

}  // namespace petrel::shard

// Whether a request to an exported service is measured, and the headers that say so.
// Thread: pure functions. Source: spec protocol.md section 12.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/prng.h"
#include "petrel/conf/options_accounts.h"

#include <string>

namespace petrel::router {

struct Sample {
  bool is_taken = false;
  std::string header_json = {};  // {"X-B3-Sampled":["1"]}; "": not because of headers
};

Sample sample_request(const conf::LatencyOptions& latency, Slice header_block, Prng& prng);

}  // namespace petrel::router

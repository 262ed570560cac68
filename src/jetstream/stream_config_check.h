// Parts of the check of a stream's configuration that several files share.
// Thread: pure functions, any thread. Source: spec streams.md section 1, api.md section 5.
#pragma once

#include "petrel/jetstream/stream_config.h"

#include <cstddef>

// PETREL_REFUSE(status): returns the ApiStatus if it holds an error.
#define PETREL_REFUSE(expr)                                       \
  do {                                                            \
    if (ApiStatus petrel_refused = (expr)) return petrel_refused; \
  } while (false)

namespace petrel::jetstream {

ApiError invalid_config(Slice text);  // 10052
ApiError pedantic_error(Slice text);  // 10157
size_t metadata_bytes(const Metadata& metadata);

ApiStatus check_discard_new_per_subject(const StreamConfig& config);

// Mirror, sources, prefixes of other domains, cycles; a mirror takes mirror_direct of its origin.
ApiStatus check_origins(StreamConfig& config, const StreamCheckContext& context);

}  // namespace petrel::jetstream

#include "jetstream/sourcing.h"

#include "jetstream/stream_core.h"

namespace petrel::jetstream {

const std::string& Sourcing::answering_name() const {
  return core_.config.name;
}

}  // namespace petrel::jetstream

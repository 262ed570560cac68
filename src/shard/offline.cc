#include "petrel/shard/offline.h"

#include "petrel/jetstream/consumer.h"

namespace petrel::shard {

Offline offline_of(const jetstream::Stream& stream) {
  Offline offline;
  offline.reason = jetstream::unsupported_level(stream.config().metadata);
  for (const jetstream::Consumer* consumer : stream.consumers()) {
    std::string reason = jetstream::unsupported_level(consumer->config().metadata);
    if (reason.empty()) continue;
    // What one consumer needs of its stream is not known: the whole stream stops.
    if (offline.reason.empty()) {
      offline.reason = "stopped - unsupported consumer \"" + consumer->name() + "\"";
    }
    offline.consumers.emplace(consumer->name(), std::move(reason));
  }
  return offline;
}

}  // namespace petrel::shard

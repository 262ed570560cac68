// Admission: what a request to create or update a stream or consumer comes to, with every check in
// nats-server's order, from the parsed body to the configuration that is stored.
//
// Thread: pure functions, any thread. The context's streams (consumers) are all that exist.
// Source: spec api.md section 3 (order of checks), streams.md and consumers.md section 1.
#pragma once

#include "petrel/jetstream/api_requests.h"
#include "petrel/jetstream/consumer_config.h"
#include "petrel/jetstream/stream_config.h"

#include <string>
#include <utility>
#include <vector>

namespace petrel::jetstream {

struct StreamAdmission {
  StreamConfig config = {};  // what is to be stored
  bool is_repeat = false;    // create: it exists just like this
};

ApiResult<StreamAdmission> admit_stream_create(Slice stream, const StreamConfigRequest& request,
                                               const StreamCheckContext& context,
                                               const StreamReservations& reserved);

// The configuration that a restore comes with, with its defaults. Not here: subjects of others.
ApiResult<StreamConfig> admit_restore(Slice stream, const StreamConfig& wanted,
                                      const StreamCheckContext& context,
                                      const StreamReservations& reserved);
// What is known only at the end of it.
ApiStatus check_restored_overlap(const StreamConfig& config,
                                 const std::vector<const StreamConfig*>& others);

ApiResult<StreamAdmission> admit_stream_update(Slice stream, const StreamConfigRequest& request,
                                               const StreamCheckContext& context,
                                               const StreamReservations& reserved);
// The part of an update that the stream's home loop knows: consumers whose own limits lie above
// the new limits of the stream refuse it.
ApiStatus check_consumers_fit(const StreamConfig& current, const StreamConfig& next,
                              const std::vector<const ConsumerConfig*>& consumers);

// Joins what the subject of a create request says to its body: the name, which may stay empty for
// a legacy ephemeral one.
ApiStatus join_consumer_subject(const ApiSubject& subject, ConsumerCreateRequest& request);

struct ConsumerAdmission {
  ConsumerConfig config = {};  // what is to be stored; a name may still have to be made
  ConsumerOutcome outcome = ConsumerOutcome::kCreate;
};

// `request` is joined with its subject, `stream` exists. Not here: interest in a deliver subject
// that an update leaves (10013).
ApiResult<ConsumerAdmission> admit_consumer(const ConsumerCreateRequest& request,
                                            const StreamConfig& stream,
                                            const ConsumerCheckContext& context);

}  // namespace petrel::jetstream

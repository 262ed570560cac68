// Answers CONSUMER.* requests on the home loop of their stream.
// Thread: the stream's home loop. Source: spec api.md section 3, consumers.md.
#pragma once

#include "petrel/jetstream/stream_requests.h"

namespace petrel::jetstream {

void answer_consumer_request(Stream& stream, const ApiSubject& subject, const ApiRequest& request,
                             const RequestContext& context, Respond respond);

}  // namespace petrel::jetstream

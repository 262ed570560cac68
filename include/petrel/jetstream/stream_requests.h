// Answers requests of the API that concern one stream, on its home loop, each behind the commit of
// what it depends on. StreamDirectory has decided before that the stream exists.
//
// Owner: the JetStream service of a loop. Thread: the stream's home loop; `respond` is called from
// Stream::run or inside the call.
// Source: spec api.md sections 2 and 3.
#pragma once

#include "petrel/jetstream/api_requests.h"
#include "petrel/jetstream/stream.h"
#include "petrel/jetstream/stream_config.h"
#include "petrel/router/receiver.h"

#include <functional>
#include <string>

namespace petrel::jetstream {

struct ApiRequest {
  std::string subject;  // "$JS.API....", without a domain
  std::string reply;
  std::string header;
  std::string body;
  router::ConnectionHandle client{~0U, 0, 0};  // that asked; ~0: not known
};

struct RequestContext {
  ConfigLimits limits = {};
  bool strict = true;
  std::string server_name = {};
  std::string domain = {};
  WallTime now = {};
  std::vector<StreamAlternate> alternates = {};  // of the stream that is asked about
};

// Empty: no answer is sent. A header block may stand before the JSON.
using Respond = std::function<void(std::string json)>;

void answer_stream_request(Stream& stream, const ApiRequest& request, const RequestContext& context,
                           Respond respond);

// What STREAM.INFO, STREAM.LIST and the answers to create and update tell.
StreamInfoView stream_info(const Stream& stream, const RequestContext& context);

}  // namespace petrel::jetstream

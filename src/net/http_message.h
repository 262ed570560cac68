// The bytes of HTTP answers, in the form that Go's net/http gives them. Pure. Thread: any.
#pragma once

#include "petrel/net/http_server.h"

#include <ctime>
#include <string>
#include <string_view>

namespace petrel::net {

struct HttpFraming {
  unsigned version = 11;
  bool is_head = false;
  bool keep_alive = true;
  std::time_t now = 0;
};

// The answer as it goes over the wire.
std::string serialize_response(HttpResponse response, const HttpFraming& framing);

// What a request that could not be understood gets; the connection ends after it. `reason` follows
// the status text: `400 Bad Request: missing required Host header`.
std::string serialize_refusal(unsigned status, std::string_view reason);

// Go's redirect of a path that was not clean.
HttpResponse http_redirect(std::string_view method, const std::string& location);

std::string_view http_status_text(unsigned status);

}  // namespace petrel::net

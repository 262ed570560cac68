// One HTTP GET, over TLS or not. Blocks: worker threads only.
//
// Limits: `timeout` for all of it, 1 MiB of body. Errors: what went wrong, as text.
#pragma once

#include "petrel/base/result.h"
#include "petrel/base/time.h"

#include <string>

namespace petrel::net {

struct HttpAnswer {
  unsigned status = 0;
  std::string reason = {};
  std::string body = {};
};

struct FetchOptions {
  Duration timeout = Duration::seconds(2);
  std::string ca_file = {};  // https: whom to trust, "": the system's
};

Result<HttpAnswer> http_fetch(const std::string& url, const FetchOptions& options);

}  // namespace petrel::net

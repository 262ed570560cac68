// "host:port" split as Go's net.SplitHostPort does.
// Thread: any.
#pragma once

#include "petrel/base/result.h"

#include <string>
#include <string_view>

namespace petrel::conf {

struct HostPort {
  std::string host;  // without the brackets of an IPv6 address
  std::string port;
};

// Error::detail: address X: missing port in address.
Result<HostPort> split_host_port(std::string_view text);

}  // namespace petrel::conf

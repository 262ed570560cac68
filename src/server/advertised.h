// The address that clients are told (client_advertise): "host" or "host:port".
// Thread: pure function.
#pragma once

#include "petrel/base/result.h"

#include <cstdint>
#include <string>

namespace petrel::server {

struct AdvertisedAddress {
  std::string host = {};
  uint16_t port = 0;
};

// Without a port, or with 0 or -1, it is `default_port`. Errors: Go's texts.
Result<AdvertisedAddress> parse_advertised(const std::string& text, uint16_t default_port);

}  // namespace petrel::server

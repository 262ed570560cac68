// Networks that a user may come from, as in a JWT's "src".
// Thread: pure functions, any thread. Source: Go net.ParseCIDR documentation.
#pragma once

#include "petrel/base/block.h"

#include <string>
#include <vector>

namespace petrel::auth {

// "192.0.2.0/24" or "2001:db8::/32".
bool is_network(Slice text);
// Whether `ip` lies in one of them. No networks: everything does. An address that is none lies
// nowhere.
bool is_from_networks(Slice ip, const std::vector<std::string>& networks);

}  // namespace petrel::auth

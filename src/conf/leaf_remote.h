// What a remote of leafnodes { } is called, and which combinations of its options make no sense.
// Thread: control. Source: spec config.md 3.3.
#pragma once

#include "petrel/conf/options_cluster.h"

#include <string>

namespace petrel::conf {

// urls=[..], account=".." and what it authenticates with; `redacted` hides secrets.
std::string leaf_remote_name(const LeafRemote& remote, bool redacted);

// "" if the proxy makes sense.
std::string leaf_proxy_problem(const LeafRemote& remote);

}  // namespace petrel::conf

// Reads mappings { }, of $G or of an account.
// Thread: control. Source: spec config.md 7.
#pragma once

#include "conf/reader.h"

#include <vector>

namespace petrel::conf {

void read_mappings(Context& context, const Node& node, std::vector<MappingOptions>& out);

}  // namespace petrel::conf

// Reads a configuration tree into Options.
// Thread: control. Source: spec config.md 2.
#pragma once

#include "conf/reader.h"

#include <string>

namespace petrel::conf {

// `options` may already hold what the command line said; the file goes over it. `path` stands in
// the warning about an empty file.
void read_options(const ConfigTree& tree, const std::string& path, const Sources& sources,
                  Options& options, Report& report);

// The names of every top-level option, aliases behind "|".
std::vector<std::string_view> option_names();

}  // namespace petrel::conf

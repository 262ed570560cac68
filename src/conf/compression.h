// Compression modes of routes and leaf nodes: aliases, and the thresholds of s2_auto.
// Thread: control. Source: spec config.md 3.1.
#pragma once

#include "petrel/base/result.h"
#include "petrel/conf/options_cluster.h"

#include <string_view>

namespace petrel::conf {

// Replaces aliases by the mode they stand for and fills in the thresholds.
Status normalise_compression(CompressionOptions& compression, std::string_view mode_for_on);

}  // namespace petrel::conf

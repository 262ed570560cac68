// Small files that are read as one and replaced as one.
// Thread: none of a loop; both block.
#pragma once

#include "petrel/base/result.h"

#include <cstddef>
#include <optional>
#include <string>

namespace petrel::server {

// Nothing: it is not there, cannot be read, or has more than `bytes_max`.
std::optional<std::string> read_whole_file(const std::string& path, size_t bytes_max);
// By a synced draft beside it (`path`.new): after a crash the old or the new file stands there.
// Errors: what failed, and on which file.
Status replace_whole_file(const std::string& path, const std::string& bytes);

}  // namespace petrel::server

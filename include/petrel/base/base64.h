// Base64 with the standard letters and padding, as Go's encoding/json writes bytes.
// Thread: pure functions, any thread. Source: RFC 4648 section 4.
#pragma once

#include "petrel/base/block.h"

#include <string>

namespace petrel {

std::string base64(Slice bytes);

}  // namespace petrel

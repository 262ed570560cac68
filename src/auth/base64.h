// base64 as Go's encoding/base64 reads and writes it: line breaks are skipped, bits that are left
// over are not looked at.
// Thread: pure functions, any thread.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/result.h"

#include <string>

namespace petrel::auth {

// The alphabet for URLs, without padding. Errors: `illegal base64 data at input byte N`.
Result<std::string> decode_base64_url(Slice text);
// The usual alphabet, padded.
Result<std::string> decode_base64(Slice text);
std::string encode_base64_url(Slice bytes);

}  // namespace petrel::auth

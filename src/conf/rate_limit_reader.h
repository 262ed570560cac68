// Reads rate_limit { messages, bytes, burst }: how fast the clients of an account may publish.
// Thread: control. Errors: a negative or senseless value is refused.
#pragma once

#include "conf/reader.h"

namespace petrel::conf {

Step read_rate_limit(Context& context, const Field& field, RateLimit& out);

}  // namespace petrel::conf

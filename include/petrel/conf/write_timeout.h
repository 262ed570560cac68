// What a server does with a connection whose write deadline passed.
// Thread: values, any thread.
#pragma once

#include <cstdint>

namespace petrel::conf {

enum class WriteTimeoutPolicy : uint8_t { kDefault, kClose, kRetry };

}  // namespace petrel::conf

// Text quoted as Go's %q and strconv.Quote do it, for log lines and -ERR texts that match
// nats-server's. Thread: pure functions, any thread.
// Source: Go strconv documentation; printable characters as of Go 1.26 (Unicode 15).
#pragma once

#include "petrel/base/block.h"

#include <string>

namespace petrel {

// `text` in double quotes; unprintable characters and wrong UTF-8 as escapes.
std::string go_quote(Slice text);
void append_go_quote(std::string& out, Slice text);

}  // namespace petrel

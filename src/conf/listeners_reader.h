// Reads websocket { } and mqtt { }.
// Thread: control. Source: spec config.md 3.4 and 3.5.
#pragma once

#include "conf/reader.h"

namespace petrel::conf {

Step read_websocket(Context& context, Options& options, const Field& field);
Step read_mqtt(Context& context, Options& options, const Field& field);

}  // namespace petrel::conf

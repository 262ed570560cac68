// Reads jetstream { } and store_dir.
// Thread: control. Source: spec config.md 3.6.
#pragma once

#include "conf/reader.h"

namespace petrel::conf {

Step read_jetstream(Context& context, Options& options, const Field& field);
Step read_store_dir(Context& context, Options& options, const Field& field);

}  // namespace petrel::conf

// Reads petrel { }: the options that nats-server does not have.
// Thread: control.
#pragma once

#include "conf/reader.h"

namespace petrel::conf {

Step read_petrel(Context& context, Options& options, const Field& field);

}  // namespace petrel::conf

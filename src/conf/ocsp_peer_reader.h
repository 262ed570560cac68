// Reads ocsp_peer of a tls { } block.
// Thread: control. Source: spec config.md 4.
#pragma once

#include "conf/reader.h"

#include <optional>

namespace petrel::conf {

Step read_ocsp_peer(Context& context, const Field& field, std::optional<OcspPeerOptions>& out);

}  // namespace petrel::conf

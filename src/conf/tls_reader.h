// Reads tls { }, ocsp and ocsp_cache.
// Thread: control. Source: spec config.md 4.
#pragma once

#include "conf/reader.h"

#include <optional>

namespace petrel::conf {

// Listeners of clients and leaf nodes do not know the addresses of who connects.
enum class TlsUse : uint8_t { kClients, kServers };

// Reads and checks the block and its files; `out` is set only when all is well. Errors are
// reported, the caller goes on.
void read_tls(Context& context, const Node& node, TlsUse use, std::optional<TlsOptions>& out);

Step read_ocsp(Context& context, Options& options, const Field& field);
Step read_ocsp_cache(Context& context, Options& options, const Field& field);

}  // namespace petrel::conf

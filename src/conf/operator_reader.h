// Reads the options of operator mode, and trusted proxies.
// Thread: control. Source: spec config.md 2 and 8.
#pragma once

#include "conf/reader.h"

namespace petrel::conf {

Step read_operators(Context& context, Options& options, const Field& field);
Step read_trusted_keys(Context& context, Options& options, const Field& field);
Step read_resolver(Context& context, Options& options, const Field& field);
Step read_resolver_tls(Context& context, Options& options, const Field& field);
Step read_resolver_preload(Context& context, Options& options, const Field& field);
Step read_resolver_pinned(Context& context, Options& options, const Field& field);
Step read_proxies(Context& context, Options& options, const Field& field);

}  // namespace petrel::conf

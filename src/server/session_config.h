// From the options of the whole server to what sessions obey.
#pragma once

#include "server/identity.h"

#include "petrel/conf/options.h"
#include "petrel/session/session_host.h"

#include <memory>

namespace petrel::server {

// `port` is the real one when options say -1.
Result<std::shared_ptr<const session::SessionConfig>> make_session_config(
    const conf::Options& options, const Identity& identity, uint16_t port);

}  // namespace petrel::server

// Checks the files that a tls { } block names: certificates parse, keys fit them.
// Thread: control. Errors: Error::detail is nats-server's text.
#pragma once

#include "petrel/base/result.h"
#include "petrel/conf/options_tls.h"
#include "petrel/conf/sources.h"

namespace petrel::conf {

Status check_tls_files(const TlsOptions& tls, const FileReader& files);

}  // namespace petrel::conf

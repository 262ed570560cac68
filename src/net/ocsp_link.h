// Makes an OcspLink from OpenSSL's certificates. Thread: any.
#pragma once

#include "net/openssl_types.h"

#include "petrel/net/ocsp.h"

namespace petrel::net {

OcspLink link_of(X509* certificate, X509* issuer);

}  // namespace petrel::net

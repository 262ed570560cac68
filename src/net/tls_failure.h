// Why a TLS connection failed, in the words of Go's crypto/tls.
#pragma once

#include "net/openssl_types.h"

#include <string>

namespace petrel::net {

// The text of the first queued error of OpenSSL; empties the queue.
std::string tls_failure_text();
// Why a certificate of the peer was refused, and which.
std::string verify_failure_text(int error, const X509* certificate);

}  // namespace petrel::net

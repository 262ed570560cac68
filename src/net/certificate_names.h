// The names and fingerprints in a certificate, spelled as Go's crypto/x509 does.
// Thread: any. Source: spec auth.md section 2.
#pragma once

#include "net/openssl_types.h"

#include "petrel/base/tls_peer.h"

namespace petrel::net {

CertificateIdentity identity_of(const X509* certificate);
// Subject as Go prints a pkix.Name, SHA-256 of the public key and of the whole.
TlsCertificate describe(const X509* certificate);

}  // namespace petrel::net

// TlsPeer: what a finished TLS handshake says of the other side: version, cipher suite, and the
// names and fingerprints in its certificates.
//
// Thread: values, any thread. Source: spec auth.md section 2, monitoring.md section 4.2.
#pragma once

#include <string>
#include <vector>

namespace petrel {

struct NameAttribute {
  std::string type;  // "CN"
  std::string value;
  friend bool operator==(const NameAttribute&, const NameAttribute&) = default;
};
using RelativeName = std::vector<NameAttribute>;

// The names that a user may be found by.
struct CertificateIdentity {
  std::vector<std::string> emails = {};
  std::vector<std::string> dns_names = {};
  std::vector<std::string> uris = {};
  // The subject, last name first as RFC 4514 writes it; empty if it has a name of an unknown kind.
  std::vector<RelativeName> subject = {};
  // The subject's usual names in Go's fixed order ("CN=x,OU=y,O=z"), and its domain components.
  std::string subject_text = {};
  std::string domain_components = {};  // "DC=example,DC=com"
};

struct TlsCertificate {
  std::string subject = {};
  std::string spki_sha256 = {};  // lower-case hex
  std::string cert_sha256 = {};
};

struct TlsPeer {
  std::string version = {};                       // "1.2" or "1.3"
  std::string cipher_suite = {};                  // IANA name
  std::vector<TlsCertificate> certificates = {};  // the peer's own first
  CertificateIdentity identity = {};              // of the first certificate
  // PEM of the chain that was verified, from the peer's own to its root, if the context keeps them.
  std::vector<std::string> verified_chain = {};
};

}  // namespace petrel

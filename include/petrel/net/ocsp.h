// OCSP: what a certificate authority says of a certificate: one of ours, to be shown in handshakes,
// or one of a peer's chain.
//
// Owner: server. Thread: any; fetch_ocsp and ask_responders block, so none of a loop.
// Limits: kOcspTimeout per responder of ours, kOcspBytesMax of an answer.
// Errors: Error::detail says which responder failed and how. Source: spec auth.md section 7.1.
#pragma once

#include "petrel/base/result.h"
#include "petrel/base/time.h"
#include "petrel/net/tls_context.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace petrel::net {

inline constexpr Duration kOcspTimeout = Duration::seconds(10);
inline constexpr size_t kOcspBytesMax = 64 * 1024;

struct OcspAnswer {
  enum class Status : uint8_t { kGood, kRevoked, kUnknown };
  Status status = Status::kUnknown;
  std::string der = {};
  WallTime this_update = {};
  std::optional<WallTime> next_update = {};
};
const char* ocsp_status_text(OcspAnswer::Status status);

// The certificate asks that an answer be shown with it (TLS feature status_request).
bool must_staple(const TlsIdentity& identity);
// SHA-256 of the first certificate in lower-case hex: the name of its stored answer. "": none.
std::string certificate_digest(const TlsIdentity& identity);
// Checks that the answer is about the first certificate, signed by its issuer (from the identity's
// own chain, else from `cas`) or whom the issuer delegated, and in force.
Result<OcspAnswer> read_ocsp(const TlsIdentity& identity, const std::string& cas,
                             const std::string& der);
// Asks `urls` in turn, or those in the certificate if there are none.
Result<OcspAnswer> fetch_ocsp(const TlsIdentity& identity, const std::string& cas,
                              const std::vector<std::string>& urls);

// A certificate of a peer's verified chain, and the one that issued it.
struct OcspLink {
  std::string certificate = {};              // DER
  std::string issuer = {};                   // DER
  std::vector<std::string> responders = {};  // http and https ones that it names
  std::string subject = {};
  std::string issuer_name = {};
  std::string fingerprint = {};  // SHA-256 of the certificate in base64
};

// Signature and subject are checked as by the other read_ocsp; whether the answer is in force is
// for the caller to say.
Result<OcspAnswer> read_ocsp(const OcspLink& link, const std::string& der);
// Asks the link's responders in turn, `timeout` each.
Result<std::string> ask_responders(const OcspLink& link, Duration timeout);

}  // namespace petrel::net

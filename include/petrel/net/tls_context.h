// TlsContext: the server's side of TLS as configured: certificates, client CAs, versions, suites.
// Immutable; a reload, or a new OCSP staple, makes another one and open connections keep theirs.
//
// Owner: shared. Thread: any. Errors: Error::detail names what OpenSSL or the settings lack.
// Limits: no session tickets, no renegotiation, no compression; the certificates that a client
// sends take at most kPeerCertificatesMax bytes.
// Source: spec config.md section 4.
#pragma once

#include "petrel/base/result.h"
#include "petrel/base/time.h"

#include <memory>
#include <string>
#include <vector>

struct ssl_ctx_st;
struct ssl_st;

namespace petrel::net {

struct TlsIdentity {
  std::string certificates = {};  // PEM, the server's own first, then its issuers
  std::string key = {};           // PEM
  std::string staple = {};        // DER of an OCSP response to show with it; empty: none
};

struct TlsSettings {
  std::vector<TlsIdentity> identities = {};     // chosen by the name that the client asks for
  bool verify_peer = false;                     // a client certificate is required
  std::string client_cas = {};                  // PEM; empty: those of the system
  std::vector<std::string> cipher_suites = {};  // IANA names, of TLS 1.2; empty: all secure ones
  std::vector<std::string> curves = {};         // as in the configuration; empty: OpenSSL's order
  bool needs_tls13 = false;
  bool keeps_certificates = false;  // TlsPeer::verified_chain is filled
  bool asks_responders = false;     // verified clients are held until on_tls_check is answered
};

class TlsContext {
 public:
  static constexpr long kPeerCertificatesMax = 32 * 1024;

  static Result<std::shared_ptr<const TlsContext>> create(const TlsSettings& settings);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // The state of a new connection, to be freed by its owner.
  ssl_st* open() const;
  // For libraries that make their own connections. Valid as long as this.
  ssl_ctx_st* native() const { return context_; }
  // The end of the first certificate's validity.
  WallTime not_after() const { return not_after_; }
  bool keeps_certificates() const { return keeps_certificates_; }
  bool asks_responders() const { return asks_responders_; }
  // Suites and curves of the settings that this OpenSSL does not know; the rest is used.
  const std::vector<std::string>& left_out() const { return left_out_; }

 private:
  struct Identities;
  TlsContext();
  Status apply(const TlsSettings& settings);
  Status add_identities(const std::vector<TlsIdentity>& identities);
  Status set_client_cas(const std::string& pem);
  Status set_suites(const std::vector<std::string>& names);
  Status set_curves(const std::vector<std::string>& names);

  ssl_ctx_st* context_ = nullptr;
  std::unique_ptr<Identities> identities_;  // OpenSSL's callbacks hold its address
  WallTime not_after_ = {};
  bool keeps_certificates_ = false;
  bool asks_responders_ = false;
  std::vector<std::string> left_out_;
};

}  // namespace petrel::net

#include "petrel/net/tls_context.h"

#include "net/openssl_types.h"

#include "petrel/base/check.h"

#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>

namespace petrel::net {

namespace {

struct CurveName {
  std::string_view configured;
  const char* openssl;
};
constexpr std::array<CurveName, 7> kCurves = {{{"X25519MLKEM768", "X25519MLKEM768"},
                                               {"SecP384r1MLKEM1024", "SecP384r1MLKEM1024"},
                                               {"SecP256r1MLKEM768", "SecP256r1MLKEM768"},
                                               {"X25519", "X25519"},
                                               {"CurveP256", "P-256"},
                                               {"CurveP384", "P-384"},
                                               {"CurveP521", "P-521"}}};
// What nats-server offers without cipher_suites, fastest first.
constexpr const char* kSecureSuites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA";
constexpr const char* kTls13Suites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
// As Go: RSA keys of 1024 bits and more.
constexpr int kSecurityLevel = 1;

Owned<BIO> reader_of(const std::string& text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Error tls_error(const std::string& what) {
  return {Errc::kInvalidArgument, what + ": " + openssl_error()};
}

WallTime end_of(const X509* certificate) {
  std::tm time{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) return {};
  return {int64_t{timegm(&time)} * 1'000'000'000};
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ":") + name;
  return out;
}

}  // namespace

struct TlsContext::Identities {
  struct One {
    Owned<X509> certificate;
    Owned<EVP_PKEY> key;
    Owned<STACK_OF(X509)> chain;
    std::string staple;
  };
  std::vector<One> all;

  // The first certificate that has the name which the client asked for and a key that it can
  // verify; the first of all if there is none.
  static int choose(SSL* ssl, void* self) {
    const auto& all = static_cast<Identities*>(self)->all;
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    const One* chosen = &all.front();
    for (const One& one : all) {
      if (name != nullptr && X509_check_host(one.certificate.get(), name, 0, 0, nullptr) != 1)
        continue;
      const int use = SSL_check_chain(ssl, one.certificate.get(), one.key.get(), one.chain.get());
      if ((use & CERT_PKEY_SIGN) == 0) continue;
      chosen = &one;
      break;
    }
    ERR_clear_error();
    return SSL_use_cert_and_key(ssl, chosen->certificate.get(), chosen->key.get(),
                                chosen->chain.get(), 1);
  }

  static int show_staple(SSL* ssl, void* self) {
    for (const One& one : static_cast<Identities*>(self)->all) {
      if (one.staple.empty() || SSL_get_certificate(ssl) != one.certificate.get()) continue;
      void* copy = OPENSSL_memdup(one.staple.data(), one.staple.size());
      if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
      SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(one.staple.size()));
      return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
  }
};

TlsContext::TlsContext() : identities_(std::make_unique<Identities>()) {}

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::create(const TlsSettings& settings) {
  std::shared_ptr<TlsContext> made(new TlsContext());
  PETREL_TRY_STATUS(made->apply(settings));
  return std::shared_ptr<const TlsContext>(std::move(made));
}

Status TlsContext::apply(const TlsSettings& settings) {
  ERR_clear_error();
  context_ = SSL_CTX_new(TLS_server_method());
  if (context_ == nullptr) return tls_error("tls");
  SSL_CTX_set_security_level(context_, kSecurityLevel);
  SSL_CTX_set_min_proto_version(context_, settings.needs_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(context_, TLS1_3_VERSION);
  SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_num_tickets(context_, 0);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  // Who waits, be it in the handshake, holds no buffers.
  SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_max_cert_list(context_, kPeerCertificatesMax);
  PETREL_TRY_STATUS(set_suites(settings.cipher_suites));
  PETREL_TRY_STATUS(set_curves(settings.curves));
  PETREL_TRY_STATUS(add_identities(settings.identities));
  keeps_certificates_ = settings.keeps_certificates;
  asks_responders_ = settings.verify_peer && settings.asks_responders;
  return settings.verify_peer ? set_client_cas(settings.client_cas) : Status::ok();
}

Status TlsContext::add_identities(const std::vector<TlsIdentity>& identities) {
  if (identities.empty()) return Error{Errc::kInvalidArgument, "tls: no certificate"};
  bool has_staple = false;
  for (const TlsIdentity& identity : identities) {
    Identities::One one;
    const Owned<BIO> certificates = reader_of(identity.certificates);
    one.certificate.reset(PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr));
    if (one.certificate == nullptr) return tls_error("tls: certificate");
    one.chain.reset(sk_X509_new_null());
    while (X509* issuer = PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr)) {
      sk_X509_push(one.chain.get(), issuer);
    }
    ERR_clear_error();  // the end of the text is reported as an error
    const Owned<BIO> key = reader_of(identity.key);
    one.key.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
    if (one.key == nullptr) return tls_error("tls: private key");
    one.staple = identity.staple;
    has_staple = has_staple || !one.staple.empty();
    identities_->all.push_back(std::move(one));
  }
  const Identities::One& first = identities_->all.front();
  not_after_ = end_of(first.certificate.get());
  if (has_staple) {
    // The macro for this casts in C's way.
    SSL_CTX_callback_ctrl(context_, SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB,
                          reinterpret_cast<void (*)()>(&Identities::show_staple));
    SSL_CTX_set_tlsext_status_arg(context_, identities_.get());
  }
  if (identities_->all.size() > 1) {
    SSL_CTX_set_cert_cb(context_, &Identities::choose, identities_.get());
    return Status::ok();
  }
  if (SSL_CTX_use_cert_and_key(context_, first.certificate.get(), first.key.get(),
                               first.chain.get(), 1) != 1) {
    return tls_error("tls: certificate");
  }
  return Status::ok();
}

Status TlsContext::set_client_cas(const std::string& pem) {
  X509_STORE* store = SSL_CTX_get_cert_store(context_);
  // As in Go, every certificate of the file is an anchor, also one that another issued.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  if (pem.empty()) {
    if (SSL_CTX_set_default_verify_paths(context_) != 1) return tls_error("tls: system CAs");
    return Status::ok();
  }
  const Owned<BIO> reader = reader_of(pem);
  size_t count = 0;
  while (true) {
    const Owned<X509> ca(PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr));
    if (ca == nullptr) break;
    X509_STORE_add_cert(store, ca.get());
    SSL_CTX_add_client_CA(context_, ca.get());
    ++count;
  }
  ERR_clear_error();
  if (count == 0) return Error{Errc::kInvalidArgument, "failed to parse root ca certificate"};
  return Status::ok();
}

// The suites of TLS 1.3 are not for the configuration to choose, as in Go.
Status TlsContext::set_suites(const std::vector<std::string>& names) {
  if (SSL_CTX_set_ciphersuites(context_, kTls13Suites) != 1) return tls_error("tls: suites");
  std::vector<std::string> known;
  bool has_tls13 = false;
  for (const std::string& name : names) {
    const std::string openssl_name = OPENSSL_cipher_name(name.c_str());
    if (openssl_name.rfind("TLS_", 0) == 0) {
      has_tls13 = true;
    } else if (openssl_name == "(NONE)" ||
               SSL_CTX_set_cipher_list(context_, openssl_name.c_str()) != 1) {
      left_out_.push_back(name);
    } else {
      known.push_back(openssl_name);
    }
  }
  ERR_clear_error();
  if (known.empty() && !names.empty() && !has_tls13) {
    return Error{Errc::kUnsupported, "tls: this OpenSSL has none of the cipher suites"};
  }
  const std::string list = known.empty() ? std::string(kSecureSuites) : joined(known);
  if (SSL_CTX_set_cipher_list(context_, list.c_str()) != 1) return tls_error("tls: cipher suites");
  return Status::ok();
}

Status TlsContext::set_curves(const std::vector<std::string>& names) {
  std::vector<std::string> known;
  for (const CurveName& curve : kCurves) {
    if (names.empty() && SSL_CTX_set1_groups_list(context_, curve.openssl) == 1)
      known.emplace_back(curve.openssl);
  }
  for (const std::string& name : names) {
    const auto curve = std::find_if(kCurves.begin(), kCurves.end(),
                                    [&name](const CurveName& c) { return c.configured == name; });
    if (curve != kCurves.end() && SSL_CTX_set1_groups_list(context_, curve->openssl) == 1) {
      known.emplace_back(curve->openssl);
    } else {
      left_out_.push_back(name);
    }
  }
  ERR_clear_error();
  if (known.empty()) return Error{Errc::kUnsupported, "tls: this OpenSSL has none of the curves"};
  if (SSL_CTX_set1_groups_list(context_, joined(known).c_str()) != 1)
    return tls_error("tls: curves");
  return Status::ok();
}

ssl_st* TlsContext::open() const {
  SSL* ssl = SSL_new(context_);
  PETREL_CHECK(ssl != nullptr);
  SSL_set_accept_state(ssl);
  return ssl;
}

}  // namespace petrel::net

// Certificates made for a test, and a TLS client over memory.
#pragma once

#include "net/openssl_types.h"

#include "petrel/net/tls_context.h"

#include <openssl/pem.h>

#include <ctime>
#include <memory>
#include <string>
#include <utility>

namespace petrel::net {

inline std::string bio_text(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<size_t>(size)};
}

inline Owned<EVP_PKEY> make_key() {
  return Owned<EVP_PKEY>(EVP_EC_gen("P-256"));
}

inline std::string pem_of(EVP_PKEY* key) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return bio_text(bio.get());
}

inline std::string pem_of(X509* certificate) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return bio_text(bio.get());
}

struct CertificateWish {
  // Names of the subject in order: {"CN", "x"}.
  std::vector<std::pair<std::string, std::string>> subject = {{"CN", "localhost"}};
  std::string alternative_names = {};  // as in a configuration of OpenSSL: "DNS:a,email:b@c"
  std::string responder = {};          // of OCSP
  int starts_in_days = -1;
  int ends_in_days = 1;
};

// Signs certificates with a key of its own.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name = "Test CA") : key_(make_key()) {
    certificate_ = build({.subject = {{"CN", name}}, .alternative_names = ""}, key_.get(), true);
  }

  std::string pem() const { return pem_of(certificate_.get()); }
  X509* certificate() const { return certificate_.get(); }
  EVP_PKEY* key() const { return key_.get(); }

  TlsIdentity issue(const CertificateWish& wish = {}) const {
    const Owned<EVP_PKEY> key = make_key();
    const Owned<X509> certificate = build(wish, key.get(), false);
    return {.certificates = pem_of(certificate.get()), .key = pem_of(key.get())};
  }

 private:
  Owned<X509> build(const CertificateWish& wish, EVP_PKEY* key, bool is_ca) const {
    Owned<X509> made(X509_new());
    X509_set_version(made.get(), X509_VERSION_3);
    static long serial = 1;
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial++);
    X509_time_adj_ex(X509_getm_notBefore(made.get()), wish.starts_in_days, 0, nullptr);
    X509_time_adj_ex(X509_getm_notAfter(made.get()), wish.ends_in_days, 0, nullptr);
    X509_NAME* subject = X509_get_subject_name(made.get());
    for (const auto& [type, value] : wish.subject) {
      const auto* text = reinterpret_cast<const unsigned char*>(value.c_str());
      X509_NAME_add_entry_by_txt(subject, type.c_str(), MBSTRING_UTF8, text, -1, -1, 0);
    }
    X509* issuer = is_ca ? made.get() : certificate_.get();
    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer));
    X509_set_pubkey(made.get(), key);
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, made.get(), nullptr, nullptr, 0);
    add(made.get(), &context, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "CA:FALSE");
    if (!wish.alternative_names.empty())
      add(made.get(), &context, NID_subject_alt_name, wish.alternative_names);
    if (!wish.responder.empty())
      add(made.get(), &context, NID_info_access, "OCSP;URI:" + wish.responder);
    X509_sign(made.get(), key_.get(), EVP_sha256());
    return made;
  }

  static void add(X509* made, X509V3_CTX* context, int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, context, nid, value.c_str());
    X509_add_ext(made, extension, -1);
    X509_EXTENSION_free(extension);
  }

  Owned<EVP_PKEY> key_;
  Owned<X509> certificate_;
};

struct ClientWish {
  std::string server_name = {};
  TlsIdentity identity = {};  // empty: shows no certificate
  int version = 0;            // 0: the newest
  bool asks_for_staple = false;
};

// A client whose wire is two strings.
class MemoryClient {
 public:
  explicit MemoryClient(const ClientWish& wish = {}) : context_(SSL_CTX_new(TLS_client_method())) {
    if (wish.version != 0) SSL_CTX_set_max_proto_version(context_, wish.version);
    if (!wish.identity.key.empty()) use(wish.identity);
    ssl_.reset(SSL_new(context_));
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_.get(), in_, out_);
    SSL_set_connect_state(ssl_.get());
    if (!wish.server_name.empty()) {
      std::string name = wish.server_name;  // copied; the macro for this casts in C's way
      SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    }
    if (wish.asks_for_staple) SSL_set_tlsext_status_type(ssl_.get(), TLSEXT_STATUSTYPE_ocsp);
  }
  ~MemoryClient() { SSL_CTX_free(context_); }
  MemoryClient(const MemoryClient&) = delete;
  MemoryClient& operator=(const MemoryClient&) = delete;

  SSL* ssl() { return ssl_.get(); }
  bool shake_hands() { return SSL_do_handshake(ssl_.get()) == 1; }
  void give(const std::string& wire) { BIO_write(in_, wire.data(), static_cast<int>(wire.size())); }
  // What it has to send.
  std::string take() {
    std::string wire = bio_text(out_);
    static_cast<void>(BIO_reset(out_));
    return wire;
  }
  std::string encrypt(const std::string& plain) {
    if (!plain.empty()) SSL_write(ssl_.get(), plain.data(), static_cast<int>(plain.size()));
    return take();
  }
  std::string read_all() {
    std::string plain;
    std::string chunk(16384, '\0');
    while (true) {
      const int n = SSL_read(ssl_.get(), chunk.data(), static_cast<int>(chunk.size()));
      if (n <= 0) return plain;
      plain.append(chunk, 0, static_cast<size_t>(n));
    }
  }

 private:
  void use(const TlsIdentity& identity) {
    const Owned<BIO> certificate(BIO_new_mem_buf(identity.certificates.c_str(), -1));
    const Owned<X509> own(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
    const Owned<BIO> text(BIO_new_mem_buf(identity.key.c_str(), -1));
    const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(text.get(), nullptr, nullptr, nullptr));
    SSL_CTX_use_certificate(context_, own.get());
    SSL_CTX_use_PrivateKey(context_, key.get());
  }

  SSL_CTX* context_;
  Owned<SSL> ssl_;
  BIO* in_ = nullptr;   // ssl_'s
  BIO* out_ = nullptr;  // ssl_'s
};

inline std::shared_ptr<const TlsContext> make_context(const TlsSettings& settings) {
  auto made = TlsContext::create(settings);
  return made ? *made : nullptr;
}

}  // namespace petrel::net

#include "conf/tls_files.h"

#include "memory_sources.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace petrel::conf {
namespace {

struct Deleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
template <typename T>
using Owned = std::unique_ptr<T, Deleter>;

struct Pair {
  std::string certificate;
  std::string key;
};

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

// A new key and a certificate that it signed itself.
Pair make_pair(const char* algorithm) {
  const Owned<EVP_PKEY> key(EVP_PKEY_Q_keygen(nullptr, nullptr, algorithm));
  const Owned<X509> certificate(X509_new());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), nullptr);
  Pair pair;
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate.get());
  pair.certificate = text_of(bio.get());
  const Owned<BIO> key_bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(key_bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  pair.key = text_of(key_bio.get());
  return pair;
}

std::string problem(const std::string& certificate, const std::string& key,
                    const std::string& authority = "") {
  MemoryFiles files;
  files.files = {{"c", certificate}, {"k", key}, {"a", authority}};
  TlsOptions tls;
  tls.cert_file = "c";
  tls.key_file = "k";
  if (!authority.empty()) tls.ca_file = "a";
  const Status status = check_tls_files(tls, files);
  return status ? "" : status.error().detail;
}

constexpr const char* kPair = "error parsing X509 certificate/key pair: ";

TEST(TlsFiles, AcceptsACertificateWithItsKeyAndAuthority) {
  const Pair pair = make_pair("ED25519");
  EXPECT_EQ(problem(pair.certificate, pair.key, pair.certificate), "");
}

TEST(TlsFiles, RefusesKeysThatDoNotFit) {
  const Pair a = make_pair("ED25519");
  const Pair b = make_pair("ED25519");
  const Pair other = make_pair("X448");
  EXPECT_EQ(problem(a.certificate, b.key),
            std::string(kPair) + "tls: private key does not match public key");
  EXPECT_EQ(problem(a.certificate, other.key),
            std::string(kPair) + "tls: private key type does not match public key type");
}

TEST(TlsFiles, NamesSwitchedAndEmptyFiles) {
  const Pair pair = make_pair("ED25519");
  EXPECT_EQ(problem(pair.key, pair.certificate),
            std::string(kPair) +
                "tls: failed to find certificate PEM data in certificate input, but did find a "
                "private key; PEM inputs may have been switched");
  EXPECT_EQ(problem(pair.certificate, pair.certificate),
            std::string(kPair) +
                "tls: found a certificate rather than a key in the PEM for the private key");
  EXPECT_EQ(problem("junk", pair.key),
            std::string(kPair) + "tls: failed to find any PEM data in certificate input");
  EXPECT_EQ(problem(pair.certificate, "junk"),
            std::string(kPair) + "tls: failed to find any PEM data in key input");
  EXPECT_EQ(problem(pair.certificate, pair.key, "junk"), "failed to parse root ca certificate");
}

TEST(TlsFiles, NumbersTheCertificatesOfAList) {
  const Pair pair = make_pair("ED25519");
  MemoryFiles files;
  files.files = {{"c", pair.certificate}, {"k", pair.key}};
  TlsOptions tls;
  tls.certificates = {{"c", "k"}, {"c", "nope"}};
  EXPECT_EQ(check_tls_files(tls, files).error().detail,
            "error parsing X509 certificate/key pair 2/2: open nope: no such file or directory");
}

}  // namespace
}  // namespace petrel::conf

#include "conf/tls_files.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string_view>
#include <vector>

namespace petrel::conf {
namespace {

struct Deleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <typename T>
using Owned = std::unique_ptr<T, Deleter>;

struct PemBlock {
  std::string type;  // CERTIFICATE, PRIVATE KEY, ...
  std::string der;
};

Error tls_error(std::string detail) {
  return {Errc::kInvalidArgument, std::move(detail)};
}

std::vector<PemBlock> pem_blocks(const std::string& text) {
  std::vector<PemBlock> blocks;
  const Owned<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  char* type = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  while (PEM_read_bio(bio.get(), &type, &header, &data, &size) == 1) {
    PemBlock block;
    block.type = type;
    block.der.assign(data, data + size);
    blocks.push_back(std::move(block));
    OPENSSL_free(type);
    OPENSSL_free(header);
    OPENSSL_free(data);
  }
  ERR_clear_error();  // the end of the text is reported as an error
  return blocks;
}

bool is_private_key(const PemBlock& block) {
  constexpr std::string_view kKey = "PRIVATE KEY";
  return block.type.size() >= kKey.size() &&
         block.type.compare(block.type.size() - kKey.size(), kKey.size(), kKey) == 0;
}

Owned<X509> parse_certificate(const std::string& der) {
  const std::vector<unsigned char> bytes(der.begin(), der.end());
  const unsigned char* at = bytes.data();
  Owned<X509> certificate(d2i_X509(nullptr, &at, static_cast<long>(bytes.size())));
  ERR_clear_error();
  return certificate;
}

Owned<EVP_PKEY> parse_key(const std::string& der) {
  const std::vector<unsigned char> bytes(der.begin(), der.end());
  const unsigned char* at = bytes.data();
  Owned<EVP_PKEY> key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(bytes.size())));
  ERR_clear_error();
  return key;
}

std::string types_of(const std::vector<PemBlock>& blocks) {
  std::string out = "[";
  for (const PemBlock& block : blocks) {
    if (out.size() > 1) out += ' ';
    out += block.type;
  }
  return out + "]";
}

Result<Owned<X509>> first_certificate(const std::string& text) {
  const std::vector<PemBlock> blocks = pem_blocks(text);
  for (const PemBlock& block : blocks) {
    if (block.type != "CERTIFICATE") continue;
    Owned<X509> certificate = parse_certificate(block.der);
    if (!certificate) return tls_error("x509: malformed certificate");
    return certificate;
  }
  if (blocks.empty()) return tls_error("tls: failed to find any PEM data in certificate input");
  if (blocks.size() == 1 && is_private_key(blocks[0])) {
    return tls_error(
        "tls: failed to find certificate PEM data in certificate input, but did find a private "
        "key; PEM inputs may have been switched");
  }
  return tls_error(
      "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM "
      "blocks of the following types: " +
      types_of(blocks));
}

Result<Owned<EVP_PKEY>> first_key(const std::string& text) {
  const std::vector<PemBlock> blocks = pem_blocks(text);
  for (const PemBlock& block : blocks) {
    if (!is_private_key(block)) continue;
    Owned<EVP_PKEY> key = parse_key(block.der);
    if (!key) return tls_error("tls: failed to parse private key");
    return key;
  }
  if (blocks.empty()) return tls_error("tls: failed to find any PEM data in key input");
  if (blocks.size() == 1 && blocks[0].type == "CERTIFICATE") {
    return tls_error("tls: found a certificate rather than a key in the PEM for the private key");
  }
  return tls_error(
      "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after "
      "skipping PEM blocks of the following types: " +
      types_of(blocks));
}

Status check_pair(const CertificatePair& pair, const FileReader& files) {
  PETREL_TRY(const std::string certificate_text, files.read(pair.cert_file));
  PETREL_TRY(const std::string key_text, files.read(pair.key_file));
  PETREL_TRY(const Owned<X509> certificate, first_certificate(certificate_text));
  PETREL_TRY(const Owned<EVP_PKEY> key, first_key(key_text));
  const bool fits = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (fits) return {};
  const EVP_PKEY* public_key = X509_get0_pubkey(certificate.get());
  if (public_key != nullptr && EVP_PKEY_base_id(public_key) != EVP_PKEY_base_id(key.get())) {
    return tls_error("tls: private key type does not match public key type");
  }
  return tls_error("tls: private key does not match public key");
}

Status check_ca(const std::string& path, const FileReader& files) {
  PETREL_TRY(const std::string text, files.read(path));
  for (const PemBlock& block : pem_blocks(text)) {
    if (block.type == "CERTIFICATE" && parse_certificate(block.der)) return {};
  }
  return tls_error("failed to parse root ca certificate");
}

}  // namespace

Status check_tls_files(const TlsOptions& tls, const FileReader& files) {
  const std::string failed = "error parsing X509 certificate/key pair";
  if (!tls.cert_file.empty() && tls.key_file.empty()) {
    return tls_error("missing 'key_file' in TLS configuration");
  }
  if (tls.cert_file.empty() && !tls.key_file.empty()) {
    return tls_error("missing 'cert_file' in TLS configuration");
  }
  if (!tls.cert_file.empty()) {
    const Status pair = check_pair({tls.cert_file, tls.key_file}, files);
    if (!pair) return tls_error(failed + ": " + pair.error().detail);
  }
  for (size_t i = 0; i < tls.certificates.size(); ++i) {
    const Status pair = check_pair(tls.certificates[i], files);
    if (pair) continue;
    return tls_error(failed + " " + std::to_string(i + 1) + "/" +
                     std::to_string(tls.certificates.size()) + ": " + pair.error().detail);
  }
  if (tls.ca_file.empty()) return {};
  return check_ca(tls.ca_file, files);
}

}  // namespace petrel::conf

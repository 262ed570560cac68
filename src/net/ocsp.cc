#include "petrel/net/ocsp.h"

#include "net/certificate_names.h"
#include "net/ocsp_link.h"
#include "net/openssl_types.h"

#include "petrel/net/http_fetch.h"

#include <openssl/http.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include <cstring>
#include <ctime>

namespace petrel::net {

namespace {

constexpr long kClockSkewSeconds = 300;
constexpr int64_t kNanosPerSecond = 1'000'000'000;

struct OcspDeleter {
  void operator()(OCSP_REQUEST* request) const { OCSP_REQUEST_free(request); }
  void operator()(OCSP_RESPONSE* response) const { OCSP_RESPONSE_free(response); }
  void operator()(OCSP_BASICRESP* basic) const { OCSP_BASICRESP_free(basic); }
  void operator()(OCSP_CERTID* id) const { OCSP_CERTID_free(id); }
  void operator()(char* text) const { OPENSSL_free(text); }
};
template <typename T>
using OcspOwned = std::unique_ptr<T, OcspDeleter>;

Error ocsp_error(const std::string& detail) {
  return {Errc::kIo, detail};
}

std::vector<Owned<X509>> certificates_in(const std::string& pem) {
  std::vector<Owned<X509>> all;
  const Owned<BIO> reader(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  while (X509* one = PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr)) {
    all.emplace_back(one);
  }
  ERR_clear_error();  // the end of the text is reported as an error
  return all;
}

struct Pair {
  Owned<X509> certificate;
  Owned<X509> issuer;
};

Result<Pair> find_pair(const TlsIdentity& identity, const std::string& cas) {
  std::vector<Owned<X509>> chain = certificates_in(identity.certificates);
  if (chain.empty()) return ocsp_error("no certificate found");
  Pair pair{std::move(chain.front()), nullptr};
  chain.erase(chain.begin());
  for (Owned<X509>& ca : certificates_in(cas)) chain.push_back(std::move(ca));
  for (Owned<X509>& candidate : chain) {
    if (X509_check_issued(candidate.get(), pair.certificate.get()) != X509_V_OK) continue;
    pair.issuer = std::move(candidate);
    return pair;
  }
  return ocsp_error("no issuer certificate found in the chain or in ca_file");
}

std::optional<WallTime> time_of(const ASN1_GENERALIZEDTIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return WallTime{int64_t{timegm(&parts)} * kNanosPerSecond};
}

OcspOwned<OCSP_CERTID> id_of(const Pair& pair) {
  return OcspOwned<OCSP_CERTID>(
      OCSP_cert_to_id(EVP_sha1(), pair.certificate.get(), pair.issuer.get()));
}

// The answer's signature and subject.
Result<OcspAnswer> read_signed(const Pair& pair, const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const OcspOwned<OCSP_RESPONSE> response(
      d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
  if (response == nullptr) return ocsp_error("answer is no OCSP response: " + openssl_error());
  const int status = OCSP_response_status(response.get());
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return ocsp_error(std::string("responder says: ") + OCSP_response_status_str(status));
  }
  const OcspOwned<OCSP_BASICRESP> basic(OCSP_response_get1_basic(response.get()));
  if (basic == nullptr) return ocsp_error("answer is of an unknown kind");
  const Owned<X509_STORE> store(X509_STORE_new());
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  X509_STORE_add_cert(store.get(), pair.issuer.get());
  const Owned<STACK_OF(X509)> helpers(sk_X509_new_null());
  X509_up_ref(pair.issuer.get());
  sk_X509_push(helpers.get(), pair.issuer.get());
  if (OCSP_basic_verify(basic.get(), helpers.get(), store.get(), 0) != 1) {
    return ocsp_error("answer is not signed by the issuer: " + openssl_error());
  }
  const OcspOwned<OCSP_CERTID> id = id_of(pair);
  int found = V_OCSP_CERTSTATUS_UNKNOWN;
  ASN1_GENERALIZEDTIME* this_update = nullptr;
  ASN1_GENERALIZEDTIME* next_update = nullptr;
  if (OCSP_resp_find_status(basic.get(), id.get(), &found, nullptr, nullptr, &this_update,
                            &next_update) != 1) {
    return ocsp_error("answer is about another certificate");
  }
  OcspAnswer answer;
  answer.der = der;
  if (found == V_OCSP_CERTSTATUS_GOOD) answer.status = OcspAnswer::Status::kGood;
  if (found == V_OCSP_CERTSTATUS_REVOKED) answer.status = OcspAnswer::Status::kRevoked;
  const std::optional<WallTime> since = time_of(this_update);
  if (!since) return ocsp_error("answer has no time");
  answer.this_update = *since;
  answer.next_update = time_of(next_update);
  return answer;
}

Result<OcspAnswer> read_answer(const Pair& pair, const std::string& der) {
  PETREL_TRY(OcspAnswer answer, read_signed(pair, der));
  const WallTime now{int64_t{std::time(nullptr)} * kNanosPerSecond};
  const Duration skew = Duration::seconds(kClockSkewSeconds);
  if (now + skew < answer.this_update || (answer.next_update && *answer.next_update + skew < now)) {
    return ocsp_error("answer is not in force");
  }
  return answer;
}

Owned<X509> certificate_from(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  return Owned<X509>(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
}

Result<Pair> pair_of(const OcspLink& link) {
  Pair pair{certificate_from(link.certificate), certificate_from(link.issuer)};
  if (pair.certificate == nullptr || pair.issuer == nullptr) {
    return ocsp_error("invalid chain link");
  }
  return pair;
}

std::string der_of(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  const std::string der = size > 0 ? std::string(bytes, bytes + size) : std::string();
  OPENSSL_free(bytes);
  return der;
}

std::string base64(const std::string& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

// As part of a path: what base64 has beyond letters and digits is escaped.
std::string path_of(const std::string& der) {
  std::string path;
  for (const char c : base64(der)) {
    if (c == '+') {
      path += "%2B";
    } else if (c == '/') {
      path += "%2F";
    } else if (c == '=') {
      path += "%3D";
    } else {
      path += c;
    }
  }
  return path;
}

std::string request_for(const Pair& pair) {
  const OcspOwned<OCSP_REQUEST> request(OCSP_REQUEST_new());
  OCSP_request_add0_id(request.get(), id_of(pair).release());
  unsigned char* bytes = nullptr;
  const int size = i2d_OCSP_REQUEST(request.get(), &bytes);
  const std::string der = size > 0 ? std::string(bytes, bytes + size) : std::string();
  OPENSSL_free(bytes);
  return der;
}

Result<std::string> post(const std::string& url, const std::string& body) {
  ERR_clear_error();
  char* host_text = nullptr;
  char* port_text = nullptr;
  char* path_text = nullptr;
  int is_secure = 0;
  if (OSSL_HTTP_parse_url(url.c_str(), &is_secure, nullptr, &host_text, &port_text, nullptr,
                          &path_text, nullptr, nullptr) != 1) {
    return ocsp_error("invalid URL: " + openssl_error());
  }
  const OcspOwned<char> host(host_text);
  const OcspOwned<char> port(port_text);
  const OcspOwned<char> path(path_text);
  if (is_secure != 0) return ocsp_error("responders are asked over http only");
  const Owned<BIO> request(BIO_new_mem_buf(body.data(), static_cast<int>(body.size())));
  const auto seconds = static_cast<int>(kOcspTimeout.ns / kNanosPerSecond);
  const Owned<BIO> answer(
      OSSL_HTTP_transfer(nullptr, host.get(), port.get(), path.get(), 0, nullptr, nullptr, nullptr,
                         nullptr, nullptr, nullptr, 0, nullptr, "application/ocsp-request",
                         request.get(), "application/ocsp-response", 1, kOcspBytesMax, seconds, 0));
  if (answer == nullptr) return ocsp_error(openssl_error());
  std::string der;
  char chunk[4096];
  while (true) {
    const int n = BIO_read(answer.get(), chunk, static_cast<int>(sizeof chunk));
    if (n <= 0) return der;
    der.append(chunk, static_cast<size_t>(n));
  }
}

std::vector<std::string> responders_of(X509* certificate) {
  std::vector<std::string> urls;
  STACK_OF(OPENSSL_STRING)* listed = X509_get1_ocsp(certificate);
  for (int i = 0; i < sk_OPENSSL_STRING_num(listed); ++i) {
    urls.emplace_back(sk_OPENSSL_STRING_value(listed, i));
  }
  X509_email_free(listed);
  return urls;
}

}  // namespace

const char* ocsp_status_text(OcspAnswer::Status status) {
  switch (status) {
    case OcspAnswer::Status::kGood:
      return "good";
    case OcspAnswer::Status::kRevoked:
      return "revoked";
    case OcspAnswer::Status::kUnknown:
      return "unknown";
  }
  return "unknown";
}

bool must_staple(const TlsIdentity& identity) {
  const std::vector<Owned<X509>> chain = certificates_in(identity.certificates);
  if (chain.empty()) return false;
  auto* features = static_cast<TLS_FEATURE*>(
      X509_get_ext_d2i(chain.front().get(), NID_tlsfeature, nullptr, nullptr));
  bool found = false;
  for (int i = 0; i < sk_ASN1_INTEGER_num(features); ++i) {
    found =
        found || ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == TLSEXT_TYPE_status_request;
  }
  sk_ASN1_INTEGER_pop_free(features, ASN1_INTEGER_free);
  return found;
}

std::string certificate_digest(const TlsIdentity& identity) {
  const std::vector<Owned<X509>> chain = certificates_in(identity.certificates);
  return chain.empty() ? "" : describe(chain.front().get()).cert_sha256;
}

Result<OcspAnswer> read_ocsp(const TlsIdentity& identity, const std::string& cas,
                             const std::string& der) {
  PETREL_TRY(const Pair pair, find_pair(identity, cas));
  return read_answer(pair, der);
}

Result<OcspAnswer> fetch_ocsp(const TlsIdentity& identity, const std::string& cas,
                              const std::vector<std::string>& urls) {
  PETREL_TRY(const Pair pair, find_pair(identity, cas));
  const auto responders = urls.empty() ? responders_of(pair.certificate.get()) : urls;
  if (responders.empty()) return ocsp_error("no available ocsp servers");
  const std::string request = request_for(pair);
  std::string failures;
  for (const std::string& url : responders) {
    Result<std::string> der = post(url, request);
    Result<OcspAnswer> answer = der ? read_answer(pair, *der) : Result<OcspAnswer>(der.error());
    if (answer) return answer;
    failures += (failures.empty() ? "" : "; ") + url + ": " + answer.error().detail;
  }
  return ocsp_error("exhausted ocsp servers: " + failures);
}

OcspLink link_of(X509* certificate, X509* issuer) {
  OcspLink link;
  link.certificate = der_of(certificate);
  link.issuer = der_of(issuer);
  for (std::string& url : responders_of(certificate)) {
    if (url.rfind("http://", 0) == 0 || url.rfind("https://", 0) == 0) {
      link.responders.push_back(std::move(url));
    }
  }
  link.subject = describe(certificate).subject;
  link.issuer_name = describe(issuer).subject;
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(link.certificate.data()), link.certificate.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  link.fingerprint = base64(digest);
  return link;
}

Result<OcspAnswer> read_ocsp(const OcspLink& link, const std::string& der) {
  PETREL_TRY(const Pair pair, pair_of(link));
  return read_signed(pair, der);
}

Result<std::string> ask_responders(const OcspLink& link, Duration timeout) {
  PETREL_TRY(const Pair pair, pair_of(link));
  const std::string path = path_of(request_for(pair));
  Error last = ocsp_error("no available OCSP servers");
  for (std::string url : link.responders) {
    if (!url.empty() && url.back() == '/') url.pop_back();
    Result<HttpAnswer> answer = http_fetch(url + "/" + path, {.timeout = timeout, .ca_file = ""});
    if (answer && answer->status == 200 && !answer->body.empty()) return std::move(answer->body);
    last =
        answer
            ? ocsp_error("bad OCSP responder http status: [" + std::to_string(answer->status) + "]")
            : answer.error();
  }
  return ocsp_error("exhausted OCSP responders: " + last.detail);
}

}  // namespace petrel::net

#include "net/tls_failure.h"

#include "net/certificate_names.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <span>
#include <string_view>

namespace petrel::net {

namespace {

struct Wording {
  int code;
  std::string_view text;
};

constexpr std::array<Wording, 22> kAlerts = {{
    {SSL_AD_UNEXPECTED_MESSAGE, "unexpected message"},
    {SSL_AD_BAD_RECORD_MAC, "bad record MAC"},
    {SSL_AD_RECORD_OVERFLOW, "record overflow"},
    {SSL_AD_HANDSHAKE_FAILURE, "handshake failure"},
    {SSL_AD_BAD_CERTIFICATE, "bad certificate"},
    {SSL_AD_UNSUPPORTED_CERTIFICATE, "unsupported certificate"},
    {SSL_AD_CERTIFICATE_REVOKED, "revoked certificate"},
    {SSL_AD_CERTIFICATE_EXPIRED, "expired certificate"},
    {SSL_AD_CERTIFICATE_UNKNOWN, "unknown certificate"},
    {SSL_AD_ILLEGAL_PARAMETER, "illegal parameter"},
    {SSL_AD_UNKNOWN_CA, "unknown certificate authority"},
    {SSL_AD_ACCESS_DENIED, "access denied"},
    {SSL_AD_DECODE_ERROR, "error decoding message"},
    {SSL_AD_DECRYPT_ERROR, "error decrypting message"},
    {SSL_AD_PROTOCOL_VERSION, "protocol version not supported"},
    {SSL_AD_INSUFFICIENT_SECURITY, "insufficient security level"},
    {SSL_AD_INTERNAL_ERROR, "internal error"},
    {SSL_AD_USER_CANCELLED, "user canceled"},
    {SSL_AD_NO_RENEGOTIATION, "no renegotiation"},
    {SSL_AD_UNSUPPORTED_EXTENSION, "unsupported extension"},
    {SSL_AD_UNRECOGNIZED_NAME, "unrecognized name"},
    {SSL_AD_BAD_CERTIFICATE_STATUS_RESPONSE, "bad certificate status response"},
}};

constexpr std::array<Wording, 7> kReasons = {{
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "client didn't provide a certificate"},
    {SSL_R_NO_SHARED_CIPHER, "no cipher suite supported by both client and server"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "client offered only unsupported versions"},
    {SSL_R_NO_SUITABLE_KEY_SHARE, "no ECDHE curve supported by both client and server"},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "bad record MAC"},
    {SSL_R_EXCESSIVE_MESSAGE_SIZE, "handshake message too large"},
    {SSL_R_WRONG_VERSION_NUMBER, "unsupported version in record"},
}};

std::string_view wording(std::span<const Wording> table, int code) {
  const auto found =
      std::find_if(table.begin(), table.end(), [code](const Wording& w) { return w.code == code; });
  return found == table.end() ? std::string_view() : found->text;
}

std::string rfc3339(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "";
  std::array<char, 32> text{};
  const size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

std::string validity_text(int error, const X509* certificate) {
  const bool is_expired = error == X509_V_ERR_CERT_HAS_EXPIRED;
  const ASN1_TIME* limit =
      is_expired ? X509_get0_notAfter(certificate) : X509_get0_notBefore(certificate);
  return "x509: certificate has expired or is not yet valid: current time is " +
         std::string(is_expired ? "after " : "before ") + rfc3339(limit);
}

std::string refusal_text(int error, const X509* certificate) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return validity_text(error, certificate);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "x509: certificate signed by unknown authority";
    case X509_V_ERR_INVALID_PURPOSE:
      return "x509: certificate specifies an incompatible key usage";
    default:
      return std::string("x509: ") + X509_verify_cert_error_string(error);
  }
}

}  // namespace

std::string tls_failure_text() {
  const unsigned long code = ERR_peek_error();
  const int reason = ERR_GET_REASON(code);
  const std::string fallback = openssl_error();
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return "tls: " + fallback;
  if (reason > SSL_AD_REASON_OFFSET) {
    const std::string_view alert = wording(kAlerts, reason - SSL_AD_REASON_OFFSET);
    if (!alert.empty()) return "remote error: tls: " + std::string(alert);
  }
  const std::string_view known = wording(kReasons, reason);
  return "tls: " + (known.empty() ? fallback : std::string(known));
}

std::string verify_failure_text(int error, const X509* certificate) {
  const std::string why = "tls: failed to verify certificate: " + refusal_text(error, certificate);
  if (certificate == nullptr) return why;
  const TlsCertificate names = describe(certificate);
  return why + " (" + names.subject + " SHA-256: " + names.cert_sha256 + ")";
}

}  // namespace petrel::net

// A tls { } block and the OCSP options as they stand in the configuration. Files are read and
// checked when the configuration is, their content is loaded by who opens the listener.
// Thread: values, any thread. Source: spec config.md 4.
#pragma once

#include "petrel/base/time.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace petrel::conf {

struct CertificatePair {
  std::string cert_file = {};
  std::string key_file = {};
  friend bool operator==(const CertificatePair&, const CertificatePair&) = default;
};

// Checking the certificate of the other side with its issuer's OCSP responder.
struct OcspPeerOptions {
  bool verify = false;
  Duration ca_timeout = Duration::seconds(2);
  Duration allowed_clockskew = Duration::seconds(30);
  Duration cache_ttl_when_next_update_unset = Duration::hours(1);
  bool warn_only = false;
  bool unknown_is_good = false;
  bool allow_when_ca_unreachable = false;
  friend bool operator==(const OcspPeerOptions&, const OcspPeerOptions&) = default;
};

struct TlsOptions {
  std::string cert_file = {};
  std::string key_file = {};
  std::string ca_file = {};
  std::vector<CertificatePair> certificates = {};
  bool verify = false;
  bool verify_and_map = false;
  bool verify_cert_and_check_known_urls = false;
  bool insecure = false;
  Duration timeout = {};  // 0: the default of the listener, 2 s
  bool handshake_first = false;
  Duration handshake_first_fallback = {};  // 0: no fallback
  int64_t connection_rate_limit = 0;
  std::vector<std::string> cipher_suites = {};      // IANA names; empty: all secure ones
  std::vector<std::string> curve_preferences = {};  // empty: the default order
  bool allow_insecure_cipher_suites = false;
  std::string min_version = "1.2";
  std::set<std::string> pinned_certs = {};  // SHA-256 of the public key, lower-case hex
  std::optional<OcspPeerOptions> ocsp_peer = {};
  friend bool operator==(const TlsOptions&, const TlsOptions&) = default;
};

enum class OcspMode : uint8_t { kAuto, kAlways, kNever, kMust };

struct OcspOptions {
  OcspMode mode = OcspMode::kAuto;
  std::vector<std::string> urls = {};
  friend bool operator==(const OcspOptions&, const OcspOptions&) = default;
};

struct OcspCacheOptions {
  bool local = true;  // false: type none
  std::string local_store = "_rc_";
  bool preserve_revoked = false;
  Duration save_interval = Duration::minutes(5);
  friend bool operator==(const OcspCacheOptions&, const OcspCacheOptions&) = default;
};

}  // namespace petrel::conf

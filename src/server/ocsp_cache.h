// OcspCache: what responders said of peers' certificates, in memory and, unless `ocsp_cache` says
// none, in one file per certificate under its local_store (the DER answer, named by the digest).
// A file is believed only after its signature has been checked.
//
// Owner: PeerOcsp. Thread: the one that decides; figures() on any.
// Limits: kEntriesMax answers in memory; one of the others goes when another comes.
// Source: spec config.md section 4 (ocsp_cache), monitoring.md (ocsp_peer_cache).
#pragma once

#include "petrel/conf/options_tls.h"
#include "petrel/net/ocsp.h"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace petrel::server {

class OcspCache {
 public:
  static constexpr size_t kEntriesMax = 10'000;
  struct Figures {
    int64_t size = 0;
    int64_t hits = 0;
    int64_t misses = 0;
    int64_t revokes = 0;
    int64_t goods = 0;
    int64_t unknowns = 0;
  };

  explicit OcspCache(const conf::OcspCacheOptions& options) : options_(options) {}

  // Counts a hit or a miss. The caller looks whether the answer is still in force.
  std::optional<net::OcspAnswer> find(const net::OcspLink& link);
  // Errors: its file cannot be written; memory has it.
  petrel::Status keep(const net::OcspLink& link, const net::OcspAnswer& answer);
  // The answer that find() gave is not in force: it was no hit, and goes unless it says revoked and
  // preserve_revoked is set.
  void drop(const net::OcspLink& link);
  Figures figures() const;

 private:
  using Status = net::OcspAnswer::Status;
  std::filesystem::path file_of(const net::OcspLink& link) const;
  void count(Status status, int64_t by);
  void insert(const net::OcspLink& link, const net::OcspAnswer& answer);
  void erase(const std::string& fingerprint);

  const conf::OcspCacheOptions options_;
  std::map<std::string, net::OcspAnswer> answers_;  // by fingerprint
  std::atomic<int64_t> hits_{0};
  std::atomic<int64_t> misses_{0};
  std::atomic<int64_t> revokes_{0};
  std::atomic<int64_t> goods_{0};
  std::atomic<int64_t> unknowns_{0};
};

}  // namespace petrel::server

// PeerOcsp: whether the certificates of a client are still good, by asking the OCSP responders that
// they name (`ocsp_peer`). A chain without responders is good; else every link that names one has
// to be.
//
// Owner: Server::Impl. Thread: check() and stop() on any; decisions on a thread of its own, which
// owns the cache; responders are asked on kFetchThreads others, so a dead one holds up few.
// Limits: kWaitingMax checks and questions wait; a client beyond that is refused.
// Source: spec auth.md section 7.1, config.md section 4.
#pragma once

#include "server/ocsp_cache.h"

#include "petrel/base/result.h"
#include "petrel/base/time.h"
#include "petrel/conf/options_tls.h"
#include "petrel/net/ocsp.h"
#include "petrel/net/worker_pool.h"
#include "petrel/server.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace petrel::server {

// What PeerOcsp asks of the server around it. All on its own thread.
class PeerOcspHost {
 public:
  virtual ~PeerOcspHost() = default;
  virtual void say(LogLevel level, const std::string& text) const = 0;
  virtual WallTime time_of_day() const = 0;
  // A link of the chain of `peer` is not good.
  virtual void ocsp_link_invalid(const net::OcspLink& peer, const net::OcspLink& link,
                                 const std::string& reason) = 0;
  virtual void ocsp_peer_rejected(const net::OcspLink& peer, const std::string& reason) = 0;
};

class PeerOcsp {
 public:
  static constexpr size_t kWaitingMax = 4096;
  static constexpr size_t kFetchThreads = 4;
  // "": let in, else why not.
  using Done = std::function<void(const std::string& refusal)>;

  PeerOcsp(PeerOcspHost& host, const conf::OcspCacheOptions& cache);
  ~PeerOcsp() { stop(); }
  PeerOcsp(const PeerOcsp&) = delete;
  PeerOcsp& operator=(const PeerOcsp&) = delete;

  // `done` is called once, on another thread, or not at all after stop().
  void check(std::vector<net::OcspLink> links, const conf::OcspPeerOptions& options, Done done);
  void stop();
  OcspCache::Figures figures() const { return cache_.figures(); }

 private:
  struct Check {
    std::vector<net::OcspLink> links;
    conf::OcspPeerOptions options;
    Done done;
    size_t next = 0;
    bool was_revoked = false;  // the link at `next`, by an answer that is not in force any more
    const net::OcspLink& link() const { return links[next]; }
  };
  using CheckPtr = std::shared_ptr<Check>;

  // Goes on until it has to ask or is done.
  void advance(const CheckPtr& check);
  void ask(const CheckPtr& check);
  void answered(const CheckPtr& check, const Result<std::string>& der);
  bool is_current(const net::OcspAnswer& answer, const conf::OcspPeerOptions& options) const;
  // These return whether the check goes on with the next link.
  bool judge(const CheckPtr& check, net::OcspAnswer::Status status);
  bool unreachable(const CheckPtr& check, const std::string& why);
  bool refuse(const CheckPtr& check, const std::string& reason);

  PeerOcspHost& host_;
  OcspCache cache_;
  net::WorkerPool fetchers_{kFetchThreads, kWaitingMax};
  net::WorkerPool decider_{1, kWaitingMax};
};

}  // namespace petrel::server

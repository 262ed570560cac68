// Monitoring: the HTTP listener of the monitoring endpoints.
//
// Owner: Server::Impl. Thread: start and stop on the control thread; quick answers are made on the
// HTTP thread, those that need the loops one after the other on a worker.
// Source: spec monitoring.md.
#pragma once

#include "server/monitoring_pages.h"

#include "petrel/net/http_server.h"
#include "petrel/net/worker_pool.h"

#include <memory>
#include <string>

namespace petrel::server {

class Monitoring {
 public:
  explicit Monitoring(const MonitoredServer& server)
      : server_(server), quick_pages_(server), slow_pages_(server) {}
  ~Monitoring() { stop(); }
  Monitoring(const Monitoring&) = delete;
  Monitoring& operator=(const Monitoring&) = delete;

  // Opens the listener and says so. Connections wait until start(). Errors: nats-server's text.
  Status listen(const conf::Options& options);
  // May come before the loops run: JetStream may take its time to recover.
  Status start();
  void stop();
  // Valid after listen().
  uint16_t port() const { return port_; }

 private:
  using Reply = net::HttpServer::Reply;

  void handle(const net::HttpRequest& request, Reply reply);
  void answer_by_worker(const std::string& path, const net::HttpRequest& request, Reply reply);
  void answer_healthz(const monitor::Query& query, Reply reply);
  void reply_health(monitor::Health health, const Reply& reply) const;

  const MonitoredServer server_;
  int listener_ = -1;
  uint16_t port_ = 0;
  bool is_secure_ = false;
  std::string base_path_;
  std::unique_ptr<net::HttpServer> http_;
  std::unique_ptr<net::WorkerPool> worker_;
  MonitoringPages quick_pages_;  // the HTTP thread's
  MonitoringPages slow_pages_;   // the worker's
};

}  // namespace petrel::server

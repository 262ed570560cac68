#include "server/monitoring.h"

#include "server/process_files.h"

#include "petrel/conf/command_line.h"
#include "petrel/monitor/absent_features.h"
#include "petrel/monitor/pages.h"
#include "petrel/net/loop.h"

#include <algorithm>
#include <unistd.h>

namespace petrel::server {

namespace {

constexpr size_t kRequestsWaiting = 1024;
constexpr unsigned kBadRequest = 400;
constexpr unsigned kNotFound = 404;

net::HttpResponse json_response(std::string body, unsigned status = 200) {
  return {.status = status,
          .content_type = "application/json",
          .headers = {{"Access-Control-Allow-Origin", "*"}},
          .body = std::move(body)};
}

net::HttpResponse text_response(unsigned status, std::string text) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(text)};
}

net::HttpResponse response_to(Slice path, Result<std::string> answer) {
  if (answer && path == "/debug/vars") {
    return {.content_type = "application/json; charset=utf-8", .body = *std::move(answer)};
  }
  if (answer) return json_response(*std::move(answer));
  if (answer.error().code == Errc::kNotFound && answer.error().detail.empty()) {
    return net::http_not_found();
  }
  return text_response(kBadRequest, answer.error().detail);
}

}  // namespace

Status Monitoring::listen(const conf::Options& options) {
  const std::string failed = "Can't start monitoring: ";
  if (options.http_port != 0 && options.https_port != 0) {
    return Error{Errc::kInvalidArgument, failed + "can't specify both HTTP (" +
                                             std::to_string(options.http_port) + ") and HTTPs (" +
                                             std::to_string(options.https_port) + ") ports"};
  }
  is_secure_ = options.https_port != 0;
  if (is_secure_ && !options.tls) {
    return Error{Errc::kInvalidArgument, failed + "TLS cert and key required for HTTPS"};
  }
  const std::string host = options.http_host.empty() ? options.host : options.http_host;
  const int port = is_secure_ ? options.https_port : options.http_port;
  const auto wanted = static_cast<uint16_t>(std::max(port, 0));
  const Result<int> listener = net::listen_tcp(host, wanted);
  if (!listener) {
    return Error{Errc::kIo,
                 failed + "can't listen to the monitor port: " + listener.error().detail};
  }
  listener_ = *listener;
  PETREL_TRY(port_, net::bound_port(listener_));
  base_path_ = options.http_base_path.empty() ? "/" : options.http_base_path;
  server_.log(LogLevel::kInfo, std::string("Starting ") + (is_secure_ ? "https" : "http") +
                                   " monitor on " + join_host_port(host, port_));
  return Status::ok();
}

Status Monitoring::start() {
  worker_ = std::make_unique<net::WorkerPool>(1, kRequestsWaiting);
  net::HttpServer::Options options;
  options.on_accept_error = [this](int error) {
    server_.log(LogLevel::kError, "monitoring: accept: " + net::errno_text(error));
  };
  if (is_secure_) {
    options.tls = [this] { return server_.config.get()->tls.monitoring; };
  }
  auto http = net::HttpServer::create(
      std::exchange(listener_, -1),
      [this](const net::HttpRequest& request, Reply reply) { handle(request, std::move(reply)); },
      std::move(options));
  if (!http) return http.error();
  http_ = *std::move(http);
  http_->start();
  return Status::ok();
}

void Monitoring::stop() {
  if (http_ != nullptr) http_->stop();
  worker_.reset();
  http_.reset();
  if (listener_ >= 0) ::close(std::exchange(listener_, -1));
}

// --- requests ---

void Monitoring::handle(const net::HttpRequest& request, Reply reply) {
  if (request.path == base_path_) {
    server_.usage.count_request("/");
    reply({.content_type = "text/html; charset=utf-8",
           .body = monitor::root_page(base_path_, conf::kNatsVersion)});
    return;
  }
  const std::string prefix = base_path_ == "/" ? "" : base_path_;
  if (request.path.compare(0, prefix.size(), prefix) != 0) {
    reply(net::http_not_found());
    return;
  }
  std::string path = request.path.substr(prefix.size());
  if (path == "/subscriptionsz") path = "/subsz";
  server_.usage.count_request(path);
  const monitor::Query query(request.params);
  if (path == "/healthz") {
    answer_healthz(query, std::move(reply));
  } else if (path == "/raftz") {
    reply(text_response(kNotFound, std::string(monitor::kNoRaftNodes)));
  } else if (quick_pages_.asks_loops(path)) {
    answer_by_worker(path, request, std::move(reply));
  } else {
    reply(response_to(path, quick_pages_.page(path, query)));
  }
}

void Monitoring::answer_healthz(const monitor::Query& query, Reply reply) {
  const Result<monitor::HealthzQuery> wanted = monitor::HealthzQuery::parse(query);
  if (!wanted) {
    reply(text_response(kBadRequest, wanted.error().detail));
    return;
  }
  bool wants_assets = false;
  monitor::Health health = quick_pages_.health(*wanted, wants_assets);
  if (!wants_assets) {
    reply_health(std::move(health), reply);
    return;
  }
  static_cast<void>(worker_->push([this, wanted = *wanted, reply = std::move(reply)] {
    reply_health(slow_pages_.asset_health(wanted), reply);
  }));
}

void Monitoring::reply_health(monitor::Health health, const Reply& reply) const {
  reply(json_response(std::move(health.body), health.status));
}

// A reply that the worker has no room for is dropped, which answers 500.
void Monitoring::answer_by_worker(const std::string& path, const net::HttpRequest& request,
                                  Reply reply) {
  static_cast<void>(worker_->push([this, path, params = request.params, reply = std::move(reply)] {
    reply(response_to(path, slow_pages_.page(path, monitor::Query(params))));
  }));
}

}  // namespace petrel::server

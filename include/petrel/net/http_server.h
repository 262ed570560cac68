// HttpServer: the HTTP listener of the monitoring port, on a thread of its own, so that no scraper
// shares a loop with publishers. Requests and answers look as Go's net/http makes them.
//
// Owner: server. Thread: the handler runs on the HTTP thread; a Reply may be called on any thread.
// Limits: HttpLimits. When all places are taken, a new connection displaces the oldest that never
// completed a request, so that a health probe is answered while a thousand stalled ones stand.
// Source: monitoring.md section 1.
#pragma once

#include "petrel/base/result.h"
#include "petrel/base/time.h"
#include "petrel/net/tls_context.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace petrel::net {

struct HttpRequest {
  std::string method;
  std::string path;                                         // decoded and clean: `/varz`
  std::string raw_query;                                    // as sent, without the `?`
  std::vector<std::pair<std::string, std::string>> params;  // decoded, in order
  unsigned version = 11;                                    // 10 or 11

  // The first value of a parameter, empty if it is missing, as Go's Query().Get.
  std::string_view param(std::string_view name) const;
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = {};  // no such header if empty
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
};

// Go's answer to an unknown path.
HttpResponse http_not_found();

struct HttpLimits {
  size_t connections_max = 1500;
  uint32_t header_bytes_max = 1024 * 1024;
  uint64_t body_bytes_max = 262'144;  // bodies are read and ignored
  Duration header_timeout = Duration::seconds(5);
  // The longest time in which a reader takes nothing of its answer.
  Duration write_timeout = Duration::seconds(10);
};

class HttpServer {
 public:
  // Called once, later or at once. Dropped uncalled it answers 500.
  using Reply = std::function<void(HttpResponse)>;
  using Handler = std::function<void(const HttpRequest&, Reply)>;
  struct Options {
    HttpLimits limits = {};
    // Accepting failed; it is tried again after a second.
    std::function<void(int error)> on_accept_error = {};
    // Set: HTTPS, with the context that it returns for a new connection. Thread: HTTP.
    std::function<std::shared_ptr<const TlsContext>()> tls = {};
  };

  // Takes a socket of listen_tcp, also when it fails.
  static Result<std::unique_ptr<HttpServer>> create(int listener, Handler handler, Options options);
  // As stop().
  virtual ~HttpServer() = default;

  virtual void start() = 0;
  // Ends the thread and closes all connections. Replies that come later are ignored. Not from the
  // handler.
  virtual void stop() = 0;
};

}  // namespace petrel::net

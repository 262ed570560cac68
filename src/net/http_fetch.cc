#include "petrel/net/http_fetch.h"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <chrono>
#include <functional>
#include <optional>

namespace petrel::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;
// Named: asio's own defaults work with any executor, for three times the code.
using Executor = asio::io_context::executor_type;
using Resolver = asio::ip::basic_resolver<tcp, Executor>;

constexpr uint64_t kBodyBytesMax = 1 << 20;

struct Target {
  bool is_tls = false;
  std::string host = {};
  std::string port = {};
  std::string path = {};
};

Result<Target> parse(const std::string& url) {
  Target target;
  const size_t colon = url.find("://");
  const std::string scheme = colon == std::string::npos ? "" : url.substr(0, colon);
  if (scheme != "http" && scheme != "https") {
    return Error{Errc::kInvalidArgument,
                 "Get \"" + url + "\": unsupported protocol scheme \"" + scheme + "\""};
  }
  target.is_tls = scheme == "https";
  const size_t begin = colon + 3;
  const size_t slash = std::min(url.find('/', begin), url.size());
  std::string authority = url.substr(begin, slash - begin);
  if (const size_t at = authority.rfind('@'); at != std::string::npos) authority.erase(0, at + 1);
  target.path = slash == url.size() ? "/" : url.substr(slash);
  const size_t bracket = authority.rfind(']');
  const size_t port = authority.rfind(':');
  const bool has_port =
      port != std::string::npos && (bracket == std::string::npos || port > bracket);
  target.port = has_port ? authority.substr(port + 1) : target.is_tls ? "443" : "80";
  target.host = has_port ? authority.substr(0, port) : authority;
  if (!target.host.empty() && target.host.front() == '[') {
    target.host = target.host.substr(1, target.host.size() - 2);
  }
  return target;
}

// One exchange on an io_context of its own.
class Exchange {
 public:
  Exchange(Target target, const FetchOptions& options)
      : target_(std::move(target)),
        options_(options),
        tls_context_(asio::ssl::context::tls_client) {}

  Result<HttpAnswer> run() {
    if (target_.is_tls && !prepare_tls()) return Error{Errc::kIo, "tls: " + error_.message()};
    parser_.body_limit(kBodyBytesMax);
    Resolver resolver(io_);
    resolver.async_resolve(target_.host, target_.port,
                           [this](error_code error, const Resolver::results_type& found) {
                             if (!failed(error)) connect(found);
                           });
    io_.run_for(std::chrono::nanoseconds(options_.timeout.ns));
    if (!is_done_) return Error{Errc::kTimeout, "context deadline exceeded"};
    if (error_) return Error{Errc::kIo, error_.message()};
    HttpAnswer answer;
    answer.status = parser_.get().result_int();
    answer.reason = std::string(parser_.get().reason());
    answer.body = std::move(parser_.get().body());
    return answer;
  }

 private:
  using Plain = asio::basic_stream_socket<tcp, Executor>;
  using Tls = asio::ssl::stream<Plain>;

  bool prepare_tls() {
    if (options_.ca_file.empty()) {
      tls_context_.set_default_verify_paths(error_);
    } else {
      tls_context_.load_verify_file(options_.ca_file, error_);
    }
    if (error_) return false;
    tls_.emplace(io_, tls_context_);
    tls_->set_verify_mode(asio::ssl::verify_peer, error_);
    tls_->set_verify_callback(asio::ssl::host_name_verification(target_.host), error_);
    SSL_ctrl(tls_->native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(target_.host.c_str()));
    return !error_;
  }

  bool failed(error_code error) {
    if (!error) return false;
    error_ = error;
    is_done_ = true;
    return true;
  }

  Plain& socket() { return tls_ ? tls_->next_layer() : plain_; }

  void connect(const Resolver::results_type& found) {
    asio::async_connect(socket(), found, [this](error_code error, const tcp::endpoint&) {
      if (failed(error)) return;
      if (!tls_) {
        send(plain_);
        return;
      }
      tls_->async_handshake(asio::ssl::stream_base::client, [this](error_code refused) {
        if (!failed(refused)) send(*tls_);
      });
    });
  }

  template <typename Stream>
  void send(Stream& stream) {
    request_.method(http::verb::get);
    request_.target(target_.path);
    request_.version(11);
    request_.set(http::field::host, target_.host + ":" + target_.port);
    request_.set(http::field::user_agent, "Petrel");
    request_.set(http::field::connection, "close");
    http::async_write(stream, request_, [this, &stream](error_code error, size_t) {
      if (failed(error)) return;
      http::async_read(stream, buffer_, parser_, [this](error_code end, size_t) {
        if (!failed(end)) is_done_ = true;
      });
    });
  }

  const Target target_;
  const FetchOptions options_;
  asio::io_context io_{1};
  asio::ssl::context tls_context_;
  Plain plain_{io_};
  std::optional<Tls> tls_;
  http::request<http::empty_body> request_;
  http::response_parser<http::string_body> parser_;
  beast::flat_buffer buffer_;
  error_code error_;
  bool is_done_ = false;
};

}  // namespace

Result<HttpAnswer> http_fetch(const std::string& url, const FetchOptions& options) {
  PETREL_TRY(Target target, parse(url));
  return Exchange(std::move(target), options).run();
}

}  // namespace petrel::net

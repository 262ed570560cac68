// The only file that includes Boost: its headers are slow to compile.
#include "petrel/net/http_server.h"

#include "net/http_message.h"
#include "net/http_target.h"

#include "petrel/base/check.h"
#include "petrel/net/loop.h"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include <chrono>
#include <list>
#include <netinet/tcp.h>
#include <optional>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace petrel::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
// Named: asio's own defaults work with any executor, for three times the code.
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<tcp, Executor>;
using Stream = beast::basic_stream<tcp, Executor>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;
using boost::system::error_code;

constexpr auto kLinger = std::chrono::milliseconds(500);  // as Go waits for the peer's end
constexpr size_t kLingerBytes = 4096;

std::chrono::nanoseconds to_chrono(Duration duration) {
  return std::chrono::nanoseconds(duration.ns);
}

class Connection;
using ConnectionPtr = std::shared_ptr<Connection>;

// What connections share; owns them. A late Reply holds neither, so it may outlive the server.
struct Shared : std::enable_shared_from_this<Shared> {
  Shared(HttpServer::Handler h, HttpServer::Options o)
      : handler(std::move(h)), options(std::move(o)) {}
  asio::io_context io{1};
  const HttpServer::Handler handler;
  const HttpServer::Options options;
  // Every open connection is in one of them, the one to displace first in front: those that have
  // not completed a request by age, the others by their last completed request.
  std::list<ConnectionPtr> newcomers;
  std::list<ConnectionPtr> proven;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket, Shared& shared)
      : stream_(std::move(socket)),
        shared_(shared),
        buffer_(shared.options.limits.header_bytes_max + kHeaderSlack) {
    if (shared.options.tls) secure_.emplace(stream_, shared.options.tls());
  }

  void start() {
    place_ = shared_.newcomers.insert(shared_.newcomers.end(), shared_from_this());
    stream_.expires_after(to_chrono(limits().header_timeout));
    secure_ ? shake_hands() : read_header();
  }
  // Ends it at once; what is under way reports operation_aborted to nobody.
  void close();
  // Thread: HTTP.
  void answer(HttpResponse response);

 private:
  using Parser = http::request_parser<http::string_body>;
  static constexpr size_t kHeaderSlack = 4096;  // Go adds it as well

  const HttpLimits& limits() const { return shared_.options.limits; }
  // Calls `use` with the stream that carries HTTP.
  template <typename Use>
  void with_stream(Use use) {
    secure_ ? use(secure_->stream) : use(stream_);
  }
  void shake_hands();
  void await_secure_request();
  void set_abortive_close(bool on);
  void read_header();
  void on_header(error_code error);
  void read_body();
  void handle();
  void call_handler(const HttpRequest& request);
  void refuse(unsigned status, std::string_view reason);
  void refuse_malformed(error_code error);
  bool names_http_version() const;
  void write(std::string bytes);
  void write_on();
  void on_written();
  void await_next_request();
  void end_politely();
  void linger();

  // TLS over stream_. asio frees the context that it is given, so it gets a reference of its own.
  struct Secure {
    Secure(Stream& below, const std::shared_ptr<const TlsContext>& tls)
        : context(counted(tls->native())), stream(below, context) {}
    static SSL_CTX* counted(SSL_CTX* native) {
      SSL_CTX_up_ref(native);
      return native;
    }
    asio::ssl::context context;
    asio::ssl::stream<Stream&> stream;
  };

  Stream stream_;
  std::optional<Secure> secure_;
  Shared& shared_;
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  bool is_head_ = false;
  bool keep_alive_ = false;
  unsigned version_ = 11;
  std::string out_;
  size_t written_ = 0;
  bool closes_abortively_ = false;
  bool is_open_ = true;
  bool is_proven_ = false;
  std::list<ConnectionPtr>::iterator place_;
};

// Answers 500 if the handler forgets the request: no client waits for ever.
class PendingAnswer {
 public:
  PendingAnswer(std::weak_ptr<Shared> shared, std::weak_ptr<Connection> connection)
      : shared_(std::move(shared)), connection_(std::move(connection)) {}
  ~PendingAnswer() { give({.status = 500}); }
  PendingAnswer(const PendingAnswer&) = delete;
  PendingAnswer& operator=(const PendingAnswer&) = delete;

  void give(HttpResponse response) {
    const std::shared_ptr<Shared> shared = std::exchange(shared_, {}).lock();
    if (shared == nullptr) return;  // answered, or the server is gone
    asio::post(shared->io, [connection = connection_, response = std::move(response)]() mutable {
      if (const ConnectionPtr alive = connection.lock()) alive->answer(std::move(response));
    });
  }

 private:
  std::weak_ptr<Shared> shared_;
  const std::weak_ptr<Connection> connection_;
};

void Connection::close() {
  if (!is_open_) return;
  is_open_ = false;
  stream_.close();
  // The list may hold the last reference.
  const ConnectionPtr self = shared_from_this();
  (is_proven_ ? shared_.proven : shared_.newcomers).erase(place_);
}

// Makes a close take the connection down at once: the kernel would keep an answer that nobody
// takes.
void Connection::set_abortive_close(bool on) {
  if (closes_abortively_ == on) return;
  closes_abortively_ = on;
  error_code ignored;
  stream_.socket().set_option(asio::socket_base::linger(on, 0), ignored);
}

void Connection::shake_hands() {
  secure_->stream.async_handshake(asio::ssl::stream_base::server,
                                  [self = shared_from_this()](error_code error) {
                                    if (!self->is_open_) return;
                                    error ? self->close() : self->read_header();
                                  });
}

void Connection::read_header() {
  parser_.emplace();
  parser_->header_limit(limits().header_bytes_max);
  parser_->body_limit(limits().body_bytes_max);
  with_stream([this](auto& stream) {
    http::async_read_header(stream, buffer_, *parser_,
                            [self = shared_from_this()](error_code error, size_t) {
                              if (self->is_open_) self->on_header(error);
                            });
  });
}

void Connection::on_header(error_code error) {
  const bool is_protocol_error =
      error && error.category() == http::make_error_code(http::error::bad_target).category();
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      (error && !is_protocol_error)) {
    close();
    return;
  }
  if (error) {
    refuse_malformed(error);
    return;
  }
  const auto& message = parser_->get();
  version_ = message.version();
  keep_alive_ = parser_->keep_alive();
  is_head_ = message.method() == http::verb::head;
  // Go answers without asking for a body that is announced, and ends the connection.
  const bool awaits_continue = message.find(http::field::expect) != message.end();
  if (awaits_continue) keep_alive_ = false;
  if (parser_->is_done() || awaits_continue) {
    handle();
  } else {
    read_body();
  }
}

void Connection::read_body() {
  with_stream([this](auto& stream) {
    http::async_read(stream, buffer_, *parser_,
                     [self = shared_from_this()](error_code error, size_t) {
                       if (!self->is_open_) return;
                       if (!error) {
                         self->handle();
                       } else if (error == http::error::body_limit) {
                         self->refuse(413, "");
                       } else {
                         self->close();
                       }
                     });
  });
}

// Whether the third word of the request line is a version of HTTP, if not one that is spoken here.
bool Connection::names_http_version() const {
  std::string_view line(static_cast<const char*>(buffer_.data().data()), buffer_.size());
  line = line.substr(0, line.find('\r'));
  for (int word = 0; word < 2; ++word) {
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) return false;
    line.remove_prefix(space + 1);
  }
  return line.starts_with("HTTP/");
}

void Connection::refuse_malformed(error_code error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    refuse(431, "");
  } else if (error == http::error::body_limit) {
    refuse(413, "");
  } else if (error == http::error::bad_version) {
    names_http_version() ? refuse(505, "unsupported protocol version") : refuse(400, "");
  } else if (error == http::error::bad_field) {
    refuse(400, "invalid header name");
  } else {
    refuse(400, "");
  }
}

void Connection::refuse(unsigned status, std::string_view reason) {
  keep_alive_ = false;
  write(serialize_refusal(status, reason));
}

void Connection::handle() {
  const auto& message = parser_->get();
  const size_t hosts = message.count(http::field::host);
  if (version_ == 11 && hosts == 0) return refuse(400, "missing required Host header");
  if (hosts > 1) return refuse(400, "");
  const std::string_view target(message.target().data(), message.target().size());
  Result<HttpTarget> parsed = parse_http_target(target);
  if (!parsed) return refuse(400, "");

  const auto method = message.method_string();
  HttpRequest request{.method = std::string(method.data(), method.size()),
                      .path = {},
                      .raw_query = std::move(parsed->raw_query),
                      .params = std::move(parsed->params),
                      .version = version_};
  if (parsed->path == "*") {
    if (message.method() == http::verb::options) return answer({.status = 200});
    return refuse(400, "");
  }
  request.path = clean_path(parsed->path);
  if (request.path != parsed->path) {
    std::string location = escape_path(request.path);
    if (!request.raw_query.empty()) location += "?" + request.raw_query;
    return answer(http_redirect(request.method, location));
  }
  call_handler(request);
}

void Connection::call_handler(const HttpRequest& request) {
  parser_.reset();
  // Nothing is read or written until the answer comes; it has no time limit here.
  stream_.expires_never();
  auto pending = std::make_shared<PendingAnswer>(shared_.weak_from_this(), weak_from_this());
  shared_.handler(request, [pending = std::move(pending)](HttpResponse response) {
    pending->give(std::move(response));
  });
}

void Connection::answer(HttpResponse response) {
  if (!is_open_) return;
  write(serialize_response(std::move(response), {.version = version_,
                                                 .is_head = is_head_,
                                                 .keep_alive = keep_alive_,
                                                 .now = std::time(nullptr)}));
}

void Connection::write(std::string bytes) {
  parser_.reset();
  out_ = std::move(bytes);
  written_ = 0;
  write_on();
}

// Piece by piece, so that the time limit is one without progress and not one for the whole answer.
void Connection::write_on() {
  stream_.expires_after(to_chrono(limits().write_timeout));
  const auto on_some = [self = shared_from_this()](error_code error, size_t n) {
    if (!self->is_open_) return;
    if (error) return self->close();
    self->written_ += n;
    if (self->written_ < self->out_.size()) {
      self->set_abortive_close(true);
      return self->write_on();
    }
    self->on_written();
  };
  with_stream([&](auto& stream) {
    stream.async_write_some(asio::buffer(out_.data() + written_, out_.size() - written_), on_some);
  });
}

void Connection::on_written() {
  std::string().swap(out_);
  set_abortive_close(false);
  if (!keep_alive_) return end_politely();
  std::list<ConnectionPtr>& from = is_proven_ ? shared_.proven : shared_.newcomers;
  shared_.proven.splice(shared_.proven.end(), from, place_);
  is_proven_ = true;
  await_next_request();
}

// Between requests a connection may idle without limit, as Go lets it; it holds no buffer then.
void Connection::await_next_request() {
  if (buffer_.size() > 0) {
    stream_.expires_after(to_chrono(limits().header_timeout));
    return read_header();
  }
  buffer_.shrink_to_fit();
  stream_.expires_never();
  if (secure_) return await_secure_request();
  stream_.socket().async_wait(Socket::wait_read, [self = shared_from_this()](error_code error) {
    if (!self->is_open_) return;
    if (error) return self->close();
    self->stream_.expires_after(to_chrono(self->limits().header_timeout));
    self->read_header();
  });
}

// The bytes of a request may already be inside the TLS stream, where the socket knows nothing of
// them: the first one is read instead of waited for.
void Connection::await_secure_request() {
  secure_->stream.async_read_some(
      buffer_.prepare(1), [self = shared_from_this()](error_code error, size_t n) {
        if (!self->is_open_) return;
        if (error) return self->close();
        self->buffer_.commit(n);
        self->stream_.expires_after(to_chrono(self->limits().header_timeout));
        self->read_header();
      });
}

// Closing a socket with unread bytes would reset it and take the answer away from the peer.
void Connection::end_politely() {
  stream_.expires_after(kLinger);
  if (!secure_) {
    error_code ignored;
    stream_.socket().shutdown(Socket::shutdown_send, ignored);
    return linger();
  }
  // Says that nothing follows, and waits for the peer to say the same.
  secure_->stream.async_shutdown([self = shared_from_this()](error_code) {
    if (self->is_open_) self->close();
  });
}

void Connection::linger() {
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(kLingerBytes),
                          [self = shared_from_this()](error_code error, size_t) {
                            if (!self->is_open_) return;
                            if (error) return self->close();
                            self->linger();
                          });
}

void set_keep_alive(Socket& socket) {
  const int on = 1;
  const int seconds = 15;  // Go's interval; it finds peers that vanished between two scrapes
  const int fd = socket.native_handle();
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
}

class AsioHttpServer final : public HttpServer {
 public:
  AsioHttpServer(Handler handler, Options options)
      : shared_(std::make_shared<Shared>(std::move(handler), std::move(options))),
        acceptor_(shared_->io),
        rest_(shared_->io) {}
  ~AsioHttpServer() override { stop(); }

  Status take_listener(int fd);
  void start() override;
  void stop() override;

 private:
  void accept();
  void on_accept(error_code error, Socket socket);
  void make_room();
  void close_all();

  const std::shared_ptr<Shared> shared_;
  asio::basic_socket_acceptor<tcp, Executor> acceptor_;
  Timer rest_;  // after an accept error
  std::thread thread_;
};

Status AsioHttpServer::take_listener(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  error_code error;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    error.assign(errno, boost::system::system_category());
  } else {
    acceptor_.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), fd, error);
  }
  if (!error) return Status::ok();
  ::close(fd);
  return Error{Errc::kIo, "http listener: " + errno_text(error.value())};
}

void AsioHttpServer::start() {
  PETREL_CHECK(!thread_.joinable());
  accept();
  // What throws here is a lack of memory or of system resources, which ends the process.
  thread_ =
      std::thread([this]() noexcept { shared_->io.run(); });  // NOLINT(bugprone-exception-escape)
}

void AsioHttpServer::stop() {
  if (!thread_.joinable()) return;
  asio::post(shared_->io, [this] { close_all(); });
  thread_.join();
}

void AsioHttpServer::close_all() {
  error_code ignored;
  acceptor_.close(ignored);
  rest_.cancel();
  for (auto* list : {&shared_->newcomers, &shared_->proven}) {
    while (!list->empty()) list->front()->close();
  }
}

void AsioHttpServer::accept() {
  acceptor_.async_accept([this](error_code error, Socket socket) {
    if (acceptor_.is_open()) on_accept(error, std::move(socket));
  });
}

void AsioHttpServer::on_accept(error_code error, Socket socket) {
  if (!error) {
    make_room();
    set_keep_alive(socket);
    std::make_shared<Connection>(std::move(socket), *shared_)->start();
  } else if (error != asio::error::connection_aborted && error != asio::error::interrupted) {
    if (shared_->options.on_accept_error) shared_->options.on_accept_error(error.value());
    rest_.expires_after(to_chrono(kAcceptPause));
    rest_.async_wait([this](error_code) {
      if (acceptor_.is_open()) accept();
    });
    return;
  }
  accept();
}

void AsioHttpServer::make_room() {
  if (shared_->newcomers.size() + shared_->proven.size() < shared_->options.limits.connections_max)
    return;
  auto& from = shared_->newcomers.empty() ? shared_->proven : shared_->newcomers;
  from.front()->close();
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::create(int listener, Handler handler,
                                                       Options options) {
  auto server = std::make_unique<AsioHttpServer>(std::move(handler), std::move(options));
  PETREL_TRY_STATUS(server->take_listener(listener));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace petrel::net

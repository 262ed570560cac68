// What clients of the monitoring port meet, well-behaved and not.
#include "petrel/net/http_server.h"

#include "loop_harness.h"
#include "small_file_table.h"

namespace petrel::net::testing {
namespace {

class HttpServerTest : public ::testing::Test {
 protected:
  ~HttpServerTest() override { server_.reset(); }

  void start() {
    const Result<int> listener = listen_tcp("127.0.0.1", 0);
    ASSERT_TRUE(listener);
    port_ = *bound_port(*listener);
    auto server = HttpServer::create(
        *listener,
        [this](const HttpRequest& request, HttpServer::Reply reply) { handler_(request, reply); },
        {.limits = limits_, .on_accept_error = accept_error_});
    ASSERT_TRUE(server);
    server_ = std::move(*server);
    server_->start();
  }

  Client connect() { return Client::connect(port_); }

  // Everything until the server ends the connection, the date replaced.
  static std::string read_to_end(Client& client) {
    std::string all;
    for (std::string byte = client.receive(1); !byte.empty(); byte = client.receive(1)) all += byte;
    const size_t date = all.find("Date: ");
    if (date == std::string::npos) return all;
    return all.replace(date, all.find("\r\n", date) - date, "Date: D");
  }
  std::string exchange(std::string_view request) {
    Client client = connect();
    EXPECT_TRUE(client.send_all(request));
    return read_to_end(client);
  }
  // One answer on a connection that stays open.
  static std::string body_of_kept(Client& client) {
    std::string head;
    while (head.find("\r\n\r\n") == std::string::npos) {
      const std::string byte = client.receive(1);
      if (byte.empty()) return "connection ended";
      head += byte;
    }
    const size_t length = head.find("Content-Length: ");
    return client.receive(std::stoul(head.substr(length + 16)));
  }

  HttpLimits limits_;
  std::function<void(const HttpRequest&, const HttpServer::Reply&)> handler_ =
      [](const HttpRequest& request, const HttpServer::Reply& reply) {
        if (request.path != "/healthz") return reply(http_not_found());
        reply({.content_type = "text/plain", .body = request.method + " " + request.raw_query});
      };
  std::function<void(int)> accept_error_;
  uint16_t port_ = 0;
  std::unique_ptr<HttpServer> server_;
};

constexpr std::string_view kHealth = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

TEST_F(HttpServerTest, AnswersAndEndsWhenAsked) {
  start();
  EXPECT_EQ(exchange("GET /healthz?a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: D\r\nContent-Length: 7\r\n"
            "Connection: close\r\n\r\nGET a=b");
}

TEST_F(HttpServerTest, ConnectionIsKept) {
  start();
  Client client = connect();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send_all(kHealth));
    EXPECT_EQ(body_of_kept(client), "GET ");
  }
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  start();
  Client client = connect();
  ASSERT_TRUE(
      client.send_all("GET /healthz?1 HTTP/1.1\r\nHost: x\r\n\r\n"
                      "POST /healthz?2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
                      "GET /healthz?3 HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_EQ(body_of_kept(client), "GET 1");
  EXPECT_EQ(body_of_kept(client), "POST 2");
  EXPECT_EQ(body_of_kept(client), "GET 3");
}

TEST_F(HttpServerTest, OldVersionEndsUnlessAskedToStay) {
  start();
  EXPECT_EQ(exchange("GET /healthz HTTP/1.0\r\n\r\n"),
            "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nDate: D\r\nContent-Length: 4\r\n\r\n"
            "GET ");
  Client client = connect();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(client.send_all("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    EXPECT_EQ(body_of_kept(client), "GET ");
  }
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  start();
  EXPECT_EQ(exchange("HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: D\r\nContent-Length: 5\r\n"
            "Connection: close\r\n\r\n");
}

TEST_F(HttpServerTest, PathThatIsNotCleanIsRedirectedWithItsQuery) {
  start();
  EXPECT_EQ(exchange("GET //healthz?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
            "HTTP/1.1 307 Temporary Redirect\r\nContent-Type: text/html; charset=utf-8\r\n"
            "Location: /healthz?a=1\r\nDate: D\r\nContent-Length: 48\r\nConnection: close\r\n\r\n"
            "<a href=\"/healthz?a=1\">Temporary Redirect</a>.\n\n");
}

TEST_F(HttpServerTest, HandlerSeesDecodedPathAndParameters) {
  handler_ = [](const HttpRequest& request, const HttpServer::Reply& reply) {
    reply({.body = request.path + "|" + std::string(request.param("acc")) + "|" +
                   std::string(request.param("none"))});
  };
  start();
  Client client = connect();
  ASSERT_TRUE(client.send_all("GET /con%6ez?acc=%24G&acc=other HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_EQ(body_of_kept(client), "/connz|$G|");
}

TEST_F(HttpServerTest, MalformedRequestsAreRefusedInGosWords) {
  start();
  const std::string tail =
      "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n";
  const std::pair<const char*, std::string> cases[] = {
      {"GARBAGE\r\n\r\n", "400 Bad Request"},
      {"GET healthz HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request"},
      {"GET /heal%zz HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request"},
      {"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request"},
      {"GET /healthz FOO/1.1\r\nHost: x\r\n\r\n", "400 Bad Request"},
      {"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "400 Bad Request"},
      {"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n", "400 Bad Request"},
      {"GET /healthz HTTP/1.1\r\n\r\n", "400 Bad Request: missing required Host header"},
      {"GET /healthz HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
       "400 Bad Request: invalid header name"},
      {"GET /healthz HTTP/2.0\r\n\r\n",
       "505 HTTP Version Not Supported: unsupported protocol version"}};
  for (const auto& [request, text] : cases)
    EXPECT_EQ(exchange(request), "HTTP/1.1 " + text + tail + text) << request;
}

TEST_F(HttpServerTest, TooLongHeadersAndBodiesAreRefused) {
  start();
  const std::string line(1000, 'a');
  std::string request = "GET /healthz HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 1200; ++i) request += "X-" + std::to_string(i) + ": " + line + "\r\n";
  EXPECT_EQ(exchange(request + "\r\n").substr(0, 44),
            "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(
      exchange("POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n").substr(0, 37),
      "HTTP/1.1 413 Request Entity Too Large");
}

TEST_F(HttpServerTest, LargeHeadersBelowTheLimitAreRead) {
  start();
  std::string request = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
  for (int i = 0; i < 900; ++i)
    request += "X-" + std::to_string(i) + ": " + std::string(1000, 'a') + "\r\n";
  EXPECT_EQ(exchange(request + "\r\n").substr(0, 15), "HTTP/1.1 200 OK");
}

TEST_F(HttpServerTest, AnnouncedBodyIsNotAskedFor) {
  start();
  Client client = connect();
  ASSERT_TRUE(
      client.send_all("POST /healthz HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                      "Content-Length: 3\r\n\r\n"));
  const std::string answer = read_to_end(client);
  EXPECT_EQ(answer.substr(0, 15), "HTTP/1.1 200 OK");
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

TEST_F(HttpServerTest, ReplyMayComeLaterFromAnotherThread) {
  std::vector<std::thread> threads;
  handler_ = [&threads](const HttpRequest& request, const HttpServer::Reply& reply) {
    threads.emplace_back([reply, query = request.raw_query] { reply({.body = query}); });
  };
  start();
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(connect());
    ASSERT_TRUE(
        clients.back().send_all("GET /x?" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n"));
  }
  for (size_t i = 0; i < clients.size(); ++i)
    EXPECT_EQ(body_of_kept(clients[i]), std::to_string(i));
  server_->stop();
  for (std::thread& thread : threads) thread.join();
}

TEST_F(HttpServerTest, ForgottenRequestIsAnswered500) {
  handler_ = [](const HttpRequest&, const HttpServer::Reply&) {};
  start();
  EXPECT_EQ(exchange("GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").substr(0, 34),
            "HTTP/1.1 500 Internal Server Error");
}

TEST_F(HttpServerTest, ReplyAfterTheEndIsIgnored) {
  std::promise<HttpServer::Reply> kept;
  handler_ = [&kept](const HttpRequest&, const HttpServer::Reply& reply) { kept.set_value(reply); };
  start();
  Client client = connect();
  ASSERT_TRUE(client.send_all(kHealth));
  HttpServer::Reply reply = kept.get_future().get();
  server_.reset();
  EXPECT_TRUE(client.is_ended());
  reply({.body = "late"});
}

TEST_F(HttpServerTest, HealthIsAnsweredWhileAThousandConnectionsStall) {
  start();
  std::vector<Client> stalled;
  for (int i = 0; i < 1200; ++i) {
    stalled.push_back(connect());
    ASSERT_TRUE(stalled.back().is_connected());
    ASSERT_TRUE(
        stalled.back().send_all(i % 2 == 0 ? "GET /hea" : "GET /x HTTP/1.1\r\nHost: x\r\n"));
  }
  Client client = connect();
  ASSERT_TRUE(client.send_all(kHealth));
  EXPECT_EQ(body_of_kept(client), "GET ");
}

TEST_F(HttpServerTest, WhenFullTheOldestStalledConnectionGoesAndProvenOnesStay) {
  limits_.connections_max = 50;
  start();
  Client scraper = connect();
  ASSERT_TRUE(scraper.send_all(kHealth));
  ASSERT_EQ(body_of_kept(scraper), "GET ");
  std::vector<Client> stalled;
  for (int i = 0; i < 60; ++i) {
    stalled.push_back(connect());
    ASSERT_TRUE(stalled.back().send_all("GET /"));
  }
  Client probe = connect();
  ASSERT_TRUE(probe.send_all(kHealth));
  EXPECT_EQ(body_of_kept(probe), "GET ");
  for (size_t i = 0; i < 12; ++i) EXPECT_TRUE(stalled[i].is_ended()) << i;
  ASSERT_TRUE(stalled[12].send_all("healthz HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_EQ(body_of_kept(stalled[12]), "GET ");
  ASSERT_TRUE(scraper.send_all(kHealth));
  EXPECT_EQ(body_of_kept(scraper), "GET ");
}

TEST_F(HttpServerTest, StalledHeaderTimesOutAndAnIdleKeptConnectionDoesNot) {
  limits_.header_timeout = Duration::millis(100);
  start();
  Client idle = connect();
  ASSERT_TRUE(idle.send_all(kHealth));
  ASSERT_EQ(body_of_kept(idle), "GET ");
  Client silent = connect();
  Client stalled = connect();
  ASSERT_TRUE(stalled.send_all("GET /healthz HTTP/1.1\r\n"));
  EXPECT_TRUE(silent.is_ended());
  EXPECT_TRUE(stalled.is_ended());
  ASSERT_TRUE(idle.send_all(kHealth));  // older than both
  EXPECT_EQ(body_of_kept(idle), "GET ");
  ASSERT_TRUE(idle.send_all("GET /hea"));
  EXPECT_TRUE(idle.is_ended());
}

TEST_F(HttpServerTest, ReaderThatTakesNothingIsGivenUp) {
  constexpr size_t kBig = 64 << 20;
  limits_.write_timeout = Duration::millis(100);
  handler_ = [](const HttpRequest& request, const HttpServer::Reply& reply) {
    reply({.body = request.path == "/big" ? std::string(kBig, 'x') : "small"});
  };
  start();
  Client slow = connect();
  ASSERT_TRUE(slow.send_all("GET /big HTTP/1.1\r\nHost: x\r\n\r\n"));
  ASSERT_EQ(slow.receive(10), "HTTP/1.1 2");
  pollfd ended{slow.fd(), 0, 0};  // an error or a hang-up
  ASSERT_EQ(::poll(&ended, 1, 20'000), 1) << "the server was expected to end it";
  EXPECT_LT(slow.receive(kBig).size(), kBig);
}

TEST_F(HttpServerTest, BigAnswerReachesAReaderThatKeepsReading) {
  constexpr size_t kBig = 16 << 20;
  handler_ = [](const HttpRequest&, const HttpServer::Reply& reply) {
    reply({.body = Client::pattern(0, kBig)});
  };
  start();
  Client client = connect();
  ASSERT_TRUE(client.send_all(kHealth));
  EXPECT_TRUE(body_of_kept(client) == Client::pattern(0, kBig));
}

TEST_F(HttpServerTest, OutOfFilesIsReportedAndAcceptingGoesOnLater) {
  std::promise<int> reported;
  accept_error_ = [&reported](int error) {
    reported.set_value(error);
  };  // a second one would throw
  start();
  SmallFileTable files;
  Client client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  files.fill();
  ASSERT_TRUE(client.connect_to(port_));
  EXPECT_EQ(reported.get_future().get(), EMFILE);
  files.drain();
  ASSERT_TRUE(client.send_all(kHealth));
  EXPECT_EQ(body_of_kept(client), "GET ");
}

TEST_F(HttpServerTest, StopEndsConnectionsAndFreesThePort) {
  start();
  Client client = connect();
  ASSERT_TRUE(client.send_all(kHealth));
  ASSERT_EQ(body_of_kept(client), "GET ");
  Client stalled = connect();
  server_->stop();
  EXPECT_TRUE(client.is_ended());
  EXPECT_FALSE(connect().is_connected());
}

}  // namespace
}  // namespace petrel::net::testing

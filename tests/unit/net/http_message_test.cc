// The expected bytes were recorded from nats-server 2.15.2.
#include "net/http_message.h"

#include <gtest/gtest.h>

namespace petrel::net {
namespace {

constexpr std::time_t kNow = 1795258775;  // Sat, 21 Nov 2026 10:59:35 GMT

HttpResponse health() {
  return {.content_type = "application/json",
          .headers = {{"Access-Control-Allow-Origin", "*"}},
          .body = R"({"status":"ok"})"};
}

TEST(HttpMessage, AnswerHasGosBytes) {
  EXPECT_EQ(
      serialize_response(health(), {.now = kNow}),
      "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\n"
      "Date: Sat, 21 Nov 2026 10:59:35 GMT\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}");
}

TEST(HttpMessage, HeadHasTheLengthButNoBody) {
  EXPECT_EQ(
      serialize_response(health(), {.is_head = true, .now = kNow}),
      "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\n"
      "Date: Sat, 21 Nov 2026 10:59:35 GMT\r\nContent-Length: 15\r\n\r\n");
}

TEST(HttpMessage, ConnectionHeaderSaysWhatIsNotTheDefaultOfTheVersion) {
  const std::string closing = serialize_response(health(), {.keep_alive = false, .now = kNow});
  EXPECT_NE(closing.find("Content-Length: 15\r\nConnection: close\r\n\r\n"), std::string::npos);
  const std::string old = serialize_response(health(), {.version = 10, .keep_alive = false});
  EXPECT_EQ(old.find("HTTP/1.0 200 OK\r\n"), 0U);
  EXPECT_EQ(old.find("Connection:"), std::string::npos);
  const std::string kept = serialize_response(health(), {.version = 10, .keep_alive = true});
  EXPECT_NE(kept.find("Content-Length: 15\r\nConnection: keep-alive\r\n\r\n"), std::string::npos);
}

TEST(HttpMessage, NotFound) {
  EXPECT_EQ(serialize_response(http_not_found(), {.now = kNow}),
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "X-Content-Type-Options: nosniff\r\nDate: Sat, 21 Nov 2026 10:59:35 GMT\r\n"
            "Content-Length: 19\r\n\r\n404 page not found\n");
}

TEST(HttpMessage, RedirectOfGetHasALink) {
  EXPECT_EQ(serialize_response(http_redirect("GET", "/varz"), {.now = kNow}),
            "HTTP/1.1 307 Temporary Redirect\r\nContent-Type: text/html; charset=utf-8\r\n"
            "Location: /varz\r\nDate: Sat, 21 Nov 2026 10:59:35 GMT\r\nContent-Length: 41\r\n\r\n"
            "<a href=\"/varz\">Temporary Redirect</a>.\n\n");
  EXPECT_NE(http_redirect("GET", "/a?b=1&c=\"<'>").body.find("/a?b=1&amp;c=&#34;&lt;&#39;&gt;"),
            std::string::npos);
}

TEST(HttpMessage, RedirectOfPostHasNoBody) {
  EXPECT_EQ(serialize_response(http_redirect("POST", "/varz?x=1"), {.now = kNow}),
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: /varz?x=1\r\n"
            "Date: Sat, 21 Nov 2026 10:59:35 GMT\r\nContent-Length: 0\r\n\r\n");
}

TEST(HttpMessage, RefusalRepeatsItsStatusLine) {
  EXPECT_EQ(serialize_refusal(400, ""),
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Connection: close\r\n\r\n400 Bad Request");
  EXPECT_EQ(serialize_refusal(400, "missing required Host header"),
            "HTTP/1.1 400 Bad Request: missing required Host header\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
            "400 Bad Request: missing required Host header");
}

}  // namespace
}  // namespace petrel::net

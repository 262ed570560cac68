#include "petrel/conf/url.h"

#include "conf/host_port.h"

#include <gtest/gtest.h>

namespace petrel::conf {
namespace {

TEST(Url, SplitsAnAddress) {
  auto url = parse_url("nats-route://us%40er:p%3Aw@host.x:6222/path?q");
  ASSERT_TRUE(url.is_ok());
  EXPECT_EQ(url->scheme, "nats-route");
  EXPECT_EQ(url->user, "us@er");
  EXPECT_EQ(url->password, "p:w");
  EXPECT_EQ(url->host, "host.x:6222");
  EXPECT_EQ(url->port(), "6222");
  EXPECT_EQ(url->path, "/path?q");
  EXPECT_EQ(url->text(), "nats-route://us%40er:p%3Aw@host.x:6222/path?q");
  EXPECT_EQ(url->text_with("[REDACTED]"), "nats-route://[REDACTED]@host.x:6222/path?q");
}

TEST(Url, ReadsIpv6Hosts) {
  auto url = parse_url("nats://[::1]:4222");
  ASSERT_TRUE(url.is_ok());
  EXPECT_EQ(url->host, "[::1]:4222");
  EXPECT_EQ(url->port(), "4222");
  EXPECT_EQ(parse_url("nats://[::1]")->port(), "");
}

TEST(Url, RefusesWhatGoRefuses) {
  for (const char* text : {"nats://a:b", "nats://a b:1", ":1", "nats://[::1", "nats://[abc]:1",
                           "nats://u:%zz@h:1", "nats://u\x7f@h", "a:b@c", "nats://u<@h:1"}) {
    const bool opaque = std::string_view(text) == "a:b@c";  // a scheme and something behind it
    EXPECT_EQ(parse_url(text).is_ok(), opaque) << text;
  }
}

TEST(HostPort, SplitsAsGoDoes) {
  EXPECT_EQ(split_host_port("h:1")->host, "h");
  EXPECT_EQ(split_host_port("[::1]:2")->host, "::1");
  EXPECT_EQ(split_host_port(":3")->port, "3");
  EXPECT_EQ(split_host_port("h").error().detail, "address h: missing port in address");
  EXPECT_EQ(split_host_port("").error().detail, "missing port in address");
  EXPECT_EQ(split_host_port("a:b:c").error().detail, "address a:b:c: too many colons in address");
  EXPECT_EQ(split_host_port("[::1").error().detail, "address [::1: missing ']' in address");
}

}  // namespace
}  // namespace petrel::conf

#include "petrel/proto/proxy_header.h"

#include <gtest/gtest.h>

namespace petrel::proto {
namespace {

using namespace std::string_literals;

struct Seen {
  ProxyResult result = ProxyResult::kNeedMore;
  std::string source;
  std::string error;
  std::string rest;  // replay and what was not taken

  bool operator==(const Seen&) const = default;
};

// Feeds pieces of `piece` bytes until there is an answer.
Seen read(const std::string& stream, size_t piece) {
  ProxyHeader header;
  Seen seen;
  for (size_t at = 0; at < stream.size(); at += piece) {
    Slice input = Slice(stream).substr(at, piece);
    seen.result = header.take(input);
    if (seen.result == ProxyResult::kNeedMore) {
      EXPECT_TRUE(input.empty());
      continue;
    }
    if (seen.result == ProxyResult::kAddress) {
      seen.source = header.source_ip() + " " + std::to_string(header.source_port());
    }
    seen.error = header.error_text();
    if (seen.result == ProxyResult::kNone) seen.rest = header.replay();
    seen.rest += stream.substr(at + std::min(piece, stream.size() - at) - input.size());
    break;
  }
  return seen;
}

void expect_everywhere(const std::string& stream, const Seen& expected) {
  for (size_t piece = 1; piece <= stream.size(); ++piece) {
    const Seen seen = read(stream, piece);
    ASSERT_EQ(seen.result, expected.result) << stream << " by " << piece;
    ASSERT_EQ(seen.source, expected.source) << stream << " by " << piece;
    ASSERT_EQ(seen.error, expected.error) << stream << " by " << piece;
    if (expected.result != ProxyResult::kError) {
      ASSERT_EQ(seen.rest, expected.rest) << stream << " by " << piece;
    }
  }
}

void expect_refused(const std::string& stream, const std::string& error) {
  expect_everywhere(stream, {ProxyResult::kError, "", error, ""});
}

TEST(ProxyHeaderTest, TextHeaderGivesTheSourceAndLeavesTheRest) {
  expect_everywhere("PROXY TCP4 192.0.2.1 198.51.100.2 5000 4222\r\nPING\r\n",
                    {ProxyResult::kAddress, "192.0.2.1 5000", "", "PING\r\n"});
  expect_everywhere("PROXY TCP6 2001:db8:0:0:1:0:0:1 ::1 65535 1\r\n",
                    {ProxyResult::kAddress, "2001:db8::1:0:0:1 65535", "", ""});
  expect_everywhere("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 1\r\n",
                    {ProxyResult::kAddress, "192.0.2.1 1", "", ""});
  expect_everywhere("PROXY  TCP4\t1.2.3.4 5.6.7.8  00080 4222 \r\n",
                    {ProxyResult::kAddress, "1.2.3.4 80", "", ""});
}

TEST(ProxyHeaderTest, UnknownKeepsThePeer) {
  expect_everywhere("PROXY UNKNOWN\r\nPING\r\n", {ProxyResult::kKeep, "", "", "PING\r\n"});
  expect_everywhere("PROXY UNKNOWN whatever stands here x y z\r\n",
                    {ProxyResult::kKeep, "", "", ""});
}

TEST(ProxyHeaderTest, OtherBytesAreTheClientsOwn) {
  expect_everywhere("CONNECT {}\r\n", {ProxyResult::kNone, "", "", "CONNECT {}\r\n"});
  expect_everywhere("PING\r\nPING\r\n", {ProxyResult::kNone, "", "", "PING\r\nPING\r\n"});
  expect_everywhere("PROXY", {ProxyResult::kNeedMore, "", "", ""});
  expect_everywhere("PROXYX", {ProxyResult::kNone, "", "", "PROXYX"});
  expect_everywhere("\x16\x03\x01\x02\x00\x01\x00"s,
                    {ProxyResult::kNone, "", "", "\x16\x03\x01\x02\x00\x01\x00"s});
}

TEST(ProxyHeaderTest, MalformedTextIsRefused) {
  const std::string invalid = "invalid PROXY protocol header: ";
  expect_refused("PROXY \r\n", invalid + "invalid v1 format");
  expect_refused("PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", invalid + "invalid v1 format");
  expect_refused("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n", invalid + "invalid v1 format");
  expect_refused("PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n", invalid + "invalid address");
  expect_refused("PROXY TCP4 1.2.3.4 5.6.7.08 1 2\r\n", invalid + "invalid address");
  expect_refused("PROXY TCP4 ::1 ::1 1 2\r\n", invalid + "TCP4 with IPv6 address");
  expect_refused("PROXY TCP6 1.2.3.4 ::1 1 2\r\n", invalid + "TCP6 with IPv4 address");
  expect_refused("PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n", invalid + "invalid protocol UDP4");
  expect_refused("PROXY TCP4 1.2.3.4 5.6.7.8 x 2\r\n",
                 "invalid source port: strconv.ParseUint: parsing \"x\": invalid syntax");
  expect_refused("PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n",
                 "invalid source port: strconv.ParseUint: parsing \"65536\": value out of range");
  expect_refused("PROXY TCP4 1.2.3.4 5.6.7.8 1 -2\r\n",
                 "invalid dest port: strconv.ParseUint: parsing \"-2\": invalid syntax");
}

TEST(ProxyHeaderTest, TextHeaderHasAtMost107Bytes) {
  const std::string start = "PROXY UNKNOWN ";
  expect_everywhere(start + std::string(105 - start.size(), 'x') + "\r\nPING",
                    {ProxyResult::kKeep, "", "", "PING"});
  expect_refused(start + std::string(106 - start.size(), 'x') + "\r\n",
                 "invalid PROXY protocol header: v1 line too long");
}

std::string binary(uint8_t command, uint8_t family, const std::string& addresses) {
  return "\r\n\r\n\0\r\nQUIT\n"s + static_cast<char>(command) + static_cast<char>(family) +
         static_cast<char>(addresses.size() >> 8) + static_cast<char>(addresses.size() & 0xff) +
         addresses;
}

const std::string kInet = "\xc0\x00\x02\x01\x01\x02\x03\x04\x13\x88\x10\x7e"s;

TEST(ProxyHeaderTest, BinaryHeaderGivesTheSource) {
  expect_everywhere(binary(0x21, 0x11, kInet) + "PING\r\n",
                    {ProxyResult::kAddress, "192.0.2.1 5000", "", "PING\r\n"});
  const std::string inet6 = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01" +
                            std::string(16, '\0') + "\x00\x50\x10\x7e"s;
  expect_everywhere(binary(0x21, 0x21, inet6) + "x",
                    {ProxyResult::kAddress, "2001:db8::1 80", "", "x"});
}

TEST(ProxyHeaderTest, BytesBehindTheAddressesAreSkipped) {
  expect_everywhere(binary(0x21, 0x11, kInet + std::string(300, 'T')) + "PING",
                    {ProxyResult::kAddress, "192.0.2.1 5000", "", "PING"});
}

TEST(ProxyHeaderTest, LocalAndUnspecifiedKeepThePeer) {
  expect_everywhere(binary(0x20, 0x00, "") + "x", {ProxyResult::kKeep, "", "", "x"});
  expect_everywhere(binary(0x20, 0xff, std::string(50, 'a')) + "x",
                    {ProxyResult::kKeep, "", "", "x"});
  expect_everywhere(binary(0x21, 0x01, std::string(5, 'a')) + "x",
                    {ProxyResult::kKeep, "", "", "x"});
}

TEST(ProxyHeaderTest, MalformedBinaryIsRefused) {
  expect_refused("\r\n\r\n\0\r\nQUIX\n1234"s, "invalid PROXY protocol header: invalid signature");
  expect_refused(binary(0x11, 0x11, kInet), "invalid PROXY protocol header: invalid version 0x10");
  expect_refused(binary(0x22, 0x11, kInet), "unknown PROXY protocol command: 0x02");
  expect_refused(binary(0x21, 0x12, kInet),
                 "unsupported PROXY protocol feature: only STREAM protocol supported");
  expect_refused(binary(0x21, 0x31, std::string(216, 'u')),
                 "unsupported PROXY protocol feature: unsupported address family 0x30");
  expect_refused(binary(0x21, 0x11, "short"), "IPv4 address data too short: 5 bytes");
  expect_refused(binary(0x21, 0x21, std::string(35, 'a')), "IPv6 address data too short: 35 bytes");
}

}  // namespace
}  // namespace petrel::proto

// IP addresses as text, read and written as Go's net package does. Thread: pure, any thread.
// Source: Go net.ParseIP and net.IP.String documentation, RFC 4291, RFC 5952.
#pragma once

#include "petrel/base/block.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace petrel::proto {

// 16 bytes in network order; IPv4 in its IPv6-mapped form.
using IpBytes = std::array<uint8_t, 16>;

// "192.0.2.1" (no leading zeros) or an IPv6 address without zone.
std::optional<IpBytes> parse_ip(Slice text);

// Dotted form for IPv4 and for mapped IPv4, else the short form of IPv6.
std::string ip_text(const IpBytes& ip);

IpBytes ipv4(const uint8_t* four_bytes);

}  // namespace petrel::proto

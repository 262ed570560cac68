#include "auth/source_network.h"

#include "petrel/proto/ip_text.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace petrel::auth {

namespace {

struct Network {
  proto::IpBytes ip = {};
  bool is_v4 = false;
  int bits = 0;  // of the 16 bytes
};

bool is_mapped_v4(const proto::IpBytes& ip) {
  return std::all_of(ip.begin(), ip.begin() + 10, [](uint8_t byte) { return byte == 0; }) &&
         ip[10] == 0xFF && ip[11] == 0xFF;
}

std::optional<Network> parse(Slice text) {
  const size_t slash = text.find('/');
  if (slash == Slice::npos) return std::nullopt;
  const auto ip = proto::parse_ip(text.substr(0, slash));
  const Slice digits = text.substr(slash + 1);
  int bits = -1;
  const char* end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, bits);
  if (!ip || read.ec != std::errc{} || read.ptr != end || digits.front() == '-') {
    return std::nullopt;
  }
  const bool is_v4 = text.substr(0, slash).find(':') == Slice::npos;
  if (bits > (is_v4 ? 32 : 128)) return std::nullopt;
  return Network{*ip, is_v4, is_v4 ? bits + 96 : bits};
}

bool contains(const Network& network, const proto::IpBytes& ip) {
  if (network.is_v4 != is_mapped_v4(ip)) return false;
  for (int bit = 0; bit < network.bits; bit += 8) {
    const auto at = static_cast<size_t>(bit / 8);
    const int rest = network.bits - bit;
    const unsigned mask = rest >= 8 ? 0xFFu : 0xFFu << (8 - rest) & 0xFFu;
    if (((network.ip[at] ^ ip[at]) & mask) != 0) return false;
  }
  return true;
}

}  // namespace

bool is_network(Slice text) {
  return parse(text).has_value();
}

bool is_from_networks(Slice ip, const std::vector<std::string>& networks) {
  if (networks.empty()) return true;
  const auto address = proto::parse_ip(ip);
  if (!address) return false;
  for (const std::string& text : networks) {
    const auto network = parse(text);
    if (!network) return false;
    if (contains(*network, *address)) return true;
  }
  return false;
}

}  // namespace petrel::auth

#include "petrel/proto/ip_text.h"

#include <algorithm>
#include <charconv>

namespace petrel::proto {

namespace {

constexpr size_t kNone = 17;  // no place in an address

// Four decimal fields of 0 to 255, nothing else.
bool parse_dotted(Slice text, uint8_t* out) {
  for (int field = 0; field < 4; ++field) {
    const size_t end = field == 3 ? text.size() : text.find('.');
    if (end == Slice::npos || end == 0 || end > 3) return false;
    const Slice digits = text.substr(0, end);
    if (digits.size() > 1 && digits.front() == '0') return false;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + end, out[field]);
    if (error != std::errc() || stop != digits.data() + end) return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

// One group of up to four hex digits at the front of `text`; false if there is none.
bool take_group(Slice& text, uint8_t* out) {
  uint16_t value = 0;
  const Slice digits = text.substr(0, std::min<size_t>(text.size(), 5));
  const auto [stop, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  const auto used = static_cast<size_t>(stop - digits.data());
  if (error != std::errc() || used == 0 || used > 4) return false;
  out[0] = static_cast<uint8_t>(value >> 8);
  out[1] = static_cast<uint8_t>(value);
  text.remove_prefix(used);
  return true;
}

// Moves what stands behind the gap `::` at byte `gap` to the end.
bool expand(IpBytes& ip, size_t gap, size_t used) {
  if (gap == kNone) return used == ip.size();
  if (used == ip.size()) return false;
  std::copy_backward(ip.begin() + static_cast<ptrdiff_t>(gap),
                     ip.begin() + static_cast<ptrdiff_t>(used), ip.end());
  std::fill(ip.begin() + static_cast<ptrdiff_t>(gap),
            ip.begin() + static_cast<ptrdiff_t>(gap + ip.size() - used), uint8_t{0});
  return true;
}

std::optional<IpBytes> parse_ipv6(Slice text) {
  IpBytes ip{};
  size_t gap = kNone;
  size_t used = 0;
  if (text.substr(0, 2) == "::") {
    gap = 0;
    text.remove_prefix(2);
  }
  while (used < ip.size() && !text.empty()) {
    if (text.find(':') == Slice::npos && text.find('.') != Slice::npos) {
      if ((gap == kNone && used != 12) || used > 12) return std::nullopt;
      if (!parse_dotted(text, ip.data() + used)) return std::nullopt;
      used += 4;
      text = {};
      break;
    }
    if (!take_group(text, ip.data() + used)) return std::nullopt;
    used += 2;
    if (text.empty()) break;
    if (text.front() != ':' || text.size() == 1) return std::nullopt;
    text.remove_prefix(1);
    if (text.front() != ':') continue;
    if (gap != kNone) return std::nullopt;
    gap = used;
    text.remove_prefix(1);
  }
  if (!text.empty() || !expand(ip, gap, used)) return std::nullopt;
  return ip;
}

bool is_mapped(const IpBytes& ip) {
  return std::all_of(ip.begin(), ip.begin() + 10, [](uint8_t b) { return b == 0; }) &&
         ip[10] == 0xff && ip[11] == 0xff;
}

struct GroupRun {
  size_t begin = 8;
  size_t end = 8;
};

// The first longest run of at least two zero groups.
GroupRun longest_zero_run(const std::array<uint16_t, 8>& groups) {
  GroupRun best;
  for (size_t i = 0; i < groups.size(); ++i) {
    size_t end = i;
    while (end < groups.size() && groups[end] == 0) ++end;
    if (end - i >= 2 && end - i > best.end - best.begin) best = {i, end};
  }
  return best;
}

}  // namespace

std::optional<IpBytes> parse_ip(Slice text) {
  if (text.find(':') != Slice::npos) return parse_ipv6(text);
  std::array<uint8_t, 4> dotted{};
  if (!parse_dotted(text, dotted.data())) return std::nullopt;
  return ipv4(dotted.data());
}

std::string ip_text(const IpBytes& ip) {
  if (is_mapped(ip)) {
    return std::to_string(ip[12]) + '.' + std::to_string(ip[13]) + '.' + std::to_string(ip[14]) +
           '.' + std::to_string(ip[15]);
  }
  std::array<uint16_t, 8> groups{};
  for (size_t i = 0; i < groups.size(); ++i) {
    groups[i] = static_cast<uint16_t>(ip[2 * i] << 8 | ip[2 * i + 1]);
  }
  const GroupRun zeros = longest_zero_run(groups);
  std::string text;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (i == zeros.begin) {
      text += "::";
      i = zeros.end;
      if (i == groups.size()) break;
    } else if (i != 0) {
      text += ':';
    }
    std::array<char, 4> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), groups[i], 16).ptr;
    text.append(digits.data(), end);
  }
  return text;
}

IpBytes ipv4(const uint8_t* four_bytes) {
  IpBytes ip{};
  ip[10] = ip[11] = 0xff;
  std::copy_n(four_bytes, 4, ip.begin() + 12);
  return ip;
}

}  // namespace petrel::proto

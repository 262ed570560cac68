#include "petrel/proto/proxy_header.h"

#include "petrel/base/go_quote.h"
#include "petrel/proto/ip_text.h"

#include <algorithm>
#include <charconv>

namespace petrel::proto {

namespace {

constexpr Slice kTextPrefix = "PROXY ";
constexpr Slice kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};

constexpr uint8_t kVersion2 = 0x20;
constexpr uint8_t kCommandLocal = 0;
constexpr uint8_t kCommandProxy = 1;
constexpr uint8_t kStream = 1;
constexpr uint8_t kFamilyUnspec = 0x00;
constexpr uint8_t kFamilyInet = 0x10;
constexpr uint8_t kFamilyInet6 = 0x20;
constexpr size_t kAddressesInet = 12;
constexpr size_t kAddressesInet6 = 36;

std::string invalid(Slice what) {
  std::string text = "invalid PROXY protocol header: ";
  return text.append(what);
}
std::string unsupported(Slice what) {
  std::string text = "unsupported PROXY protocol feature: ";
  return text.append(what);
}
std::string hex_byte(uint8_t value) {
  constexpr Slice kHex = "0123456789abcdef";
  return std::string("0x") + kHex[value >> 4] + kHex[value & 0xf];
}

// Words of the line behind "PROXY "; one more than allowed is enough to know.
struct Words {
  std::array<Slice, 6> word;
  size_t count = 0;
};

Words split_words(Slice line) {
  constexpr Slice kWhite = " \t\n\v\f\r";
  Words words;
  size_t at = line.find_first_not_of(kWhite);
  while (at != Slice::npos && words.count < words.word.size()) {
    const size_t end = std::min(line.find_first_of(kWhite, at), line.size());
    words.word[words.count++] = line.substr(at, end - at);
    at = line.find_first_not_of(kWhite, end);
  }
  return words;
}

// Empty on success, else what strconv.ParseUint says.
std::string read_port(Slice text, uint16_t& port) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == Slice::npos;
  const auto error = std::from_chars(text.data(), text.data() + text.size(), port).ec;
  if (digits && error == std::errc()) return {};
  return "strconv.ParseUint: parsing " + go_quote(text) +
         (digits ? ": value out of range" : ": invalid syntax");
}

}  // namespace

ProxyResult ProxyHeader::take(Slice& input) {
  if (!hold(input, kDetectBytes)) return ProxyResult::kNeedMore;
  const Slice first(held_.data(), kDetectBytes);
  if (first == kTextPrefix) return take_line(input);
  if (first == kSignature.substr(0, kDetectBytes)) return take_binary(input);
  return ProxyResult::kNone;
}

// Takes bytes until `until` are held; false if there are fewer.
bool ProxyHeader::hold(Slice& input, size_t until) {
  if (held_bytes_ >= until) return true;
  const size_t count = std::min(until - held_bytes_, input.size());
  std::copy_n(input.data(), count, held_.data() + held_bytes_);
  held_bytes_ += count;
  input.remove_prefix(count);
  return held_bytes_ == until;
}

ProxyResult ProxyHeader::take_line(Slice& input) {
  while (held_bytes_ < kLineMax) {
    if (!hold(input, held_bytes_ + 1)) return ProxyResult::kNeedMore;
    const Slice line = Slice(held_.data(), held_bytes_).substr(kDetectBytes);
    if (line.size() >= 2 && line.substr(line.size() - 2) == "\r\n") {
      return read_line(line.substr(0, line.size() - 2));
    }
  }
  return fail(invalid("v1 line too long"));
}

ProxyResult ProxyHeader::read_line(Slice line) {
  const Words words = split_words(line);
  if (words.count == 0) return fail(invalid("invalid v1 format"));
  const Slice protocol = words.word[0];
  if (protocol == "UNKNOWN") return ProxyResult::kKeep;
  if (words.count != 5) return fail(invalid("invalid v1 format"));
  const Slice source = words.word[1];
  const Slice destination = words.word[2];
  const std::optional<IpBytes> source_ip = parse_ip(source);
  if (!source_ip || !parse_ip(destination)) return fail(invalid("invalid address"));
  uint16_t destination_port = 0;
  std::string wrong = read_port(words.word[3], source_port_);
  if (!wrong.empty()) return fail("invalid source port: " + wrong);
  wrong = read_port(words.word[4], destination_port);
  if (!wrong.empty()) return fail("invalid dest port: " + wrong);

  const bool source_is_6 = source.find(':') != Slice::npos;
  const bool destination_is_6 = destination.find(':') != Slice::npos;
  if (protocol == "TCP4") {
    if (source_is_6 || destination_is_6) return fail(invalid("TCP4 with IPv6 address"));
  } else if (protocol == "TCP6") {
    if (!source_is_6 || !destination_is_6) return fail(invalid("TCP6 with IPv4 address"));
  } else {
    return fail(invalid("invalid protocol " + std::string(protocol)));
  }
  source_ip_ = ip_text(*source_ip);
  return ProxyResult::kAddress;
}

ProxyResult ProxyHeader::take_binary(Slice& input) {
  if (!hold(input, kSignatureBytes)) return ProxyResult::kNeedMore;
  if (Slice(held_.data(), kSignatureBytes) != kSignature) {
    return fail(invalid("invalid signature"));
  }
  if (!hold(input, kFixedBytes)) return ProxyResult::kNeedMore;
  if (fixed_checked_) return take_addresses(input);

  const uint8_t version = byte(12) & 0xf0;
  const uint8_t command = byte(12) & 0x0f;
  const uint8_t family = byte(13) & 0xf0;
  const size_t address_bytes = number(14);
  if (version != kVersion2) return fail(invalid("invalid version " + hex_byte(version)));
  if (command != kCommandLocal) {
    if (command != kCommandProxy) {
      return fail("unknown PROXY protocol command: " + hex_byte(command));
    }
    if ((byte(13) & 0x0f) != kStream) return fail(unsupported("only STREAM protocol supported"));
    if (family != kFamilyInet && family != kFamilyInet6 && family != kFamilyUnspec) {
      return fail(unsupported("unsupported address family " + hex_byte(family)));
    }
    const bool inet6 = family == kFamilyInet6;
    const size_t least = inet6 ? kAddressesInet6 : kAddressesInet;
    if (family != kFamilyUnspec && address_bytes < least) {
      return fail(std::string(inet6 ? "IPv6" : "IPv4") +
                  " address data too short: " + std::to_string(address_bytes) + " bytes");
    }
  }
  fixed_checked_ = true;
  return take_addresses(input);
}

ProxyResult ProxyHeader::take_addresses(Slice& input) {
  const bool local = (byte(12) & 0x0f) == kCommandLocal;
  const uint8_t family = local ? kFamilyUnspec : byte(13) & 0xf0;
  const size_t held_addresses = family == kFamilyInet    ? kAddressesInet
                                : family == kFamilyInet6 ? kAddressesInet6
                                                         : 0;
  const size_t skip_total = number(14) - held_addresses;
  if (!hold(input, kFixedBytes + held_addresses)) return ProxyResult::kNeedMore;
  const size_t count = std::min(skip_total - skip_bytes_, input.size());
  input.remove_prefix(count);
  skip_bytes_ += count;
  if (skip_bytes_ < skip_total) return ProxyResult::kNeedMore;
  if (family == kFamilyUnspec) return ProxyResult::kKeep;

  std::array<uint8_t, kAddressesInet6> address{};
  std::transform(held_.data() + kFixedBytes, held_.data() + kFixedBytes + held_addresses,
                 address.begin(), [](char c) { return static_cast<uint8_t>(c); });
  if (family == kFamilyInet) {
    source_ip_ = ip_text(ipv4(address.data()));
    source_port_ = number(kFixedBytes + 8);
  } else {
    IpBytes ip{};
    std::copy_n(address.begin(), ip.size(), ip.begin());
    source_ip_ = ip_text(ip);
    source_port_ = number(kFixedBytes + 32);
  }
  return ProxyResult::kAddress;
}

ProxyResult ProxyHeader::fail(std::string text) {
  error_text_ = std::move(text);
  return ProxyResult::kError;
}

}  // namespace petrel::proto

#include "petrel/conf/url.h"

#include "conf/characters.h"

#include "petrel/base/go_quote.h"

#include <algorithm>

namespace petrel::conf {
namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kDigits = "0123456789";

bool is_in(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Error reason(std::string text) {
  return {Errc::kInvalidArgument, std::move(text)};
}

Result<std::string> unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const bool complete = i + 2 < text.size();
    const int high = complete ? hex_value(text[i + 1]) : -1;
    const int low = complete ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) return reason("invalid URL escape " + go_quote(text.substr(i, 3)));
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string escape_user(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_in(c, kLetters) || is_in(c, kDigits) || is_in(c, "-_.~$&+,;=")) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 0xF];
    }
  }
  return out;
}

struct SchemeSplit {
  std::string scheme;
  std::string_view rest;
};

Result<SchemeSplit> split_scheme(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_in(c, kLetters)) continue;
    if (is_in(c, "0123456789+-.")) {
      if (i == 0) break;
      continue;
    }
    if (c != ':') break;
    if (i == 0) return reason("missing protocol scheme");
    return SchemeSplit{lower(text.substr(0, i)), text.substr(i + 1)};
  }
  return SchemeSplit{"", text};
}

Status check_port(std::string_view colon_port) {
  if (colon_port.empty()) return {};
  const bool digits = colon_port.find_first_not_of(kDigits, 1) == std::string_view::npos;
  if (colon_port.front() == ':' && digits) return {};
  return reason("invalid port " + go_quote(colon_port) + " after host");
}

Status check_host(std::string_view host, const std::string& scheme) {
  const size_t open = host.rfind('[');
  if (open != std::string_view::npos && open > 0) return reason("invalid IP-literal");
  if (open == 0) {
    const size_t close = host.rfind(']');
    if (close == std::string_view::npos) return reason("missing ']' in host");
    PETREL_TRY_STATUS(check_port(host.substr(close + 1)));
    const std::string_view address = host.substr(1, close - 1);
    const size_t colons = static_cast<size_t>(std::count(address.begin(), address.end(), ':'));
    if (colons < 2) return reason("invalid IP-literal");
    return {};
  }
  const bool web = scheme == "http" || scheme == "https";
  const size_t colon = web ? host.find(':') : host.rfind(':');
  if (colon != std::string_view::npos) PETREL_TRY_STATUS(check_port(host.substr(colon)));
  for (const char c : host) {
    const bool plain = static_cast<unsigned char>(c) >= 0x80 || is_in(c, kLetters) ||
                       is_in(c, kDigits) || is_in(c, "-_.~!$&'()*+,;=:[]<>\"%");
    if (!plain) {
      return reason("invalid character " + go_quote(std::string_view(&c, 1)) + " in host name");
    }
  }
  return {};
}

Status read_user(std::string_view userinfo, Url& url) {
  for (const char c : userinfo) {
    if (!is_in(c, kLetters) && !is_in(c, kDigits) && !is_in(c, "-._:~!$&'()*+,;=%@")) {
      return reason("net/url: invalid userinfo");
    }
  }
  const size_t colon = userinfo.find(':');
  url.has_user = true;
  PETREL_TRY(url.user, unescape(userinfo.substr(0, colon)));
  if (colon == std::string_view::npos) return {};
  url.has_password = true;
  PETREL_TRY(url.password, unescape(userinfo.substr(colon + 1)));
  return {};
}

Status read_authority(std::string_view authority, Url& url) {
  const size_t at = authority.rfind('@');
  const std::string_view host = at == std::string_view::npos ? authority : authority.substr(at + 1);
  PETREL_TRY_STATUS(check_host(host, url.scheme));
  url.host = std::string(host);
  if (at == std::string_view::npos) return {};
  return read_user(authority.substr(0, at), url);
}

Result<Url> parse(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      return reason("net/url: invalid control character in URL");
    }
  }
  Url url;
  PETREL_TRY(const SchemeSplit split, split_scheme(text));
  url.scheme = split.scheme;
  std::string_view rest = split.rest;
  if (rest.empty() || rest.front() != '/') {
    if (!url.scheme.empty()) {
      url.opaque = std::string(rest);
      return url;
    }
    const std::string_view segment = rest.substr(0, rest.find_first_of("/?#"));
    if (segment.find(':') != std::string_view::npos) {
      return reason("first path segment in URL cannot contain colon");
    }
  }
  const bool authority =
      rest.substr(0, 2) == "//" && (!url.scheme.empty() || rest.substr(0, 3) != "///");
  if (authority) {
    rest.remove_prefix(2);
    const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
    PETREL_TRY_STATUS(read_authority(rest.substr(0, end), url));
    rest.remove_prefix(end);
  }
  url.path = std::string(rest);
  PETREL_TRY([[maybe_unused]] const std::string path, unescape(rest.substr(0, rest.find('?'))));
  return url;
}

}  // namespace

std::string Url::port() const {
  const size_t colon = host.rfind(':');
  const size_t bracket = host.rfind(']');
  if (colon == std::string::npos || (bracket != std::string::npos && colon < bracket)) return "";
  return host.substr(colon + 1);
}

std::string Url::text_with(std::string_view userinfo) const {
  std::string out = scheme.empty() ? "" : scheme + ":";
  if (!opaque.empty()) return out + opaque;
  if (!host.empty() || has_user || !scheme.empty()) out += "//";
  if (!userinfo.empty()) out += std::string(userinfo) + "@";
  return out + host + path;
}

std::string Url::text() const {
  if (!has_user) return text_with("");
  std::string userinfo = escape_user(user);
  if (has_password) userinfo += ":" + escape_user(password);
  return text_with(userinfo);
}

Result<Url> parse_url(std::string_view text) {
  auto url = parse(text);
  if (!url) return reason("parse " + go_quote(text) + ": " + url.error().detail);
  return url;
}

}  // namespace petrel::conf

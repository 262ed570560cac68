// Url: the parts of an address such as nats-route://user:pass@host:4222, split as Go's net/url
// does. Thread: any. Errors: Error::detail says what is wrong; callers mostly print the whole text
// instead.
#pragma once

#include "petrel/base/result.h"

#include <string>
#include <string_view>

namespace petrel::conf {

struct Url {
  std::string scheme = {};
  bool has_user = false;
  std::string user = {};  // unescaped
  bool has_password = false;
  std::string password = {};  // unescaped
  std::string host = {};      // with port and, for IPv6, brackets
  std::string path = {};      // everything behind the host, as written
  std::string opaque = {};    // what follows "scheme:" when no slash does

  std::string port() const;  // digits behind the host, "" without
  // The address put together again; `userinfo` replaces user and password.
  std::string text() const;
  std::string text_with(std::string_view userinfo) const;

  friend bool operator==(const Url&, const Url&) = default;
};

Result<Url> parse_url(std::string_view text);

}  // namespace petrel::conf

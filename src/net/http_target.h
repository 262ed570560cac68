// Parses the request target of an HTTP request: path, query and parameters, as Go's net/url does.
// Pure; input is hostile. Thread: any.
#pragma once

#include "petrel/base/result.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace petrel::net {

struct HttpTarget {
  std::string path;                                         // decoded
  std::string raw_query;                                    // without the `?`
  std::vector<std::pair<std::string, std::string>> params;  // decoded, in order
};

// Takes `/path?query`, `http://host/path?query` and `*`. kProtocolViolation for anything else, for
// control characters and for a wrong escape in the path. A wrong parameter is left out, not an
// error.
Result<HttpTarget> parse_http_target(std::string_view target);

// Without empty, `.` and `..` segments; always begins with `/`; a slash at the end stays.
std::string clean_path(std::string_view path);

// The path as it stands in a Location header.
std::string escape_path(std::string_view path);

}  // namespace petrel::net

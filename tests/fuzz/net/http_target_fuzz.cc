// Request targets: any bytes are read without harm; a clean path stays as it is, and an escaped
// path is read back as the same path.
#include "net/http_target.h"

#include "petrel/base/check.h"

#include <cstdint>

using namespace petrel;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<net::HttpTarget> target = net::parse_http_target(text);
  if (!target) return 0;
  PETREL_CHECK(target->path.size() + target->raw_query.size() <= size);
  const std::string clean = net::clean_path(target->path);
  PETREL_CHECK(clean.starts_with('/'));
  PETREL_CHECK(net::clean_path(clean) == clean);
  const std::string escaped = net::escape_path(clean);
  const Result<net::HttpTarget> again = net::parse_http_target(escaped);
  PETREL_CHECK(again.is_ok() && again->path == clean && again->raw_query.empty());
  return 0;
}

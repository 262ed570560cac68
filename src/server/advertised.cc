#include "server/advertised.h"

#include "petrel/base/go_quote.h"

#include <charconv>

namespace petrel::server {

namespace {

Error address_error(const std::string& text, const std::string& why) {
  return {Errc::kInvalidArgument, "address " + text + ": " + why};
}

}  // namespace

Result<AdvertisedAddress> parse_advertised(const std::string& text, uint16_t default_port) {
  std::string host = text;
  std::string port;
  const size_t bracket = text.starts_with('[') ? text.find(']') : std::string::npos;
  const size_t colon = text.rfind(':');
  if (bracket != std::string::npos) {
    host = text.substr(1, bracket - 1);
    if (bracket + 1 < text.size()) port = text.substr(bracket + 2);
  } else if (colon != std::string::npos) {
    if (text.find(':') != colon) return address_error(text, "too many colons in address");
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (port.empty()) return AdvertisedAddress{host, default_port};
  int number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number > 65535) {
    return Error{Errc::kInvalidArgument,
                 "strconv.Atoi: parsing " + go_quote(port) + ": invalid syntax"};
  }
  return AdvertisedAddress{host, number <= 0 ? default_port : static_cast<uint16_t>(number)};
}

}  // namespace petrel::server

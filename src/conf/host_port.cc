#include "conf/host_port.h"

namespace petrel::conf {
namespace {

Error address_error(std::string_view text, std::string_view reason) {
  const std::string address = text.empty() ? "" : "address " + std::string(text) + ": ";
  return {Errc::kInvalidArgument, address + std::string(reason)};
}

}  // namespace

Result<HostPort> split_host_port(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return address_error(text, "missing port in address");
  std::string_view host;
  size_t open_from = 0;   // no '[' from here on
  size_t close_from = 0;  // no ']' from here on
  if (text.front() == '[') {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return address_error(text, "missing ']' in address");
    if (end + 1 == text.size()) return address_error(text, "missing port in address");
    if (end + 1 != colon) {
      return address_error(
          text, text[end + 1] == ':' ? "too many colons in address" : "missing port in address");
    }
    host = text.substr(1, end - 1);
    open_from = 1;
    close_from = end + 1;
  } else {
    host = text.substr(0, colon);
    if (host.find(':') != std::string_view::npos) {
      return address_error(text, "too many colons in address");
    }
  }
  if (text.find('[', open_from) != std::string_view::npos) {
    return address_error(text, "unexpected '[' in address");
  }
  if (text.find(']', close_from) != std::string_view::npos) {
    return address_error(text, "unexpected ']' in address");
  }
  return HostPort{std::string(host), std::string(text.substr(colon + 1))};
}

}  // namespace petrel::conf

#include "server/process_files.h"

#include "server/log_target.h"

#include "petrel/base/go_json.h"
#include "petrel/net/loop.h"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <ifaddrs.h>
#include <map>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

namespace petrel::server {

namespace {

constexpr mode_t kPidFilePermissions = 0600;
constexpr mode_t kPortsFilePermissions = 0666;

Status write_file(const std::string& path, const std::string& text, mode_t permissions) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, permissions);
  if (fd < 0) return Error{Errc::kIo, "open " + path + ": " + net::errno_text(errno)};
  write_all(fd, text);
  if (close(fd) != 0) return Error{Errc::kIo, "write " + path + ": " + net::errno_text(errno)};
  return Status::ok();
}

std::string address_text(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* raw = nullptr;
  if (address.sa_family == AF_INET) {
    raw = &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  } else if (address.sa_family == AF_INET6) {
    raw = &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  }
  if (raw == nullptr) return "";
  return inet_ntop(address.sa_family, raw, text.data(), text.size()) == nullptr ? "" : text.data();
}

// In the order of the interfaces, not of the address families.
std::vector<std::string> own_addresses() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  std::map<unsigned, std::vector<std::string>> by_interface;
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr) continue;
    if (std::string text = address_text(*each->ifa_addr); !text.empty()) {
      by_interface[if_nametoindex(each->ifa_name)].push_back(std::move(text));
    }
  }
  freeifaddrs(list);
  std::vector<std::string> addresses;
  for (auto& [index, texts] : by_interface) {
    addresses.insert(addresses.end(), texts.begin(), texts.end());
  }
  return addresses;
}

}  // namespace

std::string join_host_port(const std::string& host, uint16_t port) {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Status write_pid_file(const std::string& path) {
  return write_file(path, std::to_string(getpid()), kPidFilePermissions);
}

std::vector<std::string> listener_urls(const std::string& scheme, const std::string& host,
                                       uint16_t port) {
  const bool is_any = host.empty() || host == "0.0.0.0" || host == "::";
  std::vector<std::string> urls;
  for (const std::string& each : is_any ? own_addresses() : std::vector<std::string>{host}) {
    urls.push_back(scheme + "://" + join_host_port(each, port));
  }
  return urls;
}

std::string ports_file_path(const std::string& directory, const std::string& executable) {
  const std::string name = executable + "_" + std::to_string(getpid()) + ".ports";
  return directory.ends_with('/') ? directory + name : directory + "/" + name;
}

Status write_ports_file(const std::string& path, const std::vector<ListenerUrls>& listeners) {
  std::string json = "{";
  for (const ListenerUrls& listener : listeners) {
    if (listener.urls.empty()) continue;
    if (json.size() > 1) json.push_back(',');
    append_go_json_string(json, listener.name);
    json.append(":[");
    for (const std::string& url : listener.urls) {
      if (json.back() != '[') json.push_back(',');
      append_go_json_string(json, url);
    }
    json.push_back(']');
  }
  return write_file(path, json + "}", kPortsFilePermissions);
}

Status remove_ports_file(const std::string& path) {
  if (unlink(path.c_str()) == 0) return Status::ok();
  return Error{Errc::kIo, "remove " + path + ": " + net::errno_text(errno)};
}

}  // namespace petrel::server

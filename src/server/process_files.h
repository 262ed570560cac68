// The pid file and the ports file, which scripts read.
//
// Thread: control. Source: spec operations.md section 3: the pid file holds the digits alone and
// stays when the server ends; the ports file goes.
#pragma once

#include "petrel/base/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace petrel::server {

// Errors: `open PATH: permission denied`.
Status write_pid_file(const std::string& path);

// One kind of listener of this server.
struct ListenerUrls {
  std::string name = {};  // "nats", "monitoring"
  std::vector<std::string> urls = {};
};

// All URLs under which a listener is reached: for a wildcard host one per address of this machine.
std::vector<std::string> listener_urls(const std::string& scheme, const std::string& host,
                                       uint16_t port);

// DIR/EXECUTABLE_PID.ports
std::string ports_file_path(const std::string& directory, const std::string& executable);
Status write_ports_file(const std::string& path, const std::vector<ListenerUrls>& listeners);
Status remove_ports_file(const std::string& path);

// host:port, with brackets around an IPv6 address.
std::string join_host_port(const std::string& host, uint16_t port);

}  // namespace petrel::server

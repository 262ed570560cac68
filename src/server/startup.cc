// What a server says and writes when it starts, in nats-server's order and words.
#include "server/process_files.h"
#include "server/server_impl.h"

#include "petrel/auth/authenticator.h"
#include "petrel/conf/command_line.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace petrel {

namespace {

constexpr int32_t kPayloadAdvised = 8 << 20;

// Feature flags that nats-server knows, with their defaults.
struct FeatureFlag {
  std::string_view name;
  bool is_on;
};
constexpr std::array<FeatureFlag, 4> kFeatureFlags = {{{"js_ack_fc_v2", false},
                                                       {"js_api_reply_v2", false},
                                                       {"js_raft_delete_range", true},
                                                       {"js_snapshot_sources", false}}};

void append_listed(std::string& list, const std::string& text) {
  if (!list.empty()) list.append(", ");
  list.append(text);
}

std::string_view flag_state(bool is_default_on, bool is_on) {
  if (is_default_on) return is_on ? "enabled" : "opt-out";
  return is_on ? "opt-in" : "disabled";
}

bool has_plain_passwords(const conf::AuthorizationOptions& authorization) {
  const auto is_plain = [](const std::string& password) {
    return !auth::Authenticator::is_bcrypt(password);
  };
  if (!authorization.password.empty() && is_plain(authorization.password)) return true;
  return std::any_of(
      authorization.users.begin(), authorization.users.end(),
      [&](const conf::UserOptions& user) { return user.nkey.empty() && is_plain(user.password); });
}

}  // namespace

void Server::Impl::print_banner() const {
  const conf::Options now = options();
  say(LogLevel::kInfo, "Starting nats-server");
  say(LogLevel::kInfo, "  Version:  " + std::string(conf::kNatsVersion));
  say(LogLevel::kInfo, "  Git:      [not set]");
  say(LogLevel::kDebug, "  Compiler: " __VERSION__);
  say(LogLevel::kInfo, "  Petrel:   " + std::string(conf::kPetrelVersion));
  say(LogLevel::kInfo, "  Name:     " + (now.server_name.empty() ? identity.id : now.server_name));
  say(LogLevel::kInfo, "  ID:       " + identity.id);
  if (now.feature_flags.empty()) return;
  std::string configured;
  std::string unsupported;
  for (const auto& [name, is_on] : now.feature_flags) {
    const auto* known = std::find_if(kFeatureFlags.begin(), kFeatureFlags.end(),
                                     [&](const FeatureFlag& flag) { return flag.name == name; });
    if (known == kFeatureFlags.end()) {
      append_listed(unsupported, name);
    } else {
      append_listed(configured, name + " (" + std::string(flag_state(known->is_on, is_on)) + ")");
    }
  }
  say(LogLevel::kInfo, "  Feature flags:");
  say(LogLevel::kInfo, "    Configured:    " + (configured.empty() ? "none" : configured));
  if (!unsupported.empty()) say(LogLevel::kInfo, "    Unsupported:   " + unsupported);
}

void Server::Impl::print_warnings() const {
  const conf::Options now = options();
  if (has_plain_passwords(now.authorization)) {
    say(LogLevel::kWarn, "Plaintext passwords detected, use nkeys or bcrypt");
  }
  if (!now.config_file.empty()) {
    say(LogLevel::kInfo, "Using configuration file: " + now.config_file + " " +
                             (now.digest.empty() ? "" : "(" + now.digest + ")"));
  }
  if (now.max_payload > kPayloadAdvised) {
    say(LogLevel::kWarn,
        "Maximum payloads over 8.00 MB are generally discouraged and could lead to poor "
        "performance");
  }
}

Status Server::Impl::write_pid_file() const {
  const std::string path = options().pid_file;
  if (path.empty()) return Status::ok();
  if (Status status = server::write_pid_file(path); !status) {
    return Error{Errc::kIo, "Could not write pidfile: " + status.error().detail};
  }
  return Status::ok();
}

void Server::Impl::write_ports_file() {
  const conf::Options now = options();
  if (now.ports_file_dir.empty()) return;
  const std::string path = server::ports_file_path(now.ports_file_dir, executable);
  std::vector<server::ListenerUrls> listeners = {
      {"nats", server::listener_urls("nats", now.host, port)}};
  if (monitoring != nullptr) {
    const std::string& host = now.http_host.empty() ? now.host : now.http_host;
    listeners.push_back({"monitoring", server::listener_urls("http", host, monitoring->port())});
  }
  const Status status = server::write_ports_file(path, listeners);
  if (status) {
    ports_file = path;
  } else {
    say(LogLevel::kError, "Error writing ports file (" + path + "): " + status.error().detail);
  }
}

void Server::Impl::remove_ports_file() {
  if (ports_file.empty()) return;
  if (const Status status = server::remove_ports_file(ports_file); !status) {
    say(LogLevel::kError,
        "Error cleaning up ports file " + ports_file + ": " + status.error().detail);
  }
  ports_file.clear();
}

}  // namespace petrel

#include "server/signal_command.h"

#include "petrel/base/go_quote.h"
#include "petrel/net/loop.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <unistd.h>

namespace petrel::server {

namespace {

std::optional<int> whole_number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::vector<int> find_servers() {
  std::vector<int> pids;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::optional<int> pid = whole_number(entry->path().filename().string());
    if (!pid || *pid == getpid()) continue;
    const std::string name = first_line(entry->path().string() + "/comm");
    if (name.find("nats-server") != std::string::npos || name == "petrel") pids.push_back(*pid);
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

// 0: no such command.
int signal_of(const std::string& command) {
  if (command == "stop") return SIGKILL;
  if (command == "quit") return SIGINT;
  if (command == "term") return SIGTERM;
  if (command == "reopen") return SIGUSR1;
  if (command == "reload") return SIGHUP;
  if (command == "ldm") return SIGUSR2;
  return 0;
}

struct Target {
  std::string pid = {};  // "": whichever runs
  bool is_pattern = false;
};

Result<std::vector<int>> candidates(const Target& target, const ProcessTable& processes) {
  std::vector<int> pids;
  if (!target.pid.empty()) {
    const std::optional<int> pid = whole_number(target.pid);
    if (!pid) return Error{Errc::kInvalidArgument, "invalid pid: " + target.pid};
    pids.push_back(*pid);
  }
  if (target.pid.empty() || target.is_pattern) pids = processes.servers();
  if (pids.size() > 1 && !target.is_pattern) {
    std::string text = "multiple nats-server processes running:";
    for (const int pid : pids) text += "\n" + std::to_string(pid);
    return Error{Errc::kInvalidArgument, text};
  }
  if (pids.empty()) return Error{Errc::kNotFound, "no nats-server processes running"};
  return pids;
}

}  // namespace

ProcessTable system_processes() {
  return {find_servers, [](int pid, int signal) { return kill(pid, signal) == 0 ? 0 : errno; }};
}

Status send_signal_command(const conf::SignalRequest& request, const ProcessTable& processes) {
  const std::string& command = request.command;
  Target target{.pid = request.pid_expression, .is_pattern = request.pid_expression.ends_with('*')};
  if (target.is_pattern) target.pid.pop_back();
  PETREL_TRY(const std::vector<int> pids, candidates(target, processes));
  const int signal = signal_of(command);
  if (signal == 0) return Error{Errc::kInvalidArgument, "unknown signal " + go_quote(command)};
  std::string failures;
  for (const int pid : pids) {
    if (!std::to_string(pid).starts_with(target.pid)) continue;
    if (const int error = processes.send(pid, signal); error != 0) {
      failures += "\nsignal " + go_quote(command) + " " + std::to_string(pid) + ": " +
                  net::errno_text(error);
    }
  }
  if (!failures.empty()) return Error{Errc::kIo, failures};
  return Status::ok();
}

}  // namespace petrel::server

#include "connections.h"

#include <array>
#include <fcntl.h>
#include <memory>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace petrel::bench {

namespace {

void pause_for(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

// One connect under way: what it still waits for decides what it does next.
struct Connecting {
  int fd = -1;
  std::string seen;
};

constexpr std::string_view kHello =
    "CONNECT "
    "{\"verbose\":false,\"pedantic\":false,\"lang\":\"bench\",\"version\":\"1\"}\r\nPING\r\n";

void start_connect(const Endpoint& server, Poller& poller, Connecting& slot, uint32_t index) {
  slot.fd = dial(server);
  if (slot.fd < 0) fail("cannot connect");
  slot.seen.clear();
  poller.add(slot.fd, index);
  if (send(slot.fd, kHello.data(), kHello.size(), MSG_NOSIGNAL) < 0) fail("send");
}

// True when PONG has come.
bool advance(Connecting& slot) {
  std::array<char, 4096> chunk;
  const ssize_t got = recv(slot.fd, chunk.data(), chunk.size(), 0);
  if (got <= 0) fail("the server closed a connection while connecting");
  slot.seen.append(chunk.data(), static_cast<size_t>(got));
  return slot.seen.find("PONG\r\n") != std::string::npos;
}

std::vector<std::unique_ptr<Client>> open_clients(const Endpoint& server, uint32_t count) {
  std::vector<std::unique_ptr<Client>> clients;
  clients.reserve(count);
  for (uint32_t i = 0; i < count; ++i) clients.push_back(std::make_unique<Client>(server));
  return clients;
}

}  // namespace

// One after the other: what the server has to do for each is the same.
ConnectResult run_tls_connects(const Endpoint& server, pid_t server_pid, uint32_t count) {
  const int64_t cpu = process_cpu_ns(server_pid);
  const int64_t start = monotonic_ns();
  for (uint32_t i = 0; i < count; ++i) const Client client(server);
  return {.connections = count,
          .elapsed_ns = monotonic_ns() - start,
          .server_cpu_ns = process_cpu_ns(server_pid) - cpu};
}

ConnectResult run_connects(const Endpoint& server, pid_t server_pid, uint32_t count,
                           uint32_t parallel) {
  if (server.tls) return run_tls_connects(server, server_pid, count);
  Poller poller;
  std::vector<Connecting> slots(parallel);
  const int64_t cpu = process_cpu_ns(server_pid);
  const int64_t start = monotonic_ns();
  uint32_t started = 0;
  uint32_t finished = 0;
  for (uint32_t i = 0; i < parallel && started < count; ++i, ++started) {
    start_connect(server, poller, slots[i], i);
  }
  while (finished < count) {
    for (const Poller::Event& event : poller.wait(10'000'000'000)) {
      Connecting& slot = slots[event.index];
      if (!advance(slot)) continue;
      ++finished;
      poller.remove(slot.fd);
      close(slot.fd);
      if (started < count) {
        start_connect(server, poller, slot, event.index);
        ++started;
      }
    }
  }
  return {.connections = count,
          .elapsed_ns = monotonic_ns() - start,
          .server_cpu_ns = process_cpu_ns(server_pid) - cpu};
}

MemoryResult run_idle_connections(const Endpoint& server, pid_t server_pid, uint32_t count) {
  open_clients(server, 10);
  pause_for(0.3);
  MemoryResult result{.count = count, .before = process_memory(server_pid), .after = {}};
  const auto clients = open_clients(server, count);
  pause_for(1.0);
  result.after = process_memory(server_pid);
  return result;
}

MemoryResult run_subscriptions(const Endpoint& server, pid_t server_pid, uint32_t count) {
  Client client(server);
  std::vector<char> buffer(65536);
  client.ping_wait(buffer);
  MemoryResult result{.count = count, .before = process_memory(server_pid), .after = {}};
  std::string lines;
  for (uint32_t i = 0; i < count; ++i) {
    lines += "SUB device." + std::to_string(i % 1000) + "." + std::to_string(i) + " " +
             std::to_string(i + 1) + "\r\n";
    if (lines.size() < 65536 && i + 1 < count) continue;
    client.send_all(lines);
    lines.clear();
  }
  client.ping_wait(buffer);
  pause_for(0.5);
  result.after = process_memory(server_pid);
  return result;
}

int64_t run_idle_cpu(const Endpoint& server, pid_t server_pid, uint32_t connections,
                     double seconds) {
  const auto clients = open_clients(server, connections);
  pause_for(2.5);  // the server's first PING of each connection is past
  const int64_t cpu = process_cpu_ns(server_pid);
  const int64_t start = monotonic_ns();
  pause_for(seconds);
  const auto elapsed = static_cast<double>(monotonic_ns() - start);
  return static_cast<int64_t>(static_cast<double>(process_cpu_ns(server_pid) - cpu) * 1e9 /
                              elapsed);
}

StartResult run_start(const Endpoint& server, const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  std::vector<std::string> words = command;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const int64_t start = monotonic_ns();
  if (posix_spawn(&pid, words.front().c_str(), &files, nullptr, arguments.data(), environ) != 0) {
    fail("cannot start " + words.front());
  }
  posix_spawn_file_actions_destroy(&files);
  int fd = -1;
  while ((fd = dial(server)) < 0) {
    if (monotonic_ns() - start > 120'000'000'000) fail(words.front() + " did not listen in 120 s");
    if (waitpid(pid, nullptr, WNOHANG) == pid) fail(words.front() + " ended at start");
    usleep(50);
  }
  char first = 0;
  if (recv(fd, &first, 1, 0) != 1 || first != 'I') fail("no INFO");
  StartResult result{.info_ns = monotonic_ns() - start, .memory = {}};
  pause_for(0.3);
  result.memory = process_memory(pid);
  close(fd);
  kill(pid, SIGTERM);
  waitpid(pid, nullptr, 0);
  return result;
}

}  // namespace petrel::bench

#include "flood.h"

#include "process.h"

#include <memory>
#include <sys/socket.h>
#include <vector>

namespace petrel::bench {

namespace {

constexpr size_t kScriptBytes = 64 << 10;

std::string script_of(uint32_t payload_bytes) {
  const std::string message = "PUB flood " + std::to_string(payload_bytes) + "\r\n" +
                              std::string(payload_bytes, 'x') + "\r\n";
  std::string script;
  while (script.size() < kScriptBytes) script += message;
  return script;
}

}  // namespace

void run_flood(const Endpoint& server, const FloodOptions& options) {
  const std::string script = script_of(options.payload_bytes);
  std::vector<char> buffer(256 << 10);
  std::vector<std::unique_ptr<Client>> clients;  // publishers first
  std::vector<size_t> offsets(options.publishers);
  Poller poller;
  for (uint32_t i = 0; i < options.publishers + options.subscribers; ++i) {
    clients.push_back(std::make_unique<Client>(server));
    if (i >= options.publishers) {
      clients.back()->send_all("SUB flood 1\r\n");
      clients.back()->ping_wait(buffer);
    }
    poller.add(clients.back()->fd(), i);
    if (i < options.publishers) poller.want_write(clients.back()->fd(), i, true);
  }
  while (true) {
    for (const Poller::Event& event : poller.wait(-1)) {
      Client& client = *clients[event.index];
      if (event.readable && recv(client.fd(), buffer.data(), buffer.size(), 0) == 0) {
        fail("the server closed a connection of the flood");
      }
      if (!event.writable || event.index >= options.publishers) continue;
      size_t& offset = offsets[event.index];
      offset = (offset + client.send_some(std::string_view(script).substr(offset))) % script.size();
    }
  }
}

}  // namespace petrel::bench

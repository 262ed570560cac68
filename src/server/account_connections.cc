#include "server/account_connections.h"

#include "petrel/session/client_session.h"
#include "petrel/shard/shard.h"

#include <algorithm>
#include <vector>

namespace petrel::server {
namespace {

struct OpenClient {
  uint64_t cid = 0;
  router::ConnectionHandle handle = {};
};

}  // namespace

void close_excess_connections(AuthEnvironment& environment, const auth::Account& account) {
  const int32_t limit = account.limits.max_connections;
  const router::AccountInterest* interest = environment.accounts.find(account.name);
  if (limit < 0 || interest == nullptr || interest->connections.load() <= limit) return;
  std::vector<std::vector<OpenClient>> found(environment.loops);
  environment.on_every_loop([&](uint16_t loop, shard::Shard& shard) {
    constexpr uint32_t kAll = ~0U;
    shard.visit_sessions(0, kAll, [&found, loop, interest](const session::ClientSession& session) {
      if (session.account == interest) found[loop].push_back({session.cid(), session.handle});
    });
  });
  std::vector<OpenClient> clients;
  for (const auto& some : found) clients.insert(clients.end(), some.begin(), some.end());
  std::sort(clients.begin(), clients.end(),
            [](const OpenClient& a, const OpenClient& b) { return a.cid < b.cid; });
  for (size_t i = static_cast<size_t>(limit); i < clients.size(); ++i) {
    environment.post(clients[i].handle.loop, [client = clients[i].handle](shard::Shard& shard) {
      if (session::ClientSession* session = shard.find_session(client)) session->account_is_full();
    });
  }
}

}  // namespace petrel::server

// AccountInterest: what one account has at run time, shared by all loops: who wants which subject,
// what it imports, what its connections sent and received.
//
// Owner: AccountRegistry, as long as the server runs, so that pointers to it stay valid. Thread:
// any; each loop writes only its own traffic.
#pragma once

#include "petrel/base/counter.h"
#include "petrel/base/mutex.h"
#include "petrel/router/account_links.h"
#include "petrel/router/rate_meter.h"
#include "petrel/subject/subject_index.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace petrel::router {

// What the connections of one loop added to an account.
struct alignas(64) AccountTraffic {
  Counter in_msgs;
  Counter in_bytes;
  Counter out_msgs;
  Counter out_bytes;
  Counter slow_consumers;
  Counter connections;
  Counter throttled;  // times that reading of a connection paused because of the rate limit

  // The loop's own: what the account did in which turn, and how many of its connections have input
  // that waits for the next one.
  uint64_t turn = 0;
  uint64_t turn_bytes = 0;
  uint32_t deferred = 0;
};

struct AccountInterest {
  // `seed` of the hashes of its index: secret, so that nobody can aim at one chain.
  explicit AccountInterest(std::string account_name, uint64_t seed = 0, uint16_t loops = 1)
      : name(std::move(account_name)), index(seed), traffic(loops) {}

  const std::string name;
  subject::SubjectIndex index;
  std::vector<AccountTraffic> traffic;  // by loop
  // Client connections of all loops, for the account's limit.
  std::atomic<int64_t> connections{0};
  // When the system account was last told of their number, on the monotonic clock.
  std::atomic<int64_t> connections_told_ns{0};
  // Subscriptions in `index` that belong to importing accounts.
  std::atomic<uint32_t> shadows{0};
  std::atomic<bool> imports_streams{false};
  RateMeter rate;

  // Never null.
  std::shared_ptr<const AccountLinks> links() const;
  void set_links(std::shared_ptr<const AccountLinks> links);

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const AccountLinks> links_ PETREL_GUARDED_BY(mutex_) =
      std::make_shared<const AccountLinks>();
};

}  // namespace petrel::router

// RateMeter: how far the clients of one account have used up what they may publish, over all loops.
//
// A limit is kept as the time until which everything is paid for: a message or byte costs what it
// takes at the permitted rate. Shares are paid before they are used, so connections that wait get
// their turns in the order in which they asked.
// Owner: AccountInterest. Thread: any.
#pragma once

#include "petrel/base/time.h"
#include "petrel/conf/options_accounts.h"

#include <atomic>
#include <cstdint>

namespace petrel::router {

struct PublishShare {
  int64_t messages = 0;
  int64_t bytes = 0;
};

class RateMeter {
 public:
  // Pays for `share`. Returns how long to wait until it may be used, 0: not at all.
  Duration take(const conf::RateLimit& limit, PublishShare share, Instant now);
  // What was not used of it.
  void give_back(const conf::RateLimit& limit, PublishShare share);

 private:
  std::atomic<int64_t> messages_paid_until_{0};
  std::atomic<int64_t> bytes_paid_until_{0};
};

}  // namespace petrel::router

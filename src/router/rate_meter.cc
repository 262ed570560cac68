#include "petrel/router/rate_meter.h"

#include <algorithm>

namespace petrel::router {

namespace {

constexpr int64_t kSecond = 1'000'000'000;

// How long `count` of them take; split so that nothing overflows below 10^10 a second.
int64_t cost_of(int64_t rate, int64_t count) {
  return count / rate * kSecond + count % rate * (kSecond / 10) / rate * 10 +
         count % rate * (kSecond / 10) % rate * 10 / rate;
}

Duration pay(std::atomic<int64_t>& paid_until, int64_t cost, Duration burst, Instant now) {
  int64_t before = paid_until.load(std::memory_order_relaxed);
  int64_t after = 0;
  do {
    after = std::max(before, (now - burst).ns) + cost;
  } while (!paid_until.compare_exchange_weak(before, after, std::memory_order_relaxed));
  return Duration{std::max<int64_t>(after - now.ns, 0)};
}

}  // namespace

Duration RateMeter::take(const conf::RateLimit& limit, PublishShare share, Instant now) {
  Duration wait{0};
  if (limit.messages != 0 && share.messages > 0) {
    wait = pay(messages_paid_until_, cost_of(limit.messages, share.messages), limit.burst, now);
  }
  if (limit.bytes != 0 && share.bytes > 0) {
    const int64_t cost = cost_of(limit.bytes, share.bytes);
    wait = std::max(wait, pay(bytes_paid_until_, cost, limit.burst, now));
  }
  return wait;
}

void RateMeter::give_back(const conf::RateLimit& limit, PublishShare share) {
  if (limit.messages != 0 && share.messages > 0) {
    messages_paid_until_.fetch_sub(cost_of(limit.messages, share.messages),
                                   std::memory_order_relaxed);
  }
  if (limit.bytes != 0 && share.bytes > 0) {
    bytes_paid_until_.fetch_sub(cost_of(limit.bytes, share.bytes), std::memory_order_relaxed);
  }
}

}  // namespace petrel::router

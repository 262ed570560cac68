// PublishAllowance: what one connection may publish before it has to ask the meter of its account
// again. Only connections of accounts with a rate limit have one.
//
// Owner: ClientSession. Thread: the connection's loop.
#pragma once

#include "petrel/router/rate_meter.h"

#include <algorithm>

namespace petrel::session {

class PublishAllowance {
 public:
  PublishAllowance(router::RateMeter& meter, const conf::RateLimit& limit)
      : meter_(meter), limit_(limit) {}
  ~PublishAllowance() { give_back(); }
  PublishAllowance(const PublishAllowance&) = delete;
  PublishAllowance& operator=(const PublishAllowance&) = delete;

  const conf::RateLimit& limit() const { return limit_; }
  bool is_of(const router::RateMeter& meter) const { return &meter_ == &meter; }

  // One message was published. False: the allowance is used up, refill() is due.
  bool use(size_t bytes) {
    left_.messages -= 1;
    left_.bytes -= static_cast<int64_t>(bytes);
    return left_.messages > 0 && left_.bytes > 0;
  }
  // Takes the next share. Returns how long nothing more may be published.
  Duration refill(Instant now) {
    const router::PublishShare share{wanted(left_.messages, limit_.messages),
                                     wanted(left_.bytes, limit_.bytes)};
    left_.messages += share.messages;
    left_.bytes += share.bytes;
    return meter_.take(limit_, share, now);
  }
  // Nothing more is there to be published for now.
  void give_back() {
    meter_.give_back(limit_, left_);
    left_ = {};
  }

 private:
  static constexpr int64_t kSharesPerSecond = 500;

  static int64_t wanted(int64_t left, int64_t rate) {
    const int64_t share = rate == 0 ? INT64_MAX / 4 : std::max<int64_t>(rate / kSharesPerSecond, 1);
    return std::max<int64_t>(share - left, 0);
  }

  router::RateMeter& meter_;
  const conf::RateLimit limit_;
  router::PublishShare left_;
};

}  // namespace petrel::session

#include "server/lame_duck.h"

#include <algorithm>
#include <utility>

namespace petrel::server {

namespace {
constexpr Duration kIntervalMax = Duration::seconds(1);
}  // namespace

Duration close_interval(Duration spread, size_t clients) {
  if (spread.ns <= 0) spread = kIntervalMax;
  if (clients == 0) return kIntervalMax;
  const Duration even = spread / static_cast<int64_t>(clients);
  return std::clamp(even, Duration::nanos(1), kIntervalMax);
}

LameDuck::LameDuck(LameDuckHost& host, Times times, std::function<void()> done)
    : host_(host), times_(times), done_(std::move(done)), prng_(times.seed) {
  thread_ = std::thread([this] { run(); });
}

LameDuck::~LameDuck() {
  sleep_.cancel();
  thread_.join();
}

void LameDuck::run() {
  host_.say(LogLevel::kInfo, "Entering lame duck mode, stop accepting new clients");
  host_.close_client_listener();
  if (hand_over()) done_();
}

// False when it was cancelled.
bool LameDuck::hand_over() {
  if (host_.clients().empty()) return true;
  host_.announce_lame_duck();
  if (!sleep_.sleep_for(times_.grace)) return false;
  host_.say(LogLevel::kInfo, "Closing existing clients");
  std::vector<router::ConnectionHandle> clients = host_.clients();
  for (size_t i = clients.size(); i > 1; --i) std::swap(clients[i - 1], clients[prng_.below(i)]);
  const Duration interval = close_interval(times_.duration - times_.grace, clients.size());
  for (size_t i = 0; i < clients.size(); ++i) {
    host_.close_client(clients[i]);
    if (i + 1 == clients.size()) break;
    // Between half of the interval and all of it.
    const auto half = static_cast<uint64_t>(interval.ns / 2);
    if (!sleep_.sleep_for(Duration::nanos(static_cast<int64_t>(half + prng_.below(half + 1))))) {
      return false;
    }
  }
  return true;
}

}  // namespace petrel::server

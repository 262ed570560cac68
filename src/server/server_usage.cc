#include "server/server_usage.h"

#include "server/process_usage.h"

#include <algorithm>

namespace petrel::server {

namespace {
constexpr Duration kCpuWindow = Duration::seconds(1);
constexpr std::array<const char*, 11> kCounted = {"/",         "/varz",  "/connz",  "/routez",
                                                  "/gatewayz", "/leafz", "/subsz",  "/accountz",
                                                  "/accstatz", "/jsz",   "/healthz"};
}  // namespace

void ServerUsage::start() {
  sampling_ = std::make_unique<CancellableSleep>();
  sampler_ = std::thread([this] { sample_cpu(); });
}

void ServerUsage::stop() {
  if (sampling_ != nullptr) sampling_->cancel();
  if (sampler_.joinable()) sampler_.join();
}

void ServerUsage::count_request(Slice path) {
  static_assert(kCounted.size() == kEndpoints);
  const auto* const found = std::find(kCounted.begin(), kCounted.end(), path);
  if (found == kCounted.end()) return;
  requests_[static_cast<size_t>(found - kCounted.begin())].fetch_add(1, std::memory_order_relaxed);
}

std::map<std::string, uint64_t> ServerUsage::requests() const {
  std::map<std::string, uint64_t> asked;
  for (size_t i = 0; i < kEndpoints; ++i) {
    const uint64_t times = requests_[i].load(std::memory_order_relaxed);
    if (times != 0) asked[kCounted[i]] = times;
  }
  return asked;
}

void ServerUsage::sample_cpu() {
  CpuSample last = cpu_sample();
  while (sampling_->sleep_for(kCpuWindow)) {
    const CpuSample now = cpu_sample();
    const int64_t elapsed = std::max<int64_t>((now.at - last.at).ns, 1);
    cpu_permille_.store((now.used - last.used).ns * 1000 / elapsed, std::memory_order_relaxed);
    last = now;
  }
}

}  // namespace petrel::server

// ServerUsage: what is counted once for the whole server and shown by every kind of monitoring: the
// processor time it takes, sampled each second, and how often the HTTP endpoints were asked.
//
// Owner: Server::Impl. Thread: start and stop on the control thread, the rest any.
#pragma once

#include "server/cancellable_sleep.h"

#include "petrel/base/block.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>

namespace petrel::server {

class ServerUsage {
 public:
  ServerUsage() = default;
  ~ServerUsage() { stop(); }
  ServerUsage(const ServerUsage&) = delete;
  ServerUsage& operator=(const ServerUsage&) = delete;

  void start();
  void stop();
  // Percent of one processor in the last second, with one decimal.
  double cpu_percent() const {
    return static_cast<double>(cpu_permille_.load(std::memory_order_relaxed)) / 10.0;
  }
  // Only the endpoints that nats-server counts.
  void count_request(Slice path);
  // Those that were asked at all.
  std::map<std::string, uint64_t> requests() const;

 private:
  static constexpr size_t kEndpoints = 11;
  void sample_cpu();

  std::unique_ptr<CancellableSleep> sampling_;
  std::thread sampler_;
  std::atomic<int64_t> cpu_permille_{0};
  std::array<std::atomic<uint64_t>, kEndpoints> requests_{};
};

}  // namespace petrel::server

// RecoveryProgress: how much of the store a start has found again, for whoever asks meanwhile.
//
// Owner: Server::Impl. Thread: written by the one that starts the server, read by any.
#pragma once

#include <atomic>
#include <cstddef>

namespace petrel::server {

struct RecoveryProgress {
  std::atomic<bool> is_under_way{false};
  std::atomic<size_t> streams{0};  // 0 until the store was looked at
  std::atomic<size_t> streams_recovered{0};
};

}  // namespace petrel::server

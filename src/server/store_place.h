// StorePlace: where JetStream keeps its data and how much it may hold. The directory belongs to one
// server at a time.
//
// Owner: server::JetStream. Thread: control, at start and stop.
// Errors: the directory is in use, cannot be made, or holds the data of a nats-server.
// Source: architecture D2; spec jetstream-cluster.md section 10.
#pragma once

#include "petrel/base/result.h"
#include "petrel/conf/options_jetstream.h"

#include <cstdint>
#include <string>

namespace petrel::server {

class StorePlace {
 public:
  // Makes the directory <store_dir>/petrel and locks it.
  static Result<StorePlace> open(const conf::JetStreamOptions& options);
  ~StorePlace();
  StorePlace(StorePlace&& other) noexcept;
  StorePlace& operator=(StorePlace&& other) noexcept;
  StorePlace() = default;

  const std::string& directory() const { return directory_; }
  int64_t max_memory() const { return max_memory_; }
  int64_t max_storage() const { return max_storage_; }
  // No store_dir was given: the system may empty it.
  bool is_temporary() const { return is_temporary_; }

 private:
  std::string directory_;
  int64_t max_memory_ = 0;
  int64_t max_storage_ = 0;
  bool is_temporary_ = false;
  int lock_ = -1;
};

// What the server is to use in bytes: as configured; else what GOMEMLIMIT says; else three quarters
// of what the machine or the control group has.
int64_t memory_to_use(int64_t configured);

// "17.66 GB", "512 B"
std::string friendly_bytes(int64_t bytes);

}  // namespace petrel::server

// The jetstream { } block as it stands in the configuration.
// Thread: values, any thread. Source: spec config.md 3.6.
#pragma once

#include "petrel/base/time.h"

#include <cstdint>
#include <string>

namespace petrel::conf {

enum class StoreCipher : uint8_t { kNone, kChaCha, kAes };

struct JetStreamLimits {
  int64_t max_ack_pending = 0;
  int64_t max_ha_assets = 0;
  int64_t max_request_batch = 0;
  int64_t default_max_consumers = 1000;  // per stream, -1: no limit
  Duration duplicate_window = {};
  int64_t max_batch_inflight_per_stream = 0;
  int64_t max_batch_inflight_total = 0;
  int64_t max_batch_msgs = 0;
  Duration max_batch_timeout = {};
  friend bool operator==(const JetStreamLimits&, const JetStreamLimits&) = default;
};

struct JetStreamTpm {
  std::string keys_file = {};
  std::string encryption_password = {};
  std::string srk_password = {};
  int64_t pcr = 0;
  friend bool operator==(const JetStreamTpm&, const JetStreamTpm&) = default;
};

struct JetStreamOptions {
  bool enabled = false;
  bool strict = true;
  std::string store_dir = {};
  Duration sync_interval = Duration::minutes(2);
  bool sync_always = false;
  bool sync_relaxed = false;      // an interval was given: acknowledged before it is on disk
  int64_t max_memory_store = -1;  // -1: three quarters of the memory
  int64_t max_file_store = -1;    // -1: three quarters of the free disk
  std::string domain = {};
  std::string key = {};
  std::string prev_key = {};
  StoreCipher cipher = StoreCipher::kNone;
  std::string extension_hint = {};
  std::string unique_tag = {};
  JetStreamLimits limits = {};
  JetStreamTpm tpm = {};
  int64_t max_outstanding_catchup = 0;
  int64_t max_buffered_size = 0;
  int64_t max_buffered_msgs = 0;
  int64_t request_queue_limit = 10000;
  int64_t info_queue_limit = 0;  // 0: request_queue_limit
  int64_t meta_compact = 0;
  int64_t meta_compact_size = 0;
  bool meta_compact_sync = false;
  int64_t max_concurrent_io = 4096;
  friend bool operator==(const JetStreamOptions&, const JetStreamOptions&) = default;
};

// What an account may use. -1: no limit of its own.
struct AccountJetStreamLimits {
  int64_t max_memory = -1;
  int64_t max_store = -1;
  int64_t max_streams = -1;
  int64_t max_consumers = -1;
  int64_t max_ack_pending = -1;
  int64_t memory_max_stream_bytes = -1;
  int64_t store_max_stream_bytes = -1;
  bool max_bytes_required = false;
  bool cluster_traffic_owner = false;  // replication runs in the account, not in the system account
  friend bool operator==(const AccountJetStreamLimits&, const AccountJetStreamLimits&) = default;
};

}  // namespace petrel::conf

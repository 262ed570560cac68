// /jsz: JetStream as a whole, and account by account, stream by stream. The JetStream block of
// /varz.
//
// Thread: values and pure functions. Errors: the text of the answer with status 400.
// Source: spec monitoring.md sections 4.1 and 4.7.
#pragma once

#include "petrel/base/result.h"
#include "petrel/base/time.h"
#include "petrel/jetstream/api_json.h"
#include "petrel/monitor/json_writer.h"
#include "petrel/monitor/query.h"

#include <cstdint>
#include <string>
#include <vector>

namespace petrel::monitor {

struct JszQuery {
  bool accounts = false;
  bool streams = false;
  bool consumers = false;
  bool direct_consumers = false;
  bool config = false;
  bool raft = false;
  bool leader_only = false;
  int64_t offset = 0;
  int64_t limit = 1024;
  std::string account = {};
  static Result<JszQuery> parse(const Query& query);
};

// What the server allows and how it is set up.
struct JetStreamSettings {
  int64_t max_memory = 0;
  int64_t max_storage = 0;
  std::string store_dir = {};
  Duration sync_interval = {};  // 0: every acknowledgement waits for the disk
  bool sync_always = false;
  std::string domain = {};
  std::string unique_tag = {};
  bool strict = false;
  int64_t max_request_batch = 0;
  int64_t max_ack_pending = 0;
  int64_t max_ha_assets = 0;
  Duration max_duplicate_window = {};
  int64_t default_max_consumers = 0;
};

struct JetStreamFigures {
  uint64_t memory = 0;
  uint64_t storage = 0;
  uint64_t reserved_memory = 0;
  uint64_t reserved_storage = 0;
  uint64_t accounts = 0;
  uint64_t api_total = 0;
  uint64_t api_errors = 0;
};

struct JszStream {
  jetstream::StreamInfoView info = {};
  std::vector<jetstream::ConsumerInfoView> consumers = {};
  std::vector<jetstream::ConsumerInfoView> direct_consumers = {};
};

struct JszAccount {
  std::string name = {};
  uint64_t memory = 0;
  uint64_t storage = 0;
  uint64_t reserved_memory = 0;  // all ones: no limit
  uint64_t reserved_storage = 0;
  uint64_t api_total = 0;
  uint64_t api_errors = 0;
  std::vector<JszStream> streams = {};  // by name
};

struct JszPage {
  std::string server_id = {};
  WallTime now = {};
  JetStreamSettings settings = {};
  JetStreamFigures figures = {};
  std::vector<JszAccount> accounts = {};  // every account with JetStream, by name
};

// A standalone server leads everything: leader_only changes nothing.
std::string jsz_json(const JszQuery& query, const JszPage& page);
// One account alone; "": there is no such account with JetStream.
std::string jsz_account_json(const JszQuery& query, const JszPage& page, Slice account);

// The members of "jetstream" in /varz.
void write_varz_jetstream(JsonWriter& json, const JetStreamSettings& settings,
                          const JetStreamFigures& figures);

}  // namespace petrel::monitor

// /accountz and /accstatz: the accounts of the server and what they did.
//
// Thread: pure functions. Source: spec monitoring.md section 4.6.
#pragma once

#include "petrel/base/time.h"
#include "petrel/monitor/subsz.h"
#include "petrel/router/account_interest.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace petrel::monitor {

struct MappingView {
  struct Destination {
    std::string subject = {};
    int weight = 0;
    std::string cluster = {};
  };
  std::string source = {};
  std::vector<Destination> destinations = {};
};

struct LatencyView {
  int sampling = 0;
  std::string results = {};  // "": not measured
};

struct ExportView {
  std::string subject = {};
  std::string response_type = {};  // "": a stream
  LatencyView latency = {};
  std::vector<std::string> approved = {};
};

struct ImportView {
  std::string subject = {};
  std::string account = {};
  std::string local_subject = {};
  bool is_service = false;
  bool share = false;
  LatencyView latency = {};
};

// How fast its clients may publish; 0: no limit. Shown only if there is one, or was.
struct RateView {
  int64_t messages = 0;
  int64_t bytes = 0;
  Duration burst = {};
  uint64_t throttled = 0;  // times that reading of a connection paused because of it
};

struct AccountView {
  std::string name = {};
  std::string tag = {};  // for people; "": the name
  bool is_system = false;
  WallTime update_time = {};
  uint64_t client_connections = 0;
  uint64_t in_msgs = 0;
  uint64_t in_bytes = 0;
  uint64_t out_msgs = 0;
  uint64_t out_bytes = 0;
  uint64_t slow_consumers = 0;
  RateView rate = {};
  IndexNumbers index = {};
  std::vector<MappingView> mappings = {};
  std::vector<ExportView> exports = {};
  std::vector<ImportView> imports = {};
  bool has_jetstream = false;
};

struct AccountsView {
  std::string server_id = {};
  WallTime now = {};
  std::vector<AccountView> accounts = {};
};

// What happened in an account; nothing is said of its description.
AccountView account_figures(const router::AccountInterest& account);

// Errors: `name` is none of them; the text of the answer with status 400. Empty: the names of all.
Result<std::string> accountz_json(const AccountsView& view, Slice name);
// With `unused` also accounts without connections.
std::string accstatz_json(const AccountsView& view, bool unused);
// What it says of one account: members of the object that is open.
void write_account_statistics(JsonWriter& json, const AccountView& account);
// What /accountz says of one account: the whole object.
std::string account_detail_json(const AccountView& account);

}  // namespace petrel::monitor

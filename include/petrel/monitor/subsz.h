// /subsz: the numbers of the subject index and, when asked, subscriptions.
//
// Thread: values, any one thread at a time. Source: spec monitoring.md section 4.5.
#pragma once

#include "petrel/base/result.h"
#include "petrel/base/time.h"
#include "petrel/monitor/json_writer.h"
#include "petrel/monitor/query.h"
#include "petrel/session/session_view.h"

#include <cstdint>
#include <string>
#include <vector>

namespace petrel::monitor {

struct SubszQuery {
  bool subscriptions = false;
  uint64_t offset = 0;
  uint64_t limit = 1024;
  std::string account = {};
  std::string test = {};  // only subscriptions that this subject would reach
  // Errors: the text of the answer with status 400.
  static Result<SubszQuery> parse(const Query& query);
};

struct IndexNumbers {
  uint64_t subscriptions = 0;
  uint64_t inserts = 0;
  uint64_t removes = 0;
  uint64_t matches = 0;
};
// num_subscriptions and so on. Cached results live in the loops and have no numbers here: those
// fields are 0.
void write_index_numbers(JsonWriter& json, const IndexNumbers& numbers);

// Is shown every subscription once and keeps a page of them.
class SubszCollector {
 public:
  // REQUIRES: `query` outlives this.
  explicit SubszCollector(const SubszQuery& query) : query_(query) {}
  void add(const session::SubscriptionView& subscription);
  // After all: sorts the page by connection and sid.
  void finish();
  uint64_t total() const { return total_; }
  const std::vector<session::SubscriptionView>& rows() const { return rows_; }

 private:
  const SubszQuery& query_;
  uint64_t total_ = 0;
  std::vector<session::SubscriptionView> rows_;
};

struct SubszPage {
  std::string server_id = {};
  WallTime now = {};
  IndexNumbers numbers = {};
};
std::string subsz_json(const SubszQuery& query, const SubszPage& page,
                       const SubszCollector& collector);

}  // namespace petrel::monitor

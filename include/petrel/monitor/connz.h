// /connz: which connections are asked for, finding them among many, and the answer.
//
// Thread: values, any one thread at a time. The caller shows every connection once (in steps of
// its choice); only as many as the page needs are kept.
// Source: spec monitoring.md sections 2 and 4.2.
#pragma once

#include "petrel/base/result.h"
#include "petrel/base/time.h"
#include "petrel/monitor/query.h"
#include "petrel/session/session_view.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace petrel::monitor {

enum class ConnzSort : uint8_t {
  kCid,
  kStart,
  kSubs,
  kPending,
  kMsgsTo,
  kMsgsFrom,
  kBytesTo,
  kBytesFrom,
  kLast,
  kIdle,
  kUptime,
  kStop,
  kReason,
  kRtt,
};
enum class ConnzState : uint8_t { kOpen, kClosed, kAll };

struct ConnzQuery {
  ConnzSort sort = ConnzSort::kCid;
  ConnzState state = ConnzState::kOpen;
  Query::Subscriptions subs = {};
  bool auth = false;
  uint64_t offset = 0;
  uint64_t limit = 1024;
  uint64_t cid = 0;  // 0: all
  std::string user = {};
  std::string account = {};
  std::string mqtt_client = {};
  std::string filter_subject = {};  // only connections that could hear a message to it

  bool wants_subscriptions() const { return subs.is_list || subs.is_detail; }
  // What views have to hold.
  session::ViewOptions view_options() const {
    return {.subscriptions = wants_subscriptions() || !filter_subject.empty(),
            .user = auth || !user.empty()};
  }
  // Errors: the text of the answer with status 400.
  static Result<ConnzQuery> parse(const Query& query);
};

// Pointers: a loop waits while one view goes into the page, and views are large.
using ConnzRows = std::vector<std::unique_ptr<session::SessionView>>;

class ConnzCollector {
 public:
  // REQUIRES: `query` outlives this.
  ConnzCollector(const ConnzQuery& query, WallTime now) : query_(query), now_(now) {}

  // Counts an open connection; true: its full view is to be added.
  bool wants(const session::SessionView& facts);
  void add(session::SessionView view);
  // A connection that ended, in any order.
  void add_closed(const session::SessionView& view);
  // After all: no more than `closed_max` of those that ended count, the latest ones.
  void finish(size_t closed_max);

  uint64_t total() const { return open_ + closed_count_; }
  // The page, sorted.
  const ConnzRows& rows() const { return kept_; }

 private:
  bool matches(const session::SessionView& view) const;
  bool is_heard(const session::SessionView& view) const;
  bool stands_before(const session::SessionView& a, const session::SessionView& b) const;
  Duration age(const session::SessionView& view) const;
  size_t kept_max() const;

  const ConnzQuery& query_;
  const WallTime now_;
  uint64_t open_ = 0;
  uint64_t closed_count_ = 0;
  ConnzRows kept_;  // a heap, the last of the page on top
  std::deque<session::SessionView> closed_;
};

struct ConnzPage {
  std::string server_id = {};
  WallTime now = {};
  uint64_t total = 0;
  const ConnzRows* rows = nullptr;  // null: no such account
};
std::string connz_json(const ConnzQuery& query, const ConnzPage& page);

}  // namespace petrel::monitor

// Which connections a request asks for.
#include "petrel/monitor/connz.h"

#include <algorithm>
#include <array>

namespace petrel::monitor {

namespace {

constexpr uint64_t kDefaultLimit = 1024;

struct SortName {
  Slice name;
  ConnzSort sort;
};
constexpr std::array<SortName, 15> kSortNames = {{{"", ConnzSort::kCid},
                                                  {"cid", ConnzSort::kCid},
                                                  {"start", ConnzSort::kStart},
                                                  {"subs", ConnzSort::kSubs},
                                                  {"pending", ConnzSort::kPending},
                                                  {"msgs_to", ConnzSort::kMsgsTo},
                                                  {"msgs_from", ConnzSort::kMsgsFrom},
                                                  {"bytes_to", ConnzSort::kBytesTo},
                                                  {"bytes_from", ConnzSort::kBytesFrom},
                                                  {"last", ConnzSort::kLast},
                                                  {"idle", ConnzSort::kIdle},
                                                  {"uptime", ConnzSort::kUptime},
                                                  {"stop", ConnzSort::kStop},
                                                  {"reason", ConnzSort::kReason},
                                                  {"rtt", ConnzSort::kRtt}}};

Result<ConnzState> parse_state(Slice given) {
  std::string state(given);
  std::transform(state.begin(), state.end(), state.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  if (state.empty() || state == "open") return ConnzState::kOpen;
  if (state == "closed") return ConnzState::kClosed;
  if (state == "any" || state == "all") return ConnzState::kAll;
  return Error{Errc::kInvalidArgument, "Error decoding state for " + std::string(given)};
}

Result<ConnzSort> parse_sort(Slice given, ConnzState state) {
  const auto* named = std::find_if(kSortNames.begin(), kSortNames.end(),
                                   [given](const SortName& entry) { return entry.name == given; });
  if (named == kSortNames.end()) {
    return Error{Errc::kInvalidArgument, "invalid sorting option: " + std::string(given)};
  }
  const bool is_of_closed = named->sort == ConnzSort::kStop || named->sort == ConnzSort::kReason;
  if (is_of_closed && state != ConnzState::kClosed) {
    return Error{Errc::kInvalidArgument,
                 "sort by " + std::string(given) + " only valid on closed connections"};
  }
  return named->sort;
}

}  // namespace

Result<ConnzQuery> ConnzQuery::parse(const Query& query) {
  ConnzQuery wanted;
  PETREL_TRY(wanted.auth, query.boolean("auth"));
  PETREL_TRY(wanted.subs, query.subscriptions());
  PETREL_TRY(const int64_t offset, query.integer("offset"));
  PETREL_TRY(const int64_t limit, query.integer("limit"));
  PETREL_TRY(wanted.cid, query.whole_number("cid"));
  PETREL_TRY(wanted.state, parse_state(query.text("state")));
  PETREL_TRY(wanted.sort, parse_sort(query.text("sort"), wanted.state));
  wanted.offset = static_cast<uint64_t>(std::max<int64_t>(offset, 0));
  wanted.limit = limit > 0 ? static_cast<uint64_t>(limit) : kDefaultLimit;
  if (wanted.cid > 0) wanted.limit = 1;
  wanted.user = query.text("user");
  wanted.account = query.text("acc");
  wanted.mqtt_client = query.text("mqtt_client");
  return wanted;
}

}  // namespace petrel::monitor

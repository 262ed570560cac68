// The body of CONSUMER.MSG.NEXT and +NXT.
#include "jetstream/go_atoi.h"

#include "petrel/jetstream/api_requests.h"
#include "petrel/jetstream/json_decoder.h"

namespace petrel::jetstream {

namespace {

using Pull = PullRequest;
constexpr Slice kGroup = "PriorityGroup";
constexpr Field<Pull> kFields[] = {
    {"expires", {"time.Duration"}, read_field<&Pull::expires>},
    {"batch", {"int"}, read_field<&Pull::batch>},
    {"max_bytes", {"int"}, read_field<&Pull::max_bytes>},
    {"no_wait", {"bool"}, read_field<&Pull::no_wait>},
    {"idle_heartbeat", {"time.Duration"}, read_field<&Pull::idle_heartbeat>},
    {"group", {"string"}, read_field<&Pull::group>, kGroup},
    {"min_pending", {"int64"}, read_field<&Pull::min_pending>, kGroup},
    {"min_ack_pending", {"int64"}, read_field<&Pull::min_ack_pending>, kGroup},
    {"id", {"string"}, read_field<&Pull::id>, kGroup},
    {"priority", {"int"}, read_field<&Pull::priority>, kGroup},
};

Slice trim(Slice body) {
  constexpr Slice kWhite = " \t\r\n\v\f";
  const size_t begin = body.find_first_not_of(kWhite);
  if (begin == Slice::npos) return {};
  return body.substr(begin, body.find_last_not_of(kWhite) - begin + 1);
}

}  // namespace

Result<PullRequest> parse_pull(Slice body) {
  PullRequest pull;
  pull.batch = 1;
  const Slice text = trim(body);
  if (text.empty()) return pull;
  if (text.front() != '{') {
    pull.batch = go_atoi(text).value_or(1);
    return pull;
  }
  pull.batch = 0;
  pull.is_json = true;
  std::string error = read_json<Pull>(text, JsonMode::kPlain,
                                      {"server.JSApiConsumerGetNextRequest"}, pull, kFields);
  if (!error.empty()) return Error{Errc::kInvalidArgument, std::move(error)};
  const uint64_t beat = static_cast<uint64_t>(pull.idle_heartbeat.ns);
  // Twice the beat wraps around as it does in nats-server.
  if (pull.idle_heartbeat.ns > 0 && static_cast<int64_t>(beat * 2) > pull.expires.ns) {
    return Error{Errc::kInvalidArgument, "heartbeat value too large"};
  }
  return pull;
}

}  // namespace petrel::jetstream

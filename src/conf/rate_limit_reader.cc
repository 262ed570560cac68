#include "conf/rate_limit_reader.h"

#include "petrel/base/go_duration.h"

namespace petrel::conf {
namespace {

constexpr int64_t kRateMax = 10'000'000'000;
constexpr Duration kBurstMin = Duration::millis(10);
constexpr Duration kBurstMax = Duration::hours(1);

template <int64_t RateLimit::* Member>
Step rate(Context& context, RateLimit& limit, const Field& field) {
  const int64_t* value = want_integer(context, field.node);
  if (value == nullptr) return Step::kWrongType;
  if (*value < 0 || *value > kRateMax) {
    return stop(context, &field.node,
                "rate_limit " + lower(field.key) + " must be between 0 (no limit) and " +
                    std::to_string(kRateMax) + ", got " + std::to_string(*value));
  }
  limit.*Member = *value;
  return Step::kNext;
}

Step burst(Context& context, RateLimit& limit, const Field& field) {
  const size_t errors = context.report.errors().size();
  const Step step = read_duration(context, field, "burst", limit.burst);
  if (step != Step::kNext || context.report.errors().size() != errors) return step;
  if (limit.burst < kBurstMin || limit.burst > kBurstMax) {
    return stop(context, &field.node,
                "rate_limit burst must be between " + go_duration(kBurstMin) + " and " +
                    go_duration(kBurstMax) + ", got " + go_duration(limit.burst));
  }
  return Step::kNext;
}

const Block<RateLimit>& rate_limit_block() {
  static const Rule<RateLimit> kRules[] = {
      {"messages", rate<&RateLimit::messages>},
      {"bytes", rate<&RateLimit::bytes>},
      {"burst", burst},
  };
  static const Block<RateLimit> kBlock{.rules = kRules};
  return kBlock;
}

}  // namespace

Step read_rate_limit(Context& context, const Field& field, RateLimit& out) {
  out = RateLimit{};
  return read_guarded_map(context, field.node, "Expected rate_limit to be a map",
                          rate_limit_block(), out);
}

}  // namespace petrel::conf

// jetstream of an account: on, off, or limits.
#include "conf/accounts_reader.h"

namespace petrel::conf {
namespace {

template <int64_t AccountJetStreamLimits::* Member>
Step size(Context& context, AccountJetStreamLimits& limits, const Field& field) {
  const int64_t* value = field.node.integer();
  if (value == nullptr) {
    return stop(context, &field.node,
                "Expected a parseable size for " + go_quote(field.key) + ", got " +
                    value_text(field.node.value));
  }
  limits.*Member = *value;
  return Step::kNext;
}

Step max_bytes_required(Context& context, AccountJetStreamLimits& limits, const Field& field) {
  const bool* value = field.node.boolean();
  if (value == nullptr) {
    return stop(context, &field.node,
                "Expected a parseable bool for " + go_quote(field.key) + ", got " +
                    value_text(field.node.value));
  }
  limits.max_bytes_required = *value;
  return Step::kNext;
}

Step cluster_traffic(Context& context, AccountJetStreamLimits& limits, const Field& field) {
  const std::string* value = field.node.string();
  const std::string got = go_quote(field.key) + ", got " + value_text(field.node.value);
  if (value == nullptr) {
    return stop(context, &field.node,
                "Expected either 'system' or 'owner' string value for " + got);
  }
  if (*value != "system" && *value != "owner" && !value->empty()) {
    return stop(context, &field.node, "Expected 'system' or 'owner' string value for " + got);
  }
  limits.cluster_traffic_owner = *value == "owner";
  return Step::kNext;
}

const Block<AccountJetStreamLimits>& limits_block() {
  using Limits = AccountJetStreamLimits;
  static const Rule<Limits> kRules[] = {
      {"max_memory|max_mem|mem|memory", size<&Limits::max_memory>},
      {"max_store|max_file|max_disk|store|disk", size<&Limits::max_store>},
      {"max_streams|streams", size<&Limits::max_streams>},
      {"max_consumers|consumers", size<&Limits::max_consumers>},
      {"max_bytes_required|max_stream_bytes|max_bytes", max_bytes_required},
      {"mem_max_stream_bytes|memory_max_stream_bytes", size<&Limits::memory_max_stream_bytes>},
      {"disk_max_stream_bytes|store_max_stream_bytes", size<&Limits::store_max_stream_bytes>},
      {"max_ack_pending", size<&Limits::max_ack_pending>},
      {"cluster_traffic", cluster_traffic},
  };
  static const Block<Limits> kBlock{.rules = kRules, .guarded = false};
  return kBlock;
}

}  // namespace

void read_account_jetstream(Context& context, const Node& node,
                            std::optional<AccountJetStreamLimits>& out) {
  if (const bool* enabled = node.boolean()) {
    if (*enabled) out.emplace();
    return;
  }
  if (const std::string* text = node.string()) {
    const std::string word = lower(*text);
    if (word == "enabled" || word == "enable") {
      out.emplace();
    } else if (word == "disabled" || word == "disable") {
      out.reset();
    } else {
      context.report.error(
          nullptr, "Expected 'enabled' or 'disabled' for string value, got '" + *text + "'");
    }
    return;
  }
  const Map* map = node.map();
  if (map == nullptr) {
    context.report.error(
        nullptr, "Expected map, bool or string to define JetStream, got " + type_name(node.value));
    return;
  }
  AccountJetStreamLimits limits;
  if (read_block(context, *map, limits_block(), limits) == Step::kNext) out = limits;
}

}  // namespace petrel::conf

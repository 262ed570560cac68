#include "server/jetstream_monitoring.h"

#include "petrel/jetstream/consumer.h"
#include "petrel/shard/jetstream_usage.h"

#include <algorithm>
#include <latch>
#include <map>

namespace petrel::server {

namespace {

uint64_t figure(const std::atomic<int64_t>& of) {
  return static_cast<uint64_t>(std::max<int64_t>(0, of.load(std::memory_order_relaxed)));
}

// Runs `task` on a loop and returns when it is done.
void run_on(const shard::JetStreamNode& node, uint16_t loop, const std::function<void()>& task) {
  std::latch done(1);
  node.post(loop, [&task, &done] {
    task();
    done.count_down();
  });
  done.wait();
}

monitor::JszStream describe(const jetstream::Stream& stream, const shard::JetStreamNode& node,
                            const monitor::JszQuery& query) {
  jetstream::RequestContext context;
  context.server_name = node.server_name;
  monitor::JszStream described;
  described.info = jetstream::stream_info(stream, context);
  described.info.cluster.emplace();
  described.info.cluster->leader = node.server_name;
  for (const jetstream::Consumer* consumer : stream.consumers()) {
    const bool is_direct = consumer->config().direct;
    auto& list = is_direct ? described.direct_consumers : described.consumers;
    // Without details they are only counted.
    const bool is_shown = is_direct ? query.direct_consumers : query.consumers;
    list.push_back(is_shown ? consumer->info() : jetstream::ConsumerInfoView{});
  }
  return described;
}

}  // namespace

monitor::JetStreamSettings jetstream_settings(const shard::JetStreamNode& node,
                                              const conf::JetStreamLimits& limits) {
  monitor::JetStreamSettings settings;
  const conf::JetStreamOptions& options = node.options;
  settings.max_memory = node.usage->memory_max.load(std::memory_order_relaxed);
  settings.max_storage = node.usage->storage_max.load(std::memory_order_relaxed);
  settings.store_dir = node.directory;
  settings.sync_interval = options.sync_interval;
  settings.sync_always = !options.sync_relaxed;
  settings.domain = options.domain;
  settings.unique_tag = options.unique_tag;
  settings.strict = options.strict;
  settings.max_request_batch = limits.max_request_batch;
  settings.max_ack_pending = limits.max_ack_pending;
  settings.max_ha_assets = limits.max_ha_assets;
  settings.max_duplicate_window = limits.duplicate_window;
  settings.default_max_consumers = limits.default_max_consumers;
  return settings;
}

monitor::JetStreamFigures jetstream_figures(const JetStream& jetstream) {
  const shard::JetStreamNode& node = jetstream.node();
  std::vector<shard::JetStreamApi::AccountFigures> accounts;
  run_on(node, 0, [&] { accounts = jetstream.api().accounts(); });
  monitor::JetStreamFigures figures;
  figures.memory = figure(node.usage->memory);
  figures.storage = figure(node.usage->storage);
  figures.accounts = accounts.size();
  for (const auto& account : accounts) {
    figures.reserved_memory += static_cast<uint64_t>(account.reserved.memory);
    figures.reserved_storage += static_cast<uint64_t>(account.reserved.storage);
    figures.api_total += figure(account.usage->api_total);
    figures.api_errors += figure(account.usage->api_errors);
  }
  return figures;
}

monitor::JszPage collect_jsz(const JetStream& jetstream, const conf::JetStreamLimits& limits,
                             const monitor::JszQuery& query) {
  const shard::JetStreamNode& node = jetstream.node();
  std::vector<shard::JetStreamApi::AccountFigures> accounts;
  run_on(node, 0, [&] { accounts = jetstream.api().accounts(); });
  std::map<std::string, std::vector<monitor::JszStream>> streams;
  for (uint16_t loop = 0; loop < node.services.size(); ++loop) {
    run_on(node, loop, [&] {
      node.services[loop]->visit([&](const std::string& account, jetstream::Stream& stream) {
        streams[account].push_back(describe(stream, node, query));
      });
    });
  }
  monitor::JszPage page;
  page.server_id = node.server_id;
  page.settings = jetstream_settings(node, limits);
  page.figures = jetstream_figures(jetstream);
  for (const auto& account : accounts) {
    monitor::JszAccount shown;
    shown.name = account.name;
    shown.memory = figure(account.usage->memory);
    shown.storage = figure(account.usage->storage);
    // -1, no limit, shows as all ones.
    shown.reserved_memory = static_cast<uint64_t>(account.limits.max_memory);
    shown.reserved_storage = static_cast<uint64_t>(account.limits.max_storage);
    shown.api_total = figure(account.usage->api_total);
    shown.api_errors = figure(account.usage->api_errors);
    shown.streams = std::move(streams[account.name]);
    std::sort(shown.streams.begin(), shown.streams.end(),
              [](const monitor::JszStream& a, const monitor::JszStream& b) {
                return a.info.config.name < b.info.config.name;
              });
    page.accounts.push_back(std::move(shown));
  }
  return page;
}

monitor::AssetFailure check_asset(const JetStream& jetstream, const monitor::HealthzQuery& query) {
  if (query.account.empty()) return {};
  const shard::JetStreamNode& node = jetstream.node();
  bool has_account = false;
  bool has_stream = query.stream.empty();
  bool has_consumer = query.consumer.empty();
  for (uint16_t loop = 0; loop < node.services.size(); ++loop) {
    run_on(node, loop, [&] {
      node.services[loop]->visit([&](const std::string& account, jetstream::Stream& stream) {
        if (account != query.account) return;
        has_account = true;
        if (stream.name() != query.stream) return;
        has_stream = true;
        if (stream.find_consumer(query.consumer) != nullptr) has_consumer = true;
      });
    });
  }
  if (!has_account) return monitor::account_missing(query);
  if (!has_stream) return monitor::stream_missing(query);
  if (!has_consumer) return monitor::consumer_missing(query);
  return {};
}

}  // namespace petrel::server

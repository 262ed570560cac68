// What monitoring shows of JetStream: asked of the loops in their own time, stream by stream.
//
// Thread: a worker that may wait; the loops run.
#pragma once

#include "server/jetstream.h"

#include "petrel/monitor/healthz.h"
#include "petrel/monitor/jsz.h"

namespace petrel::server {

monitor::JetStreamSettings jetstream_settings(const shard::JetStreamNode& node,
                                              const conf::JetStreamLimits& limits);
monitor::JetStreamFigures jetstream_figures(const JetStream& jetstream);
monitor::JszPage collect_jsz(const JetStream& jetstream, const conf::JetStreamLimits& limits,
                             const monitor::JszQuery& query);
// `type` empty: what is asked for is there.
monitor::AssetFailure check_asset(const JetStream& jetstream, const monitor::HealthzQuery& query);

}  // namespace petrel::server

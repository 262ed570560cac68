// JetStreamBackup: a running STREAM.SNAPSHOT: reads the stream a bounded step at a time, sends
// chunks as acks allow.
//
// Owner: JetStreamService. Thread: the stream's home loop. Limits: those of ArchiveFlow; a step
// reads 4 MiB of messages.
// Source: spec storage-format.md section 6.
#pragma once

#include "petrel/jetstream/archive.h"
#include "petrel/jetstream/archive_flow.h"
#include "petrel/jetstream/stream_requests.h"
#include "petrel/router/endpoint.h"
#include "petrel/shard/jetstream_service.h"

#include <cstdint>
#include <memory>
#include <string>

namespace petrel::shard {

struct BackupOrder {
  jetstream::StreamSnapshotRequest wanted;
  jetstream::ApiRequest request;
};

class JetStreamBackup final : public router::Endpoint {
 public:
  JetStreamBackup(JetStreamService& service, router::AccountInterest& of,
                  const jetstream::Stream& stream, const BackupOrder& order);
  ~JetStreamBackup() override;

  // Reads and sends on. False: it is over.
  bool run();
  // An ack.
  void take(const router::Subscription& subscription, const router::Message& message) override;

 private:
  void add_consumers(const jetstream::Stream& stream);
  // Reads messages until a chunk is full, the disk has to be awaited, or all are read.
  // `budget`: bytes of messages that may still be read in this step.
  void read(jetstream::Stream& stream, size_t& budget);
  // Whether the receiver is there, or may still come.
  bool is_awaited();
  void advise_begin(const jetstream::StreamStateView& state);
  void advise_end();

  JetStreamService& service_;
  router::AccountInterest& of_;
  const jetstream::ApiRequest request_;
  const std::string stream_;
  const WallTime created_;  // another stream of that name is not it
  const std::string deliver_subject_;
  jetstream::ArchiveFlow flow_;
  std::unique_ptr<jetstream::ArchiveWriter> writer_;
  uint64_t next_sequence_ = 1;
  uint64_t last_sequence_ = 0;
  Instant interest_by_;  // when a receiver must have come
  bool had_interest_ = false;
  WallTime started_{};
  uint32_t slot_ = 0;
};

}  // namespace petrel::shard

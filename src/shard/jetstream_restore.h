// JetStreamRestore: a running STREAM.RESTORE: takes the chunks of an archive, fills a stream that
// nobody sees yet, and hands it over when it is whole and on disk.
//
// Owner: JetStreamService. Thread: the loop that becomes the stream's home.
// Order: chunks; then the directory of streams is asked whether the name is still free; then a
// checkpoint and the file that says what the directory holds; then the stream serves. Until that
// file is there, what was written goes at the next start.
// Limits: a chunk is answered when fewer than kWritesMax operations of the disk are under way; 5 s
// without a chunk end it; 64 MiB of chunks wait at most. Source: spec storage-format.md section 6.
#pragma once

#include "petrel/jetstream/stream_import.h"
#include "petrel/jetstream/stream_requests.h"
#include "petrel/router/endpoint.h"
#include "petrel/shard/jetstream_service.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace petrel::shard {

class HostedStream;

struct RestoreOrder {
  NewStream stream;
  jetstream::StreamStateView state;
  jetstream::ApiRequest request;
  jetstream::RequestContext context;
  // Asks loop 0 to take the name; `answer` comes back on this loop, an error when it may not.
  std::function<void(std::function<void(jetstream::ApiStatus)> answer)> claim;
  // Tells loop 0 that the claimed name is a stream now, or free again.
  std::function<void(const jetstream::StreamConfig* made)> settle;
};

class JetStreamRestore final : public router::Endpoint {
 public:
  JetStreamRestore(JetStreamService& service, router::AccountInterest& of, RestoreOrder order);
  ~JetStreamRestore() override;

  // Makes the stream and answers the request. False: it was refused.
  bool begin();
  // False: it is over.
  bool run();
  // A chunk.
  void take(const router::Subscription& subscription, const router::Message& message) override;

 private:
  static constexpr size_t kWritesMax = 64;

  enum class Stage : uint8_t { kChunks, kClaiming, kStoring, kOver };
  struct Chunk {
    std::string reply;
    std::string bytes;
  };

  void take_chunk(const Chunk& chunk);
  void claimed(const jetstream::ApiStatus& refused);
  void look_at_checkpoint();
  void finish();
  void fail(const jetstream::ApiError& error);
  void advise(bool is_begin);

  JetStreamService& service_;
  router::AccountInterest& of_;
  RestoreOrder order_;
  const std::string subject_;
  std::unique_ptr<HostedStream> hosted_;
  std::unique_ptr<jetstream::StreamImport> import_;
  std::deque<Chunk> chunks_;
  size_t waiting_bytes_ = 0;
  std::string last_reply_;
  Stage stage_ = Stage::kChunks;
  bool is_claimed_ = false;
  bool is_describing_ = false;
  Instant last_chunk_at_{};
  WallTime started_{};
  uint64_t bytes_ = 0;
  uint32_t slot_ = 0;  // of the subscription, plus one; 0: none
  // Completions that come after the end find nothing.
  std::shared_ptr<JetStreamRestore*> self_;
};

}  // namespace petrel::shard

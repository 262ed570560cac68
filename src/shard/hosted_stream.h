// HostedStream: a stream on its home loop with what joins it to the loop: its interest in the
// account, its timer, its share of the journal.
//
// Owner: JetStreamService. Thread: the home loop.
#pragma once

#include "petrel/jetstream/solo_group.h"
#include "petrel/jetstream/stream.h"
#include "petrel/jetstream/stream_host.h"
#include "petrel/router/router.h"
#include "petrel/shard/jetstream_usage.h"
#include "petrel/store/journal.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace petrel::shard {

class JetStreamService;

// What a stream is made of besides its configuration.
struct StreamPlace {
  router::AccountInterest* account = nullptr;
  std::shared_ptr<JetStreamUsage> account_usage;
  store::GroupId group = 0;
  std::string directory;  // "": memory
  bool is_memory = false;
};

class HostedStream final : public jetstream::StreamHost {
 public:
  HostedStream(JetStreamService& service, StreamPlace place);
  ~HostedStream() override;

  jetstream::Stream& stream() { return *stream_; }
  const StreamPlace& place() const { return place_; }
  jetstream::SoloGroup* group() { return group_; }
  // The group refers to the stream, the stream owns the group.
  void adopt(std::unique_ptr<jetstream::Stream> stream, jetstream::SoloGroup* group);

  // What the account imports may be something else now.
  void refresh_shadows();

  // For the service.
  Instant due{};  // 0: no timer
  bool is_runnable = false;
  bool is_removed = false;
  bool is_used = false;     // stands in the list of stores to maintain
  bool is_waiting = false;  // entries wait for the journal
  bool is_describing = false;
  bool is_parked = false;     // its API level is above ours
  bool is_untouched = false;  // parked, and its files are as they were found
  bool is_described = false;  // the file that says what it is stands in its directory

 private:
  class StreamInlet;

  Instant now() const override;
  WallTime wall_now() const override;
  Prng& prng() override;
  uint32_t send(jetstream::Stream& stream, const jetstream::OutMessage& message) override;
  bool has_interest(jetstream::Stream& stream, Slice subject, std::optional<Slice> queue) override;
  uint32_t subscribe(jetstream::Stream& stream, jetstream::Inlet inlet, Slice subject,
                     Slice queue) override;
  void unsubscribe(jetstream::Stream& stream, uint32_t subscription) override;
  void wake(jetstream::Stream& stream) override;
  void wake_at(jetstream::Stream& stream, Instant when) override;
  void advise(jetstream::Stream& stream, Slice subject, std::string body) override;
  void advise_system(jetstream::Stream& stream, Slice subject, std::string body) override;
  void log(jetstream::LogLevel level, std::string text) override;
  Slice server_name() const override;
  Slice domain() const override;
  std::string next_id() override;
  std::string time_zone(Slice name) override;
  std::string short_hash(Slice text) override;
  bool has_long_ack_subjects() override;
  jetstream::BufferLimits buffer_limits() override;
  jetstream::BatchLimits batch_limits() override;
  std::shared_ptr<void> open_batch(bool is_fast) override;
  bool may_store(jetstream::Stream& stream, uint64_t more) override;
  bool is_server_full(jetstream::Stream& stream, uint64_t more) override;
  void on_usage(jetstream::Stream& stream, int64_t bytes) override;
  void on_consumers(jetstream::Stream& stream, int64_t consumers) override;

  void remove_shadow(uint32_t shadow);

  static constexpr size_t kInlets = 7;

  JetStreamService& service_;
  const StreamPlace place_;
  std::string domain_prefix_;  // of requests in the domain's form; empty: no domain
  std::array<std::unique_ptr<StreamInlet>, kInlets> inlets_;
  // Interest of one subject: its inlet, and the slot of the same subject in the domain's form.
  struct Interest {
    size_t inlet = 0;
    std::optional<uint32_t> in_domain = {};
    std::vector<uint32_t> shadows = {};  // in accounts that this one imports from
  };
  void update_shadows(Interest& interest, Slice subject, Slice queue);
  std::unordered_map<uint32_t, Interest> subscriptions_;  // by slot
  // Of the account when shadows were last refreshed.
  std::shared_ptr<const router::AccountLinks> links_;
  std::unique_ptr<jetstream::Stream> stream_;
  jetstream::SoloGroup* group_ = nullptr;
};

}  // namespace petrel::shard

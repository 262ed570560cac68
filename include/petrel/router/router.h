// Router: a message and an account in, deliveries out. Local subscriptions get their frames
// appended at once, in parse order; deliveries of other loops are gathered into one batch per loop
// and turn. The only place where a message reaches a connection.
//
// Owner: one per Shard. Thread: its loop.
// Source: architecture section 3.
#pragma once

#include "petrel/base/prng.h"
#include "petrel/router/delivery_batch.h"
#include "petrel/router/endpoint.h"
#include "petrel/router/message.h"
#include "petrel/router/plan_cache.h"
#include "petrel/router/receiver.h"
#include "petrel/router/service_imports.h"
#include "petrel/router/subscription.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace petrel::router {

// What the router asks of the shard around it.
class RouterPort {
 public:
  virtual ~RouterPort() = default;
  // Sends what is pending before the turn ends. Everything gathered for other loops was posted.
  virtual void flush_early(Receiver& receiver) = 0;
  // Hands a batch to another loop's inbox and wakes it.
  virtual void post(uint16_t loop, std::unique_ptr<DeliveryBatch> batch) = 0;
  // Bytes that wait in another loop's inbox.
  virtual size_t inbox_bytes(uint16_t loop) const = 0;
  // A publisher of another loop runs into a full receiver here; its loop is to slow it down.
  virtual void ask_to_stall(ConnectionHandle publisher) = 0;
};

enum class EgressOutcome : uint8_t { kDelivered, kClosed, kNoEcho, kRefused };

// One subscription that a traced message was meant for.
struct Egress {
  const Receiver* receiver = nullptr;  // null: on another loop
  Slice subject;                       // of the subscription; empty: on another loop
  Slice queue;
  EgressOutcome outcome = EgressOutcome::kDelivered;
};

// What a stream makes of a traced message.
struct Intake {
  Slice stream;
  Slice subject = {};  // empty: refused before it was known
  Slice error = {};
  bool has_no_interest = false;
};

class RouteObserver {
 public:
  virtual ~RouteObserver() = default;
  // Before the message is delivered.
  virtual void on_egress(const Egress& egress) = 0;
  // The message goes to a service of another account / leaves to a subscriber there.
  virtual void on_service_import(Slice account, Slice from, Slice to) = 0;
  virtual void on_stream_export(Slice account, Slice to) = 0;
  // A stream takes it in.
  virtual void on_intake(const Intake& intake) = 0;
};

struct RouterOptions {
  uint16_t loop = 0;
  uint16_t loops = 1;
  uint64_t seed = 0;
};

class Router {
 public:
  Router(const RouterOptions& options, RouterPort& port);

  // Delivers to everyone interested. Returns how many took it (of other loops: were sent it).
  uint32_t route(AccountInterest& account, const Message& message);
  // Delivers messages without reply that are equal but for their headers and payloads, and whose
  // tails lie `stride` bytes apart. Returns how many, at least one: it stops when the publisher is
  // to be slowed down or so much was delivered that delivered_bytes() reaches `delivered_end`.
  struct Repeats {
    Message first;
    size_t count = 0;
    size_t stride = 0;
    uint64_t delivered_end = 0;
  };
  size_t route_repeats(AccountInterest& account, const Repeats& repeats);
  // Delivers to those interested in `target`, in frames that say message.subject: what consumers
  // of streams do.
  uint32_t route_to(AccountInterest& account, Slice target, const Message& message);
  // As route, for a traced message, told to `observer`; delivers nothing if `is_dry`.
  uint32_t route_observed(AccountInterest& account, const Message& message, RouteObserver& observer,
                          bool is_dry);
  // Deliveries that another loop decided on.
  void deliver_batch(const DeliveryBatch& batch);
  // Posts what the turn gathered for other loops. Comes before any flush.
  void post_batches();

  // Set by route when a receiver is near its limit, or another loop's inbox is: the publisher is
  // to be slowed down. Reading it resets it.
  bool take_stall_request() { return std::exchange(stall_requested_, false); }

  // Interest of an endpoint of this loop. `queue` empty: plain. The name of the subscription goes
  // to remove_endpoint.
  // REQUIRES: the endpoint outlives its subscriptions.
  uint32_t add_endpoint(AccountInterest& account, Endpoint& endpoint, Slice subject, Slice queue);
  void remove_endpoint(AccountInterest& account, uint32_t subscription_slot);

  // The subject that a subscription shows for a message published to `subject`: a stream import
  // shows it as the importing account knows it. Valid until the next call.
  Slice shown_subject(const Subscription& subscription, Slice subject);
  bool has_interest(AccountInterest& account, Slice subject) {
    const DeliveryPlan& plan = plan_for(account, subject);
    return !plan.is_empty();
  }

  // --- imported services ---
  ServiceImports& imports() { return imports_; }
  // Of what follows.
  void set_time(Instant now, WallTime wall_now) {
    now_ = now;
    wall_now_ = wall_now;
  }
  Instant now() const { return now_; }
  WallTime wall_now() const { return wall_now_; }
  // Names of the cluster and, hashed, of the server, for mappings and the replies of services.
  void set_names(std::string cluster, std::string server_hash) {
    cluster_name_ = std::move(cluster);
    server_hash_ = std::move(server_hash);
  }
  const std::string& cluster_name() const { return cluster_name_; }
  const std::string& server_hash() const { return server_hash_; }
  Prng& prng() { return prng_; }
  // A message that came through a service import: it goes on into no stream import.
  uint32_t route_imported(AccountInterest& account, Slice target, const Message& message);
  uint32_t route_imported_observed(AccountInterest& account, const Message& message,
                                   RouteObserver& observer, bool is_dry);
  // An answer for a portal of another loop.
  void send_to_portal(uint16_t loop, Slice envelope, const Message& message);

  // The receiver's own plain subscription that matches a literal subject, or null.
  Subscription* own_subscription(AccountInterest& account, Receiver& receiver, Slice subject);

  // Receivers with new bytes since the last call; the shard flushes them at the end of the turn.
  void touch(Receiver& receiver) {
    if (receiver.is_touched) return;
    receiver.is_touched = true;
    touched_.push_back(&receiver);
  }
  std::vector<Receiver*>& touched() { return touched_; }
  // Starts a new turn's account of delivered bytes (decides about early flushes).
  // `receivers` were flushed in the last one.
  void begin_turn(size_t receivers);

  size_t turn_bytes() const { return delivered_bytes_ - turn_start_; }
  // Since the start.
  uint64_t delivered_bytes() const { return delivered_bytes_; }

  SubscriptionTable& subscriptions() { return subscriptions_; }
  BufferPool& buffers() { return buffers_; }
  uint16_t loop() const { return loop_; }
  // Whose message it is, for an endpoint that takes it; slot ~0: not a connection's.
  ConnectionHandle publisher_of(const Message& message) const;

 private:
  static constexpr size_t kHeavyTurnBytes = 1 << 20;
  static constexpr size_t kFlushBytesHeavy = 64 << 10;
  static constexpr size_t kFlushBytesMin = 32 << 10;
  static constexpr size_t kBuffersInUse = 400 << 10;  // what may be written to between two flushes
  static constexpr size_t kFlushBytes = 1 << 20;
  static constexpr size_t kInboxBytesMax = 64 << 20;
  static constexpr size_t kSpreadTargetsMax = 256;
  static constexpr size_t kRepeatedBytes = 32
                                           << 10;  // to one connection before the next one's turn

  // kPlanned: the frames say the subject of the plan, whose prefixes are ready.
  enum class Shown : uint8_t { kPlanned, kOther };

  enum class Shadows : uint8_t { kIncluded, kLeftOut };

  template <Shown kShown>
  uint32_t deliver_planned(AccountInterest& account, const DeliveryPlan& plan, Slice target,
                           const Message& message);
  const DeliveryPlan& plan_for(AccountInterest& account, Slice subject);
  const DeliveryPlan& plan_on_miss(AccountInterest& account, Slice subject, uint64_t hash);
  void build_plan(AccountInterest& account, Slice subject, DeliveryPlan& plan, bool with_prefixes,
                  Shadows shadows = Shadows::kIncluded);
  void build_groups(Slice subject, DeliveryPlan& plan, bool with_prefixes, Shadows shadows);
  static void add_import(AccountInterest& account, const subject::Subscriber& subscriber,
                         DeliveryPlan& plan);
  void add_prefix(DeliveryPlan& plan, DeliveryPlan::Local& entry, Slice subject);
  bool deliver(uint32_t slot, Subscription& subscription, const Message& message, Slice prefix);
  static bool is_spread(const DeliveryPlan& plan, SubscriptionTable& subscriptions);
  void deliver_spread(AccountInterest& account, const DeliveryPlan& plan, const Repeats& repeats);
  void deliver_repeats(const DeliveryPlan::Local& entry, Slice prefix, const Repeats& repeats);
  void append_frame(Receiver& to, const Message& message, Slice prefix);
  void append_without_headers(Receiver& to, const Message& message, Slice prefix);
  void on_high_pending(Receiver& to);
  template <Shown kShown>
  bool deliver_to_group(AccountInterest& account, const DeliveryPlan& plan,
                        const DeliveryPlan::Group& group, const Message& message);
  uint32_t observe_plan(AccountInterest& account, const Message& message, RouteObserver& observer,
                        bool is_dry, Shadows shadows);
  bool observe_shadow(uint32_t slot, Subscription& subscription, const Message& message,
                      RouteObserver& observer, bool is_dry);
  bool observe(const DeliveryPlan::Local& entry, const Message& message, RouteObserver& observer,
               bool is_dry);
  bool observe_endpoint(const DeliveryPlan::Local& entry, const Message& message,
                        RouteObserver& observer, bool is_dry);
  bool observe_group(AccountInterest& account, const DeliveryPlan::Group& group,
                     const Message& message, RouteObserver& observer, bool is_dry);
  void send_to_loop(uint16_t loop, const Message& message, Delivery delivery);
  void deliver_run(DeliveryBatch::Run& run);
  void redeliver_to_group(const Delivery& delivery, const Message& message);
  Slice format_prefix(const Subscription& subscription, Slice subject);

  const uint16_t loop_;
  RouterPort& port_;
  Prng prng_;
  BufferPool buffers_;
  SubscriptionTable subscriptions_;
  PlanCache cache_;
  PlanEntry* last_ = nullptr;
  DeliveryPlan scratch_plan_;
  subject::MatchResult match_;
  std::string scratch_prefix_;
  std::string scratch_subject_;
  std::string scratch_sizes_;
  std::string run_prefixes_;
  std::vector<size_t> run_ends_;
  const ConnectionHandle* batch_publisher_ = nullptr;  // of what another loop sent; null: not that
  std::shared_ptr<BlockPool> batch_pool_;
  std::vector<std::unique_ptr<DeliveryBatch>> batches_;  // by loop
  std::vector<Receiver*> touched_;
  uint64_t delivered_bytes_ = 0;
  uint64_t turn_start_ = 0;  // delivered_bytes_ when the turn began
  size_t flush_bytes_ = kFlushBytes;
  bool stall_requested_ = false;
  Instant now_{};
  WallTime wall_now_{};
  std::string cluster_name_;
  std::string server_hash_;
  ServiceImports imports_;
};

}  // namespace petrel::router

// ConsumerCore: the consumer behind the interface. One file each: life and start position
// (consumer.cc), choosing and sending messages (consumer_deliver.cc), pull requests
// (consumer_pull.cc), push (consumer_push.cc), acknowledgements (consumer_ack.cc), what the stream
// tells (consumer_stream.cc), entries (consumer_entry.cc), advisories (consumer_advisory.cc).
//
// Owner: Stream. Thread: the home loop; everything is called from Stream::run.
// Source: spec consumers.md; architecture D6.
#pragma once

#include "jetstream/consumer_ack_subject.h"
#include "jetstream/consumer_log.h"
#include "jetstream/consumer_priority.h"
#include "jetstream/consumer_push.h"
#include "jetstream/consumer_redelivery.h"
#include "jetstream/consumer_state.h"
#include "jetstream/consumer_subject_limit.h"
#include "jetstream/consumer_watchdog.h"
#include "jetstream/pull_queue.h"

#include "petrel/jetstream/api_requests.h"
#include "petrel/jetstream/consumer.h"

#include <optional>
#include <string>
#include <vector>

namespace petrel::jetstream {

// Why nothing more is delivered now.
enum class Halt : uint8_t {
  kBudget,       // there may be more at once
  kEndOfStream,  // nothing is left
  kNobody,       // nobody waits, nobody listens
  kNoTaker,      // no waiting request takes the next message
  kMaxAckPending,
  kPaused,
  kFlowControl,  // the client is behind
  kRate,         // rate limit or the original pace
  kReading,      // the disk was asked
  kStopped,
};

struct Pin {
  std::string id;  // empty: nobody
  WallTime since = {};
  Instant until = {};
};

// How far the first dead letter is on its way.
struct DeadLetterSender {
  uint64_t secret = 0;        // of the outstanding question; 0: none
  Instant at = {};            // not before
  Duration pause = {};        // after refusals
  Instant stored_until = {};  // so long it is known that a stream takes the subject
};

class ConsumerCore final : public Consumer {
 public:
  ConsumerCore(ConsumerSetup setup, ConsumerHost& host);

  const ConsumerConfig& config() const override { return config_; }
  const std::string& name() const override { return config_.name; }
  WallTime created() const override { return created_; }
  ConsumerInfoView info() const override;

  void on_stored(uint64_t sequence, Slice subject, uint64_t bytes) override;
  void on_removed(uint64_t sequence, Slice subject) override;
  void on_purged(uint64_t first) override;
  void apply(Slice entry) override;
  std::string snapshot() const override;
  Status restore(Slice snapshot) override;
  ArchivedConsumer archived() const override;
  void start() override;
  void stop(Slice reason) override;
  bool run(size_t messages_max) override;

  void on_pull(Slice reply, Slice header, Slice body) override;
  void on_ack(Slice subject, Slice reply, Slice body) override;
  void on_flow_reply(Slice subject, Slice header) override;
  void update(const ConsumerConfig& config) override;
  void pause(WallTime until) override;
  void reset(uint64_t sequence) override;
  void unpin(Slice group) override;
  bool needs(uint64_t sequence) const override;

 private:
  // The next message to send; nothing of it is noted until it was sent.
  struct Candidate {
    store::StoredMessage message;
    uint32_t deliveries = 1;
    bool is_new() const { return deliveries == 1; }
  };
  struct Frame {
    Slice reply;
    Slice header;
    Slice body;
    int64_t bytes = 0;  // as budgets of clients count it
  };
  // What stays the same while run() runs; only what it calls looks at it.
  struct Turn {
    StreamHost* outside = nullptr;
    store::MessageStore* messages = nullptr;
    Instant now = {};
    WallTime wall_now = {};
    int64_t steady_ns = 0;  // deliveries of one turn are one range
  };
  // --- life and start (consumer.cc) ---
  void select_start();
  uint64_t start_by_policy();
  uint64_t start_by_time(WallTime time) const;
  void load_last_per_subject(uint64_t from, uint64_t up_to);
  void count_pending();
  void adopt(const ConsumerConfig& config);
  bool matches(Slice subject) const;
  void rearm_all();
  void drop_lost();
  bool is_paused() const;
  void check_pause();
  void check_inactive();
  Instant inactive_deadline() const;
  void arm_timer(Halt halt);
  void report_stall(Halt halt);

  // --- delivering (consumer_deliver.cc) ---
  Halt deliver(size_t messages_max, size_t& delivered);
  Halt next_candidate(Candidate& candidate);
  Halt next_redelivery(Candidate& candidate);
  Halt next_new(Candidate& candidate);
  uint64_t next_match();
  Halt next_of_list(Candidate& candidate);
  Halt next_held(Candidate& candidate);
  Halt next_by_priority(Candidate& candidate);
  void pass_over(uint64_t sequence);
  // Whether its subject has no room; then it is held.
  bool hold(const Candidate& candidate);
  void load_subjects();
  Halt read(uint64_t sequence, Candidate& candidate);
  void skip_unreadable(uint64_t sequence, const char* why);
  Frame make_frame(const Candidate& candidate);
  Slice without_body(const store::StoredMessage& message);
  void note_delivered(const Candidate& candidate);
  void expire_pending();
  void expire_one(uint64_t sequence);
  void exhaust(const PendingAck& entry);
  int64_t wait_ns(uint32_t deliveries) const;
  void arm_redelivery(const PendingAck& entry);
  bool is_ack_none() const { return config_.ack_policy == AckPolicy::kNone; }
  bool is_at_max_pending() const;

  // --- pull (consumer_pull.cc) ---
  Halt send_to_pull(const Candidate& candidate, const Frame& frame);
  enum class Fit : uint8_t { kFits, kSkip, kDrop };
  Fit fit(WaitingPull& pull, const Candidate& candidate, int64_t bytes);
  Fit fit_pin(WaitingPull& pull);
  bool fits_overflow(const WaitingPull& pull, bool is_new) const;
  void after_pull();
  void send_status(Slice reply, Slice status);
  void send_pending_status(const WaitingPull& pull, Slice status);
  void send_beat(Slice target);
  void sweep_pulls(bool is_end);
  bool has_taker(const WaitingPull& pull) const;
  size_t alive_pulls() const;
  bool end_pull(const WaitingPull& pull, bool is_end);
  void tend_pulls(Halt halt);
  std::optional<std::string> refusal(const PullRequest& request);
  std::optional<std::string> priority_refusal(const PullRequest& request);
  bool answer_no_wait(Slice reply, const PullRequest& request);
  uint64_t deliverable() const { return num_pending() + state_.queued(); }
  void add_pull(Slice reply, const PullRequest& request);
  void note_activity(Instant at) {
    if (at > last_activity_) last_activity_ = at;
  }

  // --- priority groups (consumer_pull.cc) ---
  void assign_pin(WaitingPull& pull);
  void clear_pin();
  void check_pin();

  // --- push (consumer_push.cc) ---
  bool is_push() const { return config_.is_push(); }
  Halt push_halt();
  Halt send_to_push(const Candidate& candidate, const Frame& frame);
  void check_interest();
  void set_active(bool is_active);
  // Whether somebody subscribes to the deliver subject.
  bool is_listened_to() const;
  bool is_before_its_time(const Candidate& candidate);
  void send_flow_request();
  void beat_push();
  void set_rate_limit();

  // --- acknowledgements (consumer_ack.cc) ---
  struct Ack {
    AckSubject at;
    Slice reply;
    Slice body;
  };
  bool ack_one(const Ack& ack, bool may_sample);
  bool ack_explicit(const Ack& ack, bool may_sample);
  void nak(const Ack& ack);
  std::optional<Duration> nak_delay(Slice argument);
  void progress(uint64_t sequence);
  void sample(const Ack& ack, const PendingAck& entry);
  void answer_when_applied(Slice reply);
  void answer_applied();
  void wake_if_room(bool was_full);

  // --- dead letters (consumer_dead_letter.cc) ---
  bool has_dead_letter() const { return !dead_letter_subject_.empty(); }
  void bury(uint64_t sequence, uint32_t deliveries, std::string reason);
  void run_dead_letters();
  void ask_who_stores();
  void send_letter(const DeadLetter& letter);
  void send_unstored(const DeadLetter& letter);
  std::string letter_header(const DeadLetter& letter, Slice subject, Slice original) const;
  std::string letter_reply(uint64_t sequence, uint64_t number) const;
  void on_letter_answer(const AckSubject& at, Slice body);
  void retry_letter();
  void settle_letter(uint64_t sequence);
  void keep_letter(uint64_t sequence);
  void renew_dead_token();

  // --- entries (consumer_entry.cc) ---
  void flush_log();
  bool is_private() const;  // the state is kept in memory only
  void note_cursor();

  // --- advisories (consumer_advisory.cc) ---
  bool begin_advisory(std::string& json, Slice kind, std::string& subject);
  void end_advisory(std::string json, const std::string& subject);
  void advise_sequences(Slice kind, const AckSubject& at, Slice reason);
  void advise_exhausted(uint64_t sequence, uint64_t deliveries);
  void advise_pinned(Slice group);
  void advise_unpinned(Slice group, Slice reason);
  std::string reply_place() const;
  void advise_action(Slice action);  // create, delete
  void advise_paused();
  void advise_unstored(const DeadLetter& letter);
  void advise_sample(const AckSubject& at, int64_t ack_time_ns);

  // --- small ---
  uint64_t num_pending() const {
    return num_pending_ > 0 ? static_cast<uint64_t>(num_pending_) : 0;
  }
  Instant now() const { return host_.outside().now(); }
  // Wall time that runs as the monotonic clock does.
  int64_t steady_wall_ns() const { return now().ns + wall_offset_ns_; }
  Instant instant_of(int64_t wall_ns) const { return {wall_ns - wall_offset_ns_}; }
  void send(Slice target, Slice reply, Slice header) {
    host_.outside().send(host_.stream(), {target, target, reply, header, {}});
  }
  void wake() { host_.wake(*this); }

  ConsumerConfig config_;
  ConsumerHost& host_;
  WallTime created_;
  std::vector<std::string> filters_;
  // The next ones that match: all of them up to the last one. Asked for last: from matches_from_.
  std::vector<uint64_t> matches_;
  uint64_t matches_from_ = 0;
  size_t match_head_ = 0;
  bool is_dense_ = true;  // the last match was the next sequence: look there first
  bool is_new_ = false;   // not started for the first time yet
  bool is_started_ = false;
  bool is_removing_ = false;
  bool was_paused_ = false;
  int64_t wall_offset_ns_ = 0;

  Turn turn_;
  ConsumerState state_;
  mutable ConsumerLog log_;
  uint64_t applied_operation_ = 0;
  Redeliveries redeliveries_;
  SubjectLimit subject_limit_;
  PriorityOrder priorities_;
  bool is_prioritized_ = false;  // in this turn
  int64_t num_pending_ = 0;
  // Deliver last per subject: sequences not delivered yet, ascending from list_head_; then all
  // above list_end_.
  std::vector<uint64_t> list_;
  size_t list_head_ = 0;
  uint64_t list_end_ = 0;

  PullQueue pulls_;
  Instant sweep_at_ = {INT64_MAX};
  Instant swept_ = {};
  Pin pin_;
  PushState push_;
  Watchdog watchdog_;

  Instant last_activity_ = {};
  Duration inactive_after_ = {};  // with jitter; 0: never
  Instant armed_ = {INT64_MAX};
  WallTime last_delivered_ = {};
  WallTime last_acked_ = {};
  bool is_cursor_due_ = false;
  Instant cursor_at_ = {};

  std::string dead_letter_subject_;  // empty: not asked for
  DeadLetterSender letters_;

  struct AckAnswer {
    uint64_t operation = 0;
    std::string reply;
  };
  Fifo<AckAnswer> answers_;
  std::string ack_subject_;  // prefix, then the numbers of the delivery
  size_t ack_prefix_ = 0;
  std::string header_;  // of a delivery whose header is changed
};

}  // namespace petrel::jetstream

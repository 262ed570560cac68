// A consumer on a memory store without a stream around it: time, clients and the journal are in the
// hands of the test.
#pragma once

#include "petrel/jetstream/api_json.h"
#include "petrel/jetstream/consumer.h"
#include "petrel/jetstream/stream.h"
#include "petrel/jetstream/stream_config.h"
#include "petrel/subject/subject.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace petrel::jetstream {

struct OutgoingMessage {
  std::string target;
  std::string subject;
  std::string reply;
  std::string header;
  std::string body;
  // The status line without its version, or the body.
  std::string text() const {
    if (header.rfind("NATS/1.0 ", 0) != 0) return body;
    return header.substr(9, header.find("\r\n") - 9);
  }
};

class ConsumerWorld final : public ConsumerHost,
                            public StreamHost,
                            public store::MessageStore::Listener {
 public:
  ConsumerWorld() : store_(store::make_memory_store(*this)) {
    stream_config_.name = "S";
    stream_config_.subjects = {">"};
  }

  static ConsumerConfig pull_config() {
    ConsumerConfig config;
    config.durable_name = config.name = "C";
    config.ack_policy = AckPolicy::kExplicit;
    config.ack_wait = Duration::seconds(30);
    config.max_deliver = -1;
    config.max_waiting = 512;
    config.max_ack_pending = 1000;
    return config;
  }
  static ConsumerConfig push_config() {
    ConsumerConfig config = pull_config();
    config.deliver_subject = "push";
    config.max_waiting = 0;
    return config;
  }

  // --- what happens around the consumer ---
  void open(const ConsumerConfig& config) {
    config_ = config;
    consumer_ = make_consumer({config, wall_now(), true}, *this);
    const bool listens = std::exchange(listens_to_advisories, false);  // not to: it was made
    consumer_->start();
    listens_to_advisories = listens;
    turn();
  }
  uint64_t store(const std::string& subject, const std::string& body = "x",
                 const std::string& header = "") {
    const uint64_t sequence = ++last_;
    store_->append({sequence, wall_now(), subject, header, body});
    if (consumer_ && matches(subject)) consumer_->on_stored(sequence, subject, body.size());
    return sequence;
  }
  void store_many(const std::string& subject, int count) {
    for (int i = 0; i < count; ++i) store(subject);
  }
  void remove(uint64_t sequence) {
    const auto removed = store_->remove(sequence, false);
    if (removed && matches(removed->subject)) consumer_->on_removed(sequence, removed->subject);
  }
  void purge(uint64_t below) {
    store_->purge_below(below, nullptr);
    store_->advance(below);
    consumer_->on_purged(below);
  }
  void pull(const std::string& inbox, const std::string& body = "") {
    consumer_->on_pull(inbox, "", body);
    turn();
  }
  // Answers a delivery.
  void ack(const OutgoingMessage& delivery, const std::string& body = "+ACK",
           const std::string& reply = "") {
    consumer_->on_ack(delivery.reply, reply, body);
    turn();
  }
  // Runs until nothing is left to do; what was proposed is applied when `commits`.
  void turn() {
    for (int i = 0; i < 100 && consumer_ != nullptr; ++i) {
      is_woken_ = false;
      const bool has_more = consumer_->run(budget);
      if (commits) commit();
      if (!has_more && !is_woken_) return;
    }
  }
  void commit() {
    while (!proposed_.empty()) {
      const std::string entry = proposed_.front();
      proposed_.pop_front();
      journal_.push_back(entry);
      consumer_->apply(entry);
    }
  }
  void pass(Duration time) {
    // In the steps that the consumer asked for.
    const Instant end = now_ + time;
    while (wake_at_ <= end) {
      const Instant next = std::max(wake_at_, now_);
      wall_.ns += (next - now_).ns;
      now_ = next;
      wake_at_ = {INT64_MAX};
      turn();
    }
    wall_.ns += (end - now_).ns;
    now_ = end;
    turn();
  }
  // Power loss: what was journaled behind the last checkpoint is applied to it again.
  void crash() {
    proposed_.clear();
    auto again = make_consumer({config_, {}, !has_checkpoint_}, *this);
    if (has_checkpoint_) {
      EXPECT_TRUE(again->restore(checkpoint_).is_ok());
    }
    consumer_ = std::move(again);
    for (const std::string& entry : journal_) consumer_->apply(entry);
    consumer_->start();
    turn();
  }
  void checkpoint() {
    checkpoint_ = consumer_->snapshot();
    has_checkpoint_ = true;
    journal_.clear();
  }

  // --- what was sent ---
  std::vector<OutgoingMessage> take(const std::string& target) {
    std::vector<OutgoingMessage> taken;
    for (const OutgoingMessage& sent : sent_) {
      if (sent.target == target) taken.push_back(sent);
    }
    std::erase_if(sent_, [&](const OutgoingMessage& sent) { return sent.target == target; });
    return taken;
  }
  std::string texts(const std::string& target) {
    std::string all;
    for (const OutgoingMessage& sent : take(target)) all += (all.empty() ? "" : ",") + sent.text();
    return all;
  }
  OutgoingMessage one(const std::string& target) {
    const auto taken = take(target);
    EXPECT_EQ(taken.size(), 1U) << target;
    return taken.empty() ? OutgoingMessage{} : taken.front();
  }
  ConsumerInfoView info() { return consumer_->info(); }
  Consumer& consumer() { return *consumer_; }
  std::vector<uint64_t> settled;
  std::vector<uint64_t> settled_up_to;
  std::vector<OutgoingMessage> advisories;
  std::vector<std::string> logs;
  std::set<std::string> gone;  // subjects without a subscriber
  bool listens_to_advisories = true;
  Urgency last_urgency = Urgency::kNow;  // of what was proposed last
  bool commits = true;
  size_t budget = 1000;
  bool was_removed = false;
  StreamConfig stream_config_;

  // --- ConsumerHost ---
  const StreamConfig& stream_config() const override { return stream_config_; }
  Slice account_name() const override { return "$G"; }
  store::MessageStore& messages() override { return *store_; }
  StreamHost& outside() override { return *this; }
  // Only handed back to this host, never looked into.
  Stream& stream() override { return *nothing_; }
  uint64_t propose(Consumer&, Slice entry, Urgency urgency) override {
    last_urgency = urgency;
    proposed_.emplace_back(entry);
    ++proposals;
    return static_cast<uint64_t>(proposals);
  }
  void on_settled(Consumer&, uint64_t sequence) override { settled.push_back(sequence); }
  void on_settled_up_to(Consumer&, uint64_t sequence) override {
    settled_up_to.push_back(sequence);
  }
  void wake(Consumer&) override { is_woken_ = true; }
  void wake_at(Consumer&, Instant when) override { wake_at_ = std::min(wake_at_, when); }
  void remove_inactive(Consumer&) override { was_removed = true; }
  int proposals = 0;

  // --- StreamHost ---
  Instant now() const override { return now_; }
  WallTime wall_now() const override { return wall_; }
  Prng& prng() override { return prng_; }
  uint32_t send(Stream&, const OutMessage& message) override {
    if (gone.count(std::string(message.target)) != 0) return 0;
    sent_.push_back({std::string(message.target), std::string(message.subject),
                     std::string(message.reply), std::string(message.header),
                     std::string(message.body)});
    return 1;
  }
  bool has_interest(Stream&, Slice subject, std::optional<Slice>) override {
    if (subject.substr(0, 10) == "$JS.EVENT.") return listens_to_advisories;
    return gone.count(std::string(subject)) == 0;
  }
  uint32_t subscribe(Stream&, Inlet, Slice, Slice) override { return 0; }
  void unsubscribe(Stream&, uint32_t) override {}
  void wake(Stream&) override {}
  void wake_at(Stream&, Instant) override {}
  void advise(Stream&, Slice subject, std::string body) override {
    advisories.push_back({std::string(subject), {}, {}, {}, std::move(body)});
  }
  void log(LogLevel, std::string text) override { logs.push_back(std::move(text)); }
  Slice server_name() const override { return "server"; }
  Slice domain() const override { return {}; }
  std::string next_id() override { return "ID" + std::to_string(++ids_); }
  bool may_store(Stream&, uint64_t) override { return true; }
  void on_usage(Stream&, int64_t) override {}
  void on_consumers(Stream&, int64_t) override {}

  // --- MessageStore::Listener ---
  void on_readable() override {}
  void on_checkpoint(uint64_t, int) override {}
  void on_damaged(uint64_t, uint64_t, const std::string&) override {}

 private:
  bool matches(const std::string& subject) const {
    const auto filters = config_.filters();
    return filters.empty() || std::any_of(filters.begin(), filters.end(), [&](const auto& filter) {
             return subject::subject_matches(subject, filter);
           });
  }

  std::unique_ptr<store::MessageStore> store_;
  ConsumerConfig config_;
  std::unique_ptr<Consumer> consumer_;
  uint64_t last_ = 0;
  Instant now_ = {1'000'000'000};
  WallTime wall_ = {1'700'000'000'000'000'000};
  Instant wake_at_ = {INT64_MAX};
  bool is_woken_ = false;
  Prng prng_{7};
  int ids_ = 0;
  std::vector<OutgoingMessage> sent_;
  std::deque<std::string> proposed_;

  std::vector<std::string> journal_;
  std::string checkpoint_;
  bool has_checkpoint_ = false;
  Stream* const nothing_ = static_cast<Stream*>(static_cast<void*>(this));
};

}  // namespace petrel::jetstream

// One stream with everything around it in memory: a host that keeps what was sent, a group whose
// commits the test may hold back, a clock that the test moves.
#pragma once

#include "petrel/jetstream/api_error.h"
#include "petrel/jetstream/api_json.h"
#include "petrel/jetstream/consumer.h"
#include "petrel/jetstream/stream.h"
#include "petrel/jetstream/stream_config.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace petrel::jetstream {

struct Sent {
  std::string subject;
  std::string header;
  std::string body;
};

// Commits at once unless held.
class ManualGroup final : public GroupDriver {
 public:
  explicit ManualGroup(GroupMember& member, uint64_t applied = 0)
      : member_(member), proposed_(applied), applied_(applied) {}

  Result<uint64_t> propose(std::span<const Slice> parts, Urgency /*urgency*/) override {
    if (is_full) return Error{Errc::kFull};
    if (is_broken) return Error{Errc::kIo, "disk failed"};
    std::string entry;
    for (const Slice part : parts) entry.append(part);
    log.push_back(entry);
    pending_.push_back(std::move(entry));
    return ++proposed_;
  }
  bool advance(size_t max) override {
    for (; max != 0 && !pending_.empty() && !is_held; --max) {
      const std::string entry = std::move(pending_.front());
      pending_.pop_front();
      member_.apply(++applied_, entry);
    }
    return !pending_.empty() && !is_held;
  }
  uint64_t proposed_index() const override { return proposed_; }
  uint64_t applied_index() const override { return applied_; }
  bool is_leader() const override { return true; }
  uint64_t term() const override { return 1; }
  void checkpointed(uint64_t index) override { checkpointed_index = index; }
  void checkpoint_failed() override { ++failed_checkpoints; }

  bool is_held = false;
  bool is_full = false;
  bool is_broken = false;
  uint64_t checkpointed_index = 0;
  uint64_t failed_checkpoints = 0;
  std::vector<std::string> log;

 private:
  GroupMember& member_;
  std::deque<std::string> pending_;
  uint64_t proposed_;
  uint64_t applied_;
};

class StreamWorld final : public StreamHost {
 public:
  explicit StreamWorld(StreamConfig wanted) : config_(defaults(std::move(wanted))) { open({}, 0); }

  // A fresh stream with the same configuration.
  void open(std::string extra, uint64_t applied) {
    subscriptions.clear();
    stream = std::make_unique<Stream>(StreamSetup{"A", extra.empty(), WallTime{wall.ns}}, config_,
                                      *this);
    auto driver = std::make_unique<ManualGroup>(*stream, applied);
    group = driver.get();
    store::RecoveredStore recovered;
    recovered.store = store::make_memory_store(*stream);
    recovered.applied_index = applied;
    recovered.extra = std::move(extra);
    EXPECT_TRUE(stream->open(std::move(recovered), std::move(driver)).is_ok());
    stream->start();
  }

  static StreamConfig defaults(StreamConfig config) {
    if (config.name.empty()) config.name = "S";
    if (config.subjects.empty() && !config.mirror && config.sources.empty()) {
      config.subjects = {"s.>"};
    }
    config.storage = StorageType::kMemory;
    auto checked = check_stream_config(config, {});
    EXPECT_TRUE(checked.is_ok()) << (checked ? "" : checked.error().description);
    return checked ? *checked : config;
  }

  // --- publishing ---
  // `target`: the subject subscribed to, if it is not that of the message.
  void take(Inlet inlet, Slice subject, Slice header, Slice body, Slice reply, Slice target = {}) {
    std::string tail;
    router::Message message;
    if (!reply.empty()) tail.append(reply).append(" ");
    std::string sizes;
    if (!header.empty()) sizes = std::to_string(header.size()) + " ";
    sizes += std::to_string(header.size() + body.size());
    tail += sizes + "\r\n";
    tail.append(header).append(body).append("\r\n");
    message.subject = subject;
    message.tail = tail;
    message.reply_bytes = static_cast<uint32_t>(reply.size());
    message.sizes_bytes = static_cast<uint32_t>(sizes.size());
    message.header_bytes = static_cast<uint32_t>(header.size());
    stream->take(inlet, message, target.empty() ? subject : target);
  }
  void put(Slice subject, Slice body, const std::map<std::string, std::string>& headers = {},
           Slice reply = "R") {
    take(Inlet::kPublish, subject, block(headers), body, reply);
  }
  static std::string block(const std::map<std::string, std::string>& headers) {
    if (headers.empty()) return {};
    std::string text = "NATS/1.0\r\n";
    for (const auto& [key, value] : headers) text += key + ": " + value + "\r\n";
    return text + "\r\n";
  }
  // Publishes and runs; the body of the last answer, "" if there was none.
  std::string publish(Slice subject, Slice body,
                      const std::map<std::string, std::string>& headers = {}) {
    sent.clear();
    put(subject, body, headers);
    run();
    return last("R");
  }
  std::string last(const std::string& subject) const {
    for (auto it = sent.rbegin(); it != sent.rend(); ++it) {
      if (it->subject == subject) return it->body;
    }
    return "";
  }
  void run() {
    for (int i = 0; i < 100 && stream->run(1000); ++i) {
    }
  }
  void pass(Duration time) {
    clock = clock + time;
    wall = wall + time;
    run();
  }
  // The message as "subject|header|body", "" if it is not there.
  std::string read(uint64_t sequence) {
    store::StoredMessage message;
    if (stream->messages().read(sequence, message) != store::ReadStatus::kFound) return "";
    return std::string(message.subject) + "|" + std::string(message.header) + "|" +
           std::string(message.body);
  }
  // What direct get answers: status lines and headers as they came.
  std::vector<Sent> direct(Slice request, Slice key = {}) {
    sent.clear();
    std::string subject = "$JS.API.DIRECT.GET." + config_.name;
    if (!key.empty()) subject += "." + std::string(key);
    take(Inlet::kDirectGet, subject, {}, request, "D");
    run();
    return sent;
  }

  // --- StreamHost ---
  Instant now() const override { return clock; }
  WallTime wall_now() const override { return wall; }
  Prng& prng() override { return prng_; }
  uint32_t send(Stream&, const OutMessage& message) override {
    sent.push_back(
        {std::string(message.target), std::string(message.header), std::string(message.body)});
    return 1;
  }
  bool has_interest(Stream&, Slice, std::optional<Slice>) override { return true; }
  uint32_t subscribe(Stream&, Inlet inlet, Slice subject, Slice) override {
    subscriptions[++next_subscription_] = {inlet, std::string(subject)};
    return next_subscription_;
  }
  void unsubscribe(Stream&, uint32_t subscription) override { subscriptions.erase(subscription); }
  void wake(Stream&) override {}
  void wake_at(Stream&, Instant when) override { due = when; }
  void advise(Stream&, Slice subject, std::string body) override {
    advisories.push_back({std::string(subject), "", std::move(body)});
  }
  void log(LogLevel, std::string text) override { logged.push_back(std::move(text)); }
  Slice server_name() const override { return "server"; }
  Slice domain() const override { return {}; }
  std::string next_id() override { return "0123456789012345678901"; }
  bool may_store(Stream&, uint64_t) override { return !is_account_full; }
  void on_usage(Stream&, int64_t bytes) override { usage += bytes; }
  void on_consumers(Stream&, int64_t count) override { consumers_in_use += count; }

  Instant clock{1'000'000'000};
  WallTime wall{1'700'000'000'000'000'000};
  Instant due{};
  bool is_account_full = false;
  int64_t usage = 0;
  int64_t consumers_in_use = 0;
  std::vector<Sent> sent;
  std::vector<Sent> advisories;
  std::vector<std::string> logged;
  std::map<uint32_t, std::pair<Inlet, std::string>> subscriptions;
  std::unique_ptr<Stream> stream;
  ManualGroup* group = nullptr;

 private:
  StreamConfig config_;
  Prng prng_{1};
  uint32_t next_subscription_ = 0;
};

}  // namespace petrel::jetstream

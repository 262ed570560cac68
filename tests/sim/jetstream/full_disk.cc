#include "full_disk.h"

#include "petrel/jetstream/archive.h"
#include "petrel/jetstream/consumer.h"
#include "petrel/jetstream/consumer_config.h"
#include "petrel/jetstream/stream_import.h"
#include "petrel/store/message_store.h"

#include <algorithm>
#include <cstdio>

namespace petrel::sim {

using jetstream::Inlet;

namespace {

constexpr store::GroupId kGroup = 7;
constexpr store::GroupId kRestored = 8;
constexpr int kTurnsMax = 4000;
constexpr int kRestoredMessages = 60;

std::string body_of(uint64_t number) {
  return "message " + std::to_string(number) + " " + std::string(300, 'x');
}

std::string archive() {
  jetstream::StreamStateView state;
  state.messages = state.last_seq = kRestoredMessages;
  state.first_seq = 1;
  jetstream::ArchiveWriter writer(state, WallTime{1});
  for (uint64_t i = 1; i <= kRestoredMessages; ++i) {
    const std::string body = body_of(i);
    jetstream::StoredMessageView message;
    message.subject = "t.1";
    message.seq = i;
    message.body = body;
    message.time = WallTime{static_cast<int64_t>(i)};
    writer.add_message(message);
  }
  writer.finish();
  return writer.take();
}

}  // namespace

FullDisk::FullDisk(uint64_t growths, bool trace) : SimHost(growths, 5, trace), growths_(growths) {}

std::string FullDisk::run() {
  boot();
  idle(20);  // a new store has its reserve by then
  disk_.fill_after(growths_ / 2);
  if (error_.empty()) play();
  const bool was_full = disk_.is_full();
  // Every other time the power fails on the full disk.
  if (growths_ % 2 == 1) {
    restart();
    if (error_.empty()) publish(10);
  }
  disk_.free_room();
  if (error_.empty()) recover();
  if (error_.empty()) check();
  restart();
  if (error_.empty()) check();
  if (trace_) std::printf("full: %d, refused: %d\n", was_full, static_cast<int>(refused_));
  return error_;
}

// Nobody but the disk changes anything.
void FullDisk::recover() {
  idle(300);
  const uint64_t refused = refused_;
  publish(20);
  if (refused_ != refused) fail("publishes are refused though there is room again");
  checkpoint();
  await("a checkpoint once there is room", [this] {
    return streams_.at(kGroup).group->checkpoints() >= streams_.at(kGroup).wanted_checkpoints;
  });
  if (error_.empty() && !streams_.contains(kRestored) && !restore()) {
    fail("the restore fails though there is room again");
  }
}

void FullDisk::restart() {
  if (!error_.empty()) return;
  streams_.clear();
  journal_.reset();
  disk_.crash();
  boot();
  if (error_.empty()) check();
}

// --- life ---

void FullDisk::boot() {
  store::JournalOptions options;
  options.segment_bytes_min = 16 << 10;
  options.segment_bytes_max = 32 << 10;
  options.total_bytes_max = 128 << 10;
  options.reserve_bytes = 64 << 10;
  const std::unique_ptr<store::JournalTail> tail = open_journal(options);
  if (tail == nullptr) return;
  streams_[kGroup] = open("S", kGroup, tail.get());
  if (!error_.empty()) return;
  if (is_restored_) streams_[kRestored] = open("T", kRestored, tail.get());
  if (!error_.empty()) return;
  old_journals_ = tail->files();
  for (auto& [group, hosted] : streams_) {
    hosted.stream->start();
    hosted.stream->checkpoint();
  }
}

FullDisk::Hosted FullDisk::open(const std::string& name, store::GroupId group,
                                store::JournalTail* tail) {
  jetstream::StreamConfig wanted;
  wanted.name = name;
  wanted.subjects = {name + ".>"};
  return {open_stream({*check_stream_config(wanted, {}), group, stored_.empty()}, tail)};
}

void FullDisk::turn() {
  tick();
  for (auto& [group, hosted] : streams_) {
    while (hosted.stream->run(64)) {
    }
    hosted.stream->messages().maintain();
  }
  journal_->commit();
  const bool is_safe = std::all_of(streams_.begin(), streams_.end(), [](const auto& hosted) {
    return hosted.second.group->checkpoints() > 0;
  });
  if (old_journals_.empty() || !is_safe) return;
  store::remove_journals(disk_, std::move(old_journals_), [this](int error) {
    if (error == 0) journal_->old_journals_removed();
  });
  old_journals_.clear();
}

void FullDisk::await(const std::string& what, const std::function<bool()>& is_done) {
  for (int i = 0; i < kTurnsMax && error_.empty() && !is_done(); ++i) turn();
  if (error_.empty() && !is_done()) fail("not answered: " + what);
}

void FullDisk::idle(int turns) {
  for (int i = 0; i < turns && error_.empty(); ++i) turn();
}

// --- the workload ---

void FullDisk::play() {
  jetstream::ConsumerConfig wanted;
  wanted.name = wanted.durable_name = "c";
  wanted.ack_policy = jetstream::AckPolicy::kExplicit;
  wanted.ack_wait = Duration::hours(1);
  const auto config = check_consumer_config(wanted, streams_.at(kGroup).stream->config(), {});
  bool is_made = false;
  streams_.at(kGroup).stream->create_consumer(
      *config, [&](const jetstream::ApiError* error, jetstream::Consumer*) {
        is_made = true;
        if (error != nullptr) fail("consumer: " + error->description);
      });
  await("the consumer", [&] { return is_made; });
  for (int round = 0; round < 6 && error_.empty(); ++round) {
    publish(40);
    consume(10);
    remove(3 + static_cast<uint64_t>(round) * 20);
    checkpoint();
    if (round == 2) purge("S.1");
    if (round == 3) restore();
    if (round == 4) purge("S.2");
    idle(60);
  }
}

void FullDisk::publish(int count) {
  const uint64_t before = answered_;
  for (int i = 0; i < count; ++i) {
    const uint64_t number = ++published_;
    const std::string subject = "S." + std::to_string(number % 4);
    const std::string reply = "pub." + std::to_string(number);
    take(Inlet::kPublish, {.subject = subject, .body = body_of(number), .reply = reply});
    if (i % 8 == 7) turn();
  }
  await("publishes", [&] { return answered_ == before + static_cast<uint64_t>(count); });
}

void FullDisk::consume(int count) {
  const size_t before = delivered_.size();
  to_ack_.clear();
  const std::string pull = "{\"batch\":" + std::to_string(count) + ",\"expires\":200000000}";
  take(Inlet::kPull, {.subject = "$JS.API.CONSUMER.MSG.NEXT.S.c", .body = pull, .reply = "work"});
  // Fewer are there when publishes were refused: the pull expires then.
  const Instant until = now_ + Duration::millis(300);
  await("deliveries",
        [&] { return delivered_.size() == before + static_cast<size_t>(count) || now_ > until; });
  if (delivered_.size() == before && stored_.size() > acked_.size() + 5) {
    fail("nothing is delivered");
  }
  const uint64_t wanted = confirmed_ + to_ack_.size();
  for (const std::string& subject : to_ack_) {
    take(Inlet::kAck, {.subject = subject, .body = "+ACK", .reply = "acked"});
  }
  await("acks", [&] { return confirmed_ == wanted; });
  acked_ = delivered_;
}

void FullDisk::remove(uint64_t sequence) {
  if (!stored_.contains(sequence)) return;
  bool is_answered = false;
  streams_.at(kGroup).stream->delete_message(sequence, true, [&](const jetstream::ApiError* error) {
    is_answered = true;
    if (error != nullptr) fail("delete: " + error->description);
  });
  await("a delete", [&] { return is_answered; });
  stored_.erase(sequence);
}

void FullDisk::purge(const std::string& filter) {
  bool is_answered = false;
  jetstream::PurgeRequest request;
  request.filter = filter;
  streams_.at(kGroup).stream->purge(request, [&](const jetstream::ApiError* error, uint64_t) {
    is_answered = true;
    if (error != nullptr) fail("purge: " + error->description);
  });
  await("a purge", [&] { return is_answered; });
  std::erase_if(stored_, [&](const auto& stored) {
    const uint64_t number = number_behind(stored.second, "message ");
    return "S." + std::to_string(number % 4) == filter;
  });
}

void FullDisk::checkpoint() {
  Hosted& hosted = streams_.at(kGroup);
  hosted.wanted_checkpoints = hosted.group->checkpoints() + 1;
  hosted.stream->checkpoint();
}

// As the service restores: hidden until it is on disk. Whether it is.
bool FullDisk::restore() {
  Hosted made = open("T", kRestored, nullptr);
  if (!error_.empty()) return false;
  jetstream::ImportOptions options;
  options.state.messages = options.state.last_seq = kRestoredMessages;
  options.state.first_seq = 1;
  options.payload_max = 1 << 20;
  options.now = wall_;
  jetstream::StreamImport import(*made.stream, options);
  const bool is_in = !import.feed(archive()) && !import.finish();
  if (is_in) {
    made.group->recovered_up_to(import.applied_index());
    made.stream->checkpoint();
    while (made.stream->store().is_checkpointing()) turn();
  }
  if (is_in && made.group->checkpoints() == 1) {
    is_restored_ = true;
    made.stream->start();
    streams_[kRestored] = std::move(made);
    return true;
  }
  bool is_gone = false;
  made.stream->destroy([&](int) { is_gone = true; });
  await("the end of a restore", [&] { return is_gone; });
  return false;
}

// --- what holds ---

void FullDisk::check_message(uint64_t sequence, const std::string& body) {
  store::StoredMessage message;
  const auto status = read(*streams_.at(kGroup).stream, sequence, message);
  if (status != store::ReadStatus::kFound || message.body != body) {
    fail("message " + std::to_string(sequence) + " was acknowledged and is not there");
  }
}

void FullDisk::check() {
  const jetstream::Stream& stream = *streams_.at(kGroup).stream;
  if (stream.is_failed()) return fail("the stream stopped");
  for (const auto& [sequence, body] : stored_) check_message(sequence, body);
  if (stream.state().messages != stored_.size()) {
    fail(std::to_string(stream.state().messages) + " messages instead of " +
         std::to_string(stored_.size()));
  }
  const jetstream::Consumer* consumer = stream.find_consumer("c");
  if (consumer == nullptr) return fail("the consumer is gone");
  if (consumer->info().num_ack_pending != 0) fail("confirmed acks are forgotten");
  const auto restored = streams_.find(kRestored);
  if (restored == streams_.end()) return;
  if (restored->second.stream->state().messages != kRestoredMessages) fail("half a restore");
}

// --- what the streams say ---

void FullDisk::take(Inlet inlet, const SimMessage& message) {
  SimHost::take(*streams_.at(kGroup).stream, inlet, message);
}

uint32_t FullDisk::send(jetstream::Stream&, const jetstream::OutMessage& message) {
  if (const uint64_t number = number_behind(message.target, "pub."); number != 0) {
    ++answered_;
    const uint64_t sequence = number_behind(message.body, "{\"stream\":\"S\",\"seq\":");
    if (sequence != 0) {
      stored_[sequence] = body_of(number);
    } else if (message.body.find("\"err_code\":10023") != Slice::npos) {
      ++refused_;
    } else {
      fail("a publish is answered " + std::string(message.body));
    }
  } else if (message.target == "acked") {
    ++confirmed_;
  } else if (message.target == "work" && !message.reply.empty()) {
    // $JS.ACK.S.c.<deliveries>.<stream sequence>...
    size_t at = 0;
    for (int dots = 0; dots < 5; ++dots) at = message.reply.find('.', at) + 1;
    if (!delivered_.insert(number_behind(message.reply.substr(at), "")).second) {
      fail("delivered again: " + std::string(message.reply));
    }
    to_ack_.emplace_back(message.reply);
  }
  return 1;
}

void FullDisk::on_synced(uint64_t position) {
  for (auto& [group, hosted] : streams_) hosted.group->on_synced(position);
}

void FullDisk::on_checkpoint_wanted(store::GroupId group) {
  const auto at = streams_.find(group);
  if (at != streams_.end()) at->second.stream->checkpoint();
}

}  // namespace petrel::sim

#include "jetstream/stream_apply.h"

#include "jetstream/publish_headers.h"
#include "jetstream/stream_core.h"

#include "petrel/base/hash.h"
#include "petrel/jetstream/api_json.h"
#include "petrel/jetstream/api_requests.h"
#include "petrel/subject/subject.h"

#include <algorithm>
#include <optional>

namespace petrel::jetstream {

void StreamApply::entry(uint64_t index, Slice entry) {
  EntryReader reader(entry);
  const auto kind = static_cast<EntryKind>(reader.u8());
  switch (kind) {
    case EntryKind::kMessage:
      return message(index, entry);
    case EntryKind::kTogether:
      return together(index, reader.rest());
    case EntryKind::kPurge:
      return purge(index, reader);
    case EntryKind::kRemove: {
      const bool erase = reader.u8() != 0;
      remove_message(reader.u64(), erase);
      return;
    }
    case EntryKind::kExpireBelow:
      return expire_below(reader.u64());
    case EntryKind::kExpire:
      return expire(reader);
    case EntryKind::kSkip:
      return skip(reader);
    case EntryKind::kUpdate:
      return update(reader);
    case EntryKind::kConsumer:
      return consumer(index, reader);
    case EntryKind::kConsumerGone:
      return core_.consumers.remove(reader.rest());
    case EntryKind::kConsumerState: {
      const uint64_t id = reader.u64();
      return core_.consumers.apply_state(id, reader.rest());
    }
    case EntryKind::kConsumerPause: {
      const uint64_t id = reader.u64();
      return core_.consumers.pause(id, WallTime{reader.i64()});
    }
    case EntryKind::kConsumerReset: {
      const uint64_t id = reader.u64();
      return core_.consumers.reset(id, reader.u64());
    }
    case EntryKind::kReleased:
      while (!reader.at_end() && reader.is_ok()) core_.delayed.release(reader.u64());
      return;
    case EntryKind::kGone:
      core_.is_gone = true;
      return;
  }
  core_.host.log(LogLevel::kError, "stream " + core_.config.name + ": entry of an unknown kind");
}

void StreamApply::together(uint64_t index, Slice parts) {
  EntryReader reader(parts);
  while (!reader.at_end() && reader.is_ok()) entry(index, reader.sized());
}

// --- messages ---

void StreamApply::message(uint64_t index, Slice entry) {
  MessageEntry message;
  if (!read_message(entry, message)) return;
  const MessageHead& head = message.head;
  const uint8_t flags = head.flags;
  if ((flags & message_flag::kDelayed) != 0) return delay(index, message, entry);
  const WallTime time{head.time};
  const bool republishes =
      core_.is_started && core_.republish.has_value() && (flags & message_flag::kSkipped) == 0;
  const uint64_t last_of_subject =
      republishes ? core_.store->totals_of(message.subject).last_sequence : 0;
  if ((flags & message_flag::kSkipped) != 0) {
    core_.store->skip(head.sequence, time);
  } else {
    store_message(message);
  }
  const Slice id = message.id();
  core_.last_id.assign(id);
  if (!id.empty() && core_.config.duplicate_window.ns > 0) {
    core_.ids->add(id, head.sequence, time);
  }
  core_.ids->expire(WallTime{time.ns - core_.config.duplicate_window.ns});
  core_.staged.applied(head.sequence);
  if (head.sequence > core_.staged.last_sequence) core_.staged.follow(head.sequence, time, id);
  if ((flags & (message_flag::kRollupSubject | message_flag::kRollupAll)) != 0) roll_up(message);
  if ((flags & message_flag::kHasMore) != 0) note_headers(message);
  if ((flags & message_flag::kSkipped) == 0) enforce_limits(message.subject);
  if (republishes) republish(message, last_of_subject);
}

void StreamApply::delay(uint64_t index, const MessageEntry& message, Slice entry) {
  const WallTime time{message.head.time};
  core_.delayed.add(index, WallTime{message.head.due}, entry);
  if (!message.id().empty() && core_.config.duplicate_window.ns > 0) {
    core_.ids->add(message.id(), 0, time);
  }
  const PublishHeaders headers(message.header);
  if (headers.has(PublishHeader::kProducerId)) {
    core_.producers.on_stored(headers[PublishHeader::kProducerId],
                              header_number(headers[PublishHeader::kProducerSequence]), 0, time);
  }
}

void StreamApply::store_message(const MessageEntry& message) {
  const MessageHead& head = message.head;
  core_.store->append(store::NewMessage{head.sequence, WallTime{head.time}, message.subject,
                                        message.header, message.body});
  if ((head.flags & message_flag::kHasTtl) != 0) {
    core_.expiry.on_stored(head.sequence, WallTime{head.time}, head.ttl_seconds);
  }
  core_.consumers.on_stored(head.sequence, message.subject,
                            core_.store->counted_bytes(message.subject.size(),
                                                       message.header.size(), message.body.size()));
}

// Headers that are rare: schedules, producers, sources.
void StreamApply::note_headers(const MessageEntry& message) {
  const PublishHeaders headers(message.header);
  const bool is_stored = (message.head.flags & message_flag::kSkipped) == 0;
  if (is_stored && headers.has(PublishHeader::kSchedule)) {
    core_.schedules.on_stored(message.head.sequence, message.subject, WallTime{message.head.due});
  }
  if (headers[PublishHeader::kScheduleNext] == "purge" && headers.has(PublishHeader::kScheduler)) {
    const std::string schedule(headers[PublishHeader::kScheduler]);
    while (const uint64_t found = core_.store->totals_of(schedule).last_sequence) {
      if (!remove_message(found, false)) break;
    }
  } else if (headers.has(PublishHeader::kScheduler)) {
    core_.schedules.on_fired(headers[PublishHeader::kScheduler],
                             headers[PublishHeader::kScheduleNext]);
  }
  if (headers.has(PublishHeader::kProducerId)) {
    core_.producers.on_stored(headers[PublishHeader::kProducerId],
                              header_number(headers[PublishHeader::kProducerSequence]),
                              message.head.sequence, WallTime{message.head.time});
  }
  if (headers.has(PublishHeader::kStreamSource)) {
    core_.sourcing.on_stored(headers[PublishHeader::kStreamSource]);
  }
}

void StreamApply::roll_up(const MessageEntry& message) {
  const uint64_t sequence = message.head.sequence;
  const bool is_skipped = (message.head.flags & message_flag::kSkipped) != 0;
  if ((message.head.flags & message_flag::kRollupAll) != 0) {
    purge_below(is_skipped ? sequence + 1 : sequence);
    return;
  }
  // A client may publish to a pattern; it then rolls up whatever the pattern admits.
  if (!subject::is_literal(message.subject)) {
    purge_matches(std::string(message.subject), sequence, 0);
    return;
  }
  for (;;) {
    const store::SubjectTotals totals = core_.store->totals_of(message.subject);
    if (totals.messages == 0 || totals.first_sequence >= sequence) break;
    remove_message(totals.first_sequence, false);
  }
}

void StreamApply::enforce_limits(Slice subject) {
  const StreamConfig& config = core_.config;
  if (config.max_msgs_per_subject > 0) {
    const auto max = static_cast<uint64_t>(config.max_msgs_per_subject);
    for (;;) {
      const store::SubjectTotals totals = core_.store->totals_of(subject);
      if (totals.messages <= max) break;
      remove_message(totals.first_sequence, false);
    }
  }
  const store::StoreState& state = core_.store->state();
  while (config.max_msgs > 0 && state.messages > static_cast<uint64_t>(config.max_msgs)) {
    remove_message(state.first_sequence, false);
  }
  while (config.max_bytes > 0 && state.messages > 0 &&
         state.bytes > static_cast<uint64_t>(config.max_bytes)) {
    remove_message(state.first_sequence, false);
  }
}

void StreamApply::republish(const MessageEntry& message, uint64_t last_of_subject) {
  if (!core_.republish->matches(message.subject)) return;
  std::string target;
  core_.republish->apply(message.subject, core_.host.prng(), target);
  if (!subject::is_valid_literal(target)) return;
  std::string header(message.header.empty() ? Slice("NATS/1.0\r\n")
                                            : message.header.substr(0, message.header.size() - 2));
  header += "Nats-Stream: " + core_.config.name + "\r\nNats-Subject: ";
  header.append(message.subject);
  header += "\r\nNats-Sequence: " + std::to_string(message.head.sequence);
  header += "\r\nNats-Time-Stamp: ";
  append_time(header, WallTime{message.head.time});
  header += "\r\nNats-Last-Sequence: " + std::to_string(last_of_subject);
  const bool headers_only = core_.config.republish->headers_only;
  if (headers_only) header += "\r\nNats-Msg-Size: " + std::to_string(message.body.size());
  header += "\r\n\r\n";
  core_.host.send(core_.stream,
                  OutMessage{target, target, {}, header, headers_only ? Slice() : message.body});
}

bool StreamApply::remove_message(uint64_t sequence, bool erase) {
  const auto removed = core_.store->remove(sequence, erase);
  if (!removed) return false;
  core_.schedules.on_removed(sequence);
  core_.consumers.on_removed(sequence, removed->subject);
  return true;
}

// --- purges ---

void StreamApply::purge(uint64_t index, EntryReader reader) {
  const uint64_t sequence = reader.u64();
  const uint64_t keep = reader.u64();
  const std::string filter(reader.rest());
  const bool is_all = filter.empty() || filter == ">";
  const uint64_t purged =
      is_all ? purge_all(sequence, keep) : purge_matches(filter, sequence, keep);
  const store::StoreState& state = core_.store->state();
  const uint64_t left =
      is_all ? state.first_sequence : core_.store->next_match({filter}, state.first_sequence);
  const uint64_t first = left != 0 ? left : state.last_sequence + 1;
  is_all ? core_.consumers.on_purged(first) : core_.consumers.on_purged_matches(filter, first);
  if (core_.is_started) core_.results[index] = purged;
}

uint64_t StreamApply::purge_all(uint64_t sequence, uint64_t keep) {
  const store::StoreState& state = core_.store->state();
  if (sequence != 0) return purge_below(sequence);
  if (keep == 0) return purge_below(state.last_sequence + 1);
  if (keep >= state.messages) return 0;
  // The sequence from which on `keep` messages stay.
  uint64_t low = state.first_sequence;
  uint64_t high = state.last_sequence;
  while (low < high) {
    const uint64_t middle = low + (high - low + 1) / 2;
    if (core_.store->count_matches({}, middle) >= keep) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return purge_below(low);
}

uint64_t StreamApply::purge_matches(const std::string& filter, uint64_t sequence, uint64_t keep) {
  const store::Filters filters{filter};
  const uint64_t matches = core_.store->count_matches(filters, 0);
  uint64_t left = matches > keep ? matches - keep : 0;
  const uint64_t below = sequence != 0 ? sequence : core_.store->state().last_sequence + 1;
  uint64_t purged = 0;
  uint64_t from = core_.store->state().first_sequence;
  while (left != 0) {
    const uint64_t found = core_.store->next_match(filters, from);
    if (found == 0 || found >= below) break;
    purged += remove_message(found, false) ? 1U : 0U;
    from = found + 1;
    --left;
  }
  return purged;
}

uint64_t StreamApply::purge_below(uint64_t sequence) {
  if (sequence <= core_.store->state().first_sequence) return 0;
  const uint64_t purged = core_.store->purge_below(sequence, {});
  // Beyond the last message the sequences below count as used.
  core_.staged.last_sequence =
      std::max(core_.staged.last_sequence, core_.store->state().last_sequence);
  core_.schedules.on_purged(core_.store->state().first_sequence);
  core_.consumers.on_purged(core_.store->state().first_sequence);
  return purged;
}

// --- expiry ---

void StreamApply::expire_below(uint64_t sequence) {
  purge_below(sequence);
}

void StreamApply::expire(EntryReader reader) {
  while (!reader.at_end() && reader.is_ok()) remove_message(reader.u64(), false);
}

// A gap of the origin of a mirror.
void StreamApply::skip(EntryReader reader) {
  reader.u64();  // the first: the one behind the last that is there
  const uint64_t last = reader.u64();
  const WallTime time{reader.i64()};
  if (last <= core_.store->state().last_sequence) return;
  if (core_.store->state().messages == 0) {
    core_.store->advance(last + 1);
  } else {
    core_.store->skip(last, time);
  }
  core_.staged.last_sequence = std::max(core_.staged.last_sequence, last);
}

// --- configuration and consumers ---

void StreamApply::update(EntryReader reader) {
  auto config = read_stream_config(reader.rest());
  if (!config) return;
  const Retention before = core_.config.retention;
  const int64_t per_subject = core_.config.max_msgs_per_subject;
  core_.configure(*config);
  const store::StoreState& state = core_.store->state();
  const bool is_tighter = config->max_msgs_per_subject > 0 &&
                          (per_subject <= 0 || config->max_msgs_per_subject < per_subject);
  if (is_tighter) {
    std::string after;
    for (;;) {
      const auto page = core_.store->subjects({}, after, 1024);
      if (page.empty()) break;
      after = page.back().subject;
      for (const auto& found : page) enforce_limits(found.subject);
    }
  } else if (state.messages != 0) {
    enforce_limits({});
  }
  if (before != core_.config.retention) core_.consumers.on_retention_changed();
  core_.on_updated();
}

void StreamApply::consumer(uint64_t index, EntryReader reader) {
  const WallTime created{reader.i64()};
  const Slice name = reader.text(reader.u16());
  const auto config = read_consumer_config(reader.rest());
  if (config) core_.consumers.create(index, created, name, *config);
}

// --- checkpoints ---

namespace {

constexpr uint8_t kSnapshotVersion = 1;

}  // namespace

std::string StreamApply::snapshot() const {
  EntryWriter ids;
  core_.ids->visit([&](Slice id, const store::MessageIds::Known& known) {
    ids.u64(known.sequence);
    ids.i64(known.time.ns);
    ids.sized(id);
  });
  return describe(ids.bytes());
}

std::string StreamApply::describe(Slice ids) const {
  EntryWriter out;
  out.u8(kSnapshotVersion);
  out.i64(core_.created.ns);
  out.sized(stream_config_json(core_.config));
  out.sized(core_.last_id);
  out.sized(ids);
  out.sized(core_.expiry.snapshot());
  out.sized(core_.schedules.snapshot());
  out.sized(core_.delayed.snapshot());
  out.sized(core_.producers.snapshot());
  out.sized(core_.sourcing.snapshot());
  out.sized(core_.consumers.snapshot());
  return out.take();
}

Status StreamApply::restore(Slice snapshot) {
  EntryReader reader(snapshot);
  const Error corrupt{Errc::kCorrupt, "stream " + core_.config.name + ": checkpoint not readable"};
  if (reader.u8() != kSnapshotVersion) return corrupt;
  core_.created = WallTime{reader.i64()};
  auto config = read_stream_config(reader.sized());
  if (!config) return config.error();
  core_.configure(*config);
  core_.last_id = std::string(reader.sized());
  EntryReader ids(reader.sized());
  while (!ids.at_end() && ids.is_ok()) {
    const uint64_t sequence = ids.u64();
    const WallTime time{ids.i64()};
    core_.ids->add(ids.sized(), sequence, time);
  }
  core_.expiry.restore(reader.sized());
  core_.schedules.restore(reader.sized());
  core_.delayed.restore(reader.sized());
  core_.producers.restore(reader.sized());
  core_.sourcing.restore(reader.sized());
  EntryReader consumers(reader.sized());
  for (uint32_t left = consumers.u32(); left != 0 && consumers.is_ok(); --left) {
    const uint64_t id = consumers.u64();
    const WallTime created{consumers.i64()};
    const Slice config_json = consumers.sized();
    PETREL_TRY_STATUS(core_.consumers.restore(id, created, config_json, consumers.sized()));
  }
  if (!reader.is_ok() || !ids.is_ok() || !consumers.is_ok()) return corrupt;
  return {};
}

uint64_t StreamApply::state_hash() const {
  uint64_t hash = hash_bytes(snapshot());
  const store::StoreState& state = core_.store->state();
  for (const uint64_t number : {state.messages, state.bytes, state.first_sequence,
                                state.last_sequence, state.subjects, state.deleted}) {
    hash = hash_mix(hash ^ number, 0x9e3779b97f4a7c15ULL);
  }
  uint64_t from = state.first_sequence;
  while (const uint64_t found = core_.store->next_match({}, from)) {
    store::StoredMessage message;
    if (core_.store->read(found, message) == store::ReadStatus::kFound) {
      hash = hash_mix(hash ^ hash_bytes(message.subject, found),
                      static_cast<uint64_t>(message.time.ns));
      hash = hash_bytes(message.header, hash) ^ hash_bytes(message.body, hash + 1);
    }
    from = found + 1;
  }
  return hash;
}

}  // namespace petrel::jetstream

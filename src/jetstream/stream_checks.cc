// The checks of a published message, in the order of spec streams.md section 2.

#include "jetstream/batch_publish.h"
#include "jetstream/go_values.h"
#include "jetstream/stream_core.h"
#include "jetstream/stream_ingest.h"

#include "petrel/base/go_json.h"
#include "petrel/proto/header_view.h"
#include "petrel/proto/json_text.h"
#include "petrel/subject/subject.h"

#include <algorithm>
#include <limits>
#include <map>

namespace petrel::jetstream {
namespace {

constexpr size_t kRecordBytesMax = 32 << 20;
constexpr size_t kHeaderBytesMax = 65'535;
constexpr Duration kDelayMax = Duration::hours(24 * 366);

using H = PublishHeader;

}  // namespace

// One message being checked; each function is one rule or a group of rules that stand together.
class PublishChecks {
 public:
  PublishChecks(StreamIngest& ingest, Candidate& candidate, BatchView* batch)
      : ingest_(ingest), core_(ingest.core_), candidate_(candidate), batch_(batch) {}

  Verdict run();
  Verdict run_sourced();
  Verdict limits() const;

 private:
  Verdict sizes() const;
  Verdict with_headers();
  Verdict counter_headers(const PublishHeaders& headers) const;
  Verdict expected_subject(const PublishHeaders& headers);
  Verdict expected_last(const PublishHeaders& headers) const;
  Verdict producer(const PublishHeaders& headers);
  Verdict message_id(const PublishHeaders& headers);
  Verdict unreadable_ids();
  Verdict rollup(const PublishHeaders& headers);
  Verdict ttl(const PublishHeaders& headers);
  Verdict count(const PublishHeaders& headers);
  Verdict load_counter(const std::string& subject, StreamIngest::Counter& counter) const;
  Verdict delay(const PublishHeaders& headers);
  Verdict wrong_last(uint64_t sequence) const {
    return Verdict::refuse(
        api_error(ApiErrc::kStreamWrongLastSequence, {{"{seq}", std::to_string(sequence)}}));
  }

  StreamIngest& ingest_;
  StreamCore& core_;
  Candidate& candidate_;
  BatchView* batch_;
};

Verdict StreamIngest::check(Candidate& candidate, BatchView* batch) {
  return PublishChecks(*this, candidate, batch).run();
}

Verdict PublishChecks::run() {
  const StreamConfig& config = core_.config;
  if (core_.transform && core_.transform->matches(candidate_.subject)) {
    core_.transform->apply(candidate_.subject, core_.host.prng(), candidate_.subject_buffer);
    candidate_.subject = candidate_.subject_buffer;
  }
  if (config.storage == StorageType::kFile &&
      core_.store->counted_bytes(candidate_.subject.size(), candidate_.header.size(),
                                 candidate_.body.size()) > kRecordBytesMax) {
    return Verdict::refuse(api_error(ApiErrc::kStreamStoreFailed, "message too large"));
  }
  if (config.sealed) return Verdict::refuse(ApiErrc::kStreamSealed);
  if (Verdict verdict = sizes(); !verdict.is_store()) return verdict;
  if (!candidate_.header.empty()) {
    if (Verdict verdict = with_headers(); !verdict.is_store()) return verdict;
  } else if (config.allow_msg_counter) {
    return Verdict::refuse(ApiErrc::kMessageIncrMissing);
  }
  return limits();
}

Verdict StreamIngest::check_limits(Candidate& candidate) {
  return PublishChecks(*this, candidate, nullptr).limits();
}

Verdict StreamIngest::check_sourced(Candidate& candidate) {
  return PublishChecks(*this, candidate, nullptr).run_sourced();
}

// The origin validated it: what is left is what this stream is.
Verdict PublishChecks::run_sourced() {
  const StreamConfig& config = core_.config;
  if (core_.transform && core_.transform->matches(candidate_.subject)) {
    core_.transform->apply(candidate_.subject, core_.host.prng(), candidate_.subject_buffer);
    candidate_.subject = candidate_.subject_buffer;
  }
  if (config.sealed) return Verdict::refuse(ApiErrc::kStreamSealed);
  if (Verdict verdict = sizes(); !verdict.is_store()) return verdict;
  const PublishHeaders headers(candidate_.header);
  candidate_.flags |= message_flag::kHasMore;
  if (Verdict verdict = message_id(headers); !verdict.is_store()) return verdict;
  const Slice rollup = headers[H::kRollup];
  if (config.allow_rollup_hdrs && !config.deny_purge && !rollup.empty()) {
    candidate_.flags |=
        equals_any_case(rollup, "all") ? message_flag::kRollupAll : message_flag::kRollupSubject;
  }
  if (config.allow_msg_counter) {
    if (!headers.has(H::kIncr)) return Verdict::refuse(ApiErrc::kMessageIncrMissing);
    if (Verdict verdict = count(headers); !verdict.is_store()) return verdict;
  }
  if (config.allow_msg_ttl) {
    if (Verdict verdict = ttl(PublishHeaders(candidate_.header)); !verdict.is_store()) {
      return verdict;
    }
  }
  return limits();
}

Verdict PublishChecks::sizes() const {
  const int64_t max = core_.config.max_msg_size;
  if (max >= 0 && candidate_.header.size() + candidate_.body.size() > static_cast<uint64_t>(max)) {
    return Verdict::refuse(ApiErrc::kStreamMessageExceedsMaximum);
  }
  if (candidate_.header.size() > kHeaderBytesMax) {
    return Verdict::refuse(ApiErrc::kStreamHeaderExceedsMaximum);
  }
  return {};
}

Verdict PublishChecks::with_headers() {
  const StreamConfig& config = core_.config;
  PublishHeaders headers(candidate_.header);
  if (headers.has(H::kRequestInfo)) {
    std::string block(candidate_.header);
    proto::remove_header(block, header_name(H::kRequestInfo));
    candidate_.set_header(std::move(block));
    headers = PublishHeaders(candidate_.header);
  }
  if (!headers.any()) {
    return config.allow_msg_counter ? Verdict::refuse(ApiErrc::kMessageIncrMissing) : Verdict{};
  }
  if (headers.more_than_id()) {
    if (Verdict verdict = counter_headers(headers); !verdict.is_store()) return verdict;
    if (headers.has(H::kExpectedStream) && headers[H::kExpectedStream] != config.name) {
      return Verdict::refuse(ApiErrc::kStreamNotMatch);
    }
    if (!config.allow_msg_ttl && parse_ttl(headers[H::kTtl]).value_or(0) != 0) {
      return Verdict::refuse(ApiErrc::kMessageTTLDisabled);
    }
    if (Verdict verdict = expected_subject(headers); !verdict.is_store()) return verdict;
    if (Verdict verdict = expected_last(headers); !verdict.is_store()) return verdict;
    if (Verdict verdict = core_.schedules.check(headers, candidate_); !verdict.is_store()) {
      return verdict;
    }
    if (headers.has(H::kStreamSource)) return Verdict::refuse(ApiErrc::kMessageSourceHdrNotAllowed);
    if (Verdict verdict = producer(headers); !verdict.is_store()) return verdict;
  }
  if (Verdict verdict = message_id(headers); !verdict.is_store()) return verdict;
  if (headers.more_than_id()) {
    if (Verdict verdict = rollup(headers); !verdict.is_store()) return verdict;
  }
  if (config.allow_msg_counter) {
    if (!headers.has(H::kIncr)) return Verdict::refuse(ApiErrc::kMessageIncrMissing);
    if (Verdict verdict = count(headers); !verdict.is_store()) return verdict;
    if (Verdict verdict = sizes(); !verdict.is_store()) return verdict;
  }
  if (headers.has(H::kPriority) && has_priorities(config) && !is_priority(headers[H::kPriority])) {
    return Verdict::refuse(ApiErrc::kBadRequest);
  }
  if (Verdict verdict = delay(headers); !verdict.is_store()) return verdict;
  return ttl(headers);
}

// Beyond nats-server: the message becomes part of the stream later.
Verdict PublishChecks::delay(const PublishHeaders& headers) {
  if (!headers.has(H::kDelay)) return {};
  const auto delay = parse_go_duration(headers[H::kDelay]);
  if (!delay || delay->ns < 0 || *delay > kDelayMax || batch_ != nullptr ||
      core_.config.allow_msg_counter || headers.has(H::kSchedule)) {
    return Verdict::refuse(ApiErrc::kBadRequest);
  }
  if (delay->ns == 0) return {};
  if (core_.delayed.is_full()) {
    return Verdict::refuse(
        api_error(ApiErrc::kStreamStoreFailed, "maximum delayed messages exceeded"));
  }
  candidate_.flags |= message_flag::kDelayed;
  candidate_.due = core_.host.wall_now() + *delay;
  return {};
}

Verdict PublishChecks::counter_headers(const PublishHeaders& headers) const {
  if (!headers.has(H::kIncr)) return {};
  if (!BigDecimal::parse(headers[H::kIncr])) return Verdict::refuse(ApiErrc::kMessageIncrInvalid);
  if (!core_.config.allow_msg_counter) return Verdict::refuse(ApiErrc::kMessageIncrDisabled);
  if (!candidate_.body.empty()) return Verdict::refuse(ApiErrc::kMessageIncrPayload);
  for (const H other : {H::kRollup, H::kExpectedStream, H::kExpectedLastMsgId,
                        H::kExpectedLastSubjectSequenceSubject, H::kExpectedLastSequence,
                        H::kExpectedLastSubjectSequence}) {
    if (headers.has(other)) return Verdict::refuse(ApiErrc::kMessageIncrInvalid);
  }
  return {};
}

Verdict PublishChecks::expected_subject(const PublishHeaders& headers) {
  const Slice on = headers[H::kExpectedLastSubjectSequenceSubject];
  if (!headers.has(H::kExpectedLastSubjectSequence)) {
    return on.empty() ? Verdict{}
                      : Verdict::refuse(ApiErrc::kStreamExpectedLastSeqPerSubjectInvalid);
  }
  const uint64_t expected = header_number(headers[H::kExpectedLastSubjectSequence]);
  const Slice subject = on.empty() ? candidate_.subject : on;
  uint64_t last = 0;
  if (batch_ != nullptr && batch_->subjects.contains(std::string(subject))) {
    return Verdict::refuse(ApiErrc::kStreamWrongLastSequenceConstant);
  }
  if (subject::is_literal(subject)) {
    last = core_.staged.last_of(Staged::hash_of(subject));
    if (last == 0) last = core_.store->totals_of(subject).last_sequence;
  } else {
    if (core_.staged.messages() != 0 && batch_ == nullptr) return Verdict::hold();
    last = core_.store->last_match({std::string(subject)}, std::numeric_limits<uint64_t>::max());
  }
  return last == expected ? Verdict{} : wrong_last(last);
}

Verdict PublishChecks::expected_last(const PublishHeaders& headers) const {
  if (!headers.has(H::kExpectedLastSequence)) return {};
  const uint64_t last = core_.staged.last_sequence + (batch_ == nullptr ? 0 : batch_->messages);
  if (header_number(headers[H::kExpectedLastSequence]) != last) return wrong_last(last);
  if (batch_ != nullptr && batch_->messages != 0) {
    return Verdict::refuse(ApiErrc::kStreamWrongLastSequenceConstant);
  }
  return {};
}

// Beyond nats-server: a numbered message is stored once, however late it comes again.
Verdict PublishChecks::producer(const PublishHeaders& headers) {
  if (!headers.has(H::kProducerId)) return {};
  const Slice id = headers[H::kProducerId];
  const auto sequence = strict_number(headers[H::kProducerSequence]);
  if (!sequence || *sequence == 0 || id.size() > 255) return Verdict::refuse(ApiErrc::kBadRequest);
  candidate_.producer = id;
  candidate_.producer_sequence = *sequence;
  candidate_.flags |= message_flag::kHasMore;
  const auto staged = ingest_.producers_.find(std::string(id));
  if (staged != ingest_.producers_.end() &&
      staged->second.sequence > core_.store->state().last_sequence) {
    // What is staged has no answer yet for anything but the next one.
    return *sequence == staged->second.last + 1 ? Verdict{} : Verdict::hold();
  }
  const Producers::Answer answer = core_.producers.check(id, *sequence);
  switch (answer.verdict) {
    case Producers::Verdict::kNext:
      return {};
    case Producers::Verdict::kDuplicate:
      return Verdict::duplicate(answer.sequence);
    case Producers::Verdict::kGap:
      return wrong_last(answer.sequence);
  }
  return {};
}

// Whether the message is there already cannot be said, so it is neither stored nor called stored.
Verdict PublishChecks::unreadable_ids() {
  const std::string damaged = core_.ids->take_damage();
  if (!damaged.empty()) {
    core_.host.log(LogLevel::kError,
                   "stream " + core_.account + " > " + core_.config.name + ": " + damaged +
                       " is damaged: messages whose ids may be in the damaged part are refused "
                       "until they are older than the duplicate window");
  }
  return Verdict::refuse(api_error(ApiErrc::kStreamStoreFailed, "message ids are damaged"));
}

Verdict PublishChecks::message_id(const PublishHeaders& headers) {
  const StreamConfig& config = core_.config;
  const Slice id = headers[H::kMsgId];
  candidate_.id = id;
  if (!id.empty() && config.duplicate_window.ns > 0) {
    using Lookup = store::MessageIds::Lookup;
    store::MessageIds::Known known;
    Lookup found = Lookup::kKnown;
    if (const store::Dedupe::Entry* staged = core_.staged.ids.find(id)) {
      known.sequence = staged->sequence;
    } else {
      const WallTime oldest{core_.next_time().ns - config.duplicate_window.ns};
      found = core_.ids->find(id, oldest, known);
    }
    if (found == Lookup::kUnreadable) return unreadable_ids();
    const bool is_in_batch = batch_ != nullptr && !batch_->ids.insert(std::string(id)).second;
    if (batch_ != nullptr && (found == Lookup::kKnown || is_in_batch)) {
      return Verdict::refuse(ApiErrc::kAtomicPublishContainsDuplicateMessage);
    }
    if (found == Lookup::kKnown) return Verdict::duplicate(known.sequence);
  }
  if (headers.has(H::kExpectedLastMsgId)) {
    const std::string& last = core_.staged.last_id;
    if (headers[H::kExpectedLastMsgId] != last) {
      return Verdict::refuse(api_error(ApiErrc::kStreamWrongLastMsgID, {{"{id}", last}}));
    }
  }
  return {};
}

Verdict PublishChecks::rollup(const PublishHeaders& headers) {
  const StreamConfig& config = core_.config;
  const Slice value = headers[H::kRollup];
  const bool may_purge = config.allow_rollup_hdrs && !config.deny_purge;
  if (value.empty()) return {};
  const auto refuse = [](const std::string& why) {
    return Verdict::refuse(api_error(ApiErrc::kStreamRollupFailed, why));
  };
  if (!may_purge) return refuse("rollup not permitted");
  if (equals_any_case(value, "sub")) {
    if (batch_ != nullptr && batch_->subjects.contains(std::string(candidate_.subject))) {
      return refuse("batch rollup sub invalid");
    }
    candidate_.flags |= message_flag::kRollupSubject;
  } else if (equals_any_case(value, "all")) {
    if (batch_ != nullptr && batch_->messages != 0) return refuse("batch rollup all invalid");
    candidate_.flags |= message_flag::kRollupAll;
  } else {
    std::string lower(value);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return refuse("rollup value invalid: \"" + lower + "\"");
  }
  return {};
}

Verdict PublishChecks::ttl(const PublishHeaders& headers) {
  if (!headers.has(H::kTtl)) return {};
  const auto seconds = parse_ttl(headers[H::kTtl]);
  if (!seconds) return Verdict::refuse(ApiErrc::kMessageTTLInvalid);
  candidate_.ttl_seconds = *seconds;
  if (*seconds == 0) return {};
  candidate_.flags |= message_flag::kHasTtl;
  const StreamConfig& config = core_.config;
  const int64_t least = config.subject_delete_marker_ttl.ns / 1'000'000'000;
  if (*seconds > 0 && *seconds < least && config.max_msgs_per_subject != 1) {
    std::string block(candidate_.header);
    proto::remove_header(block, header_name(H::kTtl));
    proto::append_header(block, header_name(H::kTtl), std::to_string(least));
    candidate_.set_header(std::move(block));
    candidate_.id = PublishHeaders(candidate_.header)[H::kMsgId];
    candidate_.ttl_seconds = least;
  }
  return {};
}

// --- counters ---

namespace {

// {"val":"3"}
std::optional<BigDecimal> counter_value(Slice body) {
  if (!proto::json::is_valid(body)) return std::nullopt;
  const Slice value = proto::json::trim(body);
  if (!proto::json::is_object(value)) return std::nullopt;
  std::string text;
  for (proto::json::Walker walker(value); walker.next();) {
    if (proto::json::is_name(walker.name(), "val") &&
        !proto::json::read_string(walker.value(), text)) {
      return std::nullopt;
    }
  }
  // As in nats-server a text that is no number counts as zero.
  return BigDecimal::parse(text).value_or(BigDecimal());
}

}  // namespace

namespace {

// {"stream":{"subject":"total"}}: what each source had counted.
class CounterSources {
 public:
  bool parse(Slice text) {
    if (text.empty()) return true;
    if (!proto::json::is_valid(text) || !proto::json::is_object(proto::json::trim(text))) {
      return false;
    }
    for (proto::json::Walker streams(proto::json::trim(text)); streams.next();) {
      if (!proto::json::is_object(streams.value())) return false;
      for (proto::json::Walker walker(streams.value()); walker.next();) {
        if (!proto::json::read_string(walker.value(), totals_[streams.name()][walker.name()])) {
          return false;
        }
      }
    }
    return true;
  }
  // Notes the total that the source header's stream has of a subject; returns the one before.
  BigDecimal replace(Slice source_header, const std::string& subject, const BigDecimal& total) {
    std::vector<std::string> fields;
    for (Slice rest = source_header;;) {
      const size_t space = rest.find(' ');
      fields.emplace_back(rest.substr(0, space));
      if (space == Slice::npos) break;
      rest.remove_prefix(space + 1);
    }
    std::string& kept = totals_[fields[0]][fields.size() >= 5 ? fields[4] : subject];
    const BigDecimal before = BigDecimal::parse(kept).value_or(BigDecimal());
    kept = total.text();
    return before;
  }
  std::string text() const {
    std::string out = "{";
    for (const auto& [stream, subjects] : totals_) {
      if (out.size() > 1) out += ",";
      append_go_json_string(out, stream);
      out += ":{";
      bool is_first = true;
      for (const auto& [subject, total] : subjects) {
        if (!is_first) out += ",";
        is_first = false;
        append_go_json_string(out, subject);
        out += ":\"" + total + "\"";
      }
      out += "}";
    }
    return out + "}";
  }

 private:
  std::map<std::string, std::map<std::string, std::string>> totals_;
};

}  // namespace

Verdict PublishChecks::load_counter(const std::string& subject,
                                    StreamIngest::Counter& counter) const {
  uint64_t last = core_.staged.last_of(Staged::hash_of(subject));
  if (last == 0) last = core_.store->totals_of(subject).last_sequence;
  const auto found = ingest_.counters_.find(subject);
  if (found != ingest_.counters_.end() && found->second.sequence == last) {
    counter = found->second;
    return {};
  }
  if (last == 0) return {};
  store::StoredMessage message;
  switch (core_.store->read(last, message)) {
    case store::ReadStatus::kPending:
      return Verdict::hold();
    case store::ReadStatus::kFound:
      break;
    default:
      return core_.staged.messages() != 0 ? Verdict::hold() : Verdict{};
  }
  const auto total = counter_value(message.body);
  if (!total) return Verdict::refuse(ApiErrc::kMessageCounterBroken);
  counter.total = *total;
  counter.sources = PublishHeaders(message.header)[H::kCounterSources];
  return {};
}

Verdict PublishChecks::count(const PublishHeaders& headers) {
  const std::string subject(candidate_.subject);
  StreamIngest::Counter counter;
  if (batch_ != nullptr && batch_->counters.contains(subject)) {
    counter.total = batch_->counters[subject].total;
    counter.sources = batch_->counters[subject].sources;
  } else if (Verdict verdict = load_counter(subject, counter); !verdict.is_store()) {
    return verdict;
  }
  auto increment = BigDecimal::parse(headers[H::kIncr]);
  if (!increment) return Verdict::refuse(ApiErrc::kMessageIncrInvalid);
  if (headers.has(H::kStreamSource)) {
    // Its body is the total of the source: what it grew by since the last one counts.
    const auto total = counter_value(candidate_.body);
    CounterSources sources;
    if (!total || !sources.parse(counter.sources)) {
      return Verdict::refuse(ApiErrc::kMessageCounterBroken);
    }
    increment = *total - sources.replace(headers[H::kStreamSource], subject, *total);
    counter.sources = sources.text();
    std::string block(candidate_.header);
    proto::replace_header(block, header_name(H::kIncr), increment->text());
    candidate_.set_header(std::move(block));
  }
  counter.total = counter.total + *increment;
  const std::string text = counter.total.text();
  candidate_.body_buffer = "{\"val\":\"" + text + "\"}";
  candidate_.body = candidate_.body_buffer;
  candidate_.ack_rest = ",\"val\":\"" + text + "\"";
  if (!counter.sources.empty()) {
    std::string block(candidate_.header);
    proto::replace_header(block, header_name(H::kCounterSources), counter.sources);
    candidate_.set_header(std::move(block));
    candidate_.id = PublishHeaders(candidate_.header)[H::kMsgId];
  }
  if (batch_ != nullptr) {
    batch_->counters[subject] = {counter.total, counter.sources};
    return {};
  }
  if (ingest_.counters_.size() >= 4096) ingest_.counters_.clear();
  counter.sequence = core_.staged.last_sequence + 1;
  ingest_.counters_[subject] = std::move(counter);
  return {};
}

// --- limits ---

Verdict PublishChecks::limits() const {
  const StreamConfig& config = core_.config;
  if (config.retention == Retention::kInterest &&
      !core_.consumers.has_interest(candidate_.subject)) {
    candidate_.flags |= message_flag::kSkipped;
    return {};
  }
  const uint64_t bytes = core_.store->counted_bytes(
      candidate_.subject.size(), candidate_.header.size(), candidate_.body.size());
  if (!core_.host.may_store(core_.stream, bytes)) {
    return Verdict::refuse(core_.no_room(bytes));
  }
  if (config.discard != Discard::kNew) return {};
  const auto refuse = [](Slice why) {
    return Verdict::refuse(api_error(ApiErrc::kStreamStoreFailed, why));
  };
  const uint64_t in_batch = batch_ == nullptr ? 0 : batch_->messages;
  bool is_subject_full = false;
  uint64_t first_of_subject = 0;
  if (config.max_msgs_per_subject > 0) {
    const store::SubjectTotals totals = core_.store->totals_of(candidate_.subject);
    const uint64_t count = totals.messages +
                           core_.staged.count_of(Staged::hash_of(candidate_.subject)) +
                           (batch_ == nullptr ? 0 : batch_->count_of(candidate_.subject));
    is_subject_full = count >= static_cast<uint64_t>(config.max_msgs_per_subject);
    first_of_subject = totals.first_sequence;
    const bool is_rollup =
        (candidate_.flags & (message_flag::kRollupSubject | message_flag::kRollupAll)) != 0;
    if (is_subject_full && config.discard_new_per_subject && !is_rollup) {
      return refuse("maximum messages per subject exceeded");
    }
  }
  const store::StoreState& state = core_.store->state();
  const uint64_t messages = state.messages + core_.staged.messages() + in_batch;
  if (config.max_msgs > 0 && messages >= static_cast<uint64_t>(config.max_msgs) &&
      !is_subject_full) {
    return refuse("maximum messages exceeded");
  }
  const uint64_t total =
      state.bytes + core_.staged.bytes() + (batch_ == nullptr ? 0 : batch_->bytes) + bytes;
  if (config.max_bytes > 0 && total > static_cast<uint64_t>(config.max_bytes)) {
    const auto first = core_.store->known(first_of_subject);
    if (!is_subject_full || !first || first->bytes <= bytes)
      return refuse("maximum bytes exceeded");
  }
  return {};
}

}  // namespace petrel::jetstream

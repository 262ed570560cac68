#include "jetstream/inflow.h"

#include "jetstream/consumer_ack_subject.h"
#include "jetstream/stream_core.h"

#include "petrel/base/go_json.h"
#include "petrel/jetstream/api_json.h"
#include "petrel/proto/header_view.h"
#include "petrel/proto/json_text.h"

#include <algorithm>

namespace petrel::jetstream {
namespace {

namespace json = proto::json;

constexpr Duration kSilenceMax = Duration::seconds(10);
constexpr Duration kAnswerWait = Duration::seconds(5);
constexpr Duration kRetryMax = Duration::minutes(2);
constexpr size_t kPerTurn = 1000;
constexpr Slice kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

std::string random_text(Prng& prng, size_t length) {
  std::string text;
  for (size_t i = 0; i < length; ++i) text += kAlphabet[prng.below(kAlphabet.size())];
  return text;
}

std::string join(const std::vector<std::string>& parts) {
  std::string joined;
  for (const std::string& part : parts) joined += (joined.empty() ? "" : "\f") + part;
  return joined;
}

std::string compose_index_name(const StreamSource& source, StreamHost& host) {
  std::string name = source.name;
  if (source.external) name += ":" + host.short_hash(source.external->api);
  if (source.consumer) name += ":C=" + host.short_hash(source.consumer->name);
  std::vector<std::string> filters;
  std::vector<std::string> destinations;
  for (const SubjectTransformConfig& transform : source.subject_transforms) {
    filters.push_back(transform.src.empty() ? ">" : transform.src);
    destinations.push_back(transform.dest.empty() ? ">" : transform.dest);
  }
  if (filters.empty()) {
    filters.push_back(source.filter_subject.empty() ? ">" : source.filter_subject);
    destinations.emplace_back(">");
  }
  return name + " " + join(filters) + " " + join(destinations);
}

void replace_all(std::string& text, Slice what, Slice by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), by);
  }
}

// What the answer to a consumer create says.
struct CreateAnswer {
  std::optional<ApiError> error;
  uint64_t delivered = 0;  // stream sequence
  std::string deliver_subject;
};

ApiError read_error(Slice value) {
  ApiError error;
  for (json::Walker walker(value); walker.next();) {
    int64_t number = 0;
    if (walker.name() == "code" && json::read_integer(walker.value(), number)) {
      error.code = static_cast<int32_t>(number);
    } else if (walker.name() == "err_code" && json::read_integer(walker.value(), number)) {
      error.err_code = static_cast<uint16_t>(number);
    } else if (walker.name() == "description") {
      json::read_string(walker.value(), error.description);
    }
  }
  return error;
}

CreateAnswer read_answer(Slice body) {
  CreateAnswer answer;
  const ApiError invalid =
      api_error(ApiErrc::kMirrorConsumerSetupFailed, "invalid consumer create response");
  answer.error = invalid;
  if (!json::is_valid(body) || !json::is_object(json::trim(body))) return answer;
  for (json::Walker walker(json::trim(body)); walker.next();) {
    const Slice value = walker.value();
    if (walker.name() == "error" && json::is_object(value)) {
      answer.error = read_error(value);
      return answer;
    }
    if (walker.name() == "config" && json::is_object(value)) answer.error.reset();
    if (walker.name() != "delivered" || !json::is_object(value)) continue;
    for (json::Walker delivered(value); delivered.next();) {
      if (delivered.name() == "stream_seq") {
        json::read_unsigned(delivered.value(), answer.delivered);
      }
    }
  }
  return answer;
}

}  // namespace

Inflow::Inflow(StreamCore& core, const StreamSource& source, bool is_mirror)
    : core_(core),
      source_(source),
      is_mirror_(is_mirror),
      index_name_(compose_index_name(source, core.host)) {
  for (const SubjectTransformConfig& transform : source.subject_transforms) {
    auto made = subject::SubjectTransform::create(
        transform.src, transform.dest.empty() ? Slice(">") : Slice(transform.dest));
    if (made && !transform.dest.empty()) transforms_.push_back(std::move(*made));
  }
}

std::string Inflow::api(const std::string& subject) const {
  if (!source_.external || source_.external->api.empty()) return "$JS.API." + subject;
  std::string changed = source_.external->api + "." + subject;
  replace_all(changed, "..", ".");
  return changed;
}

// --- asking for a consumer ---

// The same each time: where the origin keeps messages until they are acknowledged, its consumer is
// found again.
std::string Inflow::name_consumer() const {
  std::string id = core_.config.name + " " + core_.account;
  if (!core_.host.domain().empty()) id.append(" ").append(core_.host.domain());
  id = core_.host.short_hash(id);
  const auto& sources = core_.config.sources;
  const auto is_same = [this](const StreamSource& other) { return other.name == source_.name; };
  if (std::count_if(sources.begin(), sources.end(), is_same) > 1) {
    id += " " + index_name_;
  }
  return is_mirror_ ? "JS_MIRROR_" + id : "JS_SRC_" + core_.host.short_hash(id);
}

void Inflow::ask(Instant now) {
  unsubscribe();
  arrived_.clear();
  Prng& prng = core_.host.prng();
  const std::string id = random_text(prng, 8);
  consumer_ = name_consumer();
  deliver_ = is_mirror_ ? "$JS.M." + id : "$JS.S." + id;
  if (source_.external && !source_.external->deliver.empty()) {
    deliver_ = source_.external->deliver + (is_mirror_ ? ".M." : ".S.") + id;
    replace_all(deliver_, "..", ".");
  }
  if (source_.consumer) {
    consumer_ = source_.consumer->name;
    deliver_ = source_.consumer->deliver_subject;
  }
  answer_ = "_INBOX.JS." + random_text(prng, 22);
  if (!is_mirror_ && !is_recreated_ && identity_.empty()) {
    identity_ = core_.sourcing.identity(index_name_);
  }
  sequence_ = is_mirror_      ? core_.staged.last_sequence
              : is_recreated_ ? 0
                              : core_.sourcing.position(index_name_, identity_);
  const auto subscribe = [&](const std::string& subject) {
    subscriptions_.push_back(core_.host.subscribe(core_.stream, Inlet::kReply, subject, {}));
  };
  subscribe(answer_);
  subscribe(deliver_);
  is_asked_ = true;
  retry_at_ = now + kAnswerWait;
  seen_ = now;
  const std::string& origin = source_.name;
  std::string header = "NATS/1.0\r\nNats-Required-Api-Level: 5\r\n";
  if (!is_mirror_) header += "Nats-Stream-Identity: " + identity_ + "\r\n";
  header += "\r\n";
  if (source_.consumer) {
    const std::string reset = api("CONSUMER.RESET." + origin + "." + consumer_);
    core_.host.send(core_.stream, OutMessage{reset, reset, answer_, header, {}});
    return;
  }
  std::string subject = api("CONSUMER.CREATE." + origin);
  const std::string& filter = source_.subject_transforms.size() == 1
                                  ? source_.subject_transforms[0].src
                                  : source_.filter_subject;
  if (!filter.empty()) subject += "." + consumer_ + "." + filter;
  core_.host.send(core_.stream, OutMessage{subject, subject, answer_, header, request()});
}

std::string Inflow::request() const {
  ConsumerConfig config;
  config.name = consumer_;
  config.deliver_subject = deliver_;
  config.ack_policy = AckPolicy::kNone;
  config.ack_wait = Duration::hours(22);
  config.max_deliver = 1;
  config.idle_heartbeat = Duration::seconds(1);
  config.flow_control = true;
  config.direct = true;
  config.sourcing = true;
  config.inactive_threshold = kSilenceMax;
  const store::StoreState& state = core_.store->state();
  const bool is_first =
      is_mirror_ ? state.messages == 0 && state.last_sequence == 0 : sequence_ == 0;
  config.deliver_policy = DeliverPolicy::kByStartSequence;
  if (!is_first) {
    config.opt_start_seq = sequence_ + 1;
  } else if (source_.opt_start_seq != 0) {
    config.opt_start_seq = source_.opt_start_seq;
  } else if (source_.opt_start_time) {
    config.deliver_policy = DeliverPolicy::kByStartTime;
    config.opt_start_time = source_.opt_start_time;
  } else {
    config.deliver_policy = DeliverPolicy::kAll;
  }
  config.filter_subject = source_.filter_subject;
  std::vector<std::string> filters;
  for (const SubjectTransformConfig& transform : source_.subject_transforms) {
    filters.push_back(transform.src);
  }
  if (filters.size() == 1) {
    config.filter_subject = filters[0];
  } else if (!filters.empty()) {
    config.filter_subjects = std::move(filters);
  }
  const std::string kind = is_mirror_ ? "_nats.mirror." : "_nats.src.";
  config.metadata[kind + "stream"] = core_.config.name;
  config.metadata[kind + "acc"] = core_.account;
  const Slice domain = core_.host.domain();
  if (!domain.empty()) config.metadata[kind + "domain"] = std::string(domain);
  std::string body = "{\"stream_name\":";
  append_go_json_string(body, source_.name);
  return body + ",\"config\":" + consumer_config_json(config) + "}";
}

void Inflow::on_answer(const Arrived& message, Instant now) {
  if (!is_asked_) return;
  is_asked_ = false;
  const CreateAnswer answer = read_answer(message.body);
  if (answer.error && !is_mirror_ &&
      answer.error->err_code == static_cast<uint16_t>(ApiErrc::kConsumerStreamIdentityMismatch)) {
    forget_origin();
    return ask(now);
  }
  if (answer.error) return fail(now, answer.error);
  const std::string identity(
      proto::HeaderView(message.header).find("Nats-Stream-Identity").value_or(Slice()));
  if (!identity.empty() && !identity_.empty() && identity != identity_) forget_origin();
  if (is_recreated_) {
    core_.host.log(LogLevel::kWarn, "source stream '" + source_.name + "' of stream '" +
                                        core_.config.name + "' was made anew: all of it is taken");
  }
  if (!identity.empty()) identity_ = identity;
  is_recreated_ = false;
  is_flowing_ = true;
  failures_ = 0;
  error_.reset();
  consumer_sequence_ = 0;
  retry_at_ = {};
  seen_ = heard_ = now;
  if (!is_mirror_) {
    sequence_ = std::max(sequence_, answer.delivered);
    return;
  }
  // Where the origin begins above what is here, the sequences between count as used.
  if (answer.delivered > core_.staged.last_sequence &&
      !core_.ingest.propose_skip(core_.staged.last_sequence + 1, answer.delivered)) {
    return fail(now, std::nullopt);
  }
  sequence_ = std::max(answer.delivered, core_.staged.last_sequence);
}

// Another stream stands under the origin's name.
void Inflow::forget_origin() {
  identity_.clear();
  is_recreated_ = true;
  sequence_ = 0;
  core_.sourcing.note_position(index_name_, 0);
}

// --- what arrives ---

bool Inflow::take(const Incoming& message) {
  if (!is_asked_ && !is_flowing_) return false;
  const bool is_own = message.subject == answer_ || message.target == deliver_;
  if (!is_own) return false;
  arrived_.push_back({std::string(message.subject), std::string(message.reply),
                      std::string(message.header), std::string(message.body)});
  return true;
}

bool Inflow::run(Instant now) {
  for (size_t left = kPerTurn; left != 0 && !arrived_.empty(); --left) {
    if (arrived_.front().subject == answer_) {
      const Arrived answer = std::move(arrived_.front());
      arrived_.pop_front();
      on_answer(answer, now);
      continue;
    }
    if (is_asked_) break;  // delivered before the answer came
    seen_ = heard_ = now;
    const Outcome outcome = on_arrived(arrived_.front());
    if (outcome == Outcome::kLater) break;
    if (outcome == Outcome::kBroken) {
      fail(now, std::nullopt);
      break;
    }
    arrived_.pop_front();
  }
  if (is_flowing_ && now - seen_ >= kSilenceMax) fail(now, std::nullopt);
  if (retry_at_.ns != 0 && retry_at_ <= now) {
    if (is_asked_) {
      fail(now, api_error(ApiErrc::kStreamNotFound));
    } else {
      ask(now);
    }
  }
  return !is_asked_ && !arrived_.empty();
}

Instant Inflow::next_due() const {
  if (retry_at_.ns != 0) return retry_at_;
  return is_flowing_ ? seen_ + kSilenceMax : Instant{};
}

Inflow::Outcome Inflow::on_arrived(const Arrived& message) {
  if (message.body.empty() && message.header.starts_with("NATS/1.0 100 ")) {
    return on_control(message);
  }
  const AckSubject ack = parse_ack_subject(message.reply);
  if (ack.stream_sequence == 0 || ack.deliveries > 1) return Outcome::kDone;
  if (ack.stream_sequence <= sequence_) {
    if (ack.consumer_sequence == consumer_sequence_ + 1) ++consumer_sequence_;
    return Outcome::kDone;
  }
  if (ack.consumer_sequence != consumer_sequence_ + 1) return Outcome::kBroken;
  const Outcome outcome = is_mirror_ ? on_mirrored(message, ack) : on_sourced(message, ack);
  if (outcome != Outcome::kDone) return outcome;
  consumer_sequence_ = ack.consumer_sequence;
  sequence_ = ack.stream_sequence;
  lag_ = ack.pending == 0 ? 0 : ack.pending - 1;
  return outcome;
}

// Heartbeats and requests of flow control; both are answered only behind what came before them.
Inflow::Outcome Inflow::on_control(const Arrived& message) {
  const auto tell = [&](const std::string& to) {
    const std::string header =
        "NATS/1.0\r\nNats-Last-Consumer: " + std::to_string(consumer_sequence_) +
        "\r\nNats-Last-Stream: " + std::to_string(sequence_) + "\r\n\r\n";
    core_.host.send(core_.stream, OutMessage{to, to, {}, header, {}});
  };
  if (!message.reply.empty()) {
    tell(message.reply);
    return Outcome::kDone;
  }
  const proto::HeaderView header(message.header);
  const auto last = header.find("Nats-Last-Consumer");
  if (last && strict_number(*last).value_or(0) > consumer_sequence_) return Outcome::kBroken;
  if (const auto stalled = header.find("Nats-Consumer-Stalled")) tell(std::string(*stalled));
  return Outcome::kDone;
}

std::string Inflow::transformed(const std::string& subject) const {
  for (const subject::SubjectTransform& transform : transforms_) {
    if (!transform.matches(subject)) continue;
    std::string out;
    transform.apply(subject, core_.host.prng(), out);
    return out;
  }
  return subject;
}

Inflow::Outcome Inflow::on_mirrored(const Arrived& message, const AckSubject& ack) {
  const uint64_t next = core_.staged.last_sequence + 1;
  if (ack.stream_sequence < next) return Outcome::kDone;
  if (ack.stream_sequence > next && !core_.ingest.propose_skip(next, ack.stream_sequence - 1)) {
    return Outcome::kLater;
  }
  std::string header = message.header;
  proto::remove_headers_with_prefix(header, "Nats-Expected-");
  proto::remove_headers_with_prefix(header, "Nats-Batch-");
  const std::string subject = transformed(message.subject);
  Candidate candidate;
  candidate.subject = subject;
  candidate.header = header;
  candidate.body = message.body;
  candidate.time = WallTime{ack.time_ns};
  candidate.flags = message_flag::kReplicated;
  const PublishHeaders headers(header);
  candidate.id = headers[PublishHeader::kMsgId];
  if (const int64_t ttl = parse_ttl(headers[PublishHeader::kTtl]).value_or(0);
      ttl != 0 && core_.config.allow_msg_ttl) {
    candidate.ttl_seconds = ttl;
    candidate.flags |= message_flag::kHasTtl;
  }
  return core_.ingest.propose_internal(candidate) != 0 ? Outcome::kDone : Outcome::kLater;
}

// <origin> <sequence> <filter> <destination> <subject>
std::string Inflow::source_header(const Arrived& message, uint64_t sequence) const {
  const size_t space = index_name_.find(' ');
  return index_name_.substr(0, space) + " " + std::to_string(sequence) + index_name_.substr(space) +
         " " + message.subject + (identity_.empty() ? "" : " " + identity_);
}

Inflow::Outcome Inflow::on_sourced(const Arrived& message, const AckSubject& ack) {
  std::string header = message.header;
  proto::remove_header(header, header_name(PublishHeader::kStreamSource));
  proto::remove_headers_with_prefix(header, "Nats-Expected-");
  proto::remove_headers_with_prefix(header, "Nats-Batch-");
  proto::append_header(header, header_name(PublishHeader::kStreamSource),
                       source_header(message, ack.stream_sequence));
  const std::string subject = transformed(message.subject);
  Candidate candidate;
  candidate.subject = subject;
  candidate.header = header;
  candidate.body = message.body;
  const Verdict verdict = core_.ingest.check_sourced(candidate);
  switch (verdict.kind) {
    case Verdict::Kind::kHold:
      return Outcome::kLater;
    case Verdict::Kind::kDuplicate:
      return Outcome::kDone;
    case Verdict::Kind::kRefuse:
      core_.host.log(LogLevel::kWarn, "stream " + core_.config.name + " refuses a message of " +
                                          source_.name + ": " + verdict.error.description);
      return Outcome::kBroken;
    case Verdict::Kind::kStore:
      return core_.ingest.propose_internal(candidate) != 0 ? Outcome::kDone : Outcome::kLater;
  }
  return Outcome::kDone;
}

// --- ends ---

void Inflow::fail(Instant now, std::optional<ApiError> error) {
  unsubscribe();
  arrived_.clear();
  if (error) error_ = std::move(error);
  is_asked_ = is_flowing_ = false;
  const Duration wait = Duration::seconds(int64_t{1} << std::min(failures_, 7U));
  ++failures_;
  retry_at_ = now + std::min(wait, kRetryMax);
  // What is staged of this source is not in its position yet: begin behind it.
  if (!is_mirror_) core_.sourcing.note_position(index_name_, sequence_);
}

void Inflow::unsubscribe() {
  for (const uint32_t subscription : subscriptions_) {
    core_.host.unsubscribe(core_.stream, subscription);
  }
  subscriptions_.clear();
}

void Inflow::stop() {
  unsubscribe();
  arrived_.clear();
  is_asked_ = is_flowing_ = false;
  retry_at_ = {};
}

void Inflow::release() {
  if (source_.consumer) return;
  // Not asked yet: it may be of the process before this one.
  const std::string consumer = consumer_.empty() ? name_consumer() : consumer_;
  const std::string subject = api("CONSUMER.DELETE." + source_.name + "." + consumer);
  core_.host.send(core_.stream, OutMessage{subject, subject, {}, {}, {}});
}

}  // namespace petrel::jetstream

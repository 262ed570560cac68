// Dead letters: what was delivered too often or terminated goes to another subject, stored there
// exactly once.
//
// The consumer is a numbered producer (MORE-06) of its dead letters: that a message became one, and
// which number it has, is journaled before it is sent; the stream that stores it knows the number
// and answers a repetition as a duplicate. Only after the answer the message counts as acked. One
// is on its way at a time. Answers come to the ack subject with 0 deliveries.
// Source: MORE-02.
#include "jetstream/consumer_core.h"

#include "petrel/base/go_json.h"
#include "petrel/proto/header_view.h"
#include "petrel/proto/json_text.h"

#include <algorithm>

namespace petrel::jetstream {

namespace {

namespace json = proto::json;

constexpr Duration kAnswerWait = Duration::seconds(5);
constexpr Duration kReadWait = Duration::millis(10);
constexpr Duration kPauseMin = Duration::seconds(1);
constexpr Duration kPauseMax = Duration::seconds(60);
constexpr Duration kStoredFor = Duration::seconds(30);
constexpr int64_t kWrongLastSequence = 10071;
constexpr Slice kTerminated = "terminated";

struct LetterAnswer {
  bool is_stored = false;  // an answer of a stream without an error
  bool is_list = false;    // an answer to the question who stores the subject
  bool has_streams = false;
  bool is_error = false;
  int64_t error_code = 0;
};

LetterAnswer read_answer(Slice body) {
  LetterAnswer answer;
  if (!json::is_valid(body) || !json::is_object(json::trim(body))) return answer;
  for (json::Walker member(body); member.next();) {
    const Slice value = member.value();
    if (member.name() == "error" && json::is_object(value)) {
      answer.is_error = true;
      for (json::Walker error(value); error.next();) {
        if (error.name() == "err_code") json::read_integer(error.value(), answer.error_code);
      }
    } else if (member.name() == "streams") {
      answer.is_list = true;
      answer.has_streams = json::is_array(value) && json::Walker(value).next();
    } else if (member.name() == "seq") {
      answer.is_stored = true;
    }
  }
  if (answer.is_error) answer.is_stored = answer.is_list = false;
  return answer;
}

}  // namespace

void ConsumerCore::bury(uint64_t sequence, uint32_t deliveries, std::string reason) {
  if (state_.dead_token() == 0) renew_dead_token();
  DeadLetter letter{.sequence = sequence, .deliveries = deliveries, .reason = std::move(reason)};
  log_.bury(letter);
  letter.operation = log_.operation();
  state_.bury(std::move(letter));
  state_.set_operation(log_.operation());
  wake();
}

// Another producer: its numbers may begin anywhere.
void ConsumerCore::renew_dead_token() {
  const uint64_t token = host_.outside().prng().next() | 1;
  log_.dead_token(token);
  state_.set_dead_token(token);
  state_.set_operation(log_.operation());
  for (DeadLetter& letter : state_.dead()) letter.operation = log_.operation();
}

std::string ConsumerCore::letter_reply(uint64_t sequence, uint64_t number) const {
  std::string reply = ack_subject_.substr(0, ack_prefix_);
  append_ack_numbers(reply, {.deliveries = 0,
                             .stream_sequence = sequence,
                             .consumer_sequence = number,
                             .time_ns = static_cast<int64_t>(letters_.secret),
                             .pending = 0});
  return reply;
}

void ConsumerCore::run_dead_letters() {
  if (!is_started_ || state_.dead().empty() || !has_dead_letter()) return;
  const DeadLetter letter = state_.dead().front();
  if (letter.operation > applied_operation_ || now() < letters_.at) return;
  letters_.secret = host_.outside().prng().next() >> 1 | 1;
  letters_.at = now() + kAnswerWait;
  if (now() < letters_.stored_until) {
    send_letter(letter);
  } else {
    ask_who_stores();
  }
}

void ConsumerCore::ask_who_stores() {
  std::string body = "{\"subject\":";
  append_go_json_string(body, dead_letter_subject_);
  body += "}";
  constexpr Slice kTarget = "$JS.API.STREAM.NAMES";
  const std::string reply = letter_reply(0, 0);
  host_.outside().send(host_.stream(), {kTarget, kTarget, reply, {}, body});
}

std::string ConsumerCore::letter_header(const DeadLetter& letter, Slice subject,
                                        Slice original) const {
  const std::string& stream = host_.stream_config().name;
  std::string header;
  // What stands in front of Nats-Dead-Letter-Stream acts in the stream that stores it, the
  // original's headers behind it do not.
  proto::append_header(header, "Nats-Producer-Id", "dead." + std::to_string(state_.dead_token()));
  proto::append_header(header, "Nats-Producer-Sequence", std::to_string(letter.number));
  proto::append_header(header, "Nats-Dead-Letter-Stream", stream);
  proto::append_header(header, "Nats-Dead-Letter-Consumer", config_.name);
  proto::append_header(header, "Nats-Dead-Letter-Sequence", std::to_string(letter.sequence));
  proto::append_header(header, "Nats-Dead-Letter-Deliveries", std::to_string(letter.deliveries));
  proto::append_header(header, "Nats-Dead-Letter-Reason", letter.reason);
  proto::append_header(header, "Nats-Dead-Letter-Subject", subject);
  if (original.size() <= proto::kHeaderLine.size()) return header;
  std::string kept(original);
  proto::remove_headers_with_prefix(kept, "Nats-Batch-");
  const size_t first_line = kept.find("\r\n");
  if (first_line == std::string::npos) return header;
  header.resize(header.size() - 2);
  return header.append(kept, first_line + 2);
}

void ConsumerCore::send_letter(const DeadLetter& letter) {
  Candidate candidate;
  const Halt found = read(letter.sequence, candidate);
  if (found == Halt::kReading) {
    letters_.at = now() + kReadWait;
    return;
  }
  if (found == Halt::kEndOfStream) return keep_letter(letter.sequence);
  const proto::HeaderView original(candidate.message.header);
  // A consumer's own dead letter is not sent once more.
  if (original.find("Nats-Dead-Letter-Consumer") == Slice(config_.name) &&
      original.find("Nats-Dead-Letter-Stream") == Slice(host_.stream_config().name)) {
    const bool is_terminated = letter.reason.compare(0, kTerminated.size(), kTerminated) == 0;
    return is_terminated ? settle_letter(letter.sequence) : keep_letter(letter.sequence);
  }
  const std::string header =
      letter_header(letter, candidate.message.subject, candidate.message.header);
  const std::string reply = letter_reply(letter.sequence, letter.number);
  host_.outside().send(host_.stream(), {dead_letter_subject_, dead_letter_subject_, reply, header,
                                        candidate.message.body});
}

// No stream takes the subject: whoever listens gets it once, the original stays.
void ConsumerCore::send_unstored(const DeadLetter& letter) {
  Candidate candidate;
  const Halt found = read(letter.sequence, candidate);
  if (found == Halt::kReading) return retry_letter();
  if (found == Halt::kBudget) {
    const std::string header =
        letter_header(letter, candidate.message.subject, candidate.message.header);
    host_.outside().send(
        host_.stream(),
        {dead_letter_subject_, dead_letter_subject_, {}, header, candidate.message.body});
    advise_unstored(letter);
  }
  keep_letter(letter.sequence);
}

void ConsumerCore::on_letter_answer(const AckSubject& at, Slice body) {
  if (letters_.secret == 0 || at.time_ns != static_cast<int64_t>(letters_.secret)) return;
  if (state_.dead().empty()) return;
  const DeadLetter letter = state_.dead().front();
  const LetterAnswer answer = read_answer(body);
  letters_.secret = 0;
  wake();
  if (at.stream_sequence == 0) {
    if (!answer.is_list) return retry_letter();
    letters_.at = now();
    if (!answer.has_streams) return send_unstored(letter);
    letters_.stored_until = now() + kStoredFor;
    return;
  }
  if (at.stream_sequence != letter.sequence) return;
  if (answer.is_stored) return settle_letter(letter.sequence);
  // The stream has not seen the numbers before: begin with a new name.
  if (answer.error_code == kWrongLastSequence) {
    renew_dead_token();
    letters_.at = now();
    return;
  }
  retry_letter();
}

void ConsumerCore::retry_letter() {
  letters_.pause = std::clamp(letters_.pause * 2, kPauseMin, kPauseMax);
  letters_.at = now() + letters_.pause;
  letters_.stored_until = {};
}

void ConsumerCore::settle_letter(uint64_t sequence) {
  log_.settle(sequence);
  state_.settle(sequence);
  state_.set_operation(log_.operation());
  last_acked_ = host_.outside().wall_now();
  letters_.at = now();
  letters_.pause = {};
  wake();
}

void ConsumerCore::keep_letter(uint64_t sequence) {
  log_.keep_dead(sequence);
  state_.keep_dead(sequence);
  state_.set_operation(log_.operation());
  letters_.at = now();
  letters_.pause = {};
  wake();
}

}  // namespace petrel::jetstream

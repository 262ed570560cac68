#include "jetstream_actors.h"

#include "process.h"

#include <array>
#include <charconv>

namespace petrel::bench {

namespace {

constexpr size_t kQueueBytes = 256 << 10;  // sent before more is queued
constexpr std::string_view kAckPrefix = "$JS.ACK.";
constexpr uint64_t kStride = 7919;  // a prime: subjects come in an order without runs

std::string inbox_of(std::string_view role, uint32_t number) {
  return "_INBOX.Yb2k1Q0xV4nSdLr7." + std::string(role) + std::to_string(number) + ".";
}

std::string with_number(std::string text, uint32_t number) {
  for (size_t at = text.find("{N}"); at != std::string::npos; at = text.find("{N}")) {
    text.replace(at, 3, std::to_string(number));
  }
  return text;
}

void append_publish(std::string& out, std::string_view subject, std::string_view reply,
                    std::string_view payload) {
  out.append("PUB ").append(subject).append(" ");
  if (!reply.empty()) out.append(reply).append(" ");
  out.append(std::to_string(payload.size())).append("\r\n").append(payload).append("\r\n");
}

void append_padded(std::string& out, uint64_t number, size_t width) {
  const std::string digits = std::to_string(number);
  out.append(digits.size() < width ? width - digits.size() : 0, '0').append(digits);
}

// The stream sequence that a delivery names in its reply subject:
// $JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer sequence>.<time>.<pending>
uint64_t stream_sequence_of(std::string_view reply) {
  if (!reply.starts_with(kAckPrefix)) fail("a delivery without $JS.ACK: " + std::string(reply));
  std::array<std::string_view, 9> tokens;
  size_t count = 0;
  while (count < tokens.size()) {
    const size_t dot = reply.find('.');
    tokens[count++] = reply.substr(0, dot);
    if (dot == std::string_view::npos) break;
    reply.remove_prefix(dot + 1);
  }
  if (count != tokens.size() || tokens[4] != "1") fail("a delivery that is not the first");
  uint64_t sequence = 0;
  std::from_chars(tokens[5].begin(), tokens[5].end(), sequence);
  return sequence;
}

bool is_status(const Message& message) {
  constexpr std::string_view kStatus = "NATS/1.0 ";
  return message.headers.starts_with(kStatus);
}

void fail_on(const Message& message) {
  fail("the server answered: " + std::string(message.headers.substr(0, 100)) +
       std::string(message.payload.substr(0, 200)));
}

}  // namespace

void Actor::turn() {
  if (is_blocked()) return;
  queue_due();
  if (out_.empty()) return;
  out_.erase(0, reader_.client().send_some(out_));
}

void Actor::read() {
  reader_.read([this](const Message& message) { on_message(message); });
}

void Actor::ping() {
  ++pings_;
  out_ += "PING\r\n";
}

void Actor::subscribe(std::string_view subject) {
  const std::string sid = std::to_string(++subscriptions_);
  reader_.client().send_all("SUB " + std::string(subject) + " " + sid + "\r\n");
}

Window::Window(std::string inbox, uint32_t size) : inbox_(std::move(inbox)), sent_ns_(size) {
  for (uint32_t i = size; i > 0; --i) free_.push_back(i - 1);
}

std::string_view Window::take(int64_t now) {
  const uint32_t slot = free_.back();
  free_.pop_back();
  sent_ns_[slot] = now;
  reply_ = inbox_ + std::to_string(slot);
  return reply_;
}

int64_t Window::give_back(std::string_view subject) {
  uint32_t slot = UINT32_MAX;
  if (subject.starts_with(inbox_)) {
    const std::string_view digits = subject.substr(inbox_.size());
    std::from_chars(digits.begin(), digits.end(), slot);
  }
  if (slot >= sent_ns_.size() || sent_ns_[slot] == 0) fail("an answer that nobody waits for");
  free_.push_back(slot);
  return monotonic_ns() - std::exchange(sent_ns_[slot], 0);
}

PublishActor::PublishActor(const Endpoint& server, Tally& tally, const JetStreamOptions& options,
                           uint32_t number)
    : Actor(server, tally), options_(options), window_(inbox_of("p", number), options.in_flight) {
  subscribe(window_.inbox() + "*");
  tail_ = " " + std::to_string(options.payload_bytes) + "\r\n" +
          std::string(options.payload_bytes, 'x') + "\r\n";
}

// One token up to 1,000 subjects (bench.007), two above (bench.007.0000123).
void PublishActor::append_subject() {
  out_ += options_.subject;
  if (options_.subjects == 1) return;
  const uint64_t index = tally_.sent * kStride % options_.subjects;
  out_ += ".";
  append_padded(out_, index % 1000, 3);
  if (options_.subjects <= 1000) return;
  out_ += ".";
  append_padded(out_, index / 1000, 7);
}

void PublishActor::queue_due() {
  if (!tally_.may_send) return;
  const int64_t now = monotonic_ns();
  while (window_.has_room() && out_.size() < kQueueBytes) {
    if (options_.messages != 0 && tally_.sent == options_.messages) return;
    out_ += "PUB ";
    append_subject();
    out_.append(" ").append(window_.take(now)).append(tail_);
    ++tally_.sent;
  }
}

void PublishActor::on_message(const Message& message) {
  if (!message.payload.starts_with("{\"stream\":")) fail_on(message);
  tally_.latencies_ns.push_back(window_.give_back(message.subject));
  ++tally_.answered;
}

RequestActor::RequestActor(const Endpoint& server, Tally& tally, const JetStreamOptions& options,
                           const std::vector<Request>& requests)
    : Actor(server, tally),
      options_(options),
      requests_(requests),
      window_(inbox_of("r", 0), options.in_flight) {
  subscribe(window_.inbox() + "*");
}

void RequestActor::queue_due() {
  if (!tally_.may_send) return;
  const int64_t now = monotonic_ns();
  while (window_.has_room() && out_.size() < kQueueBytes) {
    if (!options_.repeat && tally_.sent == requests_.size()) return;
    const auto& [subject, payload] = requests_[tally_.sent % requests_.size()];
    append_publish(out_, subject, window_.take(now), payload);
    ++tally_.sent;
  }
}

void RequestActor::on_message(const Message& message) {
  if (is_status(message) || message.payload.find("\"error\":") != std::string_view::npos) {
    fail_on(message);
  }
  tally_.latencies_ns.push_back(window_.give_back(message.subject));
  ++tally_.answered;
}

PullActor::PullActor(const Endpoint& server, Tally& tally, const JetStreamOptions& options,
                     uint32_t number)
    : Actor(server, tally), options_(options) {
  const std::string inbox = inbox_of("c", number) + "m";
  subscribe(inbox);
  const std::string consumer = options.shared ? "C" : "C" + std::to_string(number);
  append_publish(request_, "$JS.API.CONSUMER.MSG.NEXT." + options.stream + "." + consumer, inbox,
                 "{\"batch\":" + std::to_string(options.batch) + ",\"expires\":300000000000}");
}

// Two requests at most: the next one leaves when one of them is used up.
void PullActor::queue_due() {
  for (; requested_ <= options_.batch; requested_ += options_.batch) {
    if (options_.exact && asked_ >= options_.messages) return;
    asked_ += options_.batch;
    out_ += request_;
  }
}

void PullActor::on_message(const Message& message) {
  if (is_status(message)) fail_on(message);
  const uint64_t sequence = stream_sequence_of(message.reply);
  if (sequence <= last_sequence_) fail("a message came twice or out of order");
  last_sequence_ = sequence;
  if (requested_ == 0) fail("more messages than were asked for");
  --requested_;
  ++tally_.delivered;
  if (options_.ack) append_publish(out_, message.reply, "", "+ACK");
}

PushActor::PushActor(const Endpoint& server, Tally& tally, const JetStreamOptions& options,
                     uint32_t number)
    : Actor(server, tally), inbox_(inbox_of("d", number)) {
  subscribe("deliver." + std::to_string(number));
  subscribe(inbox_ + "*");
  append_publish(create_, with_number(options.create_subject, number), inbox_ + "0",
                 with_number(options.create_config, number));
}

void PushActor::queue_due() {
  out_ += std::exchange(create_, "");
}

void PushActor::on_status(const Message& message) {
  if (!message.headers.starts_with("NATS/1.0 100")) fail_on(message);
  constexpr std::string_view kStalled = "Nats-Consumer-Stalled: ";
  const size_t stalled = message.headers.find(kStalled);
  if (!message.reply.empty()) {
    append_publish(out_, message.reply, "", "");
  } else if (stalled != std::string_view::npos) {
    const std::string_view rest = message.headers.substr(stalled + kStalled.size());
    append_publish(out_, rest.substr(0, rest.find('\r')), "", "");
  }
}

void PushActor::on_message(const Message& message) {
  if (message.subject.starts_with(inbox_)) {
    if (message.payload.find("\"error\":") != std::string_view::npos) fail_on(message);
    return;
  }
  if (is_status(message)) return on_status(message);
  const uint64_t sequence = stream_sequence_of(message.reply);
  if (sequence <= last_sequence_) fail("a message came twice or out of order");
  last_sequence_ = sequence;
  ++tally_.delivered;
}

}  // namespace petrel::bench

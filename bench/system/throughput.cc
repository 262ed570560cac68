#include "throughput.h"

#include "process.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <random>
#include <unistd.h>
#include <vector>

namespace petrel::bench {

namespace {

constexpr size_t kReadBytes = 256 << 10;
constexpr size_t kSendBytes = 64 << 10;
constexpr int64_t kTotalWindowBytes = 32 << 20;  // half of the server's limit for one subscriber
constexpr std::string_view kHeaders = "NATS/1.0\r\nNats-Msg-Id: 0123456789\r\n\r\n";

std::string padded(uint32_t number, size_t width) {
  std::string digits = std::to_string(number);
  return std::string(width > digits.size() ? width - digits.size() : 0, '0') + digits;
}

std::string subject_of(uint32_t index) {
  return "bench." + padded(index, 7);
}

std::string make_script(const ThroughputOptions& options, std::vector<uint32_t> subjects) {
  std::string body(options.payload_bytes, 'x');
  std::string sizes = std::to_string(body.size());
  if (options.headers) {
    body = std::string(kHeaders) + body;
    sizes = std::to_string(kHeaders.size()) + " " + std::to_string(body.size());
  }
  const std::string_view verb = options.headers ? "HPUB " : "PUB ";
  std::mt19937 order(1);
  std::shuffle(subjects.begin(), subjects.end(), order);
  std::string script;
  do {
    for (const uint32_t subject : subjects) {
      script.append(verb).append(subject_of(subject)).append(" ").append(sizes).append("\r\n");
      script.append(body).append("\r\n");
    }
  } while (script.size() < 2 * kSendBytes && !options.lockstep);
  return script;
}

class Run {
 public:
  Run(const Endpoint& server, const ThroughputOptions& options);

  // Publishes for `seconds`, then waits until every message has arrived.
  ThroughputResult phase(double seconds, pid_t server_pid);
  void check_nothing_more();

 private:
  struct Publisher {
    std::unique_ptr<Client> client;
    std::string script;  // whole messages of equal length, repeated for ever
    size_t offset = 0;   // of the next byte of the script
    uint64_t due = 0;    // lockstep: messages that may be sent
  };

  void subscribe(Client& client, uint32_t index);
  void set_shape();
  bool publish_free();
  void publish_due();
  bool send_from(Publisher& publisher, size_t limit);
  void finish_message(Publisher& publisher);
  void handle_events(int64_t timeout_ns);
  void drain();
  uint64_t published() const { return sent_bytes_ / message_size_; }
  uint64_t expected() const { return published() * fan_out_; }

  ThroughputOptions options_;
  std::vector<Publisher> publishers_;
  std::vector<std::unique_ptr<Client>> subscribers_;
  std::unique_ptr<Client> background_;
  Poller poller_;
  std::vector<char> buffer_ = std::vector<char>(kReadBytes);
  FrameShape shape_;
  size_t message_size_ = 0;  // the same for every subject
  uint64_t fan_out_ = 0;
  uint64_t sent_bytes_ = 0;  // of the current phase, all publishers
  uint64_t delivered_ = 0;   // of the current phase, all subscribers
};

void subscribe_background(Client& client, uint32_t count) {
  std::string lines;
  for (uint32_t i = 0; i < count; ++i) {
    lines += "SUB other." + std::to_string(i % 1000) + (i % 10 == 0 ? ".*." : ".") +
             std::to_string(i) + " " + std::to_string(i + 1) + "\r\n";
    if (lines.size() > kSendBytes || i + 1 == count) {
      client.send_all(lines);
      lines.clear();
    }
  }
}

Run::Run(const Endpoint& server, const ThroughputOptions& options) : options_(options) {
  if (options_.interest == Interest::kNone) options_.subscribers = 0;
  if (options_.background_subscriptions != 0) {
    background_ = std::make_unique<Client>(server);
    subscribe_background(*background_, options_.background_subscriptions);
    background_->ping_wait(buffer_);
  }
  set_shape();
  const uint32_t first_subscriber = options_.publishers;
  for (uint32_t i = 0; i < options_.subscribers; ++i) {
    subscribers_.push_back(std::make_unique<Client>(server));
    subscribers_.back()->set_shape(shape_);
    subscribe(*subscribers_.back(), i);
    poller_.add(subscribers_.back()->fd(), first_subscriber + i);
  }
  for (const auto& subscriber : subscribers_) subscriber->ping_wait(buffer_);
  message_size_ =
      make_script(
          {.payload_bytes = options_.payload_bytes, .headers = options_.headers, .lockstep = true},
          {0})
          .size();
  const bool own_subject = options_.publishers == options_.subjects && options_.publishers > 1;
  for (uint32_t i = 0; i < options_.publishers; ++i) {
    std::vector<uint32_t> subjects(own_subject ? 1 : options_.subjects);
    for (uint32_t s = 0; s < subjects.size(); ++s) subjects[s] = own_subject ? i : s;
    Publisher publisher;
    publisher.client = std::make_unique<Client>(server);
    publisher.script = make_script(options_, subjects);
    poller_.add(publisher.client->fd(), i);
    publishers_.push_back(std::move(publisher));
  }
  const bool every = options_.interest == Interest::kAll || options_.interest == Interest::kEach;
  fan_out_ = options_.subscribers == 0 ? 0 : every ? options_.subscribers : 1;
}

void Run::subscribe(Client& client, uint32_t index) {
  std::string lines;
  const auto add = [&lines](const std::string& subject, uint32_t sid) {
    lines += "SUB " + subject + " " + padded(1'000'000 + sid, 7) + "\r\n";
  };
  switch (options_.interest) {
    case Interest::kNone:
      break;
    case Interest::kAll:
      add(options_.subjects == 1 ? subject_of(0) : "bench.*", 0);
      break;
    case Interest::kEach:
      for (uint32_t s = 0; s < options_.subjects; ++s) add(subject_of(s), s);
      break;
    case Interest::kOwn:
      add(subject_of(index % options_.subjects), 0);
      break;
    case Interest::kQueue:
      add(subject_of(0) + " workers", 0);
      break;
  }
  client.send_all(lines);
}

void Run::set_shape() {
  const size_t body = options_.payload_bytes + (options_.headers ? kHeaders.size() : 0);
  std::string line = options_.headers ? "HMSG " : "MSG ";
  shape_.prefix = line + "bench.";
  line += subject_of(0) + " 1000000 ";
  if (options_.headers) line += std::to_string(kHeaders.size()) + " ";
  shape_.frame_size = line.size() + std::to_string(body).size() + 2 + body + 2;
}

// Sends at most `limit` bytes of the script; false when the socket took less.
bool Run::send_from(Publisher& publisher, size_t limit) {
  const std::string_view rest = std::string_view(publisher.script).substr(publisher.offset);
  const size_t sent = publisher.client->send_some(rest.substr(0, limit));
  sent_bytes_ += sent;
  publisher.offset = (publisher.offset + sent) % publisher.script.size();
  return !publisher.client->is_blocked();
}

// Gives every publisher one turn; true when at least one may send more right away.
bool Run::publish_free() {
  bool more = false;
  const int64_t window = std::min<int64_t>(
      options_.window_bytes * std::max<int64_t>(1, options_.subscribers), kTotalWindowBytes);
  for (uint32_t i = 0; i < publishers_.size(); ++i) {
    if (publishers_[i].client->is_blocked()) continue;
    const auto under_way = static_cast<int64_t>((expected() - delivered_) * shape_.frame_size);
    if (under_way > window) return false;
    if (send_from(publishers_[i], kSendBytes)) {
      more = true;
    } else {
      poller_.want_write(publishers_[i].client->fd(), i, true);
    }
  }
  return more;
}

void Run::publish_due() {
  for (Publisher& publisher : publishers_) {
    while (publisher.due > 0) {
      if (!send_from(publisher, message_size_)) fail("a lockstep message blocked");
      --publisher.due;
    }
  }
}

void Run::handle_events(int64_t timeout_ns) {
  for (const Poller::Event& event : poller_.wait(timeout_ns)) {
    const bool is_publisher = event.index < publishers_.size();
    const uint32_t subscriber = event.index - static_cast<uint32_t>(publishers_.size());
    Client& client = is_publisher ? *publishers_[event.index].client : *subscribers_[subscriber];
    if (event.readable) {
      const uint64_t arrived = client.read_frames(buffer_);
      delivered_ += arrived;
      if (options_.lockstep && !is_publisher) publishers_[subscriber].due += arrived;
    }
    if (event.writable) {
      client.unblock();
      poller_.want_write(client.fd(), event.index, false);
    }
  }
}

void Run::finish_message(Publisher& publisher) {
  const size_t rest = (message_size_ - publisher.offset % message_size_) % message_size_;
  publisher.client->send_all(std::string_view(publisher.script).substr(publisher.offset, rest));
  sent_bytes_ += rest;
  publisher.offset = (publisher.offset + rest) % publisher.script.size();
}

void Run::drain() {
  uint64_t pongs = 0;
  for (Publisher& publisher : publishers_) {
    finish_message(publisher);
    publisher.client->hold_pongs(false);
    pongs += publisher.client->pongs() + 1;
    publisher.client->send_all("PING\r\n");
  }
  const auto patience_ns = static_cast<int64_t>(options_.patience_seconds * 1e9);
  uint64_t last_delivered = 0;
  int64_t last_progress = monotonic_ns();
  while (true) {
    uint64_t got = 0;
    for (const Publisher& publisher : publishers_) got += publisher.client->pongs();
    if (delivered_ > expected()) fail("more messages came than were published");
    if (got == pongs && delivered_ == expected()) return;
    handle_events(100'000'000);
    const int64_t now = monotonic_ns();
    if (delivered_ != last_delivered) last_progress = now;
    last_delivered = delivered_;
    if (now - last_progress > patience_ns) {
      fail("lost messages: " + std::to_string(delivered_) + " of " + std::to_string(expected()));
    }
  }
}

ThroughputResult Run::phase(double seconds, pid_t server_pid) {
  for (Publisher& publisher : publishers_) {
    publisher.due = 1;
    publisher.client->unblock();
    publisher.client->hold_pongs(true);
  }
  delivered_ = 0;
  sent_bytes_ = 0;
  const int64_t cpu = process_cpu_ns(server_pid);
  const int64_t own_cpu = process_cpu_ns(getpid());
  const int64_t start = monotonic_ns();
  const int64_t end = start + static_cast<int64_t>(seconds * 1e9);
  while (monotonic_ns() < end) {
    if (options_.lockstep) {
      publish_due();
      handle_events(10'000'000);
    } else {
      handle_events(publish_free() ? 0 : 10'000'000);
    }
  }
  drain();
  return {.published = published(),
          .delivered = delivered_,
          .elapsed_ns = monotonic_ns() - start,
          .server_cpu_ns = process_cpu_ns(server_pid) - cpu,
          .client_cpu_ns = process_cpu_ns(getpid()) - own_cpu};
}

void Run::check_nothing_more() {
  uint64_t frames = 0;
  for (const auto& subscriber : subscribers_) {
    const uint64_t before = subscriber->frames();
    subscriber->ping_wait(buffer_);
    frames += subscriber->frames() - before;
  }
  if (frames != 0 || delivered_ != expected()) fail("more messages came than were published");
}

}  // namespace

ThroughputResult run_throughput(const Endpoint& server, pid_t server_pid,
                                const ThroughputOptions& options) {
  Run run(server, options);
  const ThroughputResult warm_up = run.phase(options.warm_up_seconds, server_pid);
  ThroughputResult result = run.phase(options.seconds, server_pid);
  result.published_in_all = warm_up.published + result.published;
  run.check_nothing_more();
  return result;
}

}  // namespace petrel::bench

#include "request_reply.h"

#include "message_reader.h"
#include "process.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace petrel::bench {

namespace {

constexpr std::string_view kInbox = "_INBOX.Yb2k1Q0xV4nSdLr7WcTe8M.";
constexpr size_t kSlots = 1 << 17;
constexpr int64_t kLostNs = 10'000'000'000;

class RequestRun {
 public:
  RequestRun(const Endpoint& server, const RequestOptions& options);
  RequestResult phase(double seconds, pid_t server_pid);

 private:
  void request(int64_t due_ns);
  void read_both(int64_t timeout_ns);
  void on_reply(std::string_view subject);

  RequestOptions options_;
  MessageReader requester_;
  MessageReader responder_;
  Poller poller_;
  std::string payload_;
  std::string out_;      // requests of this turn
  std::string replies_;  // replies of this turn
  uint64_t sent_ = 0;
  std::vector<int64_t> due_ns_ = std::vector<int64_t>(kSlots);
  std::vector<int64_t> latencies_ns_;
};

RequestRun::RequestRun(const Endpoint& server, const RequestOptions& options)
    : options_(options),
      requester_(server),
      responder_(server),
      payload_(options.payload_bytes, 'x') {
  std::vector<char> buffer(65536);
  requester_.client().send_all("SUB " + std::string(kInbox) + "* 1\r\n");
  responder_.client().send_all("SUB bench.service 1\r\n");
  requester_.client().ping_wait(buffer);
  responder_.client().ping_wait(buffer);
  poller_.add(requester_.client().fd(), 0);
  poller_.add(responder_.client().fd(), 1);
}

void RequestRun::request(int64_t due_ns) {
  due_ns_[sent_ % kSlots] = due_ns;
  out_ += "PUB bench.service ";
  out_ += kInbox;
  out_ += std::to_string(sent_);
  out_ += " " + std::to_string(payload_.size()) + "\r\n" + payload_ + "\r\n";
  ++sent_;
}

void RequestRun::on_reply(std::string_view subject) {
  uint64_t number = 0;
  if (subject.size() < kInbox.size()) fail("a reply to another inbox");
  const std::string_view digits = subject.substr(kInbox.size());
  std::from_chars(digits.begin(), digits.end(), number);
  int64_t& due = due_ns_[number % kSlots];
  if (due == 0) fail("a reply came twice");
  latencies_ns_.push_back(monotonic_ns() - due);
  due = 0;
}

void RequestRun::read_both(int64_t timeout_ns) {
  for (const Poller::Event& event : poller_.wait(timeout_ns)) {
    if (event.index == 0) {
      requester_.read([this](const Message& message) { on_reply(message.subject); });
    } else {
      responder_.read([this](const Message& message) {
        replies_ += "PUB ";
        replies_ += message.reply;
        replies_ += " " + std::to_string(message.payload.size()) + "\r\n";
        replies_ += message.payload;
        replies_ += "\r\n";
      });
    }
  }
  if (!replies_.empty()) responder_.client().send_all(replies_);
  replies_.clear();
}

RequestResult RequestRun::phase(double seconds, pid_t server_pid) {
  latencies_ns_.clear();
  const uint64_t first = sent_;
  const int64_t cpu = process_cpu_ns(server_pid);
  const int64_t start = monotonic_ns();
  const auto end = start + static_cast<int64_t>(seconds * 1e9);
  const bool open = options_.rate > 0;
  const auto gap_ns = open ? static_cast<int64_t>(1e9 / options_.rate) : 0;
  int64_t due = start;
  for (int64_t now = start; now < end; now = monotonic_ns()) {
    if (open) {
      for (; due <= now; due += gap_ns) request(due);
    } else {
      while (sent_ - first - latencies_ns_.size() < options_.in_flight) request(now);
    }
    if (!out_.empty()) requester_.client().send_all(out_);
    out_.clear();
    read_both(open ? std::max<int64_t>(0, due - monotonic_ns()) : 100'000'000);
  }
  while (latencies_ns_.size() < sent_ - first) {
    read_both(10'000'000);
    if (monotonic_ns() - end > kLostNs) fail("replies were lost");
  }
  RequestResult result{.requests = sent_ - first,
                       .elapsed_ns = monotonic_ns() - start,
                       .server_cpu_ns = process_cpu_ns(server_pid) - cpu,
                       .latencies_ns = latencies_ns_};
  std::sort(result.latencies_ns.begin(), result.latencies_ns.end());
  return result;
}

}  // namespace

RequestResult run_requests(const Endpoint& server, pid_t server_pid,
                           const RequestOptions& options) {
  RequestRun run(server, options);
  run.phase(options.warm_up_seconds, server_pid);
  return run.phase(options.seconds, server_pid);
}

}  // namespace petrel::bench

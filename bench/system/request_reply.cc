#include "request_reply.h"

#include "process.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <poll.h>
#include <string>
#include <sys/socket.h>

namespace petrel::bench {

namespace {

constexpr std::string_view kInbox = "_INBOX.Yb2k1Q0xV4nSdLr7WcTe8M.";
constexpr size_t kSlots = 1 << 17;
constexpr int64_t kLostNs = 10'000'000'000;

// A connection whose frames are parsed: what arrives is handed out message by message.
class Parsed {
 public:
  explicit Parsed(const Endpoint& server) : client_(server) {}
  Client& client() { return client_; }

  template <typename OnMessage>
  void read(OnMessage on_message) {
    std::array<char, 65536> chunk;
    const ssize_t got = recv(client_.fd(), chunk.data(), chunk.size(), 0);
    if (got == 0) fail("the server closed a connection");
    if (got < 0) return;
    pending_.append(chunk.data(), static_cast<size_t>(got));
    size_t used = 0;
    while (const size_t size = next(std::string_view(pending_).substr(used), on_message)) {
      used += size;
    }
    pending_.erase(0, used);
  }

 private:
  // Size of the first complete operation of `bytes`, or 0.
  template <typename OnMessage>
  size_t next(std::string_view bytes, OnMessage& on_message) {
    const size_t end = bytes.find("\r\n");
    if (end == std::string_view::npos) return 0;
    std::string_view line = bytes.substr(0, end);
    if (!line.starts_with("MSG ")) {
      if (line.starts_with("PING")) client_.send_all("PONG\r\n");
      if (line.starts_with("-ERR") || line.starts_with("HMSG")) fail(std::string(line));
      return end + 2;
    }
    std::array<std::string_view, 5> words;
    size_t count = 0;
    while (count < words.size()) {
      const size_t space = line.find(' ');
      words[count++] = line.substr(0, space);
      if (space == std::string_view::npos) break;
      line.remove_prefix(space + 1);
    }
    size_t size = 0;
    std::from_chars(words[count - 1].begin(), words[count - 1].end(), size);
    if (bytes.size() < end + 2 + size + 2) return 0;
    on_message(words[1], count == 5 ? words[3] : std::string_view(), bytes.substr(end + 2, size));
    return end + 2 + size + 2;
  }

  Client client_;
  std::string pending_;
};

class RequestRun {
 public:
  RequestRun(const Endpoint& server, const RequestOptions& options);
  RequestResult phase(double seconds, pid_t server_pid);

 private:
  void request(int64_t due_ns);
  void read_both(int64_t timeout_ns);
  void on_reply(std::string_view subject);

  RequestOptions options_;
  Parsed requester_;
  Parsed responder_;
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
      requester_.read([this](std::string_view subject, std::string_view, std::string_view) {
        on_reply(subject);
      });
    } else {
      responder_.read([this](std::string_view, std::string_view reply, std::string_view payload) {
        replies_ += "PUB ";
        replies_ += reply;
        replies_ += " " + std::to_string(payload.size()) + "\r\n";
        replies_ += payload;
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

#include "jetstream.h"

#include "jetstream_actors.h"
#include "process.h"

#include <algorithm>
#include <fstream>
#include <memory>

namespace petrel::bench {

namespace {

constexpr int64_t kPatienceNs = 30'000'000'000;  // without any progress: something is lost
constexpr int64_t kWaitNs = 10'000'000;

class Run {
 public:
  Run(const Endpoint& server, const JetStreamOptions& options);
  JetStreamResult phase(double seconds, pid_t server_pid);
  void check_nothing_more();

 private:
  void read_script();
  void serve(bool wait);
  uint64_t to_send() const;
  bool is_over() const;
  void ping_all();
  template <typename ActorType, typename... Arguments>
  void add(Arguments&&... arguments);

  const JetStreamOptions options_;
  const Endpoint server_;
  Tally tally_;
  std::vector<RequestActor::Request> requests_;
  std::vector<std::unique_ptr<Actor>> actors_;
  std::vector<bool> waits_to_write_;
  Poller poller_;
};

template <typename ActorType, typename... Arguments>
void Run::add(Arguments&&... arguments) {
  actors_.push_back(std::make_unique<ActorType>(server_, tally_, options_, arguments...));
  waits_to_write_.push_back(false);
  poller_.add(actors_.back()->fd(), static_cast<uint32_t>(actors_.size() - 1));
}

Run::Run(const Endpoint& server, const JetStreamOptions& options)
    : options_(options), server_(server) {
  for (uint32_t i = 0; i < options.pullers; ++i) add<PullActor>(i);
  for (uint32_t i = 0; i < options.pushed; ++i) add<PushActor>(i);
  for (uint32_t i = 0; i < options.publishers; ++i) add<PublishActor>(i);
  if (!options.script.empty()) {
    read_script();
    add<RequestActor>(requests_);
  }
  if (actors_.empty()) fail("nobody takes part");
}

void Run::read_script() {
  std::ifstream lines(options_.script);
  for (std::string line; std::getline(lines, line);) {
    const size_t tab = line.find('\t');
    if (tab == std::string::npos) fail("a line of the script without a tab");
    requests_.emplace_back(line.substr(0, tab), line.substr(tab + 1));
  }
  if (requests_.empty()) fail("the script is empty");
}

// One turn: everybody sends what is due, then what has arrived is read.
void Run::serve(bool wait) {
  for (uint32_t i = 0; i < actors_.size(); ++i) {
    actors_[i]->turn();
    if (actors_[i]->is_blocked() == waits_to_write_[i]) continue;
    waits_to_write_[i] = actors_[i]->is_blocked();
    poller_.want_write(actors_[i]->fd(), i, waits_to_write_[i]);
  }
  for (const Poller::Event& event : poller_.wait(wait ? kWaitNs : 0)) {
    if (event.readable) actors_[event.index]->read();
    if (event.writable) actors_[event.index]->unblock();
  }
}

// What publishers and requesters have before them; 0: they go by time.
uint64_t Run::to_send() const {
  if (options_.publishers != 0) return options_.messages;
  return options_.repeat ? 0 : requests_.size();
}

bool Run::is_over() const {
  if (tally_.answered != tally_.sent || tally_.sent < to_send()) return false;
  if (options_.pullers + options_.pushed == 0) return true;
  const bool each = !options_.shared;
  const uint64_t messages = options_.publishers != 0 ? tally_.sent : options_.messages;
  return tally_.delivered >= messages * (each ? options_.pullers + options_.pushed : 1);
}

void Run::ping_all() {
  for (const auto& actor : actors_) actor->ping();
  while (!std::all_of(actors_.begin(), actors_.end(),
                      [](const auto& actor) { return actor->is_answered(); })) {
    serve(true);
  }
}

JetStreamResult Run::phase(double seconds, pid_t server_pid) {
  const Tally before = tally_;
  tally_.latencies_ns.clear();
  tally_.may_send = true;
  const int64_t cpu = process_cpu_ns(server_pid);
  const int64_t start = monotonic_ns();
  const auto limit = static_cast<int64_t>(seconds * 1e9);
  const bool by_time = options_.repeat || (options_.publishers != 0 && options_.messages == 0);
  int64_t last_progress = start;
  uint64_t last_count = 0;
  serve(true);
  while (by_time ? tally_.may_send || !is_over() : !is_over()) {
    serve(true);
    const int64_t now = monotonic_ns();
    if (by_time && now - start > limit) tally_.may_send = false;
    const uint64_t count = tally_.answered + tally_.delivered;
    if (count != last_count) last_progress = now;
    last_count = count;
    if (now - last_progress > kPatienceNs) {
      fail("nothing came any more: " + std::to_string(tally_.answered) + " of " +
           std::to_string(tally_.sent) + " answered, " + std::to_string(tally_.delivered) +
           " delivered");
    }
  }
  ping_all();
  JetStreamResult result{.published = tally_.answered - before.answered,
                         .published_in_all = tally_.answered,
                         .delivered = tally_.delivered - before.delivered,
                         .elapsed_ns = monotonic_ns() - start,
                         .server_cpu_ns = process_cpu_ns(server_pid) - cpu,
                         .latencies_ns = tally_.latencies_ns};
  std::sort(result.latencies_ns.begin(), result.latencies_ns.end());
  return result;
}

void Run::check_nothing_more() {
  tally_.may_send = false;
  ping_all();
  const uint64_t messages = options_.publishers != 0 ? tally_.sent : options_.messages;
  const uint64_t copies = options_.shared ? 1 : options_.pullers + options_.pushed;
  if (copies != 0 && tally_.delivered != messages * copies) {
    fail("more messages came than were published");
  }
}

}  // namespace

JetStreamResult run_jetstream(const Endpoint& server, pid_t server_pid,
                              const JetStreamOptions& options) {
  Run run(server, options);
  if (options.warm_up_seconds > 0) run.phase(options.warm_up_seconds, server_pid);
  JetStreamResult result = run.phase(options.seconds, server_pid);
  run.check_nothing_more();
  return result;
}

}  // namespace petrel::bench

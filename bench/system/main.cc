// petrel_load: one measurement of one running server, printed as one line of JSON.
// Run by run.py, which starts the servers; see docs/benchmarks.md.
#include "connections.h"
#include "flood.h"
#include "jetstream.h"
#include "process.h"
#include "request_reply.h"
#include "throughput.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <sys/resource.h>
#include <vector>

namespace petrel::bench {

namespace {

constexpr const char* kUsage =
    "usage: petrel_load KIND --port N --pid N [--tls 1] [--NAME VALUE]...\n"
    "  KIND throughput  publishers subscribers subjects interest(none|all|each|own|queue) size\n"
    "                   headers(0|1) lockstep(0|1) background seconds warm-up window patience\n"
    "       requests    in-flight rate size seconds warm-up\n"
    "       jetstream   publishers in-flight subject subjects size messages\n"
    "                   pullers stream batch ack(0|1) shared(0|1) exact(0|1)\n"
    "                   pushed create-subject create-config script repeat(0|1) seconds warm-up\n"
    "       connects    count parallel\n"
    "       idle-memory count\n"
    "       subs-memory count\n"
    "       idle-cpu    count seconds\n"
    "       start       --port N -- COMMAND...\n";

// The flags of the command line; every flag has a value.
class Flags {
 public:
  Flags(int argc, char** argv) {
    for (int i = 2; i < argc; ++i) {
      const std::string word = argv[i];
      if (word == "--") {
        command_.assign(argv + i + 1, argv + argc);
        return;
      }
      if (!word.starts_with("--") || i + 1 == argc) fail("bad argument " + word + "\n" + kUsage);
      values_[word.substr(2)] = argv[++i];
    }
  }

  std::string text(const std::string& name, const std::string& fallback) const {
    const auto found = values_.find(name);
    return found == values_.end() ? fallback : found->second;
  }
  double number(const std::string& name, double fallback) const {
    const auto found = values_.find(name);
    return found == values_.end() ? fallback : std::atof(found->second.c_str());
  }
  uint32_t count(const std::string& name, uint32_t fallback) const {
    return static_cast<uint32_t>(number(name, fallback));
  }
  const std::vector<std::string>& command() const { return command_; }

 private:
  std::map<std::string, std::string> values_;
  std::vector<std::string> command_;
};

Interest interest_of(const std::string& name) {
  const std::map<std::string, Interest> names = {{"none", Interest::kNone},
                                                 {"all", Interest::kAll},
                                                 {"each", Interest::kEach},
                                                 {"own", Interest::kOwn},
                                                 {"queue", Interest::kQueue}};
  const auto found = names.find(name);
  if (found == names.end()) fail("unknown interest " + name);
  return found->second;
}

void print_throughput(const Endpoint& server, pid_t pid, const Flags& flags) {
  ThroughputOptions options;
  options.publishers = flags.count("publishers", options.publishers);
  options.subscribers = flags.count("subscribers", options.subscribers);
  options.subjects = flags.count("subjects", options.subjects);
  options.interest = interest_of(flags.text("interest", "all"));
  options.payload_bytes = flags.count("size", options.payload_bytes);
  options.headers = flags.count("headers", 0) != 0;
  options.lockstep = flags.count("lockstep", 0) != 0;
  options.background_subscriptions = flags.count("background", 0);
  options.warm_up_seconds = flags.number("warm-up", options.warm_up_seconds);
  options.seconds = flags.number("seconds", options.seconds);
  options.window_bytes = flags.count("window", static_cast<uint32_t>(options.window_bytes));
  options.patience_seconds = flags.number("patience", options.patience_seconds);
  const ThroughputResult result = run_throughput(server, pid, options);
  std::printf(
      "{\"published\": %lu, \"delivered\": %lu, \"published_in_all\": %lu, \"elapsed_ns\": %ld, "
      "\"server_cpu_ns\": %ld, \"client_cpu_ns\": %ld}\n",
      result.published, result.delivered, result.published_in_all, result.elapsed_ns,
      result.server_cpu_ns, result.client_cpu_ns);
}

int64_t percentile(const std::vector<int64_t>& sorted, double share) {
  if (sorted.empty()) fail("no replies");
  return sorted[static_cast<size_t>(static_cast<double>(sorted.size() - 1) * share)];
}

void print_requests(const Endpoint& server, pid_t pid, const Flags& flags) {
  RequestOptions options;
  options.in_flight = flags.count("in-flight", options.in_flight);
  options.rate = flags.number("rate", options.rate);
  options.payload_bytes = flags.count("size", options.payload_bytes);
  options.warm_up_seconds = flags.number("warm-up", options.warm_up_seconds);
  options.seconds = flags.number("seconds", options.seconds);
  const RequestResult result = run_requests(server, pid, options);
  std::printf(
      "{\"published\": %lu, \"delivered\": %lu, \"elapsed_ns\": %ld, \"server_cpu_ns\": %ld, "
      "\"p50_ns\": %ld, \"p99_ns\": %ld, \"p999_ns\": %ld}\n",
      result.requests, result.latencies_ns.size(), result.elapsed_ns, result.server_cpu_ns,
      percentile(result.latencies_ns, 0.5), percentile(result.latencies_ns, 0.99),
      percentile(result.latencies_ns, 0.999));
}

void print_jetstream(const Endpoint& server, pid_t pid, const Flags& flags) {
  JetStreamOptions options;
  options.publishers = flags.count("publishers", options.publishers);
  options.in_flight = flags.count("in-flight", options.in_flight);
  options.subject = flags.text("subject", options.subject);
  options.subjects = flags.count("subjects", options.subjects);
  options.payload_bytes = flags.count("size", options.payload_bytes);
  options.messages = flags.count("messages", 0);
  options.pullers = flags.count("pullers", options.pullers);
  options.stream = flags.text("stream", options.stream);
  options.batch = flags.count("batch", options.batch);
  options.ack = flags.count("ack", 0) != 0;
  options.shared = flags.count("shared", 0) != 0;
  options.exact = flags.count("exact", 0) != 0;
  options.pushed = flags.count("pushed", options.pushed);
  options.create_subject = flags.text("create-subject", "");
  options.create_config = flags.text("create-config", "");
  options.script = flags.text("script", "");
  options.repeat = flags.count("repeat", 0) != 0;
  options.warm_up_seconds = flags.number("warm-up", options.warm_up_seconds);
  options.seconds = flags.number("seconds", options.seconds);
  JetStreamResult result = run_jetstream(server, pid, options);
  if (result.latencies_ns.empty()) result.latencies_ns.push_back(0);
  std::printf(
      "{\"published\": %lu, \"published_in_all\": %lu, \"delivered\": %lu, \"elapsed_ns\": %ld, "
      "\"server_cpu_ns\": %ld, \"p50_ns\": %ld, \"p99_ns\": %ld, \"p999_ns\": %ld}\n",
      result.published, result.published_in_all, result.delivered, result.elapsed_ns,
      result.server_cpu_ns, percentile(result.latencies_ns, 0.5),
      percentile(result.latencies_ns, 0.99), percentile(result.latencies_ns, 0.999));
}

void print_memory(const MemoryResult& result) {
  std::printf(
      "{\"count\": %lu, \"before_bytes\": %ld, \"after_bytes\": %ld, \"private_before_bytes\": "
      "%ld, "
      "\"private_after_bytes\": %ld}\n",
      result.count, result.before.resident_bytes, result.after.resident_bytes,
      result.before.private_bytes, result.after.private_bytes);
}

void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int run(int argc, char** argv) {
  if (argc < 2) fail(kUsage);
  raise_descriptor_limit();
  const std::string kind = argv[1];
  const Flags flags(argc, argv);
  const Endpoint server{.host = flags.text("host", "127.0.0.1"),
                        .port = static_cast<uint16_t>(flags.count("port", 4222)),
                        .tls = flags.count("tls", 0) != 0,
                        .user = flags.text("user", "")};
  const auto pid = static_cast<pid_t>(flags.count("pid", 0));
  if (kind == "throughput") {
    print_throughput(server, pid, flags);
  } else if (kind == "requests") {
    print_requests(server, pid, flags);
  } else if (kind == "jetstream") {
    print_jetstream(server, pid, flags);
  } else if (kind == "flood") {
    run_flood(server, {.publishers = flags.count("publishers", 4),
                       .subscribers = flags.count("subscribers", 10),
                       .payload_bytes = flags.count("size", 128)});
  } else if (kind == "connects") {
    const ConnectResult result =
        run_connects(server, pid, flags.count("count", 5000), flags.count("parallel", 32));
    std::printf("{\"count\": %lu, \"elapsed_ns\": %ld, \"server_cpu_ns\": %ld}\n",
                result.connections, result.elapsed_ns, result.server_cpu_ns);
  } else if (kind == "idle-memory") {
    print_memory(run_idle_connections(server, pid, flags.count("count", 5000)));
  } else if (kind == "subs-memory") {
    print_memory(run_subscriptions(server, pid, flags.count("count", 1'000'000)));
  } else if (kind == "idle-cpu") {
    std::printf("{\"cpu_ns_per_second\": %ld}\n",
                run_idle_cpu(server, pid, flags.count("count", 100), flags.number("seconds", 3)));
  } else if (kind == "start") {
    const StartResult result = run_start(server, flags.command());
    std::printf("{\"info_ns\": %ld, \"resident_bytes\": %ld, \"private_bytes\": %ld}\n",
                result.info_ns, result.memory.resident_bytes, result.memory.private_bytes);
  } else {
    fail("unknown kind " + kind + "\n" + kUsage);
  }
  return 0;
}

}  // namespace

}  // namespace petrel::bench

int main(int argc, char** argv) {
  return petrel::bench::run(argc, argv);
}

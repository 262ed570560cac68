// Plays what nats-server 2.15.2 was asked (tests/conformance/api_golden) against the pure functions
// of admission and compares errors and configurations byte for byte.
#include "petrel/jetstream/api_admission.h"
#include "petrel/jetstream/api_json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <map>
#include <string>

namespace petrel::jetstream {
namespace {

using Json = nlohmann::ordered_json;

// `@{x*N}` is x, N times.
std::string expand(const std::string& text) {
  std::string out;
  size_t at = 0;
  for (;;) {
    const size_t begin = text.find("@{", at);
    if (begin == std::string::npos) return out + text.substr(at);
    const size_t end = text.find('}', begin + 2 + (text[begin + 2] == '}' ? 1 : 0));
    const size_t star = text.rfind('*', end);
    out += text.substr(at, begin - at);
    const std::string unit = text.substr(begin + 2, star - begin - 2);
    for (int n = std::stoi(text.substr(star + 1)); n > 0; --n) out += unit;
    at = end + 1;
  }
}

// Streams and consumers of one account as plain configurations.
class Model {
 public:
  explicit Model(const std::string& profile) : strict_(profile != "lenient") {
    limits_.storage_max_stream_bytes = limits_.memory_max_stream_bytes = 0;
    if (profile == "account") {
      limits_.max_memory = 1 << 20;
      limits_.max_storage = 2 << 20;
      limits_.max_streams = 3;
      limits_.max_consumers = 2;
      limits_.max_ack_pending = 500;
      limits_.memory_max_stream_bytes = 300'000;
      limits_.storage_max_stream_bytes = 1'000'000;
      limits_.max_bytes_required = true;
    } else if (profile == "server") {
      limits_.server_max_ack_pending = 700;
      limits_.server_max_request_batch = 250;
      limits_.duplicate_window = Duration::minutes(1);
      limits_.default_max_consumers = 3;
    }
  }

  // {"error":..} or {"config":..} or {"silent":true}, as in the file.
  Json answer(const std::string& subject, const std::string& body) {
    const ApiSubject call = parse_api_subject(subject);
    switch (call.call) {
      case ApiCall::kStreamCreate:
      case ApiCall::kStreamUpdate:
        return change_stream(call, body);
      case ApiCall::kConsumerCreate:
        return create_consumer(call, body);
      default:
        return {{"silent", true}};
    }
  }

 private:
  struct Asset {
    StreamConfig config;
    std::map<std::string, ConsumerConfig> consumers;
  };

  static Json refused(const ApiError& error) {
    std::string text;
    append_api_error(text, error);
    return {{"error", text}};
  }

  std::vector<const StreamConfig*> streams() const {
    std::vector<const StreamConfig*> list;
    for (const auto& [name, stream] : streams_) list.push_back(&stream.config);
    return list;
  }

  static std::vector<const ConsumerConfig*> consumers_of(const Asset& stream) {
    std::vector<const ConsumerConfig*> list;
    for (const auto& [name, consumer] : stream.consumers) list.push_back(&consumer);
    return list;
  }

  Json change_stream(const ApiSubject& call, const std::string& body) {
    const auto request = parse_stream_config(body, strict_);
    if (!request) return refused(request.error());
    StreamCheckContext context;
    context.limits = limits_;
    context.pedantic = request->pedantic;
    context.streams = streams();
    const std::string name(call.stream);
    const StreamReservations reserved = reserved_by_others(context.streams, name);
    const ApiResult<StreamAdmission> admitted =
        call.call == ApiCall::kStreamCreate
            ? admit_stream_create(call.stream, *request, context, reserved)
            : admit_stream_update(call.stream, *request, context, reserved);
    if (!admitted) return refused(admitted.error());
    if (const auto at = streams_.find(name); at != streams_.end()) {
      const auto tight =
          check_consumers_fit(at->second.config, admitted->config, consumers_of(at->second));
      if (tight) return refused(*tight);
    }
    streams_[name].config = admitted->config;
    StreamConfig shown = admitted->config;
    add_server_metadata(shown.metadata);
    return {{"config", stream_config_json(shown)}};
  }

  Json create_consumer(const ApiSubject& call, const std::string& body) {
    auto request = parse_consumer_create(body, strict_);
    if (!request) return refused(request.error());
    if (const auto wrong = join_consumer_subject(call, *request)) return refused(*wrong);
    if (request->config.num_replicas > 1) {
      return refused(api_error(ApiErrc::kStreamReplicasNotSupported));
    }
    const auto at = streams_.find(std::string(call.stream));
    if (at == streams_.end()) return refused(api_error(ApiErrc::kStreamNotFound));
    Asset& stream = at->second;
    ConsumerCheckContext context;
    context.limits = limits_;
    context.pedantic = request->pedantic;
    context.consumers = consumers_of(stream);
    const auto current = stream.consumers.find(request->config.name);
    if (current != stream.consumers.end()) context.current = &current->second;
    auto admitted = admit_consumer(*request, stream.config, context);
    if (!admitted) return refused(admitted.error());
    ConsumerConfig& config = admitted->config;
    // A name that the server makes is not told in the configuration.
    ConsumerConfig shown = config;
    stream.consumers[config.name] = config;
    add_server_metadata(shown.metadata);
    return {{"config", consumer_config_json(shown)}};
  }

  ConfigLimits limits_;
  bool strict_;
  std::map<std::string, Asset> streams_;
};

TEST(ApiGolden, AnswersWhatNatsServerAnswers) {
  std::ifstream file(PETREL_SOURCE_DIR "/tests/conformance/api_golden/golden.jsonl");
  ASSERT_TRUE(file.good());
  std::string group;
  std::optional<Model> model;
  size_t requests = 0;
  for (std::string line; std::getline(file, line);) {
    const Json want = Json::parse(line);
    const std::string here =
        want["profile"].get<std::string>() + "/" + want["group"].get<std::string>();
    if (here != group) model.emplace(want["profile"].get<std::string>());
    group = here;
    const std::string subject = "$JS.API." + expand(want["subject"].get<std::string>());
    const Json got = model->answer(subject, expand(want["body"].get<std::string>()));
    for (const char* key : {"error", "config", "silent"}) {
      EXPECT_EQ(want.value(key, Json()), got.value(key, Json()))
          << group << ": " << subject.substr(0, 200) << " "
          << want["body"].get<std::string>().substr(0, 300);
    }
    ++requests;
  }
  EXPECT_GE(requests, 1000U);
}

}  // namespace
}  // namespace petrel::jetstream

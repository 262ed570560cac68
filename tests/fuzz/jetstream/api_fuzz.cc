// Every parser of the JetStream API: subjects, bodies (strict and lenient), stored configurations.
// What is read as a configuration must come back the same from its own JSON.
#include "petrel/base/check.h"
#include "petrel/jetstream/api_admission.h"
#include "petrel/jetstream/api_json.h"
#include "petrel/jetstream/api_requests.h"

#include <cstddef>
#include <cstdint>

namespace {

using namespace petrel::jetstream;
using petrel::Slice;

void read_optional_bodies(Slice body, bool strict) {
  (void)parse_stream_page(body, strict);
  (void)parse_consumer_page(body, strict);
  (void)parse_stream_info(body, strict);
  (void)parse_stream_purge(body, strict);
  (void)parse_consumer_pause(body, strict);
  (void)parse_step_down(body, strict);
  (void)parse_message_get(body, strict);
  (void)parse_message_delete(body, strict);
  (void)parse_stream_snapshot(body, strict);
  (void)parse_stream_restore(body, strict);
  (void)parse_peer(ApiCall::kMetaServerRemove, body, strict);
  (void)parse_rescue(body, strict);
  (void)parse_stream_move(body, strict);
}

void read_plain_bodies(Slice body) {
  (void)parse_consumer_reset(body);
  (void)parse_consumer_unpin(body);
  (void)parse_direct_get(body);
  (void)parse_direct_get_last("a", body);
  (void)parse_pull(body);
  (void)is_empty_request(body);
  (void)check_required_level(body);
}

void create_stream(Slice body, bool strict) {
  const auto request = parse_stream_config(body, strict);
  if (!request) return;
  StreamCheckContext context;
  const auto admitted = admit_stream_create(request->config.name, *request, context, {});
  if (!admitted) return;
  const auto again = read_stream_config(stream_config_json(admitted->config));
  PETREL_CHECK(again.is_ok() && *again == admitted->config);
  context.streams = {&*again};
  (void)admit_stream_update(again->name, *request, context, {});
}

void create_consumer(Slice body, bool strict) {
  auto request = parse_consumer_create(body, strict);
  if (!request) return;
  StreamConfig stream;
  stream.name = "S";
  stream.subjects = {"a.>"};
  stream.num_replicas = 1;
  const auto admitted = admit_consumer(*request, stream, {});
  if (!admitted) return;
  const auto again = read_consumer_config(consumer_config_json(admitted->config));
  PETREL_CHECK(again.is_ok() && *again == admitted->config);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Slice body(reinterpret_cast<const char*>(data), size);
  for (const bool strict : {true, false}) {
    create_stream(body, strict);
    create_consumer(body, strict);
    read_optional_bodies(body, strict);
  }
  read_plain_bodies(body);
  (void)parse_api_subject(body);
  return 0;
}

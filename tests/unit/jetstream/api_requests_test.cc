#include "petrel/jetstream/api_requests.h"

#include "jetstream/subject_overlap.h"

#include "petrel/base/prng.h"
#include "petrel/jetstream/api_admission.h"
#include "petrel/subject/subject.h"

#include <gtest/gtest.h>

#include <string>

namespace petrel::jetstream {
namespace {

TEST(ApiSubject, TakesApartEveryForm) {
  const ApiSubject create = parse_api_subject("$JS.API.CONSUMER.CREATE.S.c.a.*.>");
  EXPECT_EQ(create.call, ApiCall::kConsumerCreate);
  EXPECT_EQ(create.stream, "S");
  EXPECT_EQ(create.consumer, "c");
  EXPECT_EQ(create.filter, "a.*.>");
  EXPECT_FALSE(create.is_durable);

  const ApiSubject durable = parse_api_subject("$JS.API.CONSUMER.DURABLE.CREATE.S.c");
  EXPECT_EQ(durable.call, ApiCall::kConsumerCreate);
  EXPECT_TRUE(durable.is_durable);
  EXPECT_EQ(durable.consumer, "c");

  const ApiSubject legacy = parse_api_subject("$JS.API.CONSUMER.CREATE.S");
  EXPECT_EQ(legacy.call, ApiCall::kConsumerCreate);
  EXPECT_TRUE(legacy.consumer.empty());

  const ApiSubject direct = parse_api_subject("$JS.API.DIRECT.GET.KV_b.$KV.b.key");
  EXPECT_EQ(direct.call, ApiCall::kDirectGet);
  EXPECT_EQ(direct.stream, "KV_b");
  EXPECT_EQ(direct.filter, "$KV.b.key");

  const ApiSubject purge = parse_api_subject("$JS.API.ACCOUNT.PURGE.ACC");
  EXPECT_EQ(purge.call, ApiCall::kAccountPurge);
  EXPECT_EQ(purge.consumer, "ACC");
  EXPECT_TRUE(purge.is_system);
  EXPECT_EQ(parse_api_subject("$JS.API.STREAM.LIST").kind, ApiKind::kStreamList);
  EXPECT_FALSE(parse_api_subject("$JS.API.STREAM.LIST").is_system);
}

TEST(ApiSubject, LeavesUnknownFormsWithoutAnAnswer) {
  for (const char* subject :
       {"$JS.API", "$JS.API.", "$JS.API.STREAM", "$JS.API.STREAM.CREATE", "$JS.API.STREAM.CREATE.",
        "$JS.API.STREAM.CREATE.a.b", "$JS.API.STREAM.CREATE..a", "$JS.API.stream.create.a",
        "$JS.API.CONSUMER.DURABLE.CREATE.S", "$JS.API.STREAM.LIST.x", "JS.API.INFO", ""}) {
    EXPECT_EQ(parse_api_subject(subject).call, ApiCall::kUnknown) << subject;
  }
}

TEST(ApiRequests, BodiesThatMayBeLeftOut) {
  EXPECT_EQ(parse_stream_page("", true)->offset, 0U);
  EXPECT_EQ(parse_stream_page("anything", true)->offset, 0U);
  EXPECT_EQ(parse_stream_page(" {\"offset\":5,\"subject\":\"a.>\"}", true)->subject, "a.>");
  EXPECT_EQ(parse_stream_page("{\"offset\":-5}", true)->offset, 0U);
  EXPECT_EQ(parse_consumer_page("{\"offset\":9223372036854775807}", true)->offset,
            9223372036854775807U);
  EXPECT_EQ(parse_consumer_page("{\"offset\":9223372036854775808}", true).error().description,
            "invalid JSON: json: cannot unmarshal number 9223372036854775808 into Go struct field "
            "JSApiConsumersRequest.ApiPagedRequest.offset of type int");
  EXPECT_EQ(parse_consumer_page("{\"subject\":\"x\"}", true).error().description,
            "invalid JSON: json: unknown field \"subject\"");
  EXPECT_TRUE(parse_consumer_page("{\"subject\":\"x\"}", false).is_ok());
}

TEST(ApiRequests, PagesNeverRunOver) {
  const Page page = page_of(18446744073709551615U, 10, kNamesPage);
  EXPECT_EQ(page.offset, 10U);
  EXPECT_EQ(page.total, 10U);
  EXPECT_EQ(page.limit, 1024U);
}

TEST(ApiRequests, EmptyRequests) {
  for (const char* body : {"", "{}", " { } ", "{\n}"}) EXPECT_TRUE(is_empty_request(body)) << body;
  for (const char* body : {" ", "null", "[]", "{\"a\":1}", "{}x", "{", "x"}) {
    EXPECT_FALSE(is_empty_request(body)) << body;
  }
  EXPECT_TRUE(parse_message_get("{}", true).error().is(ApiErrc::kBadRequest));
  EXPECT_TRUE(parse_message_delete("", true).error().is(ApiErrc::kBadRequest));
  EXPECT_TRUE(parse_stream_snapshot("", true).error().is(ApiErrc::kBadRequest));
  EXPECT_TRUE(parse_stream_restore("{}", true).error().is(ApiErrc::kBadRequest));
}

TEST(ApiRequests, PurgeRefusesSequenceWithKeep) {
  EXPECT_EQ(parse_stream_purge("{\"seq\":5,\"filter\":\"a\"}", true)->seq, 5U);
  EXPECT_TRUE(parse_stream_purge("{\"seq\":5,\"keep\":1}", true).error().is(ApiErrc::kBadRequest));
}

TEST(ApiRequests, MessageGetRefusesConflicts) {
  EXPECT_EQ(parse_message_get("{\"seq\":5,\"next_by_subj\":\"a\"}", true)->next_by_subj, "a");
  for (const char* body :
       {"{\"seq\":1,\"last_by_subj\":\"a\"}", "{\"no_hdr\":true}", "{\"seq\":1,\"batch\":1}",
        "{\"seq\":1,\"start_time\":\"2026-01-01T00:00:00Z\"}", "{\"seq\":1,\"max_bytes\":1}",
        "{\"last_by_subj\":\"a\",\"next_by_subj\":\"a\"}",
        "{\"last_by_subj\":\"a\",\"start_time\":\"2026-01-01T00:00:00Z\"}"}) {
    EXPECT_TRUE(parse_message_get(body, true).error().is(ApiErrc::kBadRequest)) << body;
  }
}

TEST(ApiRequests, DirectGetSaysWhatIsWrong) {
  EXPECT_EQ(parse_direct_get("").error().detail, "Empty Request");
  EXPECT_EQ(parse_direct_get("{}").error().detail, "Empty Request");
  EXPECT_EQ(parse_direct_get("{\"seq\":\"x\"}").error().detail, "Malformed Request");
  EXPECT_EQ(parse_direct_get("{\"last_by_subj\":\"a\",\"batch\":2}").error().detail, "Bad Request");
  EXPECT_EQ(parse_direct_get("{\"multi_last\":[\"a\"],\"next_by_subj\":\"b\"}").error().detail,
            "Bad Request");
  EXPECT_EQ(parse_direct_get("{\"seq\":1,\"unknown\":2}")->seq, 1U);
  EXPECT_EQ(parse_direct_get_last("a.b", "")->last_by_subj, "a.b");
  EXPECT_TRUE(parse_direct_get_last("a.b", "{\"no_hdr\":true}")->no_hdr);
  EXPECT_EQ(parse_direct_get_last("a.b", "{\"seq\":1}").error().detail, "Bad Request");
  EXPECT_EQ(parse_direct_get_last("", "").error().detail, "Bad Request");
}

TEST(ApiRequests, PullBodies) {
  EXPECT_EQ(parse_pull("")->batch, 1);
  EXPECT_EQ(parse_pull(" 25 ")->batch, 25);
  EXPECT_EQ(parse_pull("+25")->batch, 25);
  EXPECT_EQ(parse_pull("what")->batch, 1);
  EXPECT_EQ(parse_pull("99999999999999999999")->batch, 1);
  EXPECT_EQ(parse_pull("{}")->batch, 0);
  const auto pull = parse_pull(
      "{\"expires\":5000,\"batch\":3,\"no_wait\":true,\"idle_heartbeat\":2500,\"group\":\"g\","
      "\"id\":\"x\",\"priority\":9,\"min_pending\":7,\"anything\":1}");
  ASSERT_TRUE(pull.is_ok());
  EXPECT_EQ(pull->expires.ns, 5000);
  EXPECT_EQ(pull->group, "g");
  EXPECT_EQ(pull->priority, 9);
  EXPECT_TRUE(pull->is_json);
  EXPECT_EQ(parse_pull("{\"expires\":5000,\"idle_heartbeat\":2501}").error().detail,
            "heartbeat value too large");
  EXPECT_EQ(parse_pull("{\"batch\":\"x\"}").error().detail,
            "json: cannot unmarshal string into Go struct field JSApiConsumerGetNextRequest.batch "
            "of type int");
  EXPECT_EQ(parse_pull("{\"batch\"").error().detail, "unexpected end of JSON input");
}

TEST(ApiRequests, PauseUnpinResetStepDown) {
  EXPECT_FALSE(parse_consumer_pause("", true)->has_value());
  EXPECT_FALSE(parse_consumer_pause("{}", true)->has_value());
  EXPECT_EQ((*parse_consumer_pause("{\"pause_until\":\"1970-01-01T00:00:01Z\"}", true))->ns,
            1'000'000'000);
  EXPECT_EQ(*parse_consumer_unpin("{\"group\":\"g\"}"), "g");
  EXPECT_EQ(parse_consumer_unpin("{}").error().description,
            "invalid JSON: consumer group not specified");
  EXPECT_TRUE(
      parse_consumer_unpin("{\"group\":\"a b\"}").error().is(ApiErrc::kConsumerInvalidGroupName));
  EXPECT_EQ(*parse_consumer_reset("{\"seq\":7}"), 7U);
  EXPECT_EQ(parse_consumer_reset("x").error().description,
            "invalid JSON: invalid character 'x' looking for beginning of value");
  EXPECT_EQ((*parse_step_down("{\"placement\":{\"preferred\":\"n\"}}", true))->preferred, "n");
  EXPECT_TRUE(parse_peer(ApiCall::kStreamRemovePeer, "{\"peer\":\"\",\"peer\":\"\"}", true)
                  .error()
                  .is(ApiErrc::kBadRequest));
  EXPECT_EQ(parse_peer(ApiCall::kMetaServerRemove, "{\"peer_id\":\"p\"}", true)->peer_id, "p");
}

TEST(ApiRequests, RequiredLevels) {
  EXPECT_FALSE(check_required_level("").has_value());
  EXPECT_FALSE(check_required_level("5").has_value());
  EXPECT_FALSE(check_required_level("-1").has_value());
  for (const char* level : {"6", "x", "5 ", "+-1", "99999999999999999999"}) {
    EXPECT_TRUE(check_required_level(level)->is(ApiErrc::kRequiredApiLevel)) << level;
  }
}

TEST(ApiHostile, DeepJsonIsRefusedWithoutRecursion) {
  const std::string deep(1'000'000, '[');
  EXPECT_EQ(parse_stream_config(deep, true).error().description,
            "invalid JSON: invalid character '[' exceeded max depth at offset 10001");
  std::string nested = "{\"name\":\"S\",\"x\":";
  for (int i = 0; i < 9'999; ++i) nested += "{\"x\":";
  EXPECT_EQ(parse_stream_config(nested, true).error().description, "invalid JSON: unexpected EOF");
  const std::string whole =
      "{\"name\":\"S\",\"x\":" + std::string(9'999, '[') + std::string(9'999, ']') + "}";
  EXPECT_EQ(parse_stream_config(whole, true).error().description,
            "invalid JSON: json: unknown field \"x\"");
  EXPECT_EQ(parse_stream_config(whole, false)->config.name, "S");
}

TEST(ApiHostile, NamesThatLeaveTheFolderAreRefused) {
  for (const char* name : {"../x", "..", ".", "a/../b", "a\\b", "/", "a\tb", "a\nb", ""}) {
    StreamConfigRequest request;
    request.config.name = name;
    const auto admitted = admit_stream_create(name, request, {}, {});
    EXPECT_FALSE(admitted.is_ok()) << name;
    EXPECT_FALSE(is_valid_asset_name(name)) << name;
  }
}

TEST(ApiHostile, TtlsAndWindowsAtTheEdgeOfTheRange) {
  StreamConfig config;
  config.name = "S";
  config.max_age = {INT64_MAX};
  config.duplicate_window = {INT64_MAX};
  config.subject_delete_marker_ttl = {INT64_MAX};
  config.max_bytes = INT64_MAX;
  ASSERT_TRUE(check_stream_config(config, {}).is_ok());
  ConfigLimits limits;
  limits.max_storage = 1000;
  StreamReservations reserved;
  reserved.storage = INT64_MAX;
  reserved.server_storage = INT64_MAX;
  EXPECT_TRUE(check_stream_limits(config, nullptr, limits, reserved)
                  ->is(ApiErrc::kStorageResourcesExceeded));
  config.max_age = {INT64_MIN};
  EXPECT_FALSE(check_stream_config(config, {}).is_ok());
}

// Every pair of many filters, as the plain rule compares them.
bool any_covered(const std::vector<std::string>& list) {
  for (size_t i = 0; i < list.size(); ++i) {
    for (size_t j = 0; j < list.size(); ++j) {
      if (i != j && subject::is_subset_match(list[i], list[j])) return true;
    }
  }
  return false;
}

TEST(SubjectOverlap, FindsWhatComparingEveryPairFinds) {
  Prng prng(7);
  constexpr const char* kTokens[] = {"a", "b", "*", "c"};
  for (int round = 0; round < 5000; ++round) {
    std::vector<std::string> list;
    for (uint64_t n = 1 + prng.below(5); n > 0; --n) {
      std::string subject;
      for (uint64_t depth = 1 + prng.below(3); depth > 0; --depth) {
        if (!subject.empty()) subject += '.';
        subject += kTokens[prng.below(4)];
      }
      if (prng.below(4) == 0) subject += ".>";
      list.push_back(subject);
    }
    SubjectOverlap overlap(list);
    bool covered = false;
    for (size_t i = 0; i < list.size(); ++i) {
      covered = covered || overlap.is_covered(i);
      bool collides = false;
      for (size_t j = 0; j < list.size(); ++j) {
        collides = collides || (i != j && subject::subjects_collide(list[i], list[j]));
      }
      ASSERT_EQ(overlap.collides(i), collides)
          << list[i] << " of " << ::testing::PrintToString(list);
    }
    ASSERT_EQ(covered, any_covered(list)) << ::testing::PrintToString(list);
  }
}

TEST(ApiHostile, ManyFiltersAreComparedInBoundedTime) {
  ConsumerConfig config;
  for (int i = 0; i < 20'000; ++i) {
    config.filter_subjects.push_back("orders." + std::to_string(i) + ".*");
  }
  StreamConfig stream;
  stream.name = "S";
  stream.num_replicas = 1;
  EXPECT_TRUE(check_consumer_config(config, stream, {}).is_ok());
  config.filter_subjects.push_back("orders.5.x");
  EXPECT_TRUE(check_consumer_config(config, stream, {})
                  .error()
                  .is(ApiErrc::kConsumerOverlappingSubjectFilters));
  // Half of the subjects meets the other half in the first token only: a square number of steps.
  StreamConfig wide;
  wide.name = "W";
  for (int i = 0; i < 20'000; ++i) {
    wide.subjects.push_back("q.x" + std::to_string(i) + ".a");
    wide.subjects.push_back("q.*.y" + std::to_string(i));
  }
  EXPECT_EQ(check_stream_config(wide, {}).error().description, "subjects with too many wildcards");
}

TEST(ConsumerExtensions, BecomeMetadata) {
  auto request = parse_consumer_create(
      "{\"stream_name\":\"S\",\"config\":{\"dead_letter\":\"dlq.a\","
      "\"max_ack_pending_per_subject\":4}}",
      true);
  ASSERT_TRUE(request.is_ok());
  EXPECT_EQ(dead_letter_subject(request->config), "dlq.a");
  EXPECT_EQ(max_ack_pending_per_subject(request->config), 4U);
  EXPECT_EQ(request->config.metadata.at("petrel.dead_letter"), "dlq.a");
  StreamConfig stream;
  stream.num_replicas = 1;
  // An order per subject is kept by acknowledgements.
  EXPECT_FALSE(check_consumer_config(request->config, stream, {}).is_ok());
  request->config.ack_policy = AckPolicy::kExplicit;
  EXPECT_TRUE(check_consumer_config(request->config, stream, {}).is_ok());
  request->config.metadata["petrel.dead_letter"] = "dlq.*";
  EXPECT_FALSE(check_consumer_config(request->config, stream, {}).is_ok());
  request->config.metadata["petrel.dead_letter"] = "dlq";
  request->config.metadata["petrel.max_ack_pending_per_subject"] = "-1";
  EXPECT_FALSE(check_consumer_config(request->config, stream, {}).is_ok());
}

}  // namespace
}  // namespace petrel::jetstream

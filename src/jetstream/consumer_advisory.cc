// Advisories and metrics of a consumer. Nothing is built when nobody listens.
#include "jetstream/consumer_core.h"

#include "petrel/base/go_json.h"
#include "petrel/jetstream/api_json.h"
#include "petrel/jetstream/stream_config.h"

namespace petrel::jetstream {

namespace {

void add_text(std::string& json, Slice key, Slice value) {
  json.append(",\"").append(key).append("\":");
  append_go_json_string(json, value);
}

void add_number(std::string& json, Slice key, uint64_t value) {
  json.append(",\"").append(key).append("\":");
  append_number(json, value);
}

// "$JS.EVENT." and what stands between it and the names of stream and consumer.
Slice place_of(Slice kind) {
  if (kind == "consumer_ack") return "METRIC.CONSUMER.ACK";
  if (kind == "create") return "ADVISORY.CONSUMER.CREATED";
  if (kind == "delete") return "ADVISORY.CONSUMER.DELETED";
  if (kind == "max_deliver") return "ADVISORY.CONSUMER.MAX_DELIVERIES";
  if (kind == "nak") return "ADVISORY.CONSUMER.MSG_NAKED";
  if (kind == "terminated") return "ADVISORY.CONSUMER.MSG_TERMINATED";
  if (kind == "consumer_pause") return "ADVISORY.CONSUMER.PAUSE";
  if (kind == "consumer_group_pinned") return "ADVISORY.CONSUMER.PINNED";
  if (kind == "dead_letter_not_stored") return "ADVISORY.CONSUMER.DEAD_LETTER";
  return "ADVISORY.CONSUMER.UNPINNED";
}

}  // namespace

// False: nobody listens. Else `json` ends behind "consumer".
bool ConsumerCore::begin_advisory(std::string& json, Slice kind, std::string& subject) {
  const std::string& stream = host_.stream_config().name;
  subject = "$JS.EVENT.";
  subject.append(place_of(kind)).append(".").append(stream).append(".").append(config_.name);
  StreamHost& outside = host_.outside();
  if (!outside.has_interest(host_.stream(), subject, {})) return false;
  const bool is_metric = kind == "consumer_ack";
  json = is_metric ? R"({"type":"io.nats.jetstream.metric.v1.)"
                   : R"({"type":"io.nats.jetstream.advisory.v1.)";
  const bool is_action = kind == "create" || kind == "delete";
  json.append(is_action ? Slice("consumer_action") : kind).append("\"");
  add_text(json, "id", outside.next_id());
  json += ",\"timestamp\":\"";
  append_time(json, outside.wall_now());
  json += '"';
  if (kind == "consumer_group_pinned" || kind == "consumer_group_unpinned") {
    add_text(json, "account", host_.account_name());
  }
  add_text(json, "stream", stream);
  add_text(json, "consumer", config_.name);
  return true;
}

void ConsumerCore::end_advisory(std::string json, const std::string& subject) {
  json += '}';
  host_.outside().advise(host_.stream(), subject, std::move(json));
}

void ConsumerCore::advise_sequences(Slice kind, const AckSubject& at, Slice reason) {
  std::string json;
  std::string subject;
  if (!begin_advisory(json, kind, subject)) return;
  add_number(json, "consumer_seq", at.consumer_sequence);
  add_number(json, "stream_seq", at.stream_sequence);
  add_number(json, "deliveries", at.deliveries);
  if (!reason.empty()) add_text(json, "reason", reason);
  if (!host_.outside().domain().empty()) add_text(json, "domain", host_.outside().domain());
  end_advisory(std::move(json), subject);
}

void ConsumerCore::advise_exhausted(uint64_t sequence, uint64_t deliveries) {
  std::string json;
  std::string subject;
  if (!is_started_ || !begin_advisory(json, "max_deliver", subject)) return;
  add_number(json, "stream_seq", sequence);
  add_number(json, "deliveries", deliveries);
  if (!host_.outside().domain().empty()) add_text(json, "domain", host_.outside().domain());
  end_advisory(std::move(json), subject);
}

void ConsumerCore::advise_sample(const AckSubject& at, int64_t ack_time_ns) {
  std::string json;
  std::string subject;
  if (!begin_advisory(json, "consumer_ack", subject)) return;
  add_number(json, "consumer_seq", at.consumer_sequence);
  add_number(json, "stream_seq", at.stream_sequence);
  json.append(",\"ack_time\":").append(std::to_string(ack_time_ns));
  add_number(json, "deliveries", at.deliveries);
  if (!host_.outside().domain().empty()) add_text(json, "domain", host_.outside().domain());
  end_advisory(std::move(json), subject);
}

// `action`: create or delete.
void ConsumerCore::advise_action(Slice action) {
  std::string json;
  std::string subject;
  if (!begin_advisory(json, action, subject)) return;
  add_text(json, "action", action);
  if (!host_.outside().domain().empty()) add_text(json, "domain", host_.outside().domain());
  end_advisory(std::move(json), subject);
}

void ConsumerCore::advise_paused() {
  std::string json;
  std::string subject;
  if (!begin_advisory(json, "consumer_pause", subject)) return;
  json += is_paused() ? ",\"paused\":true" : ",\"paused\":false";
  json += ",\"pause_until\":\"";
  append_time(json, config_.pause_until.value_or(WallTime{}));
  json += '"';
  if (!host_.outside().domain().empty()) add_text(json, "domain", host_.outside().domain());
  end_advisory(std::move(json), subject);
}

// Beyond nats-server: no stream takes the dead letter subject.
void ConsumerCore::advise_unstored(const DeadLetter& letter) {
  std::string json;
  std::string subject;
  if (!begin_advisory(json, "dead_letter_not_stored", subject)) return;
  add_number(json, "stream_seq", letter.sequence);
  add_number(json, "deliveries", letter.deliveries);
  add_text(json, "reason", letter.reason);
  add_text(json, "subject", dead_letter_subject_);
  if (!host_.outside().domain().empty()) add_text(json, "domain", host_.outside().domain());
  end_advisory(std::move(json), subject);
}

void ConsumerCore::advise_pinned(Slice group) {
  std::string json;
  std::string subject;
  if (!begin_advisory(json, "consumer_group_pinned", subject)) return;
  if (!host_.outside().domain().empty()) add_text(json, "domain", host_.outside().domain());
  add_text(json, "group", group);
  add_text(json, "pinned_id", pin_.id);
  end_advisory(std::move(json), subject);
}

void ConsumerCore::advise_unpinned(Slice group, Slice reason) {
  std::string json;
  std::string subject;
  if (!begin_advisory(json, "consumer_group_unpinned", subject)) return;
  if (!host_.outside().domain().empty()) add_text(json, "domain", host_.outside().domain());
  add_text(json, "group", group);
  add_text(json, "reason", reason);
  end_advisory(std::move(json), subject);
}

}  // namespace petrel::jetstream

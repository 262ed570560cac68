#include "shard/jetstream_answers.h"

#include "shard/hosted_stream.h"
#include "shard/jetstream_advisories.h"
#include "shard/jetstream_backup.h"

#include "petrel/jetstream/api_admission.h"
#include "petrel/jetstream/consumer.h"

namespace petrel::shard {

using jetstream::ApiErrc;
using jetstream::ApiError;
using jetstream::ApiKind;

namespace {

constexpr Slice kActionType = "io.nats.jetstream.advisory.v1.stream_action";

void advise_action(JetStreamService& service, router::AccountInterest& account,
                   const std::string& stream, Slice action) {
  const Slice verb = action == "create" ? "CREATED" : action == "modify" ? "UPDATED" : "DELETED";
  const std::string subject = "$JS.EVENT.ADVISORY.STREAM." + std::string(verb) + "." + stream;
  if (!service.has_interest(account, subject)) return;
  std::string body = R"({"type":")";
  body.append(kActionType).append(R"(","id":")").append(service.next_id());
  body.append(R"(","timestamp":")");
  jetstream::append_time(body, service.wall_now());
  body.append(R"(","stream":")").append(stream);
  body.append(R"(","action":")").append(action).append("\"");
  const std::string& domain = service.node().options.domain;
  if (!domain.empty()) body.append(R"(,"domain":")").append(domain).append("\"");
  body.append("}");
  jetstream::OutMessage message;
  message.target = subject;
  message.subject = subject;
  message.body = body;
  service.send(account, message);
}

// What the journal or the disk say, as nats-server names a failed store.
ApiError store_failure(ApiErrc errc, Slice text) {
  return jetstream::api_error(errc, text);
}

void begin_backup(JetStreamService& service, router::AccountInterest& account,
                  jetstream::Stream& stream, const jetstream::ApiRequest& request,
                  const jetstream::RequestContext& context, const jetstream::Respond& respond) {
  constexpr ApiKind kKind = ApiKind::kStreamSnapshot;
  const auto wanted = jetstream::parse_stream_snapshot(request.body, context.strict);
  if (!wanted) return respond(jetstream::error_json(kKind, wanted.error()));
  stream.when_applied([&service, &account, &stream, wanted = *wanted, request, respond] {
    const jetstream::StreamInfoView info = jetstream::stream_info(stream, {});
    respond(jetstream::stream_snapshot_json(info.config, info.state));
    service.begin_backup(
        std::make_unique<JetStreamBackup>(service, account, stream, BackupOrder{wanted, request}));
  });
}

bool is_refusal(const std::string& json) {
  const size_t type_end = json.find("_response\"");
  return type_end != std::string::npos && json.compare(type_end + 10, 9, ",\"error\":") == 0;
}

// nats-server counts no error when there is no such message to delete.
bool is_counted_refusal(jetstream::ApiCall call, const std::string& json) {
  if (!is_refusal(json)) return false;
  if (call != jetstream::ApiCall::kStreamMessageDelete) return true;
  return json.find("\"err_code\":10043") == std::string::npos &&
         json.find("stream store EOF\"") == std::string::npos &&
         json.find("no message found\"") == std::string::npos;
}

// Of the header block before the JSON.
size_t header_bytes(Slice answer) {
  return answer.starts_with("NATS/1.0\r\n") ? answer.find("\r\n\r\n") + 4 : 0;
}

}  // namespace

void answer(JetStreamService& service, router::AccountInterest& account,
            const jetstream::ApiRequest& request, const std::string& json) {
  if (json.empty()) return;
  answer_to(service, account, request.reply, json);
  audit(service, account, request, json.substr(header_bytes(json)));
}

void answer_to(JetStreamService& service, router::AccountInterest& account,
               const std::string& reply, const std::string& json) {
  if (reply.empty()) return;
  jetstream::OutMessage message;
  message.target = reply;
  message.subject = reply;
  const size_t head = header_bytes(json);
  message.header = Slice(json).substr(0, head);
  message.body = Slice(json).substr(head);
  service.send(account, message);
}

void answer_on_home_loop(JetStreamService& service, router::AccountInterest& account,
                         const std::shared_ptr<JetStreamUsage>& usage, const std::string& stream,
                         const jetstream::ApiRequest& request,
                         const jetstream::RequestContext& context) {
  jetstream::RequestContext here = context;
  here.now = service.wall_now();
  const jetstream::ApiCall call = jetstream::parse_api_subject(request.subject).call;
  const auto respond = [&service, &account, usage, request, call](const std::string& json) {
    if (call == jetstream::ApiCall::kConsumerReset) {
      // In nats-server the consumer answers this: nobody counts it or tells of it.
      if (!json.empty()) answer_to(service, account, request.reply, json);
      return;
    }
    if (is_counted_refusal(call, json)) {
      usage->api_errors.fetch_add(1, std::memory_order_relaxed);
    } else if (call == jetstream::ApiCall::kStreamMessageGet) {
      // nats-server does not count a message that it has.
      usage->api_total.fetch_sub(1, std::memory_order_relaxed);
    }
    answer(service, account, request, json);
  };
  jetstream::Stream* found = service.find(account.name, stream);
  if (found == nullptr) {
    const ApiKind kind = jetstream::parse_api_subject(request.subject).kind;
    return respond(jetstream::error_json(kind, jetstream::api_error(ApiErrc::kStreamNotFound)));
  }
  if (call == jetstream::ApiCall::kStreamSnapshot) {
    return begin_backup(service, account, *found, request, here, respond);
  }
  jetstream::answer_stream_request(*found, request, here, respond);
}

void answer_created(JetStreamService& service, router::AccountInterest& account,
                    const jetstream::ApiRequest& request, const jetstream::RequestContext& context,
                    const Error* error, jetstream::Stream* stream) {
  if (error != nullptr) {
    service.node().log(jetstream::LogLevel::kWarn, "Stream create failed: " + error->detail);
    const ApiError refusal =
        store_failure(ApiErrc::kStreamCreate, "error creating store for stream");
    return answer(service, account, request,
                  jetstream::error_json(ApiKind::kStreamCreate, refusal));
  }
  jetstream::RequestContext here = context;
  here.now = service.wall_now();
  jetstream::StreamInfoView info = jetstream::stream_info(*stream, here);
  info.domain.clear();
  answer(service, account, request, jetstream::stream_create_json(info));
  advise_action(service, account, stream->name(), "create");
}

void update_on_home_loop(JetStreamService& service, router::AccountInterest& account,
                         const jetstream::StreamConfig& config,
                         const jetstream::ApiRequest& request,
                         const jetstream::RequestContext& context,
                         const std::function<void(bool)>& done) {
  constexpr ApiKind kKind = ApiKind::kStreamUpdate;
  jetstream::Stream* stream = service.find(account.name, config.name);
  if (stream == nullptr) {
    answer(service, account, request,
           jetstream::error_json(kKind, jetstream::api_error(ApiErrc::kStreamNotFound)));
    return done(false);
  }
  std::vector<const jetstream::ConsumerConfig*> consumers;
  for (const jetstream::Consumer* consumer : stream->consumers()) {
    consumers.push_back(&consumer->config());
  }
  if (const auto tight = jetstream::check_consumers_fit(stream->config(), config, consumers)) {
    answer(service, account, request, jetstream::error_json(kKind, *tight));
    return done(false);
  }
  stream->update(config,
                 [&service, &account, stream, request, context, done](const ApiError* error) {
                   if (error != nullptr) {
                     answer(service, account, request, jetstream::error_json(kKind, *error));
                     return done(false);
                   }
                   jetstream::RequestContext here = context;
                   here.now = service.wall_now();
                   answer(service, account, request,
                          jetstream::stream_update_json(jetstream::stream_info(*stream, here)));
                   advise_action(service, account, stream->name(), "modify");
                   done(true);
                 });
}

void delete_on_home_loop(JetStreamService& service, router::AccountInterest& account,
                         const std::string& stream, const jetstream::ApiRequest& request,
                         const std::function<void(bool)>& done) {
  constexpr ApiKind kKind = ApiKind::kStreamDelete;
  jetstream::Stream* found = service.find(account.name, stream);
  if (found == nullptr) {
    answer(service, account, request,
           jetstream::error_json(kKind, jetstream::api_error(ApiErrc::kStreamNotFound)));
    return done(true);
  }
  found->remove([&service, &account, found, stream, request, done](const ApiError* error) {
    if (error != nullptr) {
      answer(service, account, request, jetstream::error_json(kKind, *error));
      return done(false);
    }
    service.forget(*found, [&service, &account, stream, request, done] {
      answer(service, account, request, jetstream::success_json(kKind));
      advise_action(service, account, stream, "delete");
      done(true);
    });
  });
}

void gather_infos(JetStreamService& service, const std::string& account,
                  const std::vector<std::string>& streams, const jetstream::RequestContext& context,
                  const std::function<void(std::vector<jetstream::StreamInfoView>)>& done) {
  jetstream::RequestContext here = context;
  here.now = service.wall_now();
  std::vector<jetstream::StreamInfoView> infos;
  for (const std::string& name : streams) {
    const jetstream::Stream* stream = service.find(account, name);
    if (stream != nullptr) infos.push_back(jetstream::stream_info(*stream, here));
  }
  done(std::move(infos));
}

void answer_missing_consumer_create(const jetstream::ApiRequest& request,
                                    const jetstream::ApiSubject& subject, bool strict,
                                    const std::function<void(const ApiError&)>& refuse) {
  auto wanted = jetstream::parse_consumer_create(request.body, strict);
  if (!wanted) return refuse(wanted.error());
  if (const auto wrong = jetstream::join_consumer_subject(subject, *wanted)) return refuse(*wrong);
  if (wanted->config.num_replicas > 1) {
    return refuse(jetstream::api_error(ApiErrc::kStreamReplicasNotSupported));
  }
  refuse(jetstream::api_error(ApiErrc::kStreamNotFound));
}

}  // namespace petrel::shard

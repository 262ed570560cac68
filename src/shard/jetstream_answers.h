// The part of the JetStream API that runs on the home loop of a stream: performs a request that
// JetStreamApi handed on, and answers it.
//
// Thread: the loop of `service`.
#pragma once

#include "petrel/jetstream/stream_requests.h"
#include "petrel/shard/jetstream_service.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace petrel::shard {

// Sends `json` to the reply subject of a request and tells who listens what was asked and answered.
void answer(JetStreamService& service, router::AccountInterest& account,
            const jetstream::ApiRequest& request, const std::string& json);
// Sends `json` to `reply`, which may be empty; nothing without a reply.
void answer_to(JetStreamService& service, router::AccountInterest& account,
               const std::string& reply, const std::string& json);

void answer_on_home_loop(JetStreamService& service, router::AccountInterest& account,
                         const std::shared_ptr<JetStreamUsage>& usage, const std::string& stream,
                         const jetstream::ApiRequest& request,
                         const jetstream::RequestContext& context);

void answer_created(JetStreamService& service, router::AccountInterest& account,
                    const jetstream::ApiRequest& request, const jetstream::RequestContext& context,
                    const Error* error, jetstream::Stream* stream);

// `done(whether it is updated)` once it is decided.
void update_on_home_loop(JetStreamService& service, router::AccountInterest& account,
                         const jetstream::StreamConfig& config,
                         const jetstream::ApiRequest& request,
                         const jetstream::RequestContext& context,
                         const std::function<void(bool)>& done);

// `done(whether it is gone)` once that is on disk.
void delete_on_home_loop(JetStreamService& service, router::AccountInterest& account,
                         const std::string& stream, const jetstream::ApiRequest& request,
                         const std::function<void(bool)>& done);

void gather_infos(JetStreamService& service, const std::string& account,
                  const std::vector<std::string>& streams, const jetstream::RequestContext& context,
                  const std::function<void(std::vector<jetstream::StreamInfoView>)>& done);

void answer_missing_consumer_create(const jetstream::ApiRequest& request,
                                    const jetstream::ApiSubject& subject, bool strict,
                                    const std::function<void(const jetstream::ApiError&)>& refuse);

}  // namespace petrel::shard

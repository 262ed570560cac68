// What the server tells about requests: advisories that name the client that asked.
//
// Thread: the loop of `service`. Nothing is built when nobody listens; the client is described on
// the loop of its connection, from where the advisory is sent.
// Source: spec advisories.md.
#pragma once

#include "petrel/jetstream/stream_requests.h"
#include "petrel/shard/jetstream_service.h"

#include <string>

namespace petrel::shard {

// {"type":..,"id":..,"timestamp":.. of an advisory.
std::string advisory_begin(JetStreamService& service, Slice kind);
void append_text_member(std::string& json, Slice key, Slice value);
void append_time_member(std::string& json, Slice key, WallTime time);
// ,"domain":".." when there is one.
std::string domain_member(const JetStreamNode& node);

// "front", then the client, then "back" and the closing brace.
struct ClientAdvisory {
  std::string subject;
  std::string front;
  std::string back;
};
void advise_of_client(JetStreamService& service, router::AccountInterest& account,
                      const jetstream::ApiRequest& request, ClientAdvisory advisory);

// $JS.EVENT.ADVISORY.API: what was asked and answered.
void audit(JetStreamService& service, router::AccountInterest& account,
           const jetstream::ApiRequest& request, const std::string& response);

}  // namespace petrel::shard

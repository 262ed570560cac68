// Message tracing: what the headers of a message ask for, and the event that tells what became of
// it. Egress on other loops is named without the connection, which this loop does not know.
//
// Owner: ClientSession, for one message. Thread: the connection's loop.
// Limits: the event is as large as the headers and one entry for each subscription; it is sent
// after the message was routed and does not wait for a stream: that says what it makes of the
// message as far as it is known then, a stream of another loop nothing.
// Source: spec protocol.md section 10.
#pragma once

#include "petrel/proto/server_info.h"
#include "petrel/router/router.h"
#include "petrel/session/session_host.h"

#include <map>
#include <string>
#include <vector>

namespace petrel::session {

// What the headers ask for.
struct TraceOrder {
  std::string destination;  // empty: no event
  bool is_trace_only = false;
  bool is_sampled = false;  // by traceparent; the destination is the account's
  std::string refused_by;   // the value of a header that turns tracing off
  std::map<std::string, std::vector<std::string>> headers;
};

// Without headers for messages that are not to be traced.
TraceOrder read_trace_order(Slice header_block);

class MessageTrace final : public router::RouteObserver {
 public:
  MessageTrace(const SessionContext& context, TraceOrder order, size_t message_bytes);

  void add_ingress(const ClientSession& publisher, Slice subject);
  void add_mapping(Slice to);
  void set_ingress_error(Slice text) { ingress_error_.assign(text); }
  void on_egress(const router::Egress& egress) override;
  void on_service_import(Slice account, Slice from, Slice to) override;
  void on_stream_export(Slice account, Slice to) override;
  void on_intake(const router::Intake& intake) override;

  const std::string& destination() const { return order_.destination; }
  bool is_trace_only() const { return order_.is_trace_only; }
  // `sequence` counts the events of this loop.
  std::string to_json(uint64_t sequence) const;

 private:
  std::string begin_event(Slice type) const;
  void append_server(std::string& out, uint64_t sequence) const;

  const SessionContext& context_;
  TraceOrder order_;
  size_t message_bytes_;
  std::string account_;  // of the publisher
  std::string ingress_;  // without its end
  std::string ingress_error_;
  std::string events_;
};

}  // namespace petrel::session

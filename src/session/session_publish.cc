// PUB and HPUB: checks, subject mapping, routing, the answer when nobody listens.
#include "session/message_trace.h"

#include "petrel/base/go_quote.h"
#include "petrel/base/hash.h"
#include "petrel/proto/frame.h"
#include "petrel/proto/header_view.h"
#include "petrel/session/client_session.h"
#include "petrel/subject/subject.h"

#include <algorithm>

namespace petrel::session {

namespace {

constexpr size_t kRepeatsBytes = 32 << 10;  // what the router takes at once
constexpr size_t kTrackedRepliesMax = 4096;
constexpr size_t kPermittedBytesMax = 128;

bool has_gateway_prefix(Slice subject) {
  return subject.starts_with("_GR_.") || subject.starts_with("$GR.");
}

bool is_reserved_reply(Slice reply) {
  return reply.starts_with("_R_.") || reply.starts_with("$JS.ACK.") || has_gateway_prefix(reply);
}

// Whether "Nats-Trace-Dest" stands anywhere. Its rarest letter is looked for.
bool asks_for_trace(Slice headers) {
  constexpr Slice kName = "Nats-Trace-Dest";
  constexpr size_t kRare = kName.find('D');
  for (size_t at = headers.find('D', kRare); at != Slice::npos; at = headers.find('D', at + 1)) {
    if (headers.substr(at - kRare).starts_with(kName)) return true;
  }
  return false;
}

bool may_be_reserved(Slice subject) {
  return subject.front() == '_' || subject.front() == '$';
}

// How many of the `count` frames behind `op`, equal to it in their lines, ask for no trace.
size_t count_untraced(const proto::Op& op, size_t frame_bytes, size_t count) {
  const char* at = op.message.data() + frame_bytes;
  for (size_t i = 0; i < count; ++i, at += frame_bytes) {
    if (asks_for_trace(Slice(at, op.header_bytes))) return i;
  }
  return count;
}

}  // namespace

void ClientSession::on_publish(const proto::Op& op) {
  const bool may_be_traced =
      op.header_bytes != 0 && ((tenant_ != nullptr && !tenant_->trace_destination.empty()) ||
                               asks_for_trace(op.message.substr(0, op.header_bytes)));
  if (may_be_traced) [[unlikely]] {
    on_traced_publish(op);
  } else {
    publish(op, nullptr);
  }
}

void ClientSession::publish(const proto::Op& op, MessageTrace* trace) {
  ++in_msgs_;
  in_bytes_ += op.message.size();
  if (allowance_ != nullptr) [[unlikely]]
    note_published(op.message.size());
  if (pedantic_ && !subject::is_valid_literal(op.subject)) [[unlikely]] {
    send_error("Invalid Publish Subject");
  }
  router::Message message;
  message.subject = op.subject;
  if (mappings_ != nullptr) [[unlikely]] {
    for (const subject::SubjectMapping& mapping : *mappings_) {
      if (!mapping.matches(op.subject)) continue;
      if (mapping.select(op.subject, context_.config->cluster_name, context_.prng,
                         context_.mapped_subject)) {
        message.subject = context_.mapped_subject;
        if (trace != nullptr) trace->add_mapping(message.subject);
      } else {
        message.subject = Slice();  // the share that is lost on purpose
      }
      break;
    }
  }
  const bool is_special = (checks_publish_ && !is_known_permitted(message.subject)) ||
                          may_be_reserved(op.subject) ||
                          (!op.reply.empty() && may_be_reserved(op.reply));
  if (is_special) [[unlikely]] {
    proto::Op checked = op;
    checked.subject = message.subject;
    if (!may_publish(checked, trace)) return;
  }
  if (verbose_) [[unlikely]]
    send_ok();
  message.tail = op.tail.empty() ? canonical_tail(op) : op.tail;
  message.reply_bytes = static_cast<uint32_t>(op.reply.size());
  message.sizes_bytes = static_cast<uint32_t>(op.size_text.size());
  message.header_bytes = op.header_bytes;
  message.block = op.tail.empty() ? nullptr : op.block;
  message.publisher = this;
  const uint32_t delivered = message.subject.empty() ? 0 : route(message, trace);
  if (delivered == 0 && message.reply_bytes != 0 && no_responders_) tell_no_responders(message);
  if (context_.router.take_stall_request() && !context_.config->no_fast_producer_stall)
      [[unlikely]] {
    stall();
  }
}

// Whatever is looked at for each message was looked at for `op`, or nothing is done here.
void ClientSession::publish_repeats(const proto::Op& op, Slice& bytes, uint64_t delivered_end) {
  const size_t most = kRepeatsBytes / (op.subject.size() + op.tail.size() + 1);
  size_t count = parser_.count_repeats(op, bytes, most);
  if (op.header_bytes != 0) count = count_untraced(op, parser_.frame_bytes(), count);
  if (count == 0) return;
  const bool needs_each = verbose_ || pedantic_ || mappings_ != nullptr ||
                          (checks_publish_ && !is_known_permitted(op.subject)) ||
                          allowance_ != nullptr || may_be_reserved(op.subject) || is_closed ||
                          (tenant_ != nullptr && !tenant_->trace_destination.empty()) ||
                          is_waiting() || context_.router.delivered_bytes() >= delivered_end;
  if (needs_each) return;
  const size_t frame = parser_.frame_bytes();
  router::Router::Repeats repeats;
  repeats.count = count;
  repeats.stride = frame;
  repeats.delivered_end = delivered_end;
  router::Message& message = repeats.first;
  message.subject = op.subject;
  message.tail = Slice(op.tail.data() + frame, op.tail.size());
  message.sizes_bytes = static_cast<uint32_t>(op.size_text.size());
  message.header_bytes = op.header_bytes;
  message.block = op.block;
  message.publisher = this;
  const size_t routed = context_.router.route_repeats(*account, repeats);
  in_msgs_ += routed;
  in_bytes_ += routed * op.message.size();
  bytes.remove_prefix(routed * frame);
  if (context_.router.take_stall_request() && !context_.config->no_fast_producer_stall)
      [[unlikely]] {
    stall();
  }
}

uint32_t ClientSession::route(const router::Message& message, MessageTrace* trace) {
  if (trace == nullptr) [[likely]]
    return context_.router.route(*account, message);
  return context_.router.route_observed(*account, message, *trace, trace->is_trace_only());
}

// The headers ask for an event about this message. What cannot be traced is delivered all the
// same, unless it was to be traced only or the event may not be published.
void ClientSession::on_traced_publish(const proto::Op& op) {
  TraceOrder order = read_trace_order(op.message.substr(0, op.header_bytes));
  const bool is_trace_only = order.is_trace_only;
  switch (judge_trace(order)) {
    case TraceVerdict::kTraced: {
      MessageTrace trace(context_, std::move(order), op.message.size());
      trace.add_ingress(*this, op.subject);
      publish(op, &trace);
      publish_event(trace, op.message.substr(0, op.header_bytes));
      return;
    }
    case TraceVerdict::kUntraced:
      if (!is_trace_only) publish(op, nullptr);
      return;
    case TraceVerdict::kUntracedAnywhere:
      if (!is_trace_only) publish_untraced(op);
      return;
    case TraceVerdict::kRefused:
      return;
  }
}

ClientSession::TraceVerdict ClientSession::judge_trace(TraceOrder& order) {
  if (order.headers.empty()) return TraceVerdict::kUntraced;
  if (!order.refused_by.empty()) {
    log(LogLevel::kError,
        "Message tracing disabled because of header \"Nats-Trace-Origin-Account\" with value=" +
            go_quote(order.refused_by));
    return TraceVerdict::kUntracedAnywhere;
  }
  if (order.is_sampled) {
    if (tenant_ == nullptr || tenant_->trace_destination.empty()) return TraceVerdict::kUntraced;
    const int percent = tenant_->trace_sampling;
    const bool is_taken = percent <= 0 || percent >= 100 ||
                          context_.prng.below(100) <= static_cast<uint64_t>(percent);
    if (!is_taken) return TraceVerdict::kUntracedAnywhere;
    order.destination = tenant_->trace_destination;
  }
  const std::string& destination = order.destination;
  if (!subject::is_valid_literal(destination)) {
    log(LogLevel::kError,
        "Destination " + go_quote(destination) + " is not valid, won't be able to trace events");
    return TraceVerdict::kUntraced;
  }
  const bool is_allowed = !has_gateway_prefix(destination) && !destination.starts_with("$NRG.") &&
                          (!checks_publish_ || user_->permissions->may_publish(destination));
  if (is_allowed) return TraceVerdict::kTraced;
  refuse_publish(destination);
  return TraceVerdict::kRefused;
}

// The payload of a message that is too large is not read; of its headers what came with the line
// may ask for a trace.
void ClientSession::trace_oversized(Slice came) {
  const proto::ParseError& error = parser_.error();
  if (error.header_bytes == 0 || came.empty()) return;
  const Slice asked = came.substr(0, error.header_bytes);
  TraceOrder order = read_trace_order(asked);
  if (judge_trace(order) != TraceVerdict::kTraced) return;
  MessageTrace trace(context_, std::move(order), static_cast<size_t>(error.announced_bytes));
  trace.add_ingress(*this, error.args);
  trace.set_ingress_error("maximum payload exceeded");
  publish_event(trace, asked);
}

// Goes on with headers that tell other servers not to trace either.
void ClientSession::publish_untraced(const proto::Op& op) {
  std::string block(op.message.substr(0, op.header_bytes));
  proto::set_header(block, "Nats-Trace-Dest", "trace disabled");
  const std::string message = block + std::string(op.message.substr(op.header_bytes));
  const std::string sizes = std::to_string(block.size()) + " " + std::to_string(message.size());
  proto::Op changed = op;
  changed.message = message;
  changed.size_text = sizes;
  changed.header_bytes = static_cast<uint32_t>(block.size());
  changed.tail = Slice();
  publish(changed, nullptr);
}

void ClientSession::publish_event(const MessageTrace& trace, Slice asked) {
  std::string body = trace.to_json(++context_.trace_events);
  std::string header;
  if (context_.pack_event != nullptr) header = context_.pack_event(asked, body);
  std::string sizes = header.empty() ? "" : std::to_string(header.size()) + " ";
  sizes += std::to_string(header.size() + body.size());
  const std::string tail = sizes + "\r\n" + header + body + "\r\n";
  router::Message event;
  event.subject = trace.destination();
  event.tail = tail;
  event.sizes_bytes = static_cast<uint32_t>(sizes.size());
  event.header_bytes = static_cast<uint32_t>(header.size());
  context_.router.route(*account, event);
}

void ClientSession::refuse_publish(Slice subject) {
  const std::string quoted = go_quote(subject);
  send_error("Permissions Violation for Publish to " + quoted);
  log(LogLevel::kError, "Publish Violation - Subject " + quoted);
}

bool ClientSession::may_publish(const proto::Op& op, MessageTrace* trace) {
  if (has_gateway_prefix(op.subject) || !is_permitted(op.subject) ||
      op.subject.starts_with("$NRG.")) {
    if (trace != nullptr) {
      trace->set_ingress_error("Permissions Violation for Publish to " + go_quote(op.subject));
    }
    refuse_publish(op.subject);
    return false;
  }
  if (is_reserved_reply(op.reply)) {
    const std::string quoted = go_quote(op.reply);
    const std::string text = "Permissions Violation for Publish with Reply of " + quoted;
    if (trace != nullptr) trace->set_ingress_error(text);
    send_error(text);
    log(LogLevel::kError, "Publish Violation - Reply " + quoted);
    return false;
  }
  return true;
}

bool ClientSession::is_permitted(Slice subject) {
  if (!checks_publish_) return true;
  if (!user_->permissions->may_publish(subject)) return is_tracked_reply(subject);
  keep_permitted(subject);
  return true;
}

size_t ClientSession::permitted_slot(Slice subject) {
  return hash_bytes(subject) % kPermittedSlots;
}

void ClientSession::keep_permitted(Slice subject) {
  if (subject.size() > kPermittedBytesMax) return;
  if (permitted_ == nullptr) {
    permitted_ = std::make_unique<std::array<std::string, kPermittedSlots>>();
  }
  (*permitted_)[permitted_slot(subject)].assign(subject);
}

// allow_responses: a reply subject received before may be published to, so often and so long.
bool ClientSession::is_tracked_reply(Slice subject) {
  if (replies_ == nullptr) return false;
  const auto found = replies_->find(std::string(subject));
  if (found == replies_->end()) return false;
  const conf::ResponsePermission& limits = *user_->permissions->responses();
  Reply& reply = found->second;
  ++reply.count;
  const bool is_spent = (limits.max > 0 && reply.count > limits.max) ||
                        (limits.expires.ns > 0 && context_.now - reply.since > limits.expires);
  if (is_spent) replies_->erase(found);
  return !is_spent;
}

void ClientSession::note_reply(Slice reply) {
  const auto& limits = user_->permissions->responses();
  if (replies_ == nullptr) replies_ = std::make_unique<std::unordered_map<std::string, Reply>>();
  if (replies_->size() >= kTrackedRepliesMax) {
    std::erase_if(*replies_, [&](const auto& entry) {
      return (limits->max > 0 && entry.second.count >= limits->max) ||
             (limits->expires.ns > 0 && context_.now - entry.second.since > limits->expires);
    });
  }
  (*replies_)[std::string(reply)] = Reply{context_.now, 0};
}

// The control line came with tabs, runs of spaces or a bare LF: write it the plain way.
Slice ClientSession::canonical_tail(const proto::Op& op) {
  std::string& tail = context_.scratch;
  tail.assign(op.reply);
  if (!op.reply.empty()) tail.push_back(' ');
  tail.append(op.size_text).append("\r\n").append(op.message).append("\r\n");
  return tail;
}

void ClientSession::tell_no_responders(const router::Message& message) {
  const router::Subscription* own =
      context_.router.own_subscription(*account, *this, message.reply());
  if (own == nullptr) return;
  std::string frame;
  proto::append_no_responders(frame, message.reply(), own->sid(), message.subject);
  send(frame);
}

}  // namespace petrel::session

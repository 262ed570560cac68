// The protocol trace of -V, in nats-server's shapes. Source: spec operations.md section 1.
#include "petrel/base/go_quote.h"
#include "petrel/proto/connect_info.h"
#include "petrel/session/client_session.h"

namespace petrel::session {

namespace {

void append_field(std::string& line, Slice field) {
  if (field.empty()) return;
  line.push_back(' ');
  line.append(field);
}

}  // namespace

void ClientSession::trace_in(const proto::Op& op) {
  std::string line;
  switch (op.kind) {
    case proto::OpKind::kPub:
    case proto::OpKind::kHpub:
      line = op.kind == proto::OpKind::kPub ? "PUB" : "HPUB";
      append_field(line, op.subject);
      append_field(line, op.reply);
      append_field(line, op.size_text);
      break;
    case proto::OpKind::kSub:
      line = "SUB";
      append_field(line, op.subject);
      append_field(line, op.queue);
      append_field(line, op.sid);
      break;
    case proto::OpKind::kUnsub:
      line = "UNSUB";
      append_field(line, op.sid);
      if (op.max > 0) append_field(line, std::to_string(op.max));
      break;
    case proto::OpKind::kPing:
      line = "PING";
      break;
    case proto::OpKind::kPong:
      line = "PONG";
      break;
    case proto::OpKind::kConnect:
      line = "CONNECT " + proto::redact_connect(op.args);
      break;
    case proto::OpKind::kInfo:
      line = "INFO " + std::string(op.args);
      break;
    case proto::OpKind::kOk:
      line = "+OK";
      break;
    case proto::OpKind::kErr:
      line = "-ERR " + std::string(op.args);
      break;
  }
  context_.host.log(LogLevel::kTrace, *this, "<<- [" + line + "]");
  if (op.kind != proto::OpKind::kPub && op.kind != proto::OpKind::kHpub) return;
  Slice shown = op.message;
  if (context_.config->trace_headers) {
    if (op.header_bytes == 0) return;
    shown = shown.substr(0, op.header_bytes);
  }
  const auto limit = static_cast<size_t>(context_.config->max_traced_bytes);
  std::string payload(limit > 0 ? shown.substr(0, limit) : shown);
  if (limit > 0 && shown.size() > limit) payload.append("...");
  context_.host.log(LogLevel::kTrace, *this, "<<- MSG_PAYLOAD: [" + go_quote(payload) + "]");
}

void ClientSession::trace_out(Slice frame) {
  if (frame.ends_with("\r\n")) frame.remove_suffix(2);
  std::string text(frame);
  if (frame.starts_with("-ERR '") && frame.ends_with("'")) {
    text = "-ERR " + std::string(frame.substr(6, frame.size() - 7));
  }
  if (frame.starts_with("INFO ")) return;
  context_.host.log(LogLevel::kTrace, *this, "->> [" + text + "]");
}

void ClientSession::trace_delivery(Slice prefix, const router::Message& message) {
  std::string line(prefix);
  if (message.reply_bytes != 0) line.append(message.reply()).push_back(' ');
  const bool is_stripped = message.header_bytes != 0 && prefix.starts_with("MSG");
  line.append(is_stripped ? std::to_string(message.body_bytes() - message.header_bytes)
                          : std::string(message.sizes()));
  context_.host.log(LogLevel::kTrace, *this, "->> [" + line + "]");
}

}  // namespace petrel::session

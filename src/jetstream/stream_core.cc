#include "jetstream/stream_core.h"

#include "petrel/base/go_json.h"
#include "petrel/jetstream/api_json.h"

#include <algorithm>
#include <charconv>

namespace petrel::jetstream {

StreamCore::StreamCore(Stream& owner, StreamSetup setup, const StreamConfig& first,
                       StreamHost& outside)
    : stream(owner),
      host(outside),
      limits(outside.buffer_limits()),
      account(std::move(setup.account)),
      created(setup.created),
      expiry(*this),
      schedules(*this),
      delayed(*this),
      consumers(*this),
      apply(*this),
      ingest(*this),
      batches(*this),
      fast(*this),
      reads(*this),
      sourcing(*this) {
  configure(first);
}

void StreamCore::configure(const StreamConfig& next) {
  config = next;
  transform.reset();
  republish.reset();
  if (config.subject_transform) {
    auto made = subject::SubjectTransform::create(config.subject_transform->src,
                                                  config.subject_transform->dest.empty()
                                                      ? Slice(">")
                                                      : Slice(config.subject_transform->dest));
    if (made) transform = std::move(*made);
  }
  if (config.republish) {
    auto made = subject::SubjectTransform::create(config.republish->src, config.republish->dest);
    if (made) republish = std::move(*made);
  }
  ack_head_ = "{\"stream\":";
  append_go_json_string(ack_head_, config.name);
  if (!host.domain().empty()) {
    ack_head_ += ",\"domain\":";
    append_go_json_string(ack_head_, host.domain());
  }
  ack_head_ += ",\"seq\":";
}

uint64_t StreamCore::propose(std::span<const Slice> parts, Urgency urgency) {
  if (is_failed || is_gone || group == nullptr) return 0;
  const auto index = group->propose(parts, urgency);
  if (index) {
    if (urgency == Urgency::kNow) awaited_index = *index;
    host.wake(stream);
    return *index;
  }
  if (index.error().code != Errc::kFull) stream.on_lost(group->applied_index(), index.error());
  return 0;
}

// Never behind an earlier message: a lookup by time counts on ascending times.
WallTime StreamCore::next_time() {
  return std::max(host.wall_now(), staged.last_time);
}

void StreamCore::send_ack(Slice reply, uint64_t sequence, Slice rest) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), sequence).ptr;
  frame_.assign(ack_head_);
  frame_.append(digits, end);
  frame_.append(rest);
  frame_.push_back('}');
  host.send(stream, OutMessage{reply, reply, {}, {}, frame_});
}

void StreamCore::send_text(Slice reply, Slice header, Slice body) {
  host.send(stream, OutMessage{reply, reply, {}, header, body});
}

std::string StreamCore::advisory_head(Slice type, bool names_account) const {
  std::string head = "{\"type\":";
  append_go_json_string(head, type);
  head += ",\"id\":\"" + host.next_id() + "\",\"timestamp\":\"";
  append_time(head, host.wall_now());
  head += "\"";
  if (names_account) {
    head += ",\"account\":";
    append_go_json_string(head, account);
  }
  head += ",\"stream\":";
  append_go_json_string(head, config.name);
  if (!host.domain().empty()) {
    head += ",\"domain\":";
    append_go_json_string(head, host.domain());
  }
  return head;
}

}  // namespace petrel::jetstream

// Receivers that remember, a port that keeps what it gets, and messages that own their bytes.
#pragma once

#include "petrel/router/router.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace petrel::router {

inline std::string pending_text(const Outbound& outbound) {
  std::array<Slice, 64> parts;
  std::string text;
  for (const Slice part : std::span(parts).first(outbound.gather(parts))) text.append(part);
  return text;
}

class FakeReceiver final : public Receiver {
 public:
  FakeReceiver(Router& router, uint32_t slot)
      : Receiver(router.buffers(), {slot, 1, router.loop()}), router_(router) {
    headers = true;
  }

  bool may_receive(const Subscription&, const Message& message) override {
    return message.subject != denied;
  }
  void note_reply(Slice reply) override { replies.emplace_back(reply); }
  void on_pending_exceeded() override { is_closed = is_exceeded = true; }
  void on_max_delivered(uint32_t slot) override {
    Subscription& subscription = router_.subscriptions().at(slot);
    account->index.remove(subscription.subject(), subscription.queue(),
                          {slot, subscription.generation, router_.loop(), 0});
    router_.subscriptions().remove(slot);
  }
  void trace_delivery(Slice prefix, const Message&) override { traced.emplace_back(prefix); }

  uint32_t subscribe(AccountInterest& to, Slice subject, Slice queue, Slice sid) {
    account = &to;
    const uint32_t slot = router_.subscriptions().add(*this, subject, queue, sid);
    to.index.insert(subject, queue,
                    {slot, router_.subscriptions().at(slot).generation, router_.loop(), 0});
    return slot;
  }
  std::string take() {
    std::string text = pending_text(outbound);
    outbound.clear();
    return text;
  }

  std::string denied;
  std::vector<std::string> replies;
  std::vector<std::string> traced;
  bool is_exceeded = false;

 private:
  Router& router_;
};

class FakePort final : public RouterPort {
 public:
  void flush_early(Receiver& receiver) override {
    ++early_flushes;
    if (takes_early) receiver.outbound.clear();
  }
  void post(uint16_t loop, std::unique_ptr<DeliveryBatch> batch) override {
    posted.emplace_back(loop, std::move(batch));
  }
  size_t inbox_bytes(uint16_t) const override { return waiting_bytes; }
  void ask_to_stall(ConnectionHandle publisher) override { stalled.push_back(publisher); }

  std::vector<std::pair<uint16_t, std::unique_ptr<DeliveryBatch>>> posted;
  std::vector<ConnectionHandle> stalled;
  size_t waiting_bytes = 0;
  int early_flushes = 0;
  bool takes_early = false;
};

// A message with its bytes in a block, as a read leaves them.
struct OwnedMessage {
  OwnedMessage(Slice subject_text, Slice reply, Slice body, uint32_t header_bytes = 0)
      : subject(subject_text) {
    std::string tail(reply);
    if (!reply.empty()) tail.push_back(' ');
    std::string sizes = std::to_string(body.size());
    if (header_bytes != 0) sizes = std::to_string(header_bytes) + " " + sizes;
    tail.append(sizes).append("\r\n").append(body).append("\r\n");
    block = BlockRef::allocate(static_cast<uint32_t>(tail.size()));
    std::copy(tail.begin(), tail.end(), block->bytes());
    message.subject = subject;
    message.tail = Slice(block->bytes(), tail.size());
    message.reply_bytes = static_cast<uint32_t>(reply.size());
    message.sizes_bytes = static_cast<uint32_t>(sizes.size());
    message.header_bytes = header_bytes;
    message.block = &block;
  }
  OwnedMessage(const OwnedMessage&) = delete;
  OwnedMessage& operator=(const OwnedMessage&) = delete;

  std::string subject;
  BlockRef block;
  Message message;
};

}  // namespace petrel::router

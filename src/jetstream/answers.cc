#include "jetstream/answers.h"

namespace petrel::jetstream {

void Answers::push(uint64_t index, Kind kind, uint64_t sequence, Slice reply, Slice header,
                   Slice body) {
  // Made where it stays: copied from the stack it would wait for the message's bytes to be stored.
  Item& item = items_.emplace_back();
  item.index = index;
  item.sequence = sequence;
  item.reply = bytes_.push(reply);
  item.rest = nullptr;
  item.header_bytes = static_cast<uint32_t>(header.size());
  item.body_bytes = static_cast<uint32_t>(body.size());
  item.kind = kind;
  if (header.empty() && body.empty()) return;
  // One piece, so that both lie together.
  if (body.empty()) {
    item.rest = bytes_.push(header).data();
  } else if (header.empty()) {
    item.rest = bytes_.push(body).data();
  } else {
    std::string both(header);
    both += body;
    item.rest = bytes_.push(both).data();
  }
}

void Answers::drain(uint64_t applied, Sink& sink) {
  while (begin_ != items_.size() && items_[begin_].index <= applied) {
    const Item item = items_[begin_];
    if (item.kind == Kind::kCall) {
      Call call = std::move(calls_.front());
      calls_.pop_front();
      pop();
      call(false);
    } else {
      give(item, sink);
      pop();
    }
  }
}

void Answers::lose(uint64_t applied) {
  std::vector<Item> kept(items_.begin() + static_cast<ptrdiff_t>(begin_), items_.end());
  size_t count = 0;
  while (count < kept.size() && kept[count].index <= applied) ++count;
  size_t calls_kept = 0;
  for (size_t i = 0; i < count; ++i) calls_kept += kept[i].kind == Kind::kCall ? 1 : 0;
  std::vector<Call> lost(calls_.size() - calls_kept);
  while (calls_.size() > calls_kept) {
    lost[calls_.size() - calls_kept - 1] = std::move(calls_.back());
    calls_.pop_back();
  }
  // Their bytes stay until the queue is emptied by its owner's end: a lost group serves no more.
  items_.resize(begin_ + count);
  for (Call& call : lost) call(true);
}

void Answers::give(const Item& item, Sink& sink) {
  const Slice header(item.rest, item.header_bytes);
  if (item.kind == Kind::kAck) {
    sink.send_ack(item.reply, item.sequence, header);
  } else {
    sink.send_text(item.reply, header, Slice(item.rest + item.header_bytes, item.body_bytes));
  }
}

void Answers::pop() {
  const Item& item = items_[begin_];
  bytes_.pop(item.reply.size());
  if (const size_t rest = size_t{item.header_bytes} + item.body_bytes; rest != 0) bytes_.pop(rest);
  ++begin_;
  if (begin_ == items_.size()) {
    items_.clear();
    begin_ = 0;
  } else if (begin_ > 1024 && begin_ > items_.size() / 2) {
    items_.erase(items_.begin(), items_.begin() + static_cast<ptrdiff_t>(begin_));
    begin_ = 0;
  }
}

}  // namespace petrel::jetstream

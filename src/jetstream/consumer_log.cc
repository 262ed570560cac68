#include "jetstream/consumer_log.h"

#include "jetstream/consumer_varint.h"

namespace petrel::jetstream {

namespace {
constexpr char kEntryVersion = 1;
// More than one turn can gather.
constexpr uint64_t kRunMax = 1 << 24;
}  // namespace

void ConsumerLog::begin(ConsumerOperation kind) {
  seal();
  ++operation_;
  if (bytes_.empty()) {
    bytes_.push_back(kEntryVersion);
    append_varint(bytes_, operation_);
    last_ = {};
    last_sent_ns_ = 0;
  }
  bytes_.push_back(static_cast<char>(kind));
}

void ConsumerLog::put_sequence(uint64_t sequence) {
  append_signed(bytes_, static_cast<int64_t>(sequence - last_.stream));
  last_.stream = sequence;
}

void ConsumerLog::put_consumer(uint64_t sequence) {
  append_signed(bytes_, static_cast<int64_t>(sequence - last_.consumer));
  last_.consumer = sequence;
}

void ConsumerLog::put_time(int64_t sent_ns) {
  append_signed(bytes_, sent_ns - last_sent_ns_);
  last_sent_ns_ = sent_ns;
}

void ConsumerLog::seal() {
  if (run_.count == 0) return;
  put_sequence(run_.first.stream);
  if (run_.kind == ConsumerOperation::kDeliver) {
    put_consumer(run_.first.consumer);
    put_time(run_.sent_ns);
  }
  append_varint(bytes_, run_.count);
  run_.count = 0;
}

Slice ConsumerLog::entry() {
  seal();
  return bytes_;
}

void ConsumerLog::clear() {
  seal();
  bytes_.clear();
}

void ConsumerLog::deliver(SequencePair at, int64_t sent_ns) {
  if (run_.count > 0 && run_.kind == ConsumerOperation::kDeliver && run_.sent_ns == sent_ns &&
      at.stream == run_.first.stream + run_.count &&
      at.consumer == run_.first.consumer + run_.count) {
    ++run_.count;
    return;
  }
  begin(ConsumerOperation::kDeliver);
  run_ = {ConsumerOperation::kDeliver, at, sent_ns, 1};
}

void ConsumerLog::settle(uint64_t sequence) {
  if (run_.count > 0 && run_.kind == ConsumerOperation::kSettle &&
      sequence == run_.first.stream + run_.count) {
    ++run_.count;
    return;
  }
  begin(ConsumerOperation::kSettle);
  run_ = {ConsumerOperation::kSettle, {.consumer = 0, .stream = sequence}, 0, 1};
}

void ConsumerLog::redeliver(SequencePair at, uint32_t deliveries, int64_t sent_ns) {
  begin(ConsumerOperation::kRedeliver);
  put_sequence(at.stream);
  put_consumer(at.consumer);
  put_time(sent_ns);
  append_varint(bytes_, deliveries);
}

void ConsumerLog::touch(uint64_t sequence, int64_t sent_ns) {
  begin(ConsumerOperation::kTouch);
  put_sequence(sequence);
  put_time(sent_ns);
}

void ConsumerLog::settle_up_to(uint64_t sequence) {
  begin(ConsumerOperation::kSettleUpTo);
  put_sequence(sequence);
}

void ConsumerLog::exhaust(uint64_t sequence) {
  begin(ConsumerOperation::kExhaust);
  put_sequence(sequence);
}

void ConsumerLog::hold(uint64_t sequence) {
  begin(ConsumerOperation::kHold);
  put_sequence(sequence);
}

void ConsumerLog::reset(uint64_t next) {
  begin(ConsumerOperation::kReset);
  put_sequence(next);
}

void ConsumerLog::cursor(SequencePair at) {
  begin(ConsumerOperation::kCursor);
  put_sequence(at.stream);
  put_consumer(at.consumer);
}

void ConsumerLog::bury(const DeadLetter& letter) {
  begin(ConsumerOperation::kBury);
  put_sequence(letter.sequence);
  append_varint(bytes_, letter.deliveries);
  append_varint(bytes_, letter.reason.size());
  bytes_ += letter.reason;
}

void ConsumerLog::keep_dead(uint64_t sequence) {
  begin(ConsumerOperation::kKeepDead);
  put_sequence(sequence);
}

void ConsumerLog::dead_token(uint64_t token) {
  begin(ConsumerOperation::kDeadToken);
  append_varint(bytes_, token);
}

namespace {

// Reads one entry; what the fields count from is kept between operations.
class EntryPlayer {
 public:
  EntryPlayer(Slice entry, ConsumerState& state, const ConsumerEntryEffects& effects)
      : reader_(entry), state_(state), effects_(effects) {}

  Result<uint64_t> play() {
    const Error corrupt{Errc::kCorrupt, "entry of a consumer"};
    if (reader_.byte() != static_cast<uint8_t>(kEntryVersion)) return corrupt;
    uint64_t operation = reader_.varint();
    while (reader_.is_ok() && !reader_.at_end()) {
      is_new_ = operation > state_.operation();
      if (!play_one(static_cast<ConsumerOperation>(reader_.byte()))) return corrupt;
      if (is_new_) state_.set_operation(operation);
      ++operation;
    }
    if (!reader_.is_ok()) return corrupt;
    return operation - 1;
  }

 private:
  uint64_t sequence() { return last_.stream += static_cast<uint64_t>(reader_.signed_varint()); }
  uint64_t consumer() { return last_.consumer += static_cast<uint64_t>(reader_.signed_varint()); }
  int64_t time() {
    sent_ += static_cast<uint64_t>(reader_.signed_varint());
    return static_cast<int64_t>(sent_);
  }

  bool play_one(ConsumerOperation kind) {
    switch (kind) {
      case ConsumerOperation::kDeliver:
        return deliver();
      case ConsumerOperation::kRedeliver:
        return redeliver();
      case ConsumerOperation::kSettle:
        return settle();
      case ConsumerOperation::kTouch: {
        const uint64_t at = sequence();
        const int64_t sent_ns = time();
        if (is_new_ && reader_.is_ok()) state_.touch(at, sent_ns);
        return reader_.is_ok();
      }
      case ConsumerOperation::kSettleUpTo: {
        const uint64_t at = sequence();
        if (!reader_.is_ok()) return false;
        if (is_new_) state_.settle_up_to(at);
        effects_.on_settled_up_to(at);
        return true;
      }
      case ConsumerOperation::kExhaust: {
        const uint64_t at = sequence();
        if (is_new_ && reader_.is_ok()) state_.exhaust(at);
        return reader_.is_ok();
      }
      case ConsumerOperation::kReset: {
        const uint64_t next = sequence();
        if (is_new_ && reader_.is_ok()) state_.reset(next);
        return reader_.is_ok();
      }
      case ConsumerOperation::kHold: {
        const uint64_t at = sequence();
        if (is_new_ && reader_.is_ok()) state_.hold(at);
        return reader_.is_ok();
      }
      case ConsumerOperation::kCursor:
        return cursor();
      case ConsumerOperation::kBury:
      case ConsumerOperation::kKeepDead:
      case ConsumerOperation::kDeadToken:
        return dead(kind);
    }
    return false;
  }

  bool deliver() {
    SequencePair at;
    at.stream = sequence();
    at.consumer = consumer();
    const int64_t sent_ns = time();
    const uint64_t count = reader_.varint();
    if (!reader_.is_ok() || count > kRunMax) return false;
    for (uint64_t i = 0; is_new_ && i < count; ++i, ++at.stream, ++at.consumer) {
      state_.deliver(at, sent_ns);
    }
    return true;
  }

  bool redeliver() {
    SequencePair at;
    at.stream = sequence();
    at.consumer = consumer();
    const int64_t sent_ns = time();
    const auto deliveries = static_cast<uint32_t>(reader_.varint());
    if (is_new_ && reader_.is_ok()) state_.redeliver(at, deliveries, sent_ns);
    return reader_.is_ok();
  }

  bool settle() {
    const uint64_t first = sequence();
    const uint64_t count = reader_.varint();
    if (!reader_.is_ok() || count > kRunMax) return false;
    for (uint64_t i = 0; i < count; ++i) {
      if (is_new_) state_.settle(first + i);
      effects_.on_settled(first + i);
    }
    return true;
  }

  bool cursor() {
    SequencePair at;
    at.stream = sequence();
    at.consumer = consumer();
    if (!reader_.is_ok()) return false;
    if (is_new_) state_.deliver_acked(at);
    effects_.on_settled_up_to(at.stream);
    return true;
  }

  bool dead(ConsumerOperation kind) {
    if (kind == ConsumerOperation::kDeadToken) {
      const uint64_t token = reader_.varint();
      if (is_new_ && reader_.is_ok()) state_.set_dead_token(token);
      return reader_.is_ok();
    }
    DeadLetter letter;
    letter.sequence = sequence();
    if (kind == ConsumerOperation::kKeepDead) {
      if (is_new_ && reader_.is_ok()) state_.keep_dead(letter.sequence);
      return reader_.is_ok();
    }
    letter.deliveries = static_cast<uint32_t>(reader_.varint());
    letter.reason = reader_.text();
    if (is_new_ && reader_.is_ok()) state_.bury(std::move(letter));
    return reader_.is_ok();
  }

  VarintReader reader_;
  ConsumerState& state_;
  const ConsumerEntryEffects& effects_;
  SequencePair last_;
  uint64_t sent_ = 0;
  bool is_new_ = false;
};

}  // namespace

Result<uint64_t> apply_consumer_entry(Slice entry, ConsumerState& state,
                                      const ConsumerEntryEffects& effects) {
  return EntryPlayer(entry, state, effects).play();
}

}  // namespace petrel::jetstream

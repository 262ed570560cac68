// Entries: the consumer's state on its way to the journal and back; answers that wait for it.
#include "jetstream/consumer_core.h"

#include "petrel/jetstream/stream_config.h"

namespace petrel::jetstream {

// A state that is kept in memory only is not journaled unless the stream's messages depend on it.
bool ConsumerCore::is_private() const {
  return (config_.direct || config_.mem_storage) &&
         host_.stream_config().retention == Retention::kLimits;
}

void ConsumerCore::note_cursor() {
  if (!is_cursor_due_) return;
  is_cursor_due_ = false;
  log_.cursor(state_.delivered());
  state_.set_operation(log_.operation());
}

void ConsumerCore::flush_log() {
  if (is_cursor_due_ && cursor_at_ <= now()) note_cursor();
  if (log_.is_empty()) {
    answer_applied();
    return;
  }
  if (is_private()) {
    log_.clear();
    applied_operation_ = log_.operation();
    answer_applied();
    return;
  }
  // Nobody waits for what only says how far a client came; messages of the stream may be kept by
  // it, though, and dead letters are sent when it is applied.
  const bool is_awaited = host_.stream_config().retention != Retention::kLimits ||
                          !answers_.is_empty() || !state_.dead().empty();
  // Refused: the group stopped. It stays for the next turn.
  if (host_.propose(*this, log_.entry(), is_awaited ? Urgency::kNow : Urgency::kSoon) != 0) {
    log_.clear();
  }
}

void ConsumerCore::apply(Slice entry) {
  const ConsumerEntryEffects effects{
      .on_settled = [this](uint64_t sequence) { host_.on_settled(*this, sequence); },
      .on_settled_up_to = [this](uint64_t sequence) { host_.on_settled_up_to(*this, sequence); }};
  const Result<uint64_t> last = apply_consumer_entry(entry, state_, effects);
  if (!last) {
    host_.outside().log(LogLevel::kError, "JetStream consumer '" + config_.name +
                                              "' cannot read an entry of its journal");
    return;
  }
  if (*last > applied_operation_) applied_operation_ = *last;
  answer_applied();
  if (is_started_ && !state_.dead().empty()) wake();
}

void ConsumerCore::answer_when_applied(Slice reply) {
  if (reply.empty()) return;
  if (applied_operation_ >= log_.operation() || is_private()) {
    send(reply, {}, {});
    return;
  }
  answers_.push({log_.operation(), std::string(reply)});
}

void ConsumerCore::answer_applied() {
  while (!answers_.is_empty() && answers_.front().operation <= applied_operation_) {
    const std::string reply = std::move(answers_.front().reply);
    answers_.pop();
    send(reply, {}, {});
  }
}

}  // namespace petrel::jetstream

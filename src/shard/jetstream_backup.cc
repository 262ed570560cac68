#include "shard/jetstream_backup.h"

#include "shard/jetstream_advisories.h"

#include "petrel/jetstream/consumer.h"
#include "petrel/jetstream/stream.h"
#include "petrel/jetstream/stream_requests.h"
#include "petrel/store/message_store.h"

#include <algorithm>
#include <utility>

namespace petrel::shard {

namespace {

constexpr Duration kInterestGrace = Duration::seconds(2);
constexpr size_t kStepBytes = size_t{4} << 20;

std::string ack_subject(JetStreamService& service, const std::string& stream) {
  return "$JS.SNAPSHOT.ACK." + stream + "." + service.next_id();
}

}  // namespace

JetStreamBackup::JetStreamBackup(JetStreamService& service, router::AccountInterest& of,
                                 const jetstream::Stream& stream, const BackupOrder& order)
    : Endpoint(service.router().buffers(), service.router().loop()),
      service_(service),
      of_(of),
      request_(order.request),
      stream_(stream.name()),
      created_(stream.created()),
      deliver_subject_(order.wanted.deliver_subject),
      flow_(order.wanted, ack_subject(service, stream_), service.now()),
      interest_by_(service.now() + kInterestGrace),
      started_(service.wall_now()) {
  account = &of;
  slot_ = service_.router().add_endpoint(of_, *this, flow_.ack_subject() + ".>", {});
  const store::StoreState& state = stream.state();
  last_sequence_ = state.last_sequence;
  jetstream::StreamStateView view = jetstream::stream_info(stream, {}).state;
  advise_begin(view);
  if (order.wanted.no_consumers) view.consumer_count = 0;
  writer_ = std::make_unique<jetstream::ArchiveWriter>(view, service_.wall_now());
  if (!order.wanted.no_consumers) add_consumers(stream);
}

JetStreamBackup::~JetStreamBackup() {
  service_.router().remove_endpoint(of_, slot_);
}

void JetStreamBackup::add_consumers(const jetstream::Stream& stream) {
  for (const jetstream::Consumer* consumer : stream.consumers()) {
    if (consumer->config().direct) continue;
    writer_->add_consumer(consumer->archived());
  }
}

void JetStreamBackup::read(jetstream::Stream& stream, size_t& budget) {
  while (flow_.wants_bytes() && budget > 0) {
    const uint64_t sequence = stream.store().next_match({}, next_sequence_);
    if (sequence == 0 || sequence > last_sequence_) {
      writer_->finish();
      flow_.write(writer_->take());
      flow_.finish();
      return;
    }
    store::StoredMessage message;
    const store::ReadStatus status = stream.messages().read(sequence, message);
    if (status == store::ReadStatus::kPending) return;
    if (status == store::ReadStatus::kCorrupt) {
      return flow_.fail("message sequence " + std::to_string(sequence) + " is damaged");
    }
    next_sequence_ = sequence + 1;
    if (status == store::ReadStatus::kMissing) continue;
    writer_->add_message(
        {message.subject, message.sequence, message.header, message.body, message.time});
    flow_.write(writer_->take());
    budget -= std::min(budget, message.header.size() + message.body.size() + 1);
  }
}

bool JetStreamBackup::is_awaited() {
  // A wildcard does not count: clients have one for all their replies before they subscribe to
  // this.
  if (of_.index.has_exact(deliver_subject_, {})) {
    had_interest_ = true;
    return true;
  }
  if (had_interest_) flow_.on_interest_lost();
  return service_.now() >= interest_by_;
}

bool JetStreamBackup::run() {
  jetstream::Stream* stream = service_.find(of_.name, stream_);
  if (stream == nullptr || stream->created() != created_) {
    flow_.fail("stream closed");
    stream = nullptr;
  }
  if (!is_awaited()) return true;
  size_t budget = kStepBytes;
  for (;;) {
    if (stream != nullptr) read(*stream, budget);
    const auto chunk = flow_.next(service_.now());
    if (!chunk) break;
    jetstream::OutMessage message;
    message.target = deliver_subject_;
    message.subject = deliver_subject_;
    message.reply = chunk->reply;
    message.header = chunk->header;
    message.body = chunk->body;
    service_.send(of_, message);
  }
  if (flow_.is_over()) advise_end();
  return !flow_.is_over();
}

void JetStreamBackup::advise_begin(const jetstream::StreamStateView& state) {
  ClientAdvisory advisory;
  advisory.subject = "$JS.EVENT.ADVISORY.STREAM.SNAPSHOT_CREATE." + stream_;
  if (!service_.has_interest(of_, advisory.subject)) return;
  advisory.front = advisory_begin(service_, "snapshot_create");
  append_text_member(advisory.front, "stream", stream_);
  advisory.front.append(",\"state\":").append(jetstream::stream_state_json(state));
  advisory.back = domain_member(service_.node());
  advise_of_client(service_, of_, request_, std::move(advisory));
}

void JetStreamBackup::advise_end() {
  ClientAdvisory advisory;
  advisory.subject = "$JS.EVENT.ADVISORY.STREAM.SNAPSHOT_COMPLETE." + stream_;
  advisory.front = advisory_begin(service_, "snapshot_complete");
  append_text_member(advisory.front, "stream", stream_);
  append_time_member(advisory.front, "start", started_);
  append_time_member(advisory.front, "end", service_.wall_now());
  advisory.back = domain_member(service_.node());
  if (!flow_.failure().empty()) append_text_member(advisory.back, "error", flow_.failure());
  advise_of_client(service_, of_, request_, std::move(advisory));
}

void JetStreamBackup::take(const router::Subscription& /*subscription*/,
                           const router::Message& /*message*/) {
  flow_.on_ack();
}

}  // namespace petrel::shard

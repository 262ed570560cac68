#include "shard/jetstream_restore.h"

#include "shard/hosted_stream.h"
#include "shard/jetstream_advisories.h"
#include "shard/jetstream_answers.h"

#include "petrel/jetstream/api_json.h"
#include "petrel/jetstream/stream_requests.h"
#include "petrel/shard/offline.h"
#include "petrel/shard/stream_description.h"

#include <cerrno>
#include <utility>

namespace petrel::shard {

using jetstream::ApiErrc;
using jetstream::ApiError;
using jetstream::ApiKind;

namespace {

constexpr Duration kSilenceMax = Duration::seconds(5);
// Bytes of chunks that wait for the disk; whoever sends more does not wait for answers.
constexpr size_t kWaitingBytesMax = size_t{64} << 20;

ApiError restore_failed(Slice why) {
  return jetstream::api_error(ApiErrc::kStreamRestore, why);
}

}  // namespace

JetStreamRestore::JetStreamRestore(JetStreamService& service, router::AccountInterest& of,
                                   RestoreOrder order)
    : Endpoint(service.router().buffers(), service.router().loop()),
      service_(service),
      of_(of),
      order_(std::move(order)),
      subject_("$JS.SNAPSHOT.RESTORE." + order_.stream.config.name + "." + service.next_id()),
      self_(std::make_shared<JetStreamRestore*>(this)) {
  account = &of;
}

JetStreamRestore::~JetStreamRestore() {
  *self_ = nullptr;
  if (slot_ != 0) service_.router().remove_endpoint(of_, slot_ - 1);
}

bool JetStreamRestore::begin() {
  started_ = service_.wall_now();
  Result<std::unique_ptr<HostedStream>> made = service_.make_hidden(order_.stream);
  if (!made) {
    service_.node().log(jetstream::LogLevel::kError, "restore: " + made.error().detail);
    answer(service_, of_, order_.request,
           jetstream::error_json(ApiKind::kStreamRestore,
                                 jetstream::api_error(ApiErrc::kTempStorageFailed)));
    return false;
  }
  hosted_ = *std::move(made);
  jetstream::ImportOptions options;
  options.state = order_.state;
  options.payload_max = service_.node().payload_max;
  options.now = service_.wall_now();
  options.applied_index = hosted_->group()->applied_index();
  import_ = std::make_unique<jetstream::StreamImport>(hosted_->stream(), options);
  advise(true);
  last_chunk_at_ = service_.now();
  slot_ = service_.router().add_endpoint(of_, *this, subject_, {}) + 1;
  answer(service_, of_, order_.request, jetstream::stream_restore_json(subject_));
  return true;
}

void JetStreamRestore::take(const router::Subscription& /*subscription*/,
                            const router::Message& message) {
  chunks_.push_back({std::string(message.reply()), std::string(message.body())});
  waiting_bytes_ += chunks_.back().bytes.size();
}

bool JetStreamRestore::run() {
  while (stage_ == Stage::kChunks && !chunks_.empty()) {
    if (service_.disk().pending() > kWritesMax && waiting_bytes_ < kWaitingBytesMax) break;
    const Chunk chunk = std::move(chunks_.front());
    chunks_.pop_front();
    waiting_bytes_ -= chunk.bytes.size();
    last_chunk_at_ = service_.now();
    take_chunk(chunk);
  }
  if (stage_ == Stage::kChunks && service_.now() - last_chunk_at_ >= kSilenceMax) {
    last_reply_.clear();
    fail(restore_failed("restore for stream '" + of_.name + " > " + order_.stream.config.name +
                        "' is stalled"));
  }
  if (stage_ == Stage::kStoring) look_at_checkpoint();
  return stage_ != Stage::kOver;
}

void JetStreamRestore::take_chunk(const Chunk& chunk) {
  last_reply_ = chunk.reply;
  if (chunk.reply.empty()) {
    return fail(restore_failed("restore for stream '" + of_.name + " > " +
                               order_.stream.config.name +
                               "' requires reply subject for each chunk"));
  }
  if (chunk.bytes.empty()) {
    if (const jetstream::ApiStatus refused = import_->finish()) return fail(*refused);
    stage_ = Stage::kClaiming;
    order_.claim([self = self_](const jetstream::ApiStatus& refused) {
      if (*self != nullptr) (*self)->claimed(refused);
    });
    return;
  }
  bytes_ += chunk.bytes.size();
  if (const jetstream::ApiStatus refused = import_->feed(chunk.bytes)) return fail(*refused);
  answer_to(service_, of_, chunk.reply, {});
}

void JetStreamRestore::claimed(const jetstream::ApiStatus& refused) {
  if (refused) return fail(*refused);
  is_claimed_ = true;
  hosted_->group()->recovered_up_to(import_->applied_index());
  import_.reset();
  stage_ = Stage::kStoring;
  if (!hosted_->place().is_memory) hosted_->stream().checkpoint();
}

void JetStreamRestore::look_at_checkpoint() {
  if (hosted_->place().is_memory) return finish();
  if (hosted_->stream().store().is_checkpointing() || is_describing_) return;
  if (hosted_->group()->checkpoints() == 0) return fail(restore_failed("could not write to disk"));
  is_describing_ = true;
  service_.describe(*hosted_, [self = self_](int error) {
    if (*self == nullptr) return;
    if (error != 0) return (*self)->fail(restore_failed("could not write to disk"));
    (*self)->finish();
  });
}

void JetStreamRestore::finish() {
  stage_ = Stage::kOver;
  jetstream::Stream& stream = service_.adopt(std::move(hosted_));
  jetstream::RequestContext here = order_.context;
  here.now = service_.wall_now();
  advise(false);
  jetstream::StreamInfoView info = jetstream::stream_info(stream, here);
  info.domain.clear();
  info.cluster.reset();
  info.mirror.reset();
  info.sources.clear();
  answer_to(service_, of_, last_reply_, jetstream::stream_restored_json(info));
  service_.node().log(jetstream::LogLevel::kInfo, "Completed restore of stream '" + of_.name +
                                                      " > " + stream.name() + "', " +
                                                      std::to_string(bytes_) + " bytes");
  order_.settle(&stream.config());
}

void JetStreamRestore::fail(const ApiError& error) {
  stage_ = Stage::kOver;
  import_.reset();
  service_.node().log(jetstream::LogLevel::kWarn, "Restore failed for stream '" + of_.name + " > " +
                                                      order_.stream.config.name +
                                                      "': " + error.description);
  advise(false);
  answer_to(service_, of_, last_reply_, jetstream::error_json(ApiKind::kStreamCreate, error));
  service_.discard(std::move(hosted_));
  if (is_claimed_) order_.settle(nullptr);
}

void JetStreamRestore::advise(bool is_begin) {
  const std::string& stream = order_.stream.config.name;
  ClientAdvisory advisory;
  advisory.subject = std::string("$JS.EVENT.ADVISORY.STREAM.RESTORE_") +
                     (is_begin ? "CREATE." : "COMPLETE.") + stream;
  advisory.front = advisory_begin(service_, is_begin ? "restore_create" : "restore_complete");
  append_text_member(advisory.front, "stream", stream);
  if (!is_begin) {
    append_time_member(advisory.front, "start", started_);
    append_time_member(advisory.front, "end", service_.wall_now());
    advisory.front.append(",\"bytes\":").append(std::to_string(bytes_));
  }
  advisory.back = domain_member(service_.node());
  advise_of_client(service_, of_, order_.request, std::move(advisory));
}

// --- the service's part ---

Result<std::unique_ptr<HostedStream>> JetStreamService::make_hidden(const NewStream& wanted) {
  PETREL_TRY(std::unique_ptr<HostedStream> hosted, make_hosted(wanted, node_.random(), true));
  hosted->is_removed = true;
  if (hosted->place().is_memory) return hosted;
  const std::string& directory = hosted->place().directory;
  PETREL_TRY_STATUS(disk_->make_directories(directory));
  disk_->replace_file(unfinished_file(directory), "restore\n", [](int /*error*/) {});
  return hosted;
}

jetstream::Stream& JetStreamService::adopt(std::unique_ptr<HostedStream> hosted) {
  HostedStream& made = *hosted;
  made.is_removed = false;
  made.is_described = true;
  if (!made.place().is_memory) {
    disk_->remove_file(unfinished_file(made.place().directory), [](int /*error*/) {});
  }
  by_group_[made.place().group] = &made;
  streams_[{std::string(made.stream().account_name()), made.stream().name()}] = std::move(hosted);
  serve(made);
  return made.stream();
}

Result<jetstream::Stream*> JetStreamService::import_stream(const NewStream& described,
                                                           const jetstream::FoundStream& found,
                                                           const jetstream::StreamFiles& files) {
  PETREL_TRY(std::unique_ptr<HostedStream> hosted, make_hidden(described));
  jetstream::ImportOptions options;
  options.state.first_seq = found.first_sequence;
  options.state.last_seq = found.last_sequence;
  options.now = wall_now_;
  options.applied_index = hosted->group()->applied_index();
  jetstream::StreamImport import(hosted->stream(), options);
  if (const auto refused = import.read(files)) return Error{Errc::kCorrupt, refused->description};
  hosted->group()->recovered_up_to(import.applied_index());
  hosted->stream().checkpoint();
  disk_->drain();
  int error = hosted->group()->checkpoints() == 0 ? EIO : 0;
  if (error == 0) describe(*hosted, [&error](int failed) { error = failed; });
  disk_->drain();
  if (error != 0) return Error{Errc::kIo, "could not be written"};
  hosted->is_parked = !offline_of(hosted->stream()).reason.empty();
  return &adopt(std::move(hosted));
}

void JetStreamService::discard(std::unique_ptr<HostedStream> hosted) {
  auto removal = std::make_unique<Removal>();
  if (!hosted->place().is_memory) {
    // The store knows nothing of the directory unless it wrote into it.
    removal->then = [this, directory = hosted->place().directory] {
      disk_->remove_tree(directory, [](int /*error*/) {});
    };
  }
  removal->hosted = std::move(hosted);
  removals_.push_back(std::move(removal));
}

}  // namespace petrel::shard

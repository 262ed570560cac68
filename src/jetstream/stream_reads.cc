#include "jetstream/stream_reads.h"

#include "jetstream/stream_core.h"

#include "petrel/jetstream/api_json.h"
#include "petrel/proto/header_view.h"
#include "petrel/subject/subject.h"

#include <algorithm>
#include <limits>

namespace petrel::jetstream {
namespace {

constexpr size_t kMultiMax = 1024;
constexpr int64_t kBytesMax = 64 << 20;
constexpr size_t kMessagesPerTurn = 256;
constexpr Slice kNotFound = "404 Message Not Found";
constexpr uint64_t kEnd = std::numeric_limits<uint64_t>::max();

// What follows the first `count` tokens: a mirror is asked by its origin's name too.
Slice behind_tokens(Slice subject, int count) {
  for (; count != 0; --count) {
    const size_t dot = subject.find('.');
    if (dot == Slice::npos) return {};
    subject.remove_prefix(dot + 1);
  }
  return subject;
}

}  // namespace

struct StreamReads::Direct {
  MessageGetRequest request;
  std::string reply;
  uint64_t next = 0;  // the sequence from which on to look
  uint64_t pending = 0;
  uint64_t last = 0;
  uint64_t valid_through = 0;
  uint64_t up_to = 0;
  int64_t left = 1;
  int64_t bytes_left = 0;
  bool is_batch = false;
  bool is_first = true;
  std::vector<uint64_t> sequences = {};  // multi_last
  size_t position = 0;
};

// --- STREAM.MSG.GET ---

void StreamReads::get(const GetRequest& request, Stream::MessageDone done) {
  begin([this, request, done = std::move(done)] {
    const store::MessageStore& messages = *core_.store;
    uint64_t sequence = request.sequence;
    if (request.start_time.ns != 0) sequence = messages.first_at_or_after(request.start_time);
    if (!request.next_by_subject.empty()) {
      sequence = messages.next_match({request.next_by_subject}, sequence);
    } else if (!request.last_by_subject.empty()) {
      sequence = messages.last_match({request.last_by_subject}, kEnd);
    } else if (request.start_time.ns != 0) {
      sequence = messages.next_match({}, sequence);
    }
    store::StoredMessage message;
    const auto status =
        sequence == 0 ? store::ReadStatus::kMissing : core_.store->read(sequence, message);
    if (status == store::ReadStatus::kPending) return false;
    if (status == store::ReadStatus::kFound) {
      done(nullptr, &message);
    } else {
      const ApiError error = api_error(ApiErrc::kNoMessageFound);
      done(&error, nullptr);
    }
    return true;
  });
}

// --- direct get ---

void StreamReads::status(const std::string& reply, Slice line) {
  std::string header("NATS/1.0 ");
  header.append(line).append("\r\n\r\n");
  core_.send_text(reply, header, {});
}

void StreamReads::take(const Incoming& message) {
  if (message.reply.empty()) return;
  const auto refuse = [&](std::string line) {
    core_.answers.call(core_.staged_index(),
                       [this, reply = std::string(message.reply), line = std::move(line)](bool) {
                         status(reply, line);
                       });
  };
  const auto level = proto::HeaderView(message.header).find("Nats-Required-Api-Level");
  if (level && check_required_level(*level)) return refuse("412 Required Api Level");
  const Slice key = behind_tokens(message.subject, 5);
  auto parsed =
      key.empty() ? parse_direct_get(message.body) : parse_direct_get_last(key, message.body);
  if (!parsed) return refuse("408 " + parsed.error().detail);
  auto direct = std::make_shared<Direct>();
  direct->reply = std::string(message.reply);
  direct->request = std::move(*parsed);
  core_.answers.call(core_.staged_index(), [this, direct](bool is_lost) {
    if (!is_lost) start_direct(direct);
  });
}

void StreamReads::start_direct(const std::shared_ptr<Direct>& direct) {
  const MessageGetRequest& request = direct->request;
  const store::MessageStore& messages = *core_.store;
  direct->bytes_left = request.max_bytes == 0 ? kBytesMax : request.max_bytes;
  if (!request.multi_last.empty()) return start_multi(direct);
  direct->next = request.start_time ? messages.first_at_or_after(*request.start_time) : request.seq;
  direct->is_batch = request.batch != 0;
  direct->left = request.batch == 0 ? 1 : request.batch;
  if (direct->is_batch) {
    const store::Filters filters =
        request.next_by_subj.empty() ? store::Filters{} : store::Filters{request.next_by_subj};
    direct->pending = messages.count_matches(filters, direct->next);
    direct->valid_through = messages.state().last_sequence;
  }
  begin([this, direct] { return step(*direct); });
}

uint64_t StreamReads::find(const Direct& direct) const {
  const MessageGetRequest& request = direct.request;
  const store::MessageStore& messages = *core_.store;
  if (!request.next_by_subj.empty())
    return messages.next_match({request.next_by_subj}, direct.next);
  if (!request.last_by_subj.empty()) return messages.last_match({request.last_by_subj}, kEnd);
  if (direct.is_first && !direct.is_batch) {
    return messages.contains(direct.next) ? direct.next : 0;
  }
  return messages.next_match({}, direct.next);
}

bool StreamReads::step(Direct& direct) {
  while (direct.left > 0) {
    const uint64_t sequence = find(direct);
    store::StoredMessage message;
    const auto found =
        sequence == 0 ? store::ReadStatus::kMissing : core_.store->read(sequence, message);
    if (found == store::ReadStatus::kPending) return false;
    if (found != store::ReadStatus::kFound) {
      if (direct.is_batch && !direct.is_first && direct.request.batch > 1) break;
      status(direct.reply, kNotFound);
      return true;
    }
    direct.next = sequence + 1;
    direct.is_first = false;
    --direct.left;
    // Told only in headers: without them it stays what it was.
    if (direct.is_batch && !direct.request.no_hdr && direct.pending > 0) --direct.pending;
    send(direct, message);
    if (direct.bytes_left <= 0) break;
  }
  if (direct.is_batch) send_end(direct);
  return true;
}

void StreamReads::start_multi(const std::shared_ptr<Direct>& direct) {
  const MessageGetRequest& request = direct->request;
  const store::MessageStore& messages = *core_.store;
  direct->up_to = request.up_to_seq;
  if (request.up_to_time) {
    const uint64_t behind = messages.first_at_or_after(*request.up_to_time);
    if (behind <= messages.state().first_sequence) return status(direct->reply, "404 No Results");
    direct->up_to = behind - 1;
  }
  if (direct->up_to == 0) direct->up_to = messages.state().last_sequence;
  std::string after;
  bool is_too_many = false;
  for (;;) {
    const auto page = messages.subjects(request.multi_last, after, kMultiMax + 1);
    for (const auto& found : page) {
      if (found.totals.first_sequence > direct->up_to) continue;
      const uint64_t last = found.totals.last_sequence <= direct->up_to
                                ? found.totals.last_sequence
                                : messages.last_match({found.subject}, direct->up_to);
      if (last != 0 && last >= request.seq) direct->sequences.push_back(last);
    }
    is_too_many = direct->sequences.size() > kMultiMax;
    if (is_too_many || page.size() <= kMultiMax) break;
    after = page.back().subject;
  }
  if (is_too_many) return status(direct->reply, "413 Too Many Results");
  if (direct->sequences.empty()) return status(direct->reply, "404 No Results");
  std::sort(direct->sequences.begin(), direct->sequences.end());
  direct->is_batch = true;
  direct->pending = direct->sequences.size();
  direct->left = request.batch > 0 ? request.batch : std::numeric_limits<int64_t>::max();
  begin([this, direct] { return step_multi(*direct); });
}

bool StreamReads::step_multi(Direct& direct) {
  while (direct.position < direct.sequences.size()) {
    store::StoredMessage message;
    const auto found = core_.store->read(direct.sequences[direct.position], message);
    if (found == store::ReadStatus::kPending) return false;
    ++direct.position;
    if (found != store::ReadStatus::kFound) {
      status(direct.reply, kNotFound);
      return true;
    }
    --direct.pending;
    send(direct, message);
    if (direct.bytes_left <= 0 || --direct.left <= 0) break;
  }
  send_end(direct);
  return true;
}

std::string StreamReads::answer_header(const Direct& direct,
                                       const store::StoredMessage& message) const {
  if (direct.request.no_hdr && direct.request.multi_last.empty()) return {};
  std::string header(message.header.empty() ? Slice("NATS/1.0\r\n")
                                            : message.header.substr(0, message.header.size() - 2));
  header += "Nats-Stream: " + core_.config.name + "\r\nNats-Subject: ";
  header.append(message.subject);
  header += "\r\nNats-Sequence: " + std::to_string(message.sequence);
  header += "\r\nNats-Time-Stamp: ";
  append_time(header, message.time);
  if (direct.is_batch) {
    header += "\r\nNats-Num-Pending: " + std::to_string(direct.pending);
    header += "\r\nNats-Last-Sequence: " + std::to_string(direct.last);
  }
  header += "\r\n\r\n";
  return header;
}

void StreamReads::send(Direct& direct, const store::StoredMessage& message) {
  core_.send_text(direct.reply, answer_header(direct, message), message.body);
  direct.last = message.sequence;
  direct.bytes_left -=
      static_cast<int64_t>(message.subject.size() + message.header.size() + message.body.size());
}

void StreamReads::send_end(Direct& direct) {
  const store::MessageStore& messages = *core_.store;
  const bool is_multi = !direct.request.multi_last.empty();
  if (!is_multi && messages.state().last_sequence > direct.valid_through) {
    const Slice filter = direct.request.next_by_subj;
    direct.pending = messages.count_matches(
        filter.empty() ? store::Filters{} : store::Filters{std::string(filter)}, direct.next);
  }
  std::string line = "204 EOB\r\nNats-Num-Pending: " + std::to_string(direct.pending) +
                     "\r\nNats-Last-Sequence: " + std::to_string(direct.last);
  if (is_multi) line += "\r\nNats-UpTo-Sequence: " + std::to_string(direct.up_to);
  status(direct.reply, line);
}

// --- waiting ---

void StreamReads::begin(Read read) {
  if (!read()) waiting_.push_back(std::move(read));
}

bool StreamReads::run() {
  if (!is_readable_ || waiting_.empty()) return false;
  is_readable_ = false;
  for (size_t left = std::min(waiting_.size(), kMessagesPerTurn); left != 0; --left) {
    Read read = std::move(waiting_.front());
    waiting_.pop_front();
    if (!read()) waiting_.push_back(std::move(read));
  }
  return is_readable_ && !waiting_.empty();
}

void StreamReads::stop() {
  waiting_.clear();
}

}  // namespace petrel::jetstream

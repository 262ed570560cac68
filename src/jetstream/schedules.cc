#include "jetstream/schedules.h"

#include "jetstream/cron.h"
#include "jetstream/json_time.h"
#include "jetstream/stream_core.h"

#include "petrel/proto/header_view.h"
#include "petrel/subject/subject.h"

#include <algorithm>

namespace petrel::jetstream {
namespace {

using H = PublishHeader;

constexpr size_t kPerTurn = 100;

}  // namespace

// --- checks ---

bool Schedules::is_in_stream(Slice subject) const {
  return std::any_of(
      core_.config.subjects.begin(), core_.config.subjects.end(),
      [&](const std::string& own) { return subject::subjects_collide(own, subject); });
}

const TimeZone* Schedules::zone_of(Slice name) {
  const auto found = zones_.find(name);
  if (found != zones_.end()) return &found->second;
  const auto zone = name == "UTC" ? TimeZone() : TimeZone::parse(core_.host.time_zone(name));
  if (!zone) return nullptr;
  return &zones_.emplace(std::string(name), *zone).first->second;
}

Verdict Schedules::check(PublishHeaders& headers, Candidate& candidate) {
  const bool has_zone = proto::HeaderView(candidate.header).has(header_name(H::kScheduleTimeZone));
  if (headers.has(H::kSchedule) || has_zone) {
    Verdict verdict = check_schedule(headers, candidate);
    if (!verdict.is_store()) return verdict;
  }
  return check_scheduler(headers, candidate);
}

WallTime Schedules::next_of(Slice subject, Slice header) {
  PublishHeaders headers(header);
  if (!headers.has(H::kSchedule)) return {};
  Candidate candidate;
  candidate.subject = subject;
  candidate.header = header;
  const Verdict verdict = check_schedule(headers, candidate);
  return verdict.is_store() ? candidate.due : WallTime{};
}

Verdict Schedules::check_schedule(PublishHeaders& headers, Candidate& candidate) {
  const StreamConfig& config = core_.config;
  const Slice zone_name = headers[H::kScheduleTimeZone];
  const bool has_zone = proto::HeaderView(candidate.header).has(header_name(H::kScheduleTimeZone));
  const TimeZone* zone = zone_name.empty() ? nullptr : zone_of(zone_name);
  const auto refuse = [&](ApiErrc errc) {
    return Verdict::refuse(config.allow_msg_schedules ? errc : ApiErrc::kMessageSchedulesDisabled);
  };
  if (has_zone && zone == nullptr) return refuse(ApiErrc::kMessageSchedulesTimeZoneInvalid);
  if (!headers.has(H::kSchedule)) return {};
  const WallTime now = core_.host.wall_now();
  const auto next = next_schedule(headers[H::kSchedule], zone, now, now);
  if (!next) return refuse(ApiErrc::kMessageSchedulesPatternInvalid);
  if (!config.allow_msg_schedules) return Verdict::refuse(ApiErrc::kMessageSchedulesDisabled);
  if (!parse_ttl(headers[H::kScheduleTtl])) {
    return Verdict::refuse(ApiErrc::kMessageSchedulesTTLInvalid);
  }
  if (headers.has(H::kScheduleRollup) && headers[H::kScheduleRollup] != "sub") {
    return Verdict::refuse(ApiErrc::kMessageSchedulesRollupInvalid);
  }
  if (headers.has(H::kScheduleTtl) && !config.allow_msg_ttl) {
    return Verdict::refuse(ApiErrc::kMessageTTLDisabled);
  }
  const Slice target = headers[H::kScheduleTarget];
  const Slice source = headers[H::kScheduleSource];
  if (target.empty() || !subject::is_valid_literal(target) || target == candidate.subject) {
    return Verdict::refuse(ApiErrc::kMessageSchedulesTargetInvalid);
  }
  if (!source.empty() &&
      (source == target || source == candidate.subject || !subject::is_valid_literal(source))) {
    return Verdict::refuse(ApiErrc::kMessageSchedulesSourceInvalid);
  }
  if (!is_in_stream(target)) return Verdict::refuse(ApiErrc::kMessageSchedulesTargetInvalid);
  if (!source.empty() && !is_in_stream(source)) {
    return Verdict::refuse(ApiErrc::kMessageSchedulesSourceInvalid);
  }
  if (!headers.has(H::kRollup)) {
    std::string block(candidate.header);
    proto::append_header(block, header_name(H::kRollup), "sub");
    candidate.set_header(std::move(block));
    headers = PublishHeaders(candidate.header);
  } else if (!equals_any_case(headers[H::kRollup], "sub")) {
    return Verdict::refuse(ApiErrc::kMessageSchedulesRollupInvalid);
  }
  candidate.flags |= message_flag::kHasMore;
  candidate.due = next->next;
  return {};
}

// Clients may end a schedule: "Nats-Schedule-Next: purge" with its subject as Nats-Scheduler.
Verdict Schedules::check_scheduler(const PublishHeaders& headers, Candidate& candidate) {
  if (!headers.has(H::kScheduleNext)) {
    return headers.has(H::kScheduler) ? Verdict::refuse(ApiErrc::kMessageSchedulesSchedulerInvalid)
                                      : Verdict{};
  }
  const Slice scheduler = headers[H::kScheduler];
  if (headers[H::kScheduleNext] != "purge" || scheduler.empty() || scheduler == candidate.subject ||
      !subject::is_valid_literal(scheduler)) {
    return Verdict::refuse(ApiErrc::kMessageSchedulesSchedulerInvalid);
  }
  if (!core_.config.allow_msg_schedules) return Verdict::refuse(ApiErrc::kMessageSchedulesDisabled);
  if (core_.staged.last_of(Staged::hash_of(scheduler)) != 0) return Verdict::hold();
  const bool is_schedule = by_subject_.contains(std::string(scheduler));
  if (!is_schedule && core_.store->totals_of(scheduler).messages != 0) {
    return Verdict::refuse(ApiErrc::kMessageSchedulesSchedulerInvalid);
  }
  candidate.flags |= message_flag::kHasMore;
  return {};
}

// --- applied entries ---

void Schedules::drop(const std::string& subject) {
  const auto found = by_subject_.find(subject);
  if (found == by_subject_.end()) return;
  by_time_.erase({found->second.due.ns, subject});
  by_sequence_.erase(found->second.sequence);
  by_subject_.erase(found);
}

void Schedules::on_stored(uint64_t sequence, Slice subject, WallTime due) {
  const std::string name(subject);
  drop(name);
  by_subject_[name] = Schedule{sequence, due};
  by_sequence_[sequence] = name;
  by_time_.emplace(due.ns, name);
}

void Schedules::on_fired(Slice subject, Slice next) {
  const auto found = by_subject_.find(std::string(subject));
  WallTime due;
  if (found == by_subject_.end() || !read_go_time(next, due).empty()) return;
  on_stored(found->second.sequence, subject, due);
}

void Schedules::on_removed(uint64_t sequence) {
  const auto found = by_sequence_.find(sequence);
  if (found != by_sequence_.end()) drop(std::string(found->second));
}

void Schedules::on_purged(uint64_t first) {
  while (!by_sequence_.empty() && by_sequence_.begin()->first < first) {
    drop(std::string(by_sequence_.begin()->second));
  }
}

std::string Schedules::snapshot() const {
  EntryWriter out;
  for (const auto& [sequence, subject] : by_sequence_) {
    out.u64(sequence);
    out.i64(by_subject_.at(subject).due.ns);
    out.sized(subject);
  }
  return out.take();
}

void Schedules::restore(Slice snapshot) {
  EntryReader reader(snapshot);
  while (!reader.at_end() && reader.is_ok()) {
    const uint64_t sequence = reader.u64();
    const WallTime due{reader.i64()};
    on_stored(sequence, reader.sized(), due);
  }
}

// --- the leader's ---

void Schedules::run(WallTime now) {
  if (by_time_.empty()) return;
  std::vector<std::pair<uint64_t, std::string>> due;
  for (const auto& [ns, subject] : by_time_) {
    if (ns > now.ns || due.size() >= kPerTurn) break;
    const auto fired = fired_.find(subject);
    if (fired != fired_.end() && fired->second > core_.group->applied_index()) continue;
    due.emplace_back(by_subject_.at(subject).sequence, subject);
  }
  std::sort(due.begin(), due.end());
  for (const auto& [sequence, subject] : due) {
    if (!fire(subject, by_subject_.at(subject), now)) break;
  }
}

bool Schedules::fire(const std::string& subject, const Schedule& schedule, WallTime now) {
  store::StoredMessage own;
  const auto status = core_.store->read(schedule.sequence, own);
  if (status == store::ReadStatus::kPending) return false;
  if (status != store::ReadStatus::kFound) return true;
  const std::string own_header(own.header);
  std::string header = own_header;
  std::string body(own.body);
  const PublishHeaders headers(own_header);
  if (headers.has(H::kScheduleSource)) {
    const uint64_t last = core_.store->totals_of(headers[H::kScheduleSource]).last_sequence;
    store::StoredMessage source;
    const auto found = last == 0 ? store::ReadStatus::kMissing : core_.store->read(last, source);
    if (found == store::ReadStatus::kPending) return false;
    if (found == store::ReadStatus::kFound) {
      header = std::string(source.header);
      body = std::string(source.body);
    }
  }
  const TimeZone* zone =
      headers.has(H::kScheduleTimeZone) ? zone_of(headers[H::kScheduleTimeZone]) : nullptr;
  const auto next = next_schedule(headers[H::kSchedule], zone, schedule.due, now);
  proto::remove_headers_with_prefix(header, "Nats-Schedule");
  proto::remove_headers_with_prefix(header, "Nats-Expected-");
  for (const H gone : {H::kMsgId, H::kTtl, H::kRollup}) {
    proto::remove_header(header, header_name(gone));
  }
  proto::append_header(header, header_name(H::kScheduler), subject);
  std::string when = "purge";
  if (next && next->repeats) {
    when.clear();
    append_go_time(when, next->next);
  }
  proto::append_header(header, header_name(H::kScheduleNext), when);
  Candidate fired;
  fired.subject = headers[H::kScheduleTarget];
  fired.flags = message_flag::kHasMore;
  if (headers.has(H::kScheduleTtl)) {
    proto::append_header(header, header_name(H::kTtl), headers[H::kScheduleTtl]);
    fired.ttl_seconds = parse_ttl(headers[H::kScheduleTtl]).value_or(0);
    fired.flags |= message_flag::kHasTtl;
  }
  if (headers.has(H::kScheduleRollup)) {
    proto::append_header(header, header_name(H::kRollup), headers[H::kScheduleRollup]);
    fired.flags |= message_flag::kRollupSubject;
  }
  fired.header = header;
  fired.body = body;
  const uint64_t index = core_.ingest.propose_internal(fired);
  if (index == 0) return false;
  if (fired_.size() > 1024) fired_.clear();
  fired_[subject] = index;
  return true;
}

WallTime Schedules::next_due() const {
  return by_time_.empty() ? WallTime{} : WallTime{by_time_.begin()->first};
}

}  // namespace petrel::jetstream

#include "store_world.h"

#include "petrel/subject/subject.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace petrel::sim {
namespace {

constexpr int kSteps = 300;
const std::string kDirectory = "/store/s";

const std::vector<store::Filters>& some_filters() {
  static const std::vector<store::Filters> kSome = {
      {}, {"a.*"}, {"a.1"}, {"*.2"}, {"b.>", "a.0"}, {"nothing.>"}, {"*.33"}};
  return kSome;
}

bool admits(const store::Filters& filters, const std::string& text) {
  return filters.empty() || std::any_of(filters.begin(), filters.end(), [&](const auto& filter) {
           return subject::subject_matches(text, filter);
         });
}

}  // namespace

StoreWorld::StoreWorld(uint64_t seed, bool trace)
    : seed_(seed), trace_(trace), prng_(seed), disk_(seed * 7 + 1) {
  options_.directory = kDirectory;
  options_.segment_bytes = 2000 + prng_.below(6000);
  options_.cache_bytes = prng_.chance(500) ? 0 : 1 << 20;
  options_.index_bytes = prng_.chance(500) ? 0 : 1 << 20;
  if (prng_.chance(300)) options_.compression = store::Compression::kS2;
  if (prng_.chance(300)) options_.encryption.key = std::string(store::kEncryptionKeyBytes, 'k');
  if (prng_.chance(500)) {
    options_.subject_memory = std::make_shared<MemoryBudget>(100 + prng_.below(4000));
  }
}

StoreWorld::~StoreWorld() = default;

void StoreWorld::wrong(const std::string& what) {
  if (error_.empty()) error_ = what;
}

void StoreWorld::note(const std::string& what) const {
  if (trace_) std::printf("%s\n", what.c_str());
}

void StoreWorld::on_checkpoint(uint64_t applied_index, int error) {
  note("checkpoint " + std::to_string(applied_index) + " error " + std::to_string(error));
  last_error_ = error;
  ++answers_;
  if (error != 0) return;
  const auto begun = begun_.find(applied_index);
  if (begun == begun_.end()) return wrong("an answer nobody waits for");
  durable_ = begun->second;
  durable_index_ = applied_index;
  begun_.erase(begun_.begin(), std::next(begun));
  look_for_erased();
}

void StoreWorld::on_damaged(uint64_t first, uint64_t last, const std::string& what) {
  note("damaged " + std::to_string(first) + ".." + std::to_string(last) + " " + what);
  told_.emplace_back(first, last);
  if (!is_damaged_) wrong("damage where there is none: " + what);
}

std::string StoreWorld::run() {
  open(false);
  for (int n = 0; n < kSteps && error_.empty(); ++n) step();
  if (error_.empty()) recover_checkpoints();
  if (error_.empty()) crash(true);
  for (uint64_t at = durable_.first; at <= durable_.last && error_.empty(); ++at) {
    compare_message(at, false);
  }
  if (error_.empty()) damage_and_look();
  return error_;
}

void StoreWorld::step() {
  const uint64_t dice = prng_.below(1000);
  if (dice < 650) return change();
  if (dice < 720) return begin_checkpoint();
  if (dice < 860) {
    for (uint64_t n = prng_.below(8); n > 0; --n) disk_.poll();
    return;
  }
  if (dice < 890) {
    store_->maintain();
    return;
  }
  if (dice < 905) return crash(prng_.chance(700));
  if (dice < 915) return break_something();
  if (dice < 930) return recover_checkpoints();
  if (dice < 937) return damage_run();
  compare();
}

void StoreWorld::change() {
  const uint64_t dice = prng_.below(100);
  if (dice < 55) {
    for (uint64_t n = prng_.below(8) + 1; n > 0; --n) append();
  } else if (dice < 60) {
    const uint64_t sequence = model_.last + 1 + prng_.below(3);
    store_->skip(sequence, {time_});
    model_.last = sequence;
    if (model_.messages.empty()) model_.first = sequence + 1;
  } else if (dice < 95) {
    remove(prng_.chance(200));
  } else {
    const uint64_t below = model_.first + prng_.below(25);
    store_->purge_below(below, nullptr);
    model_.messages.erase(model_.messages.begin(), model_.messages.lower_bound(below));
    if (below > model_.last + 1) model_.last = below - 1;
    model_.first = model_.messages.empty() ? model_.last + 1 : model_.messages.begin()->first;
  }
}

void StoreWorld::append() {
  Message message;
  message.time = ++time_;
  message.subject = std::string(prng_.chance(500) ? "a." : "b.") +
                    std::to_string(prng_.below(prng_.chance(500) ? 3 : 40));
  message.body = "body-" + std::to_string(seed_) + "-" + std::to_string(time_) + "-" +
                 std::string(prng_.below(prng_.chance(50) ? 2500 : 80), 'x');
  const uint64_t sequence = model_.last + 1;
  store_->append({sequence, {message.time}, message.subject, {}, message.body});
  if (model_.messages.empty()) model_.first = sequence;
  model_.last = sequence;
  model_.messages.emplace(sequence, std::move(message));
}

void StoreWorld::remove(bool erase) {
  if (model_.messages.empty()) return;
  const uint64_t wanted = model_.first + prng_.below(model_.last + 1 - model_.first);
  const auto found = prng_.chance(300) ? model_.messages.begin() : model_.messages.find(wanted);
  if (found == model_.messages.end()) {
    if (store_->remove(wanted, erase)) wrong("removed what was not there");
    return;
  }
  const uint64_t sequence = found->first;
  const auto removed = store_->remove(sequence, erase);
  if (!removed || removed->subject != found->second.subject) return wrong("not removed");
  if (erase) {
    erased_.push_back(found->second.body);
    model_.erases = erased_.size();
  }
  model_.messages.erase(found);
  model_.first = model_.messages.empty() ? model_.last + 1 : model_.messages.begin()->first;
}

void StoreWorld::begin_checkpoint() {
  if (store_->is_checkpointing()) return;
  begun_[++index_] = model_;
  store_->checkpoint(index_, "extra " + std::to_string(index_));
}

void StoreWorld::look_for_erased() {
  for (const std::string& path : disk_.paths()) {
    const std::string* bytes = disk_.bytes_of(path);
    if (bytes == nullptr || !path.ends_with(".seg")) continue;
    for (uint64_t n = 0; n < durable_.erases; ++n) {
      if (bytes->find(erased_[n]) != std::string::npos) wrong("erased bytes are on the disk");
    }
  }
}

void StoreWorld::open(bool is_power_failure) {
  options_.encryption.nonce_seed = std::to_string(1'000'000'000'000'000ULL + ++opened_);
  auto found = store::open_file_store(disk_, options_, *this);
  if (!found) return wrong("not opened: " + found.error().detail);
  store_ = std::move(found->store);
  note("opened at " + std::to_string(found->applied_index));
  if (found->is_rebuilt && !is_damaged_) return wrong("rebuilt without damage");
  model_ = durable_;
  if (found->applied_index != durable_index_) {
    // One that was not answered, or not with success, may be on the disk. Only a power failure
    // shows whether it stays there.
    const auto begun = begun_.find(found->applied_index);
    if (begun == begun_.end()) return wrong("another checkpoint");
    model_ = begun->second;
    if (is_power_failure) durable_ = model_;
    if (is_power_failure) durable_index_ = found->applied_index;
  }
  if (found->applied_index > 0 && found->extra != "extra " + std::to_string(found->applied_index)) {
    return wrong("the state is another one");
  }
  if (is_power_failure) begun_.clear();
  // What was erased later comes back with the journal, which this world does not have.
  erased_.resize(model_.erases);
  if (!is_damaged_) compare();
}

void StoreWorld::crash(bool is_power_failure) {
  note(is_power_failure ? "power failure" : "restart");
  disk_.heal();
  disk_.set_capacity(~uint64_t{0});
  if (is_power_failure) {
    store_ = nullptr;
    disk_.crash();
  } else {
    store_ = nullptr;
    disk_.drain();
  }
  open(is_power_failure);
}

void StoreWorld::break_something() {
  const uint64_t dice = prng_.below(3);
  note("fault " + std::to_string(dice));
  if (dice == 0) disk_.fail_after(StoreDisk::Call::kWrite, prng_.below(4), EIO);
  if (dice == 1) disk_.fail_after(StoreDisk::Call::kSync, prng_.below(4), EIO);
  if (dice == 2) disk_.set_capacity(disk_.used() + prng_.below(3000));
}

// One bit of what is known of subjects is another one. Nobody may notice.
void StoreWorld::damage_run() {
  std::vector<std::string> runs;
  for (const std::string& path : disk_.paths()) {
    const std::string* bytes = disk_.bytes_of(path);
    if (path.ends_with(".run") && bytes != nullptr && !bytes->empty()) runs.push_back(path);
  }
  if (runs.empty()) return;
  const std::string& path = runs[prng_.below(runs.size())];
  std::string& bytes = *disk_.bytes_of(path);
  const size_t at = prng_.below(bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ (1 << prng_.below(8)));
  note("flipped a bit of " + path + " at " + std::to_string(at));
}

// Once the disk works again, so do checkpoints.
void StoreWorld::recover_checkpoints() {
  disk_.heal();
  disk_.set_capacity(~uint64_t{0});
  for (int tries = 0; tries < 20 && error_.empty(); ++tries) {
    for (int steps = 0; steps < 200 && store_->maintain(); ++steps) disk_.drain();
    const uint64_t before = answers_;
    begin_checkpoint();
    disk_.drain();
    if (answers_ > before && last_error_ == 0) return;
  }
  wrong("no checkpoint succeeds on a healthy disk");
}

void StoreWorld::compare() {
  const store::StoreState& state = store_->state();
  if (state.messages != model_.messages.size()) {
    return wrong("holds " + std::to_string(state.messages) + " messages instead of " +
                 std::to_string(model_.messages.size()));
  }
  if (state.last_sequence != model_.last) return wrong("another last sequence");
  if (model_.last > 0 && state.first_sequence != model_.first) return wrong("another first one");
  uint64_t bytes = 0;
  std::set<std::string> subjects;
  for (const auto& [sequence, message] : model_.messages) {
    bytes += store_->counted_bytes(message.subject.size(), 0, message.body.size());
    subjects.insert(message.subject);
  }
  if (state.bytes != bytes) return wrong("counts other bytes");
  if (state.subjects != subjects.size()) return wrong("counts other subjects");
  const uint64_t at = model_.first + prng_.below(model_.last + 3 - model_.first);
  compare_lookups(some_filters()[prng_.below(some_filters().size())], at);
  for (int n = 0; n < 4 && error_.empty(); ++n) {
    compare_message(model_.first + prng_.below(model_.last + 2 - model_.first), false);
  }
}

void StoreWorld::compare_lookups(const store::Filters& filters, uint64_t at) {
  uint64_t next = 0;
  uint64_t last = 0;
  uint64_t count = 0;
  std::map<std::string, store::SubjectTotals> totals;
  for (const auto& [sequence, message] : model_.messages) {
    if (!admits(filters, message.subject)) continue;
    if (sequence <= at) last = sequence;
    store::SubjectTotals& of = totals[message.subject];
    ++of.messages;
    if (of.first_sequence == 0) of.first_sequence = sequence;
    of.last_sequence = sequence;
    if (sequence < at) continue;
    if (next == 0) next = sequence;
    ++count;
  }
  if (store_->next_match(filters, at) != next) return wrong("another next match");
  if (store_->last_match(filters, at) != last) return wrong("another last match");
  if (store_->count_matches(filters, at) != count) return wrong("another count of matches");
  const auto found = store_->subjects(filters, {}, 1000);
  if (found.size() != totals.size()) return wrong("other subjects");
  for (const auto& subject : found) {
    const store::SubjectTotals& of = totals[subject.subject];
    if (subject.totals.messages != of.messages ||
        subject.totals.first_sequence != of.first_sequence ||
        subject.totals.last_sequence != of.last_sequence) {
      return wrong("other totals of " + subject.subject);
    }
  }
}

void StoreWorld::compare_message(uint64_t sequence, bool may_be_lost) {
  store::StoredMessage message;
  store::ReadStatus status = store_->read(sequence, message);
  for (int tries = 0; status == store::ReadStatus::kPending && tries < 1000; ++tries) {
    disk_.poll();
    status = store_->read(sequence, message);
  }
  const auto expected = model_.messages.find(sequence);
  const std::string which = "message " + std::to_string(sequence);
  if (status == store::ReadStatus::kFound) {
    if (expected == model_.messages.end()) return wrong(which + " is there again");
    if (message.body != expected->second.body || message.subject != expected->second.subject ||
        message.time.ns != expected->second.time || message.sequence != sequence) {
      wrong(which + " is another one");
    }
    return;
  }
  if (expected == model_.messages.end()) return;
  if (!may_be_lost) return wrong(which + " is not served");
  const bool is_named = std::any_of(told_.begin(), told_.end(), [sequence](const auto& range) {
    return range.first <= sequence && sequence <= range.second;
  });
  if (!is_named) wrong(which + " is lost and nobody was told");
}

// One byte of one segment is another one.
void StoreWorld::damage_and_look() {
  disk_.drain();
  std::vector<std::string> segments;
  for (const std::string& path : disk_.paths()) {
    const std::string* bytes = disk_.bytes_of(path);
    if (path.ends_with(".seg") && bytes != nullptr && !bytes->empty()) segments.push_back(path);
  }
  if (segments.empty()) return;
  store_ = nullptr;
  disk_.crash();
  is_damaged_ = true;
  const std::string& path = segments[prng_.below(segments.size())];
  std::string* bytes = disk_.bytes_of(path);
  if (bytes == nullptr || bytes->empty()) return;
  const size_t at = prng_.below(bytes->size());
  (*bytes)[at] = static_cast<char>((*bytes)[at] ^ (1 << prng_.below(8)));
  note("flipped a bit of " + path + " at " + std::to_string(at));
  open(true);
  for (uint64_t sequence = model_.first; sequence <= model_.last && error_.empty(); ++sequence) {
    compare_message(sequence, true);
  }
}

}  // namespace petrel::sim

#include "jetstream/sourcing.h"

#include "jetstream/stream_core.h"

#include <algorithm>

namespace petrel::jetstream {

// --- applied entries ---

void Sourcing::on_stored(Slice header) {
  // <origin> <sequence> <filter> <destination> <subject> <identity>
  std::vector<Slice> fields;
  for (Slice rest = header; fields.size() < 6;) {
    const size_t space = rest.find(' ');
    fields.push_back(rest.substr(0, space));
    if (space == Slice::npos) break;
    rest.remove_prefix(space + 1);
  }
  if (fields.size() < 4) return;
  const auto sequence = strict_number(fields[1]);
  if (!sequence) return;
  std::string name(fields[0]);
  name.append(" ").append(fields[2]).append(" ").append(fields[3]);
  positions_[name] = {*sequence, std::string(fields.size() < 6 ? Slice() : fields[5])};
}

std::string Sourcing::snapshot() const {
  EntryWriter out;
  for (const auto& [name, position] : positions_) {
    out.sized(position.identity.empty() ? name : name + " " + position.identity);
    out.u64(position.sequence);
  }
  return out.take();
}

void Sourcing::restore(Slice snapshot) {
  EntryReader reader(snapshot);
  while (!reader.at_end() && reader.is_ok()) {
    std::string name(reader.sized());
    Position position;
    // <origin> <filter> <destination> <identity>
    if (std::count(name.begin(), name.end(), ' ') == 3) {
      position.identity = name.substr(name.rfind(' ') + 1);
      name.resize(name.rfind(' '));
    }
    position.sequence = reader.u64();
    positions_[name] = position;
  }
}

uint64_t Sourcing::position(const std::string& index_name, const std::string& identity) const {
  const auto applied = positions_.find(index_name);
  const auto staged = staged_.find(index_name);
  const bool is_known =
      applied != positions_.end() && (identity.empty() || applied->second.identity.empty() ||
                                      applied->second.identity == identity);
  return std::max(is_known ? applied->second.sequence : 0,
                  staged == staged_.end() ? 0 : staged->second);
}

std::string Sourcing::identity(const std::string& index_name) const {
  const auto applied = positions_.find(index_name);
  return applied == positions_.end() ? std::string() : applied->second.identity;
}

void Sourcing::note_position(const std::string& index_name, uint64_t sequence) {
  staged_[index_name] = sequence;
}

// --- the leader's ---

void Sourcing::start() {
  is_started_ = true;
  configure();
}

void Sourcing::configure() {
  if (!is_started_) return;
  const StreamConfig& config = core_.config;
  const Instant now = core_.host.now();
  if (mirror_ && (!config.mirror || !(mirror_->source() == *config.mirror))) {
    mirror_->stop();
    mirror_->release();
    mirror_.reset();
    for (const uint32_t subscription : direct_) core_.host.unsubscribe(core_.stream, subscription);
    direct_.clear();
  }
  if (config.mirror && !mirror_) {
    mirror_ = std::make_unique<Inflow>(core_, *config.mirror, true);
    mirror_->start(now);
  }
  std::vector<std::unique_ptr<Inflow>> before = std::move(sources_);
  sources_.clear();
  for (const StreamSource& source : config.sources) {
    const auto kept = std::find_if(before.begin(), before.end(), [&](const auto& inflow) {
      return inflow && inflow->source() == source;
    });
    if (kept != before.end()) {
      sources_.push_back(std::move(*kept));
      continue;
    }
    sources_.push_back(std::make_unique<Inflow>(core_, source, false));
    sources_.back()->start(now);
  }
  for (const auto& inflow : before) {
    if (!inflow) continue;
    inflow->stop();
    inflow->release();
  }
}

void Sourcing::stop(bool is_deleted) {
  if (mirror_) mirror_->stop();
  for (const auto& inflow : sources_) inflow->stop();
  if (is_deleted) {
    if (mirror_) mirror_->release();
    for (const auto& inflow : sources_) inflow->release();
  }
  for (const uint32_t subscription : direct_) core_.host.unsubscribe(core_.stream, subscription);
  direct_.clear();
  is_started_ = false;
}

void Sourcing::take(const Incoming& message) {
  if (mirror_ && mirror_->take(message)) return;
  for (const auto& inflow : sources_) {
    if (inflow->take(message)) return;
  }
}

bool Sourcing::run(Instant now) {
  bool is_more = false;
  if (mirror_) {
    is_more = mirror_->run(now);
    serve_origin();
  }
  for (const auto& inflow : sources_) is_more |= inflow->run(now);
  return is_more;
}

// Direct gets on the origin's name are answered here too once this mirror has caught up.
void Sourcing::serve_origin() {
  if (!core_.config.mirror_direct || !direct_.empty() || !mirror_->is_caught_up()) return;
  const std::string subject = "$JS.API.DIRECT.GET." + mirror_->source().name;
  for (const std::string& own : {subject, subject + ".>"}) {
    direct_.push_back(core_.host.subscribe(core_.stream, Inlet::kDirectGet, own, "_sys_"));
  }
}

Instant Sourcing::next_due() const {
  Instant due{};
  const auto consider = [&](Instant when) {
    if (when.ns != 0 && (due.ns == 0 || when < due)) due = when;
  };
  if (mirror_) consider(mirror_->next_due());
  for (const auto& inflow : sources_) consider(inflow->next_due());
  return due;
}

// --- what is told ---

SourceState Sourcing::state_of(const Inflow& inflow) const {
  SourceState state;
  state.lag = inflow.lag();
  state.active_ns = inflow.active_ns(core_.host.now());
  if (inflow.error()) {
    state.error_code = inflow.error()->err_code;
    state.error = inflow.error()->description;
  }
  return state;
}

std::optional<SourceState> Sourcing::mirror_state() const {
  if (!core_.config.mirror) return std::nullopt;
  return mirror_ ? state_of(*mirror_) : SourceState{};
}

std::vector<SourceState> Sourcing::source_states() const {
  std::vector<SourceState> states;
  for (const auto& inflow : sources_) {
    states.push_back(state_of(*inflow));
    states.back().sequence = position(inflow->index_name(), inflow->identity());
  }
  states.resize(core_.config.sources.size());
  return states;
}

}  // namespace petrel::jetstream

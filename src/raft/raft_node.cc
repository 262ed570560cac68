#include "petrel/raft/raft_node.h"

#include "raft/raft_core.h"

#include "petrel/base/check.h"

#include <utility>

namespace petrel::raft {

RaftNode::RaftNode(const RaftOptions& options, Restart restart)
    : core_(std::make_unique<RaftCore>(options, std::move(restart))) {}
RaftNode::~RaftNode() = default;
RaftNode::RaftNode(RaftNode&&) noexcept = default;
RaftNode& RaftNode::operator=(RaftNode&&) noexcept = default;

void RaftNode::tick(Instant now) {
  core_->tick(now);
}
void RaftNode::step(Message message) {
  core_->step(std::move(message));
}
Result<LogRange> RaftNode::propose(std::span<const Payload> batch) {
  return core_->propose(batch);
}
Result<LogIndex> RaftNode::propose_membership(const Membership& target) {
  return core_->propose_membership(target);
}
Status RaftNode::transfer_leadership(NodeId to) {
  return core_->transfer_leadership(to);
}
Status RaftNode::read_index(uint64_t context) {
  return core_->read_index(context);
}
bool RaftNode::has_lease(Instant now) const {
  return core_->has_lease(now);
}
void RaftNode::campaign() {
  core_->campaign();
}

bool RaftNode::has_ready() const {
  return core_->has_ready();
}
Ready RaftNode::take_ready() {
  return core_->take_ready();
}
const Entry& RaftNode::entry(LogIndex index) const {
  PETREL_CHECK(core_->log_.has(index));
  return core_->log_.entry(index);
}
void RaftNode::on_appended(uint64_t sequence) {
  core_->on_appended(sequence);
}
void RaftNode::on_append_failed() {
  core_->on_append_failed();
}
void RaftNode::on_applied(LogIndex index) {
  core_->on_applied(index);
}
Status RaftNode::compact(LogIndex index) {
  return core_->compact(index);
}

void RaftNode::on_snapshot_bytes(NodeId to, SnapshotChunk chunk) {
  core_->on_snapshot_bytes(to, std::move(chunk));
}
void RaftNode::on_snapshot_unavailable(NodeId to) {
  core_->on_snapshot_unavailable(to);
}
void RaftNode::on_snapshot_stored(uint64_t id, uint64_t next_offset) {
  core_->on_snapshot_stored(id, next_offset);
}
void RaftNode::on_snapshot_installed(uint64_t id) {
  core_->on_snapshot_installed(id);
}

void RaftNode::on_node_suspected(NodeId node, uint32_t stagger_ticks) {
  core_->on_node_suspected(node, stagger_ticks);
}
void RaftNode::on_node_restarted(NodeId node, uint32_t stagger_ticks) {
  core_->on_node_restarted(node, stagger_ticks);
}
void RaftNode::on_link_reset(NodeId node) {
  core_->on_link_reset(node);
}
void RaftNode::wake() {
  core_->wake();
}

void RaftNode::set_priority(uint8_t priority) {
  core_->priority_ = priority;
}
GroupId RaftNode::group() const {
  return core_->group_;
}
NodeId RaftNode::leader() const {
  return core_->leader_;
}
RaftRole RaftNode::role() const {
  return core_->role_;
}
Term RaftNode::term() const {
  return core_->hard_.term;
}
LogIndex RaftNode::commit() const {
  return core_->hard_.commit;
}
LogIndex RaftNode::applied() const {
  return core_->applied_;
}
bool RaftNode::is_quiesced() const {
  return core_->is_quiesced_;
}
bool RaftNode::is_failed() const {
  return core_->is_failed_;
}
const Membership& RaftNode::membership() const {
  return core_->log_.membership();
}
Membership RaftNode::membership_at(LogIndex index) const {
  return core_->log_.membership_at(index);
}
Result<Term> RaftNode::term_at(LogIndex index) const {
  const std::optional<Term> term = core_->log_.term_at(index);
  if (!term.has_value()) return Error{Errc::kNotFound, "not in memory"};
  return *term;
}
RaftView RaftNode::view() const {
  return core_->view();
}
const RaftCounters& RaftNode::counters() const {
  return core_->counters_;
}

}  // namespace petrel::raft

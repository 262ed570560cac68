#include "petrel/raft/membership.h"

#include "raft/varint.h"

#include <algorithm>

namespace petrel::raft {

namespace {

constexpr uint8_t kRolesKnown = kVoter | kOutgoing | kLearner | kReturning;
constexpr uint8_t kEncoding = 1;

bool has_valid_roles(const Member& member) {
  if (member.roles == 0 || (member.roles & ~kRolesKnown) != 0) return false;
  if (member.has(kVoter) && member.has(kLearner)) return false;
  return !member.has(kReturning) || member.has(kLearner);
}

}  // namespace

Membership::Membership(std::vector<Member> members) : members_(std::move(members)) {
  std::sort(members_.begin(), members_.end(),
            [](const Member& a, const Member& b) { return a.node < b.node; });
}

Membership Membership::of_voters(std::span<const NodeId> voters) {
  std::vector<Member> members;
  members.reserve(voters.size());
  for (NodeId node : voters) members.push_back({.node = node, .incarnation = 0, .roles = kVoter});
  return Membership(std::move(members));
}

const Member* Membership::find(NodeId node) const {
  for (const Member& member : members_) {
    if (member.node == node) return &member;
  }
  return nullptr;
}

bool Membership::is_voter(NodeId node) const {
  const Member* member = find(node);
  return member != nullptr && member->is_voter();
}

bool Membership::is_joint() const {
  return count(kOutgoing) > 0;
}

size_t Membership::count(Role role) const {
  return static_cast<size_t>(std::count_if(members_.begin(), members_.end(),
                                           [&](const Member& m) { return m.has(role); }));
}

Status Membership::check() const {
  if (members_.size() > kMembersMax) return Error{Errc::kInvalidArgument, "too many members"};
  NodeId before = kNoNode;
  for (const Member& member : members_) {
    if (member.node <= before) return Error{Errc::kInvalidArgument, "members not in order"};
    if (!has_valid_roles(member)) return Error{Errc::kInvalidArgument, "impossible roles"};
    before = member.node;
  }
  if (count(kVoter) == 0) return Error{Errc::kInvalidArgument, "no voter"};
  return Status::ok();
}

Membership Membership::joint_towards(const Membership& target) const {
  std::vector<Member> members;
  for (Member member : target.members_) {
    const Member* today = find(member.node);
    if (today != nullptr && today->has(kVoter)) member.roles |= kOutgoing;
    members.push_back(member);
  }
  for (const Member& member : members_) {
    if (!member.has(kVoter) || target.find(member.node) != nullptr) continue;
    members.push_back({.node = member.node, .incarnation = member.incarnation, .roles = kOutgoing});
  }
  return Membership(std::move(members));
}

Membership Membership::settled() const {
  std::vector<Member> members;
  for (Member member : members_) {
    member.roles = static_cast<uint8_t>(member.roles & ~kOutgoing);
    if (member.roles != 0) members.push_back(member);
  }
  return Membership(std::move(members));
}

std::string Membership::encode() const {
  std::string out;
  out.push_back(static_cast<char>(kEncoding));
  put_varint(out, members_.size());
  for (const Member& member : members_) {
    put_varint(out, member.node);
    put_varint(out, member.incarnation);
    out.push_back(static_cast<char>(member.roles));
  }
  return out;
}

Result<Membership> Membership::decode(Slice bytes) {
  VarintReader reader(bytes);
  const uint64_t version = reader.byte();
  const uint64_t count = reader.varint();
  if (!reader.is_ok() || version != kEncoding || count > kMembersMax) {
    return Error{Errc::kCorrupt, "membership header"};
  }
  std::vector<Member> members(count);
  for (Member& member : members) {
    member.node = reader.varint();
    const uint64_t incarnation = reader.varint();
    member.roles = reader.byte();
    if (incarnation > UINT32_MAX) return Error{Errc::kCorrupt, "incarnation"};
    member.incarnation = static_cast<Incarnation>(incarnation);
  }
  if (!reader.is_ok() || !reader.is_at_end()) return Error{Errc::kCorrupt, "membership length"};
  Membership membership;
  membership.members_ = std::move(members);
  if (membership.members_.empty()) return membership;
  PETREL_TRY_STATUS(membership.check());
  return membership;
}

std::string Membership::text() const {
  struct Part {
    const char* name;
    Role role;
  };
  std::string out;
  for (const Part& part :
       {Part{"voters", kVoter}, Part{"outgoing", kOutgoing}, Part{"learners", kLearner}}) {
    if (count(part.role) == 0) continue;
    out += out.empty() ? "" : " ";
    out += part.name;
    const char* separator = "=";
    for (const Member& member : members_) {
      if (!member.has(part.role)) continue;
      out += separator + std::to_string(member.node);
      if (member.incarnation != 0) out += "#" + std::to_string(member.incarnation);
      if (part.role == kLearner && member.has(kReturning)) out += "r";
      separator = ",";
    }
  }
  return out;
}

}  // namespace petrel::raft

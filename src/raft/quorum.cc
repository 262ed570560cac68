#include "raft/quorum.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <array>

namespace petrel::raft {

namespace {

// The largest value reached by a majority of the members with `role`; UINT64_MAX when there are
// none.
uint64_t majority_value(const Membership& membership, Role role, std::span<const uint64_t> values) {
  std::array<uint64_t, kMembersMax> sorted;
  size_t count = 0;
  const auto members = membership.members();
  for (size_t i = 0; i < members.size(); ++i) {
    if (members[i].has(role)) sorted[count++] = values[i];
  }
  if (count == 0) return UINT64_MAX;
  std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(count));
  return sorted[(count - 1) / 2];
}

VoteResult majority_vote(const Membership& membership, Role role, std::span<const Ballot> ballots) {
  size_t voters = 0;
  size_t granted = 0;
  size_t refused = 0;
  const auto members = membership.members();
  for (size_t i = 0; i < members.size(); ++i) {
    if (!members[i].has(role)) continue;
    ++voters;
    if (ballots[i] == Ballot::kGranted) ++granted;
    if (ballots[i] == Ballot::kRefused) ++refused;
  }
  const size_t majority = voters / 2 + 1;
  if (voters == 0 || granted >= majority) return VoteResult::kWon;
  return voters - refused < majority ? VoteResult::kLost : VoteResult::kPending;
}

}  // namespace

uint64_t quorum_value(const Membership& membership, std::span<const uint64_t> values) {
  PETREL_CHECK(values.size() == membership.members().size());
  const uint64_t incoming = majority_value(membership, kVoter, values);
  const uint64_t outgoing = majority_value(membership, kOutgoing, values);
  const uint64_t reached = std::min(incoming, outgoing);
  return reached == UINT64_MAX ? 0 : reached;
}

VoteResult quorum_vote(const Membership& membership, std::span<const Ballot> ballots) {
  PETREL_CHECK(ballots.size() == membership.members().size());
  if (membership.count(kVoter) == 0) return VoteResult::kLost;
  const VoteResult incoming = majority_vote(membership, kVoter, ballots);
  const VoteResult outgoing = majority_vote(membership, kOutgoing, ballots);
  if (incoming == VoteResult::kLost || outgoing == VoteResult::kLost) return VoteResult::kLost;
  if (incoming == VoteResult::kWon && outgoing == VoteResult::kWon) return VoteResult::kWon;
  return VoteResult::kPending;
}

}  // namespace petrel::raft

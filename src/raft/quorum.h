// Majorities over a membership: pure functions of values that stand parallel to its members.
// A joint membership needs a majority of both sets (thesis, section 4.3). Thread: any.
#pragma once

#include "petrel/raft/membership.h"

#include <cstdint>
#include <span>

namespace petrel::raft {

enum class Ballot : uint8_t { kMissing, kGranted, kRefused };
enum class VoteResult : uint8_t { kPending, kWon, kLost };

// The largest value that a majority of both sets has reached. 0 when there is no voter.
uint64_t quorum_value(const Membership& membership, std::span<const uint64_t> values);

VoteResult quorum_vote(const Membership& membership, std::span<const Ballot> ballots);

}  // namespace petrel::raft

// SubjectMapping: where messages published to a subject go instead, by weight.
//
// Immutable, any thread. Source: spec protocol.md section 11.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/prng.h"
#include "petrel/base/result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace petrel::subject {

struct WeightedDestination {
  std::string subject;
  uint8_t weight = 100;  // percent
  std::string cluster;   // "": any cluster
};

class SubjectMapping {
 public:
  // Errors carry nats-server's texts ("invalid mapping destination: ...").
  static Result<SubjectMapping> create(Slice source,
                                       const std::vector<WeightedDestination>& destinations);

  bool matches(Slice subject) const;
  // Picks a destination and writes the mapped subject. False: the message belongs to the share that
  // goes nowhere. REQUIRES: matches(subject).
  bool select(Slice subject, Slice cluster, Prng& prng, std::string& mapped) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace petrel::subject

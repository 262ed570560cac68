// SubjectMapping: where messages published to a subject go instead, by weight.
//
// Immutable, any thread, cheap to copy. Of an account's mappings the first that matches a subject
// decides. Errors are kInvalidArgument with nats-server's texts. Source: spec protocol.md
// section 11.
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
  uint8_t weight = 100;      // percent
  std::string cluster = {};  // "": every cluster that has no destinations of its own
};

class SubjectMapping {
 public:
  // What the weights of a list leave of 100 goes to the source itself, unless the source stands
  // among the destinations: then that share is lost.
  static Result<SubjectMapping> create(Slice source,
                                       const std::vector<WeightedDestination>& destinations);

  const std::string& source() const;
  // Whether the source admits `subject`, which may itself hold wildcards.
  bool matches(Slice subject) const;
  // Picks a destination and writes the mapped subject. False: the message belongs to the share that
  // goes nowhere. REQUIRES: matches(subject).
  bool select(Slice subject, Slice cluster, Prng& prng, std::string& mapped) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace petrel::subject

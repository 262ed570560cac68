// SubjectOverlap: a list of subjects as a tree of tokens, to find which of them overlap without
// comparing every pair.
//
// Thread: values, any thread. Borrows the list. No recursion.
// Limits: kStepsMax steps over all questions; above that is_exhausted() tells that the answers are
// not to be trusted, and the list is to be refused. Lists that real systems use stay far below.
#pragma once

#include "petrel/base/block.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace petrel::jetstream {

class SubjectOverlap {
 public:
  static constexpr uint32_t kStepsMax = 2'000'000;

  explicit SubjectOverlap(const std::vector<std::string>& subjects);

  // Some other subject of the list admits a subject that the one at `place` admits.
  bool collides(size_t place);
  // Some other subject of the list admits everything that the one at `place` admits.
  bool is_covered(size_t place);
  bool is_exhausted() const { return steps_ > kStepsMax; }

 private:
  struct Node {
    std::map<Slice, uint32_t> children = {};
    uint32_t ends = 0;   // subjects that end here
    uint32_t below = 0;  // subjects that end here or further down
  };
  struct Step {
    uint32_t node;
    uint32_t depth;
  };
  // The subject that is asked about: its tokens and its own nodes.
  struct Query {
    std::vector<Slice> tokens = {};
    std::vector<uint32_t> path = {0};
    std::vector<Step> open = {{0, 0}};
  };

  void insert(Slice subject);
  Query query(Slice subject) const;
  const uint32_t* child(uint32_t node, Slice token) const;
  // Subjects that end at the node, without the one that is asked about.
  bool ends_other(const Query& query, const Step& step) const;
  bool step_collides(Query& query, const Step& step) const;
  bool step_covers(Query& query, const Step& step) const;

  const std::vector<std::string>& subjects_;
  std::vector<Node> nodes_;
  uint32_t steps_ = 0;
};

}  // namespace petrel::jetstream

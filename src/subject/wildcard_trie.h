// WildcardTrie: interest in subjects with wildcards. Nodes are numbers; one hash table holds the
// edges of all of them, so that a node with a million children costs no more than a million nodes
// with one.
#pragma once

#include "subject/subscriber_list.h"

#include <string>
#include <vector>

namespace petrel::subject {

class WildcardTrie {
 public:
  WildcardTrie();

  // REQUIRES: a valid subject with a wildcard.
  void insert(Slice subject, Slice queue, const Subscriber& subscriber);
  bool remove(Slice subject, Slice queue, const Subscriber& subscriber);

  // Appends the interest in a literal subject. `depends_on_last`: some subscription names the last
  // token literally, so a sibling subject may have another result.
  void match(Slice subject, MatchResult& result, bool& depends_on_last) const;

 private:
  static constexpr uint32_t kNone = 0;
  static constexpr uint32_t kRoot = 1;

  struct Node {
    uint32_t parent = kNone;
    uint32_t star = kNone;  // child over `*`
    uint32_t literal_children = 0;
    uint32_t next_free = kNone;
    std::string token;  // the edge that leads here; empty over `*`
    InterestSet here;   // subscriptions that end here
    InterestSet rest;   // subscriptions that go on with `>`
    bool is_unused() const {
      return star == kNone && literal_children == 0 && here.is_empty() && rest.is_empty();
    }
  };

  uint64_t edge_hash(uint32_t parent, Slice token) const;
  uint32_t child(uint32_t parent, Slice token) const;
  uint32_t child_or_add(uint32_t parent, Slice token);
  uint32_t new_node(uint32_t parent, Slice token);
  uint32_t find_end(Slice subject, bool& is_rest) const;
  void remove_unused(uint32_t node);
  void add_edge(uint32_t node);
  void remove_edge(uint32_t node);
  void grow_edges();

  std::vector<Node> nodes_;
  std::vector<uint32_t> edges_;  // open addressing, kNone: free; size is a power of two
  size_t edge_count_ = 0;
  uint32_t free_ = kNone;
};

}  // namespace petrel::subject

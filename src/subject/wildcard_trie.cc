#include "subject/wildcard_trie.h"

#include "petrel/base/hash.h"
#include "petrel/subject/subject.h"

namespace petrel::subject {

WildcardTrie::WildcardTrie() {
  nodes_.resize(2);  // kNone and kRoot
}

uint64_t WildcardTrie::edge_hash(uint32_t parent, Slice token) const {
  return hash_bytes(token, uint64_t{parent} << 32);
}

uint32_t WildcardTrie::child(uint32_t parent, Slice token) const {
  if (edges_.empty() || nodes_[parent].literal_children == 0) return kNone;
  const size_t mask = edges_.size() - 1;
  for (size_t i = edge_hash(parent, token) & mask; edges_[i] != kNone; i = (i + 1) & mask) {
    const Node& node = nodes_[edges_[i]];
    if (node.parent == parent && node.token == token) return edges_[i];
  }
  return kNone;
}

uint32_t WildcardTrie::new_node(uint32_t parent, Slice token) {
  uint32_t node = free_;
  if (node == kNone) {
    node = static_cast<uint32_t>(nodes_.size());
    nodes_.emplace_back();
  } else {
    free_ = nodes_[node].next_free;
  }
  nodes_[node].parent = parent;
  nodes_[node].token.assign(token);
  return node;
}

uint32_t WildcardTrie::child_or_add(uint32_t parent, Slice token) {
  if (token == "*") {
    if (nodes_[parent].star == kNone) {
      const uint32_t node = new_node(parent, Slice());
      nodes_[parent].star = node;
    }
    return nodes_[parent].star;
  }
  if (const uint32_t found = child(parent, token); found != kNone) return found;
  const uint32_t node = new_node(parent, token);
  ++nodes_[parent].literal_children;
  add_edge(node);
  return node;
}

void WildcardTrie::add_edge(uint32_t node) {
  if ((edge_count_ + 1) * 4 > edges_.size() * 3) grow_edges();
  const size_t mask = edges_.size() - 1;
  size_t i = edge_hash(nodes_[node].parent, nodes_[node].token) & mask;
  while (edges_[i] != kNone) i = (i + 1) & mask;
  edges_[i] = node;
  ++edge_count_;
}

void WildcardTrie::grow_edges() {
  std::vector<uint32_t> old = std::move(edges_);
  edges_.assign(old.empty() ? 16 : old.size() * 2, kNone);
  edge_count_ = 0;
  for (const uint32_t node : old) {
    if (node != kNone) add_edge(node);
  }
}

void WildcardTrie::remove_edge(uint32_t node) {
  const size_t mask = edges_.size() - 1;
  size_t gap = edge_hash(nodes_[node].parent, nodes_[node].token) & mask;
  while (edges_[gap] != node) gap = (gap + 1) & mask;
  for (size_t i = (gap + 1) & mask; edges_[i] != kNone; i = (i + 1) & mask) {
    const size_t home = edge_hash(nodes_[edges_[i]].parent, nodes_[edges_[i]].token) & mask;
    if (((i - home) & mask) >= ((i - gap) & mask)) {
      edges_[gap] = edges_[i];
      gap = i;
    }
  }
  edges_[gap] = kNone;
  --edge_count_;
}

void WildcardTrie::insert(Slice subject, Slice queue, const Subscriber& subscriber) {
  uint32_t at = kRoot;
  for (TokenReader reader(subject); reader.next();) {
    if (reader.is_last() && reader.token() == ">") {
      nodes_[at].rest.add(queue, subscriber);
      return;
    }
    at = child_or_add(at, reader.token());
  }
  nodes_[at].here.add(queue, subscriber);
}

uint32_t WildcardTrie::find_end(Slice subject, bool& is_rest) const {
  uint32_t at = kRoot;
  is_rest = false;
  for (TokenReader reader(subject); reader.next();) {
    if (reader.is_last() && reader.token() == ">") {
      is_rest = true;
      return at;
    }
    at = reader.token() == "*" ? nodes_[at].star : child(at, reader.token());
    if (at == kNone) return kNone;
  }
  return at;
}

bool WildcardTrie::remove(Slice subject, Slice queue, const Subscriber& subscriber) {
  bool is_rest = false;
  const uint32_t end = find_end(subject, is_rest);
  if (end == kNone) return false;
  InterestSet& interest = is_rest ? nodes_[end].rest : nodes_[end].here;
  if (!interest.remove(queue, subscriber)) return false;
  remove_unused(end);
  return true;
}

void WildcardTrie::remove_unused(uint32_t node) {
  while (node != kRoot && nodes_[node].is_unused()) {
    const uint32_t parent = nodes_[node].parent;
    if (nodes_[parent].star == node) {
      nodes_[parent].star = kNone;
    } else {
      remove_edge(node);
      --nodes_[parent].literal_children;
    }
    nodes_[node].token.clear();
    nodes_[node].parent = kNone;
    nodes_[node].next_free = free_;
    free_ = node;
    node = parent;
  }
}

// Level by level: the set of nodes that the tokens so far lead to.
void WildcardTrie::match(Slice subject, MatchResult& result, bool& depends_on_last) const {
  std::vector<uint32_t>& level = result.level;
  std::vector<uint32_t>& next = result.next_level;
  level.assign(1, kRoot);
  for (TokenReader reader(subject); reader.next() && !level.empty();) {
    next.clear();
    for (const uint32_t at : level) {
      const Node& node = nodes_[at];
      node.rest.append_to(result);
      if (node.star != kNone) next.push_back(node.star);
      if (node.literal_children == 0) continue;
      if (reader.is_last()) depends_on_last = true;
      if (const uint32_t found = child(at, reader.token()); found != kNone) next.push_back(found);
    }
    level.swap(next);
  }
  for (const uint32_t at : level) nodes_[at].here.append_to(result);
}

}  // namespace petrel::subject

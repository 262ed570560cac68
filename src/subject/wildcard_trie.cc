#include "subject/wildcard_trie.h"

#include "petrel/base/check.h"
#include "petrel/base/hash.h"
#include "petrel/subject/subject.h"

#include <vector>

namespace petrel::subject {

namespace {

Slice first_token(Slice text) {
  return text.substr(0, text.find(kSeparator));
}

// The literal token or "*" that leads from the parent to `child`.
Slice token_of(const TrieChild& child) {
  if (child.is_leaf != 0) return first_token(static_cast<const Interest&>(child).suffix());
  return static_cast<const TrieNode&>(child).token();
}

struct LeafMatch {
  bool admits = false;
  bool same_for_siblings = true;  // whatever the last token of the subject is
};

// The rest of a pattern against the rest of a subject; neither is empty.
LeafMatch match_leaf(Slice pattern, Slice subject) {
  TokenReader wanted(pattern);
  TokenReader reader(subject);
  while (wanted.next() && reader.next()) {
    if (is_tail(wanted.token())) return {true, true};
    if (wanted.is_last() != reader.is_last()) return {false, true};
    const bool fits = is_star(wanted.token()) || wanted.token() == reader.token();
    if (reader.is_last()) return {fits, is_star(wanted.token())};
    if (!fits) return {false, true};
  }
  return {};
}

}  // namespace

WildcardTrie::WildcardTrie(uint64_t seed) : seed_(seed) {}

WildcardTrie::~WildcardTrie() {
  std::vector<TrieChild*> left;
  const auto add = [&left](TrieChild* child) {
    if (child != nullptr) left.push_back(child);
  };
  const auto add_all = [&add](const TrieNode& node) {
    add(node.own);
    add(node.tail);
    add(node.star);
  };
  edges_.for_each([&add](TrieChild* child) { add(child); });
  add_all(root_);
  while (!left.empty()) {
    TrieChild* child = left.back();
    left.pop_back();
    if (child->is_leaf != 0) {
      Interest::destroy(static_cast<Interest*>(child));
    } else {
      auto* node = static_cast<TrieNode*>(child);
      add_all(*node);
      TrieNode::destroy(node);
    }
  }
}

uint32_t WildcardTrie::edge_hash(const TrieNode& node, Slice token) const {
  const uint64_t hash = hash_bytes(token, seed_ ^ reinterpret_cast<uintptr_t>(&node));
  return static_cast<uint32_t>(hash >> 32);
}

TrieChild* WildcardTrie::find_edge(const TrieNode& node, Slice token) const {
  if (node.literals == 0) return nullptr;
  TrieChild** found = edges_.find(edge_hash(node, token), [&](const TrieChild* child) {
    return child->parent == &node && token_of(*child) == token;
  });
  return found == nullptr ? nullptr : *found;
}

void WildcardTrie::attach(TrieNode& node, Slice token, TrieChild* child) {
  child->parent = &node;
  if (is_star(token)) {
    node.star = child;
    return;
  }
  edges_.insert(edge_hash(node, token), child);
  ++node.literals;
}

void WildcardTrie::detach(TrieNode& node, Slice token, const TrieChild* child) {
  if (is_star(token)) {
    node.star = nullptr;
    return;
  }
  const bool erased = edges_.erase(edge_hash(node, token),
                                   [child](const TrieChild* other) { return other == child; });
  PETREL_CHECK(erased);
  --node.literals;
}

// Hangs a leaf below a node that has nothing in that place. offset == text size: it ends there.
void WildcardTrie::place(TrieNode& node, Interest* leaf, uint32_t offset) {
  leaf->offset = offset & 0x7fffffffU;
  leaf->parent = &node;
  if (offset > leaf->text_bytes) {
    leaf->offset = leaf->text_bytes & 0x7fffffffU;
    node.own = leaf;
    return;
  }
  const Slice token = first_token(leaf->suffix());
  if (is_tail(token)) {
    node.tail = leaf;
  } else {
    attach(node, token, leaf);
  }
}

Interest* WildcardTrie::add_leaf(TrieNode& node, Slice pattern, uint32_t offset) {
  Interest* leaf = Interest::create(pattern);
  place(node, leaf, offset);
  return leaf;
}

// Another pattern shares the leaf's next token: a node for it takes the leaf's place.
TrieNode* WildcardTrie::grow_node(Interest* leaf, Slice token) {
  TrieNode& parent = *leaf->parent;
  const auto offset = leaf->offset + static_cast<uint32_t>(token.size()) + 1;
  detach(parent, token, leaf);
  TrieNode* node = TrieNode::create(&parent, token);
  attach(parent, token, node);
  place(*node, leaf, offset);
  return node;
}

Interest* WildcardTrie::find(Slice pattern) const {
  const TrieNode* node = &root_;
  for (Slice rest = pattern;;) {
    const size_t dot = rest.find(kSeparator);
    const Slice token = rest.substr(0, dot);
    if (is_tail(token)) return node->tail;
    TrieChild* child = is_star(token) ? node->star : find_edge(*node, token);
    if (child == nullptr) return nullptr;
    if (child->is_leaf != 0) {
      auto* leaf = static_cast<Interest*>(child);
      return leaf->text() == pattern ? leaf : nullptr;
    }
    node = static_cast<const TrieNode*>(child);
    if (dot == Slice::npos) return node->own;
    rest.remove_prefix(dot + 1);
  }
}

Interest* WildcardTrie::find_or_add(Slice pattern) {
  TrieNode* node = &root_;
  for (uint32_t offset = 0;;) {
    if (offset > pattern.size()) {
      return node->own != nullptr ? node->own : add_leaf(*node, pattern, offset);
    }
    const Slice token = first_token(pattern.substr(offset));
    if (is_tail(token)) {
      return node->tail != nullptr ? node->tail : add_leaf(*node, pattern, offset);
    }
    TrieChild* child = is_star(token) ? node->star : find_edge(*node, token);
    if (child == nullptr) return add_leaf(*node, pattern, offset);
    if (child->is_leaf != 0) {
      auto* leaf = static_cast<Interest*>(child);
      if (leaf->text() == pattern) return leaf;
      node = grow_node(leaf, token);
    } else {
      node = static_cast<TrieNode*>(child);
    }
    offset += static_cast<uint32_t>(token.size()) + 1;
  }
}

void WildcardTrie::remove(Interest* interest) {
  TrieNode& node = *interest->parent;
  if (node.own == interest) {
    node.own = nullptr;
  } else if (node.tail == interest) {
    node.tail = nullptr;
  } else {
    detach(node, first_token(interest->suffix()), interest);
  }
  Interest::destroy(interest);
  prune(&node);
}

// Takes away nodes that lead nowhere any more.
void WildcardTrie::prune(TrieNode* node) {
  while (node != &root_ && node->empty()) {
    TrieNode* parent = node->parent;
    detach(*parent, node->token(), node);
    TrieNode::destroy(node);
    node = parent;
  }
}

bool WildcardTrie::match(Slice subject, MatchResult& result) const {
  bool same_for_siblings = true;
  std::vector<MatchResult::Branch>& branches = result.branches;
  branches.assign(1, {&root_, subject});
  while (!branches.empty()) {
    const auto [at, rest] = branches.back();
    branches.pop_back();
    const auto& node = *static_cast<const TrieNode*>(at);
    const size_t dot = rest.find(kSeparator);
    const bool is_last = dot == Slice::npos;
    if (node.tail != nullptr) node.tail->append_to(result);
    if (is_last && node.literals > 0) same_for_siblings = false;
    for (const TrieChild* child : {node.star, find_edge(node, rest.substr(0, dot))}) {
      if (child == nullptr) continue;
      if (child->is_leaf != 0) {
        const auto& leaf = static_cast<const Interest&>(*child);
        const LeafMatch found = match_leaf(leaf.suffix(), rest);
        if (found.admits) leaf.append_to(result);
        same_for_siblings = same_for_siblings && found.same_for_siblings;
      } else if (!is_last) {
        branches.push_back({child, rest.substr(dot + 1)});
      } else if (const Interest* own = static_cast<const TrieNode*>(child)->own; own != nullptr) {
        own->append_to(result);
      }
    }
  }
  return same_for_siblings;
}

}  // namespace petrel::subject

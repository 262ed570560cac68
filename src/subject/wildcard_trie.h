// WildcardTrie: subscribed subjects with wildcards, by token. A pattern that shares its next token
// with no other stands as a leaf at once, so an unusual pattern costs one entry however long it is.
//
// Owner: SubjectIndex, under its lock. Nothing recurses; a match visits each node at most once.
#pragma once

#include "subject/interest.h"
#include "subject/segmented_table.h"

#include "petrel/subject/subject_index.h"

#include <cstdint>

namespace petrel::subject {

class WildcardTrie {
 public:
  explicit WildcardTrie(uint64_t seed);
  ~WildcardTrie();
  WildcardTrie(const WildcardTrie&) = delete;
  WildcardTrie& operator=(const WildcardTrie&) = delete;

  bool empty() const { return root_.empty(); }

  // REQUIRES for all: the pattern is a valid subject with a wildcard.
  Interest* find(Slice pattern) const;
  Interest* find_or_add(Slice pattern);
  // Takes the interest out and destroys it.
  void remove(Interest* interest);

  // Adds the subscribers of each pattern that admits `subject` to `result`. Returns whether the
  // same patterns admit every subject that differs in the last token only (false when unsure).
  // REQUIRES: has_only_full_tokens(subject).
  bool match(Slice subject, MatchResult& result) const;

 private:
  uint32_t edge_hash(const TrieNode& node, Slice token) const;
  TrieChild* find_edge(const TrieNode& node, Slice token) const;
  void attach(TrieNode& node, Slice token, TrieChild* child);
  void detach(TrieNode& node, Slice token, const TrieChild* child);
  Interest* add_leaf(TrieNode& node, Slice pattern, uint32_t offset);
  void place(TrieNode& node, Interest* leaf, uint32_t offset);
  TrieNode* grow_node(Interest* leaf, Slice token);
  void prune(TrieNode* node);

  uint64_t seed_;
  TrieNode root_;
  SegmentedTable<TrieChild*> edges_;  // by (parent, literal token)
};

}  // namespace petrel::subject

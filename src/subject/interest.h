// Interest: a subscribed subject with its subscribers. QueueGroup: one queue name on it.
// TrieChild, TrieNode: what the wildcard trie is made of.
//
// Owner: SubjectIndex. Not thread-safe: its lock protects them. Texts stand in the same allocation
// behind the object.
#pragma once

#include "subject/subscriber_set.h"

#include "petrel/base/block.h"

#include <cstdint>

namespace petrel::subject {

struct Interest;
struct TrieNode;

// Something below a TrieNode: a node, or the only pattern that goes on from here (a leaf).
struct TrieChild {
  TrieNode* parent = nullptr;
  uint32_t text_bytes = 0;
  uint32_t offset : 31 = 0;  // leaf: where in its text its part below `parent` begins
  uint32_t is_leaf : 1 = 0;
};

struct Interest : TrieChild {
  SubscriberSet plain;
  QueueGroup* groups = nullptr;  // a list in no order

  static Interest* create(Slice subject);
  static void destroy(Interest* interest);  // with its groups

  Slice text() const { return {reinterpret_cast<const char*>(this + 1), text_bytes}; }
  // The part of the text below the parent node.
  Slice suffix() const { return text().substr(offset); }
  bool empty() const { return plain.empty() && groups == nullptr; }
  void append_to(MatchResult& result) const;
};

struct QueueGroup {
  Interest* interest = nullptr;
  QueueGroup* previous = nullptr;
  QueueGroup* next = nullptr;
  SubscriberSet members;
  uint32_t name_bytes = 0;

  // Stands at the head of the list of `interest` from now on.
  static QueueGroup* create(Interest& interest, Slice name);
  static void destroy(QueueGroup* group);

  Slice name() const { return {reinterpret_cast<const char*>(this + 1), name_bytes}; }
};

struct TrieNode : TrieChild {
  Interest* own = nullptr;    // the pattern that ends with this node's token
  Interest* tail = nullptr;   // the pattern that goes on with ">" only
  TrieChild* star = nullptr;  // patterns that go on with "*"
  uint32_t literals = 0;      // children below literal tokens; they stand in the trie's edge table

  static TrieNode* create(TrieNode* parent, Slice token);
  static void destroy(TrieNode* node);  // not what is below

  Slice token() const { return {reinterpret_cast<const char*>(this + 1), text_bytes}; }
  bool empty() const {
    return own == nullptr && tail == nullptr && star == nullptr && literals == 0;
  }
};

}  // namespace petrel::subject

#include "subject/interest.h"

#include "petrel/base/check.h"

#include <cstring>
#include <memory>
#include <new>

namespace petrel::subject {

namespace {

// A T with `text` behind it.
template <typename T>
T* create_with_text(Slice text) {
  PETREL_CHECK(text.size() < (uint32_t{1} << 31));
  void* memory = ::operator new(sizeof(T) + text.size());
  T* object = ::new (memory) T;
  if (!text.empty()) std::memcpy(static_cast<void*>(object + 1), text.data(), text.size());
  return object;
}

template <typename T>
void destroy_with_text(T* object) {
  std::destroy_at(object);
  ::operator delete(object);
}

}  // namespace

Interest* Interest::create(Slice subject) {
  auto* interest = create_with_text<Interest>(subject);
  interest->text_bytes = static_cast<uint32_t>(subject.size());
  interest->is_leaf = 1;
  return interest;
}

void Interest::destroy(Interest* interest) {
  for (QueueGroup* group = interest->groups; group != nullptr;) {
    QueueGroup* next = group->next;
    destroy_with_text(group);
    group = next;
  }
  destroy_with_text(interest);
}

void Interest::append_to(MatchResult& result) const {
  plain.append_to(result.plain);
  for (const QueueGroup* group = groups; group != nullptr; group = group->next) {
    result.matched_groups.push_back(group);
  }
}

QueueGroup* QueueGroup::create(Interest& interest, Slice name) {
  auto* group = create_with_text<QueueGroup>(name);
  group->name_bytes = static_cast<uint32_t>(name.size());
  group->interest = &interest;
  group->next = interest.groups;
  if (group->next != nullptr) group->next->previous = group;
  interest.groups = group;
  return group;
}

void QueueGroup::destroy(QueueGroup* group) {
  (group->previous != nullptr ? group->previous->next : group->interest->groups) = group->next;
  if (group->next != nullptr) group->next->previous = group->previous;
  destroy_with_text(group);
}

TrieNode* TrieNode::create(TrieNode* parent, Slice token) {
  auto* node = create_with_text<TrieNode>(token);
  node->text_bytes = static_cast<uint32_t>(token.size());
  node->parent = parent;
  return node;
}

void TrieNode::destroy(TrieNode* node) {
  destroy_with_text(node);
}

}  // namespace petrel::subject

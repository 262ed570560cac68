#include "petrel/auth/permissions.h"

#include "petrel/subject/subject.h"

#include <algorithm>

namespace petrel::auth {

namespace {

using conf::PermissionSubject;

bool any_matches(const std::vector<PermissionSubject>& list, Slice subject) {
  return std::any_of(list.begin(), list.end(), [subject](const PermissionSubject& entry) {
    return entry.queue.empty() && subject::subject_matches(subject, entry.subject);
  });
}

bool queue_fits(Slice queue, Slice pattern) {
  return queue == pattern || subject::is_subset_match(queue, pattern);
}

// How a list judges a subscription: entries without a queue speak of all subscriptions, entries
// with one only of queue subscriptions.
struct ListVerdict {
  bool plain = false;      // an entry without queue covers the subject
  bool has_queue = false;  // some entry with a queue covers the subject
  bool queue_matches = false;
};

template <typename Covers>
ListVerdict judge(const std::vector<PermissionSubject>& list, Slice queue, Covers covers) {
  ListVerdict verdict;
  for (const PermissionSubject& entry : list) {
    if (!covers(entry.subject)) continue;
    if (entry.queue.empty()) {
      verdict.plain = true;
    } else {
      verdict.has_queue = true;
      verdict.queue_matches = verdict.queue_matches || queue_fits(queue, entry.queue);
    }
  }
  return verdict;
}

}  // namespace

Permissions::Permissions(const conf::PermissionOptions& options, bool strict)
    : options_(options),
      publish_(options.publish.value_or(conf::SubjectPermission{})),
      subscribe_(options.subscribe.value_or(conf::SubjectPermission{})),
      responses_(options.allow_responses),
      strict_(strict) {
  // Whoever may answer requests and has no list of his own may publish nothing else.
  if (responses_.has_value() && !publish_.allow.has_value()) publish_.allow.emplace();
}

bool Permissions::may_publish(Slice subject) const {
  if (publish_.allow.has_value() && !any_matches(*publish_.allow, subject)) return false;
  return !any_matches(publish_.deny, subject);
}

bool Permissions::may_subscribe(Slice subject, Slice queue) const {
  const bool is_queue = !queue.empty();
  if (subscribe_.allow.has_value()) {
    const ListVerdict allow = judge(*subscribe_.allow, queue, [&](Slice pattern) {
      return strict_ ? subject::is_subset_match(subject, pattern)
                     : subject::subject_matches(subject, pattern);
    });
    const bool allowed = is_queue && allow.has_queue ? allow.queue_matches : allow.plain;
    if (!allowed) return false;
  }
  const ListVerdict deny = judge(subscribe_.deny, queue, [&](Slice pattern) {
    return subject::is_subset_match(subject, pattern);
  });
  return !deny.plain && !(is_queue && deny.has_queue && deny.queue_matches);
}

bool Permissions::overlaps_deny(Slice subject, Slice queue) const {
  return std::any_of(subscribe_.deny.begin(), subscribe_.deny.end(),
                     [&](const PermissionSubject& entry) {
                       if (!entry.queue.empty() && queue.empty()) return false;
                       return subject::subjects_collide(entry.subject, subject);
                     });
}

bool Permissions::may_receive(Slice subject, Slice queue) const {
  return std::none_of(
      subscribe_.deny.begin(), subscribe_.deny.end(), [&](const PermissionSubject& entry) {
        if (!entry.queue.empty() && (queue.empty() || !queue_fits(queue, entry.queue))) {
          return false;
        }
        return subject::subject_matches(subject, entry.subject);
      });
}

}  // namespace petrel::auth

// What a list of filters says about subjects.
//
// Thread: any. Limits: none. Errors: none.
#pragma once

#include "petrel/store/message_store.h"
#include "petrel/subject/subject.h"

#include <algorithm>

namespace petrel::store {

inline bool admits_all(const Filters& filters) {
  return filters.empty() || (filters.size() == 1 && (filters[0] == ">" || filters[0].empty()));
}

inline bool admits(const Filters& filters, Slice subject) {
  return std::any_of(filters.begin(), filters.end(), [subject](const std::string& filter) {
    return subject::subject_matches(subject, filter);
  });
}

// The text before the first wildcard.
inline Slice literal_prefix(Slice filter) {
  size_t at = 0;
  for (subject::TokenReader reader(filter); reader.next();) {
    if (subject::is_wildcard(reader.token())) return filter.substr(0, at);
    at += reader.token().size() + 1;
  }
  return filter;
}

}  // namespace petrel::store

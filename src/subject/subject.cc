#include "petrel/subject/subject.h"

#include <algorithm>

namespace petrel::subject {

namespace {

bool has_white_space(Slice token) {
  return token.find_first_of("\t\n\f\r ") != Slice::npos;
}

bool can_both_match(Slice a, Slice b) {
  if (a.empty() || b.empty()) return false;
  return is_wildcard(a) || is_wildcard(b) || a == b;
}

bool has_tail(Slice subject) {
  return is_tail(subject) || subject.ends_with(".>");
}

}  // namespace

size_t token_count(Slice subject) {
  if (subject.empty()) return 0;
  return static_cast<size_t>(std::count(subject.begin(), subject.end(), kSeparator)) + 1;
}

bool is_valid_subject(Slice subject) {
  for (TokenReader reader(subject); reader.next();) {
    const Slice token = reader.token();
    if (token.empty() || has_white_space(token)) return false;
    if (is_tail(token) && !reader.is_last()) return false;
  }
  return true;
}

bool is_valid_literal(Slice subject) {
  for (TokenReader reader(subject); reader.next();) {
    if (reader.token().empty() || is_wildcard(reader.token())) return false;
  }
  return true;
}

bool is_literal(Slice subject) {
  for (TokenReader reader(subject); reader.next();) {
    if (is_wildcard(reader.token())) return false;
  }
  return true;
}

bool has_only_full_tokens(Slice subject) {
  if (subject.empty() || subject.front() == kSeparator || subject.back() == kSeparator) {
    return false;
  }
  return subject.find("..") == Slice::npos;
}

bool subject_matches(Slice literal, Slice pattern) {
  if (!has_only_full_tokens(literal)) return false;
  TokenReader wanted(pattern);
  for (TokenReader reader(literal); reader.next();) {
    if (!wanted.next()) return false;
    const Slice want = wanted.token();
    if (is_tail(want) && wanted.is_last()) return true;
    if (!is_star(want) && want != reader.token()) return false;
  }
  return wanted.is_last();
}

bool is_subset_match(Slice subject, Slice pattern) {
  TokenReader reader(subject);
  for (TokenReader wanted(pattern); wanted.next();) {
    const Slice want = wanted.token();
    if (!reader.next() || want.empty()) return false;
    if (is_tail(want)) return true;
    if (reader.token().empty() || is_tail(reader.token())) return false;
    if (!is_star(want) && reader.token() != want) return false;
  }
  return reader.is_last();
}

bool subjects_collide(Slice a, Slice b) {
  if (a == b) return true;
  const bool a_literal = is_literal(a);
  const bool b_literal = is_literal(b);
  if (a_literal && b_literal) return false;
  if (a_literal) return is_subset_match(a, b);
  if (b_literal) return is_subset_match(b, a);
  TokenReader a_reader(a);
  TokenReader b_reader(b);
  while (a_reader.next() && b_reader.next()) {
    if (!can_both_match(a_reader.token(), b_reader.token())) return false;
    if (a_reader.is_last() == b_reader.is_last()) continue;
    // One ends here: the other can only go on if this one stands for more than a token.
    return has_tail(a_reader.is_last() ? a : b);
  }
  return true;
}

}  // namespace petrel::subject

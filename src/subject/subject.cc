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
  TokenReader tokens(subject);
  Slice token;
  while (tokens.next(token)) {
    if (token.empty() || has_white_space(token)) return false;
    if (is_tail(token) && tokens.has_more()) return false;
  }
  return true;
}

bool is_valid_literal(Slice subject) {
  TokenReader tokens(subject);
  Slice token;
  while (tokens.next(token)) {
    if (token.empty() || is_wildcard(token)) return false;
  }
  return true;
}

bool is_literal(Slice subject) {
  TokenReader tokens(subject);
  Slice token;
  while (tokens.next(token)) {
    if (is_wildcard(token)) return false;
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
  TokenReader tokens(literal);
  TokenReader wanted(pattern);
  Slice token;
  Slice want;
  while (tokens.next(token)) {
    if (!wanted.next(want)) return false;
    if (is_tail(want) && !wanted.has_more()) return true;
    if (!is_star(want) && want != token) return false;
  }
  return !wanted.has_more();
}

bool is_subset_match(Slice subject, Slice pattern) {
  TokenReader tokens(subject);
  TokenReader wanted(pattern);
  Slice token;
  Slice want;
  while (wanted.next(want)) {
    if (!tokens.next(token) || want.empty()) return false;
    if (is_tail(want)) return true;
    if (token.empty() || is_tail(token)) return false;
    if (!is_star(want) && token != want) return false;
  }
  return !tokens.has_more();
}

bool subjects_collide(Slice a, Slice b) {
  if (a == b) return true;
  const bool a_literal = is_literal(a);
  const bool b_literal = is_literal(b);
  if (a_literal && b_literal) return false;
  if (a_literal) return is_subset_match(a, b);
  if (b_literal) return is_subset_match(b, a);
  TokenReader a_tokens(a);
  TokenReader b_tokens(b);
  Slice a_token;
  Slice b_token;
  while (a_tokens.next(a_token) && b_tokens.next(b_token)) {
    if (!can_both_match(a_token, b_token)) return false;
    if (a_tokens.has_more() == b_tokens.has_more()) continue;
    // One ends here: the other can only go on if this one stands for more than a token.
    return has_tail(a_tokens.has_more() ? b : a);
  }
  return true;
}

}  // namespace petrel::subject

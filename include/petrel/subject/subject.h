// Subjects as text: tokens, wildcards, which subject a pattern admits.
//
// Tokens are separated by dots. `*` stands for exactly one token, `>` for one or more at the end;
// both count only as a whole token, "foo*" is a literal one.
// Thread: pure functions, any thread. No allocation, no recursion; the cost is the length.
// Source: spec protocol.md section 7.
#pragma once

#include "petrel/base/block.h"

#include <cstddef>

namespace petrel::subject {

inline constexpr char kSeparator = '.';

inline bool is_star(Slice token) {
  return token.size() == 1 && token[0] == '*';
}
inline bool is_tail(Slice token) {
  return token.size() == 1 && token[0] == '>';
}
inline bool is_wildcard(Slice token) {
  return token.size() == 1 && (token[0] == '*' || token[0] == '>');
}

// Walks the tokens of a subject: for (TokenReader reader(subject); reader.next();) reader.token().
// An empty subject has one empty token.
class TokenReader {
 public:
  explicit TokenReader(Slice subject) : rest_(subject) {}

  // False after the last token.
  bool next() {
    if (is_last_) return false;
    const size_t dot = rest_.find(kSeparator);
    token_ = rest_.substr(0, dot);
    is_last_ = dot == Slice::npos;
    if (!is_last_) rest_.remove_prefix(dot + 1);
    return true;
  }
  Slice token() const { return token_; }
  bool is_last() const { return is_last_; }

 private:
  Slice rest_;
  Slice token_;
  bool is_last_ = false;
};

// 0 for an empty subject.
size_t token_count(Slice subject);

// May be subscribed to: no empty token, no white space in a token, `>` only as the last token.
bool is_valid_subject(Slice subject);

// May be published to by a pedantic client: no empty token, no wildcard. White space is not
// looked for, as nats-server does not.
bool is_valid_literal(Slice subject);

// Holds no wildcard. Nothing else is checked.
bool is_literal(Slice subject);

// Every token is non-empty.
bool has_only_full_tokens(Slice subject);

// A message published to `literal` reaches a subscription to `pattern`. Tokens of `literal` are
// taken as they are: "foo.>" is admitted by "foo.*". A subject with an empty token is admitted by
// nothing.
bool subject_matches(Slice literal, Slice pattern);

// Every subject that `subject` admits is admitted by `pattern`. Either may hold wildcards.
bool is_subset_match(Slice subject, Slice pattern);

// Some subject is admitted by both.
bool subjects_collide(Slice a, Slice b);

}  // namespace petrel::subject

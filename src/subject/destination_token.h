// Reads and applies single tokens of a transform's destination: text, $N, {{function(arguments)}}.
// Thread: pure functions. Source: spec protocol.md section 11.
#pragma once

#include "petrel/subject/subject_transform.h"

#include <array>
#include <vector>

namespace petrel::subject {

// "invalid mapping destination: <reason> in <token>", without the end for an empty token.
Error mapping_error(Slice reason, Slice token);

inline constexpr Slice kIndexOutOfRange = "wildcard index out of range";
inline constexpr Slice kUnknownFunction = "unknown function";

// Begins with "{{" and ends with "}}".
bool looks_like_function(Slice token);
bool is_known_function(Slice token);

Result<DestinationToken> parse_destination_token(Slice token);

// The tokens of a subject, kept in place for ordinary subjects.
class TokenList {
 public:
  explicit TokenList(Slice subject);
  size_t size() const { return size_; }
  // Empty when there are not so many.
  Slice operator[](size_t i) const;

 private:
  static constexpr size_t kInPlace = 32;
  std::array<Slice, kInPlace> first_;
  std::vector<Slice> more_;
  size_t size_ = 0;
};

// Appends what the token becomes for a subject with these tokens.
void append_destination_token(const DestinationToken& token, Slice subject, const TokenList& tokens,
                              std::string& out);
// The same for kRandom.
void append_random(const DestinationToken& token, Prng& prng, std::string& out);

}  // namespace petrel::subject

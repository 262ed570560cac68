// SubjectTransform: makes one subject of another, by the tokens that its wildcards stand for.
//
// Immutable, any thread. Errors are kInvalidArgument with nats-server's texts. Limits: none of its
// own; the work is linear in the subject, and allocates only for subjects of more than 32 tokens.
// Source: spec protocol.md section 11.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/prng.h"
#include "petrel/base/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace petrel::subject {

enum class TransformMode : uint8_t {
  kAny,
  kReversible,  // imports: only wildcard() or $N, and every `*` used
};

// One token of a destination: text as it stands, or what to make of tokens of the source.
struct DestinationToken {
  enum class Function : uint8_t {
    kText,
    kWildcard,
    kPartition,
    kSplitFromLeft,
    kSplitFromRight,
    kSliceFromLeft,
    kSliceFromRight,
    kRight,
    kLeft,
    kSplit,
    kRandom,
  };
  Function function = Function::kText;
  int32_t number = 0;                   // buckets, position or size
  std::string text = {};                // kText: the token; kSplit: the delimiter
  std::vector<int64_t> wildcards = {};  // as written: 1 is the first `*` of the source
  std::vector<uint32_t> sources = {};   // the positions of these among the source's tokens
};

class SubjectTransform {
 public:
  // An empty source means `>`. REQUIRES: destination not empty.
  static Result<SubjectTransform> create(Slice source, Slice destination,
                                         TransformMode mode = TransformMode::kAny);

  const std::string& source() const { return source_; }
  const std::string& destination() const { return destination_; }
  // Whether the source admits `subject`, which may itself hold wildcards.
  bool matches(Slice subject) const;
  // Writes the destination for `subject`, instead of what `out` holds. REQUIRES: matches(subject);
  // `subject` does not lie in `out`.
  void apply(Slice subject, Prng& prng, std::string& out) const;

 private:
  std::string source_;
  std::string destination_;
  std::vector<DestinationToken> tokens_;
  size_t source_tokens_ = 0;
  bool has_tail_ = false;  // source and destination end in `>`
};

// "foo.*.*" -> "foo.$1.$2"
std::string number_wildcards(Slice subject);

// What the destination of an account's mapping must fulfil: a transform can be made of it, every
// token is full and without white space. An empty destination is fine.
Status check_mapping_destination(Slice source, Slice destination);

}  // namespace petrel::subject

// SubjectTransform: makes one subject of another, by the tokens that its wildcards stand for.
//
// Immutable, any thread. Errors carry nats-server's texts. Source: spec protocol.md section 11.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/prng.h"
#include "petrel/base/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace petrel::subject {

enum class TransformMode : uint8_t {
  kAny,
  kReversible,  // imports: only wildcard() or $N, and every `*` used
};

class SubjectTransform {
 public:
  // An empty source means `>`. REQUIRES: destination not empty.
  static Result<SubjectTransform> create(Slice source, Slice destination,
                                         TransformMode mode = TransformMode::kAny);

  const std::string& source() const { return source_; }
  const std::string& destination() const { return destination_; }
  // REQUIRES: the source matches `subject`. Replaces the content of `out`.
  void apply(Slice subject, Prng& prng, std::string& out) const;

 private:
  enum class Function : uint8_t {
    kText,
    kWildcard,
    kPartition,
    kRandom,
    kSplitFromLeft,
    kSplitFromRight,
    kSliceFromLeft,
    kSliceFromRight,
    kSplit,
    kLeft,
    kRight,
  };
  struct Piece {
    Function function = Function::kText;
    std::string text;         // kText: the token; kSplit: the delimiter
    std::vector<int> tokens;  // indexes of source tokens
    int32_t number = 0;       // buckets, position, size
  };

  static Result<Piece> parse_piece(Slice token);
  static Result<Piece> parse_function(Slice token);
  static Result<Piece> piece_with_arguments(Slice token, Function function,
                                            const std::vector<std::string>& arguments);
  static void apply_piece(const Piece& piece, const std::vector<Slice>& tokens, Prng& prng,
                          Slice subject, std::string& out);

  std::string source_;
  std::string destination_;
  std::vector<Piece> pieces_;
  size_t source_tokens_ = 0;
  bool has_rest_ = false;  // both end in `>`
};

}  // namespace petrel::subject

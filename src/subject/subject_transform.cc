#include "petrel/subject/subject_transform.h"

#include "subject/destination_token.h"

#include "petrel/subject/subject.h"

namespace petrel::subject {

namespace {

using Function = DestinationToken::Function;

struct Shape {
  bool is_valid = true;
  bool has_tail = false;
  std::vector<uint32_t> stars = {};  // positions of `*`
  size_t tokens = 0;
  bool has_wildcards() const { return has_tail || !stars.empty(); }
};

Shape shape_of(Slice subject) {
  Shape shape;
  for (TokenReader reader(subject); reader.next(); ++shape.tokens) {
    const Slice token = reader.token();
    if (token.empty() || shape.has_tail) shape.is_valid = false;
    if (is_tail(token)) shape.has_tail = true;
    if (is_star(token)) shape.stars.push_back(static_cast<uint32_t>(shape.tokens));
  }
  return shape;
}

// Finds the source tokens that a destination token speaks of. Numbers below 1 mean the first token.
Status resolve(const Shape& source, Slice text, DestinationToken& token) {
  for (const int64_t wildcard : token.wildcards) {
    if (wildcard > static_cast<int64_t>(source.stars.size())) {
      return mapping_error(kIndexOutOfRange,
                           std::string(text) + ": [" + std::to_string(wildcard) + "]");
    }
    token.sources.push_back(wildcard < 1 ? 0 : source.stars[static_cast<size_t>(wildcard - 1)]);
  }
  return {};
}

Result<DestinationToken> read_token(const Shape& source, Slice text, TransformMode mode) {
  PETREL_TRY(DestinationToken token, parse_destination_token(text));
  const Function function = token.function;
  const bool is_text = function == Function::kText;
  if (!source.has_wildcards()) {
    if (!is_text && function != Function::kRandom && function != Function::kPartition) {
      return mapping_error(kIndexOutOfRange, text);
    }
    return token;
  }
  if (mode == TransformMode::kReversible && !is_text && function != Function::kWildcard) {
    return mapping_error(
        "the only mapping function allowed for import transforms is {{Wildcard()}}", text);
  }
  PETREL_TRY_STATUS(resolve(source, text, token));
  return token;
}

}  // namespace

Result<SubjectTransform> SubjectTransform::create(Slice source, Slice destination,
                                                  TransformMode mode) {
  if (source.empty()) source = ">";
  const Shape from = shape_of(source);
  const Shape to = shape_of(destination);
  if (!from.is_valid || !to.is_valid || !to.stars.empty() || from.has_tail != to.has_tail) {
    return Error{Errc::kInvalidArgument, "invalid subject"};
  }
  SubjectTransform transform;
  transform.source_.assign(source);
  transform.destination_.assign(destination);
  transform.source_tokens_ = from.tokens;
  transform.has_tail_ = from.has_tail;
  size_t used = 0;
  for (TokenReader reader(destination); reader.next();) {
    PETREL_TRY(DestinationToken token, read_token(from, reader.token(), mode));
    used += token.sources.size();
    transform.tokens_.push_back(std::move(token));
  }
  if (mode == TransformMode::kReversible && used < from.stars.size()) {
    return mapping_error("not using all of the token wildcard(s)", destination);
  }
  return transform;
}

bool SubjectTransform::matches(Slice subject) const {
  return subject == source_ || is_subset_match(subject, source_);
}

void SubjectTransform::apply(Slice subject, Prng& prng, std::string& out) const {
  const TokenList tokens(subject);
  out.clear();
  const size_t count = tokens_.size() - (has_tail_ ? 1 : 0);
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out.push_back(kSeparator);
    if (tokens_[i].function == Function::kRandom) {
      append_random(tokens_[i], prng, out);
    } else {
      append_destination_token(tokens_[i], subject, tokens, out);
    }
  }
  if (!has_tail_) return;
  if (count > 0) out.push_back(kSeparator);
  for (size_t i = source_tokens_ - 1; i < tokens.size(); ++i) {
    out.append(tokens[i]);
    if (i + 1 < tokens.size()) out.push_back(kSeparator);
  }
}

std::string number_wildcards(Slice subject) {
  std::string out;
  int number = 0;
  for (TokenReader reader(subject); reader.next();) {
    if (is_star(reader.token())) {
      out.append("$").append(std::to_string(++number));
    } else {
      out.append(reader.token());
    }
    if (!reader.is_last()) out.push_back(kSeparator);
  }
  return out;
}

Status check_mapping_destination(Slice source, Slice destination) {
  constexpr Slice kInvalid = "invalid transform";
  if (destination.empty()) return {};
  bool has_tail = false;
  for (TokenReader reader(destination); reader.next();) {
    const Slice token = reader.token();
    if (token.empty() || has_tail) return mapping_error(kInvalid, token);
    if (looks_like_function(token)) {
      if (!is_known_function(token)) return mapping_error(kUnknownFunction, token);
      continue;
    }
    has_tail = is_tail(token);
    if (token.find_first_of("\t\n\f\r ") != Slice::npos) return mapping_error(kInvalid, Slice());
  }
  const Result<SubjectTransform> transform = SubjectTransform::create(source, destination);
  return transform ? Status::ok() : Status(transform.error());
}

}  // namespace petrel::subject

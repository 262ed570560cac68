#include "petrel/subject/subject_transform.h"

#include "petrel/subject/subject.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <optional>

namespace petrel::subject {

namespace {

Error mapping_error(Slice what, Slice token) {
  std::string text = "invalid mapping destination: ";
  text.append(what).append(" in ").append(token);
  return Error{Errc::kInvalidArgument, std::move(text)};
}

constexpr Slice kNotEnough = "not enough arguments passed to the function";
constexpr Slice kTooMany = "too many arguments passed to the function";
constexpr Slice kInvalidArgument = "function argument is invalid or in the wrong format";
constexpr Slice kUnknownFunction = "unknown function";
constexpr Slice kOutOfRange = "wildcard index out of range";

std::vector<Slice> split_tokens(Slice subject) {
  std::vector<Slice> tokens;
  for (TokenReader reader(subject); reader.next();) tokens.push_back(reader.token());
  return tokens;
}

struct Shape {
  bool is_valid = true;
  bool has_rest = false;
  std::vector<int> stars;  // indexes of `*` tokens
};

Shape shape_of(const std::vector<Slice>& tokens) {
  Shape shape;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].empty() || shape.has_rest) shape.is_valid = false;
    if (tokens[i] == ">") shape.has_rest = true;
    if (tokens[i] == "*") shape.stars.push_back(static_cast<int>(i));
  }
  return shape;
}

std::optional<int64_t> parse_int(Slice text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  if (text.starts_with('+')) text.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

// "a, b,c": a comma swallows the spaces behind it.
std::vector<std::string> split_arguments(Slice text) {
  std::vector<std::string> arguments;
  while (true) {
    const size_t comma = text.find(',');
    arguments.emplace_back(text.substr(0, comma));
    if (comma == Slice::npos) return arguments;
    text.remove_prefix(comma + 1);
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  }
}

// The name as written against the one with capitals: only those letters may be of either case.
bool is_named(Slice written, Slice name) {
  return written.size() == name.size() &&
         std::equal(written.begin(), written.end(), name.begin(), [](char a, char b) {
           return a == b || (std::isupper(static_cast<unsigned char>(b)) != 0 &&
                             a == static_cast<char>(std::tolower(static_cast<unsigned char>(b))));
         });
}

void append_slices(Slice token, size_t size, bool from_left, std::string& out) {
  const size_t first = from_left ? size : token.size() % size;
  size_t at = 0;
  size_t next = first == 0 ? size : first;
  while (at < token.size()) {
    if (at > 0) out.push_back('.');
    out.append(token.substr(at, next - at));
    at = next;
    next += size;
  }
}

void append_parts(Slice token, Slice delimiter, std::string& out) {
  bool is_first = true;
  while (true) {
    const size_t at = delimiter.empty() ? Slice::npos : token.find(delimiter);
    const Slice part = token.substr(0, at);
    if (!part.empty()) {
      if (!is_first) out.push_back('.');
      out.append(part);
      is_first = false;
    }
    if (at == Slice::npos) return;
    token.remove_prefix(at + delimiter.size());
  }
}

uint32_t fnv1a(Slice bytes, uint32_t hash = 2166136261U) {
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 16777619U;
  }
  return hash;
}

}  // namespace

Result<SubjectTransform::Piece> SubjectTransform::piece_with_arguments(
    Slice token, Function function, const std::vector<std::string>& arguments) {
  Piece piece;
  piece.function = function;
  const bool takes_one = function == Function::kWildcard || function == Function::kRandom;
  if (takes_one || function == Function::kPartition) {
    const auto first = parse_int(arguments[0]);
    if (takes_one && arguments.size() == 1 && arguments[0].empty() &&
        function == Function::kWildcard) {
      return mapping_error(kNotEnough, token);
    }
    if (takes_one && arguments.size() > 1) {
      return mapping_error(function == Function::kWildcard ? kTooMany : kNotEnough, token);
    }
    if (!first || *first > std::numeric_limits<int32_t>::max()) {
      return mapping_error(kInvalidArgument, token);
    }
    if (function == Function::kWildcard) {
      piece.tokens.push_back(static_cast<int>(*first));
      return piece;
    }
    piece.number = static_cast<int32_t>(*first);
    for (size_t i = 1; i < arguments.size(); ++i) {
      const auto index = parse_int(arguments[i]);
      if (!index) return mapping_error(kInvalidArgument, token);
      piece.tokens.push_back(static_cast<int>(*index));
    }
    return piece;
  }
  if (arguments.size() < 2) return mapping_error(kNotEnough, token);
  if (arguments.size() > 2) return mapping_error(kTooMany, token);
  const auto index = parse_int(arguments[0]);
  if (!index) return mapping_error(kInvalidArgument, token);
  piece.tokens.push_back(static_cast<int>(*index));
  if (function == Function::kSplit) {
    if (arguments[1].find_first_of(" .") != std::string::npos) {
      return mapping_error(kInvalidArgument, token);
    }
    piece.text = arguments[1];
    return piece;
  }
  const auto number = parse_int(arguments[1]);
  if (!number || *number > std::numeric_limits<int32_t>::max() ||
      *number < std::numeric_limits<int32_t>::min()) {
    return mapping_error(kInvalidArgument, token);
  }
  piece.number = static_cast<int32_t>(*number);
  return piece;
}

Result<SubjectTransform::Piece> SubjectTransform::parse_function(Slice token) {
  struct Named {
    Slice name;
    Function function;
  };
  static constexpr std::array<Named, 10> kFunctions = {{
      {"Wildcard", Function::kWildcard},
      {"Partition", Function::kPartition},
      {"SplitFromLeft", Function::kSplitFromLeft},
      {"SplitFromRight", Function::kSplitFromRight},
      {"SliceFromLeft", Function::kSliceFromLeft},
      {"SliceFromRight", Function::kSliceFromRight},
      {"Right", Function::kRight},
      {"Left", Function::kLeft},
      {"Split", Function::kSplit},
      {"Random", Function::kRandom},
  }};
  Slice inner = token.substr(2, token.size() - 4);
  while (!inner.empty() && is_space(inner.front())) inner.remove_prefix(1);
  while (!inner.empty() && is_space(inner.back())) inner.remove_suffix(1);
  const size_t open = inner.find('(');
  if (open == Slice::npos || inner.back() != ')') return mapping_error(kUnknownFunction, token);
  Slice name = inner.substr(0, open);
  while (!name.empty() && is_space(name.back())) name.remove_suffix(1);
  for (const Named& entry : kFunctions) {
    if (!is_named(name, entry.name)) continue;
    return piece_with_arguments(token, entry.function,
                                split_arguments(inner.substr(open + 1, inner.size() - open - 2)));
  }
  return mapping_error(kUnknownFunction, token);
}

Result<SubjectTransform::Piece> SubjectTransform::parse_piece(Slice token) {
  Piece piece;
  if (token.size() > 1 && token.front() == '$') {
    if (const auto index = parse_int(token.substr(1)); index) {
      piece.function = Function::kWildcard;
      piece.tokens.push_back(static_cast<int>(*index));
      return piece;
    }
  }
  if (token.size() > 4 && token.starts_with("{{") && token.ends_with("}}")) {
    return parse_function(token);
  }
  piece.text.assign(token);
  return piece;
}

Result<SubjectTransform> SubjectTransform::create(Slice source, Slice destination,
                                                  TransformMode mode) {
  if (source.empty()) source = ">";
  const std::vector<Slice> source_tokens = split_tokens(source);
  const std::vector<Slice> destination_tokens = split_tokens(destination);
  const Shape from = shape_of(source_tokens);
  const Shape to = shape_of(destination_tokens);
  if (!from.is_valid || !to.is_valid || !to.stars.empty() || from.has_rest != to.has_rest) {
    return Error{Errc::kInvalidArgument, "invalid subject"};
  }
  const bool has_wildcards = from.has_rest || !from.stars.empty();
  SubjectTransform transform;
  transform.source_.assign(source);
  transform.destination_.assign(destination);
  transform.source_tokens_ = source_tokens.size();
  transform.has_rest_ = from.has_rest;
  size_t used = 0;
  for (const Slice token : destination_tokens) {
    PETREL_TRY(Piece piece, parse_piece(token));
    const bool is_simple = piece.function == Function::kText || piece.function == Function::kRandom;
    if (mode == TransformMode::kReversible && has_wildcards && piece.function != Function::kText &&
        piece.function != Function::kWildcard) {
      return mapping_error(
          "the only mapping function allowed for import transforms is {{Wildcard()}}", token);
    }
    if (!has_wildcards && !is_simple && piece.function != Function::kPartition) {
      return mapping_error(kOutOfRange, token);
    }
    if (!has_wildcards) piece.tokens.clear();
    used += piece.tokens.size();
    for (int& index : piece.tokens) {
      if (index > static_cast<int>(from.stars.size())) {
        return mapping_error(kOutOfRange, std::string(token) + ": [" + std::to_string(index) + "]");
      }
      index = index > 0 ? from.stars[static_cast<size_t>(index - 1)] : 0;
    }
    transform.pieces_.push_back(std::move(piece));
  }
  if (mode == TransformMode::kReversible && used < from.stars.size()) {
    return mapping_error("not using all of the token wildcard(s)", destination);
  }
  return transform;
}

void SubjectTransform::apply(Slice subject, Prng& prng, std::string& out) const {
  const std::vector<Slice> tokens = split_tokens(subject);
  out.clear();
  for (size_t i = 0; i < pieces_.size(); ++i) {
    if (has_rest_ && i + 1 == pieces_.size()) break;  // `>` itself
    if (i > 0) out.push_back('.');
    apply_piece(pieces_[i], tokens, prng, subject, out);
  }
  if (!has_rest_) return;
  for (size_t i = source_tokens_ - 1; i < tokens.size(); ++i) {
    if (!out.empty()) out.push_back('.');
    out.append(tokens[i]);
  }
}

void SubjectTransform::apply_piece(const Piece& piece, const std::vector<Slice>& tokens, Prng& prng,
                                   Slice subject, std::string& out) {
  const auto buckets = static_cast<uint32_t>(piece.number);
  if (piece.function == Function::kText) {
    out.append(piece.text);
    return;
  }
  if (piece.function == Function::kRandom) {
    out.append(std::to_string(piece.number > 0 ? prng.below(buckets) : 0));
    return;
  }
  if (piece.function == Function::kPartition) {
    uint32_t hash = fnv1a(Slice());
    if (piece.tokens.empty()) hash = fnv1a(subject);
    for (const int index : piece.tokens) hash = fnv1a(tokens[static_cast<size_t>(index)], hash);
    out.append(std::to_string(buckets == 0 ? 0 : hash % buckets));
    return;
  }
  const Slice token = tokens[static_cast<size_t>(piece.tokens.front())];
  const auto size = static_cast<size_t>(std::max(piece.number, 0));
  const bool fits = size > 0 && size < token.size();
  switch (piece.function) {
    case Function::kSplit:
      append_parts(token, piece.text, out);
      return;
    case Function::kSplitFromLeft:
    case Function::kSplitFromRight: {
      const size_t at = piece.function == Function::kSplitFromLeft ? size : token.size() - size;
      out.append(fits ? token.substr(0, at) : token);
      if (fits) out.append(".").append(token.substr(at));
      return;
    }
    case Function::kSliceFromLeft:
    case Function::kSliceFromRight:
      if (fits) {
        append_slices(token, size, piece.function == Function::kSliceFromLeft, out);
      } else {
        out.append(token);
      }
      return;
    case Function::kLeft:
      out.append(fits ? token.substr(0, size) : token);
      return;
    case Function::kRight:
      out.append(fits ? token.substr(token.size() - size) : token);
      return;
    default:
      out.append(token);
      return;  // kWildcard
  }
}

}  // namespace petrel::subject

#include "conf/subject_mapping.h"

#include "conf/characters.h"
#include "conf/go_values.h"
#include "conf/subject_text.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace petrel::conf {
namespace {

constexpr std::string_view kInvalid = "invalid mapping destination";
constexpr std::string_view kUnknownFunction = "unknown function";
constexpr std::string_view kIndexOutOfRange = "wildcard index out of range";
constexpr std::string_view kNotEnough = "not enough arguments passed to the function";
constexpr std::string_view kTooMany = "too many arguments passed to the function";
constexpr std::string_view kBadArgument = "function argument is invalid or in the wrong format";

Error mapping_error(std::string_view reason, std::string_view token) {
  std::string detail = std::string(kInvalid) + ": " + std::string(reason);
  if (!token.empty()) detail += " in " + std::string(token);
  return {Errc::kInvalidArgument, std::move(detail)};
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool is_regex_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

// The arguments between commas, white space behind a comma dropped.
std::vector<std::string_view> split_arguments(std::string_view text) {
  std::vector<std::string_view> arguments;
  while (true) {
    const size_t comma = text.find(',');
    arguments.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return arguments;
    text.remove_prefix(comma + 1);
    while (!text.empty() && is_regex_space(text.front())) text.remove_prefix(1);
  }
}

struct Call {
  std::string name;  // lower case
  std::vector<std::string_view> arguments;
};

bool is_mustache(std::string_view token) {
  return token.size() > 4 && token.substr(0, 2) == "{{" && token.substr(token.size() - 2) == "}}";
}

// {{ name (arguments) }}. Only the letters that begin a word of the name may be upper case.
std::optional<Call> parse_call(std::string_view token) {
  constexpr std::string_view kNames[] = {
      "partition",      "wildcard", "splitfromleft", "splitfromright", "slicefromleft",
      "slicefromright", "split",    "left",          "right",          "random"};
  if (!is_mustache(token)) return std::nullopt;
  std::string_view inside = token.substr(2, token.size() - 4);
  while (!inside.empty() && is_regex_space(inside.front())) inside.remove_prefix(1);
  while (!inside.empty() && is_regex_space(inside.back())) inside.remove_suffix(1);
  const size_t open = inside.find('(');
  if (open == std::string_view::npos || inside.back() != ')') return std::nullopt;
  std::string_view name = inside.substr(0, open);
  while (!name.empty() && is_regex_space(name.back())) name.remove_suffix(1);
  const std::string plain = lower(name);
  if (std::find(std::begin(kNames), std::end(kNames), plain) == std::end(kNames)) {
    return std::nullopt;
  }
  for (size_t i = 1; i < name.size(); ++i) {
    const bool word_start = plain.find("from") == i || (i >= 4 && plain.find("from") == i - 4);
    if (name[i] != plain[i] && !word_start) return std::nullopt;
  }
  return Call{plain, split_arguments(inside.substr(open + 1, inside.size() - open - 2))};
}

enum class TokenKind : uint8_t { kLiteral, kWildcard, kPartition, kRandom, kOther };

struct MappedToken {
  TokenKind kind = TokenKind::kLiteral;
  std::vector<int64_t> wildcards = {};  // which wildcards of the source it uses
};

Result<int64_t> argument(std::string_view token, std::string_view text) {
  const auto value = parse_int(trimmed(text), "");
  if (!value) return mapping_error(kBadArgument, token);
  return *value;
}

Result<int64_t> small_argument(std::string_view token, std::string_view text) {
  PETREL_TRY(const int64_t value, argument(token, text));
  if (value > std::numeric_limits<int32_t>::max()) return mapping_error(kBadArgument, token);
  return value;
}

Result<MappedToken> check_wildcard(std::string_view token, const Call& call) {
  if (call.arguments.size() > 1) return mapping_error(kTooMany, token);
  if (call.arguments[0].empty()) return mapping_error(kNotEnough, token);
  PETREL_TRY(const int64_t index, argument(token, call.arguments[0]));
  return MappedToken{TokenKind::kWildcard, {index}};
}

Result<MappedToken> check_partition(std::string_view token, const Call& call) {
  PETREL_TRY([[maybe_unused]] const int64_t count, small_argument(token, call.arguments[0]));
  MappedToken mapped{TokenKind::kPartition};
  for (size_t i = 1; i < call.arguments.size(); ++i) {
    PETREL_TRY(const int64_t index, argument(token, call.arguments[i]));
    mapped.wildcards.push_back(index);
  }
  return mapped;
}

Result<MappedToken> check_random(std::string_view token, const Call& call) {
  if (call.arguments.size() != 1) return mapping_error(kNotEnough, token);
  PETREL_TRY([[maybe_unused]] const int64_t count, small_argument(token, call.arguments[0]));
  return MappedToken{TokenKind::kRandom};
}

// split and the functions of an index and a count.
Result<MappedToken> check_pair(std::string_view token, const Call& call) {
  if (call.arguments.size() < 2) return mapping_error(kNotEnough, token);
  if (call.arguments.size() > 2) return mapping_error(kTooMany, token);
  PETREL_TRY(const int64_t index, argument(token, call.arguments[0]));
  if (call.name == "split") {
    if (call.arguments[1].find_first_of(" .") != std::string_view::npos) {
      return mapping_error(kBadArgument, token);
    }
    return MappedToken{TokenKind::kOther, {index}};
  }
  PETREL_TRY(const int64_t count, argument(token, call.arguments[1]));
  if (count != static_cast<int32_t>(count)) return mapping_error(kBadArgument, token);
  return MappedToken{TokenKind::kOther, {index}};
}

Result<MappedToken> check_token(std::string_view token) {
  if (token.size() > 1 && token[0] == '$') {
    const auto index = parse_int(token.substr(1), "");
    if (!index) return MappedToken{};
    return MappedToken{TokenKind::kWildcard, {*index}};
  }
  if (!is_mustache(token)) return MappedToken{};
  const auto call = parse_call(token);
  if (!call) return mapping_error(kUnknownFunction, token);
  if (call->name == "wildcard") return check_wildcard(token, *call);
  if (call->name == "partition") return check_partition(token, *call);
  if (call->name == "random") return check_random(token, *call);
  return check_pair(token, *call);
}

struct Shape {
  bool valid = false;
  std::vector<std::string_view> tokens = {};
  int64_t wildcards = 0;  // "*" tokens
  bool open = false;      // ends in ">"
};

Shape shape_of(std::string_view subject) {
  Shape shape;
  if (subject.empty()) return shape;
  shape.tokens = subject_tokens(subject);
  for (const std::string_view token : shape.tokens) {
    if (token.empty() || shape.open) return shape;
    shape.open = token == ">";
    if (token == "*") ++shape.wildcards;
  }
  shape.valid = true;
  return shape;
}

Status check_uses(const Shape& source, std::string_view token, const MappedToken& mapped) {
  if (source.wildcards == 0 && !source.open) {
    const bool plain = mapped.kind == TokenKind::kLiteral || mapped.kind == TokenKind::kRandom ||
                       mapped.kind == TokenKind::kPartition;
    if (!plain) return mapping_error(kIndexOutOfRange, token);
    return {};
  }
  if (mapped.kind == TokenKind::kRandom) return {};
  for (const int64_t index : mapped.wildcards) {
    if (index > source.wildcards) {
      return mapping_error(kIndexOutOfRange,
                           std::string(token) + ": [" + std::to_string(index) + "]");
    }
  }
  return {};
}

Status check_transform(std::string_view source_text, std::string_view destination, bool import) {
  if (destination.empty()) return {};
  const Shape source = shape_of(source_text.empty() ? ">" : source_text);
  const Shape target = shape_of(destination);
  if (!source.valid || !target.valid || target.wildcards > 0 || source.open != target.open) {
    return Error{Errc::kInvalidArgument, "invalid subject"};
  }
  int64_t used = 0;
  const bool has_wildcards = source.wildcards > 0 || source.open;
  for (const std::string_view token : target.tokens) {
    PETREL_TRY(const MappedToken mapped, check_token(token));
    const bool reversible =
        mapped.kind == TokenKind::kLiteral || mapped.kind == TokenKind::kWildcard;
    if (import && has_wildcards && !reversible) {
      return mapping_error(
          "the only mapping function allowed for import transforms is {{Wildcard()}}", token);
    }
    PETREL_TRY_STATUS(check_uses(source, token, mapped));
    used += static_cast<int64_t>(mapped.wildcards.size());
  }
  if (import && has_wildcards && used < source.wildcards) {
    return mapping_error("not using all of the token wildcard(s)", destination);
  }
  return {};
}

}  // namespace

Status check_mapping(std::string_view source, std::string_view destination) {
  if (destination.empty()) return {};
  bool ended = false;
  for (const std::string_view token : subject_tokens(destination)) {
    if (token.empty() || ended) return mapping_error("invalid transform", token);
    if (is_mustache(token)) {
      if (!parse_call(token)) return mapping_error(kUnknownFunction, token);
      continue;
    }
    ended = token == ">";
    if (!ended && token.find_first_of("\t\n\f\r ") != std::string_view::npos) {
      return mapping_error("invalid transform", "");
    }
  }
  return check_transform(source, destination, false);
}

Status check_import_mapping(std::string_view source, std::string_view destination) {
  return check_transform(source, destination, true);
}

std::string number_wildcards(std::string_view subject) {
  std::string out;
  int number = 0;
  bool first = true;
  for (const std::string_view token : subject_tokens(subject)) {
    if (!first) out += '.';
    first = false;
    out += token == "*" ? "$" + std::to_string(++number) : std::string(token);
  }
  return out;
}

std::string unnumber_wildcards(std::string_view subject) {
  std::string out;
  bool first = true;
  for (const std::string_view token : subject_tokens(subject)) {
    if (!first) out += '.';
    first = false;
    const bool dollar = token.size() > 1 && token[0] == '$' && token[1] >= '1' && token[1] <= '9';
    const auto call = parse_call(token);
    const bool function = call && call->name == "wildcard" && call->arguments.size() == 1 &&
                          !call->arguments[0].empty();
    out += dollar || function ? std::string_view("*") : token;
  }
  return out;
}

}  // namespace petrel::conf

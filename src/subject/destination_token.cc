#include "subject/destination_token.h"

#include "petrel/base/utf8.h"
#include "petrel/subject/subject.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <optional>

namespace petrel::subject {

namespace {

using Function = DestinationToken::Function;

constexpr Slice kNotEnough = "not enough arguments passed to the function";
constexpr Slice kTooMany = "too many arguments passed to the function";
constexpr Slice kBadArgument = "function argument is invalid or in the wrong format";

struct NamedFunction {
  Slice name;  // the letters written large may be small
  Function function;
};

constexpr NamedFunction kFunctions[] = {
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
};

struct Call {
  Function function = Function::kText;
  std::vector<Slice> arguments = {};
};

Slice without_leading_space(Slice text) {
  return text.substr(std::min(text.find_first_not_of("\t\n\f\r "), text.size()));
}

Slice trimmed(Slice text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == Slice::npos) return Slice();
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// As Go's strconv.Atoi: a sign, digits, nothing else.
std::optional<int64_t> parse_int(Slice text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

bool is_named(Slice written, Slice name) {
  return std::equal(written.begin(), written.end(), name.begin(), name.end(), [](char a, char b) {
    return a == b || (b >= 'A' && b <= 'Z' && a == b - 'A' + 'a');
  });
}

// The place of the last ")" that is followed by "}}".
size_t find_last_close(Slice token) {
  size_t close = token.size();
  while (close > 0) {
    close = token.rfind(')', close - 1);
    if (close == Slice::npos) break;
    if (without_leading_space(token.substr(close + 1)).starts_with("}}")) return close;
  }
  return Slice::npos;
}

// "a, b,c": white space behind a comma belongs to the comma.
std::vector<Slice> split_arguments(Slice text) {
  std::vector<Slice> arguments;
  while (true) {
    const size_t comma = text.find(',');
    arguments.push_back(text.substr(0, comma));
    if (comma == Slice::npos) return arguments;
    text = without_leading_space(text.substr(comma + 1));
  }
}

// Where the arguments of a call of `name` begin, if `text` goes on with one.
std::optional<Slice> arguments_of(Slice text, Slice name) {
  text = without_leading_space(text);
  if (!is_named(text.substr(0, name.size()), name)) return std::nullopt;
  text = without_leading_space(text.substr(name.size()));
  if (!text.starts_with('(')) return std::nullopt;
  return text.substr(1);
}

// nats-server searches the token for "{{ name (...) }}" with one pattern for each name, so text
// around a call does not hurt, and the last ")}}" ends it.
std::optional<Call> find_call(Slice token) {
  const size_t close = find_last_close(token);
  if (close == Slice::npos || token.find('\n') != Slice::npos) return std::nullopt;
  for (const NamedFunction& entry : kFunctions) {
    for (size_t at = token.find("{{"); at != Slice::npos; at = token.find("{{", at + 1)) {
      const std::optional<Slice> rest = arguments_of(token.substr(at + 2), entry.name);
      if (!rest) continue;
      const size_t begin = token.size() - rest->size();
      if (begin > close) continue;
      return Call{entry.function, split_arguments(token.substr(begin, close - begin))};
    }
  }
  return std::nullopt;
}

// A wildcard's number.
Status read_wildcard(Slice token, Slice argument, DestinationToken& out) {
  const std::optional<int64_t> value = parse_int(trimmed(argument));
  if (!value) return mapping_error(kBadArgument, token);
  out.wildcards.push_back(*value);
  return {};
}

Status read_number(Slice token, Slice argument, int64_t least, DestinationToken& out) {
  const std::optional<int64_t> value = parse_int(trimmed(argument));
  if (!value || *value > std::numeric_limits<int32_t>::max() || *value < least) {
    return mapping_error(kBadArgument, token);
  }
  out.number = static_cast<int32_t>(*value);
  return {};
}

Status read_arguments(Slice token, const Call& call, DestinationToken& out) {
  constexpr int64_t kNoLeast = std::numeric_limits<int64_t>::min();
  const std::vector<Slice>& arguments = call.arguments;
  switch (call.function) {
    case Function::kWildcard:
      if (arguments.size() > 1) return mapping_error(kTooMany, token);
      if (arguments[0].empty()) return mapping_error(kNotEnough, token);
      return read_wildcard(token, arguments[0], out);
    case Function::kRandom:
      if (arguments.size() != 1) return mapping_error(kNotEnough, token);
      return read_number(token, arguments[0], kNoLeast, out);
    case Function::kPartition:
      PETREL_TRY_STATUS(read_number(token, arguments[0], kNoLeast, out));
      for (size_t i = 1; i < arguments.size(); ++i) {
        PETREL_TRY_STATUS(read_wildcard(token, arguments[i], out));
      }
      return {};
    default:
      break;
  }
  if (arguments.size() < 2) return mapping_error(kNotEnough, token);
  if (arguments.size() > 2) return mapping_error(kTooMany, token);
  PETREL_TRY_STATUS(read_wildcard(token, arguments[0], out));
  if (call.function != Function::kSplit) {
    return read_number(token, arguments[1], std::numeric_limits<int32_t>::min(), out);
  }
  if (arguments[1].find_first_of(" .") != Slice::npos) return mapping_error(kBadArgument, token);
  out.text.assign(arguments[1]);
  return {};
}

// FNV-1a with 32 bits.
void add_to_hash(uint32_t& hash, Slice bytes) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
}

uint32_t partition_of(const DestinationToken& token, Slice subject, const TokenList& tokens) {
  const auto buckets = static_cast<uint32_t>(token.number);
  if (buckets == 0) return 0;
  uint32_t hash = 2166136261U;
  if (token.sources.empty()) add_to_hash(hash, subject);
  for (const uint32_t source : token.sources) add_to_hash(hash, tokens[source]);
  return hash % buckets;
}

void append_slices(Slice token, size_t first, size_t size, std::string& out) {
  out.append(token.substr(0, first));
  for (size_t at = first; at < token.size(); at += size) {
    out.append(".").append(token.substr(at, size));
  }
}

// The next part of a token that is split, cut off from it. No delimiter: every character.
Slice take_part(Slice& token, Slice delimiter, bool& is_last) {
  const size_t at = delimiter.empty() ? decode_rune(token).bytes : token.find(delimiter);
  const Slice part = token.substr(0, at);
  is_last = at == Slice::npos || (delimiter.empty() && at == token.size());
  token.remove_prefix(is_last ? token.size() : at + delimiter.size());
  return part;
}

// A dot stands before each part that is not empty but the first one, and, as in nats-server, before
// the first one too when two delimiters begin the token.
void append_parts(Slice token, Slice delimiter, std::string& out) {
  if (token.empty()) return;
  bool is_last = false;
  bool skips_dot = true;
  for (size_t i = 0; !is_last; ++i) {
    const Slice part = take_part(token, delimiter, is_last);
    if (!part.empty() && !skips_dot) out.push_back(kSeparator);
    out.append(part);
    skips_dot = i == 0 && part.empty();
  }
}

}  // namespace

Error mapping_error(Slice reason, Slice token) {
  std::string detail = "invalid mapping destination: ";
  detail.append(reason);
  if (!token.empty()) detail.append(" in ").append(token);
  return {Errc::kInvalidArgument, std::move(detail)};
}

bool looks_like_function(Slice token) {
  return token.size() > 4 && token.starts_with("{{") && token.ends_with("}}");
}

bool is_known_function(Slice token) {
  return find_call(token).has_value();
}

Result<DestinationToken> parse_destination_token(Slice token) {
  DestinationToken parsed;
  if (token.size() > 1 && token[0] == '$') {
    if (const std::optional<int64_t> index = parse_int(token.substr(1)); index) {
      parsed.function = Function::kWildcard;
      parsed.wildcards.push_back(*index);
      return parsed;
    }
  } else if (looks_like_function(token)) {
    const std::optional<Call> call = find_call(token);
    if (!call) return mapping_error(kUnknownFunction, token);
    parsed.function = call->function;
    PETREL_TRY_STATUS(read_arguments(token, *call, parsed));
    return parsed;
  }
  parsed.text.assign(token);
  return parsed;
}

TokenList::TokenList(Slice subject) {
  for (TokenReader reader(subject); reader.next(); ++size_) {
    if (size_ < kInPlace) {
      first_[size_] = reader.token();
    } else {
      more_.push_back(reader.token());
    }
  }
}

Slice TokenList::operator[](size_t i) const {
  if (i >= size_) return Slice();
  return i < kInPlace ? first_[i] : more_[i - kInPlace];
}

void append_destination_token(const DestinationToken& token, Slice subject, const TokenList& tokens,
                              std::string& out) {
  const Slice source = token.sources.empty() ? Slice() : tokens[token.sources[0]];
  const auto size = static_cast<size_t>(std::max(token.number, 0));
  const bool fits = size > 0 && size < source.size();
  // With a size that does not fit the source stays whole.
  const size_t from_left = fits ? size : source.size();
  const size_t from_right = fits ? source.size() - size : source.size();
  switch (token.function) {
    case Function::kText:
      out.append(token.text);
      return;
    case Function::kPartition:
      out.append(std::to_string(partition_of(token, subject, tokens)));
      return;
    case Function::kSplitFromLeft:
      append_slices(source, from_left, source.size(), out);
      return;
    case Function::kSplitFromRight:
      append_slices(source, from_right, source.size(), out);
      return;
    case Function::kSliceFromLeft:
      append_slices(source, from_left, size, out);
      return;
    case Function::kSliceFromRight: {
      const size_t remainder = fits ? source.size() % size : 0;
      append_slices(source, remainder > 0 ? remainder : from_left, size, out);
      return;
    }
    case Function::kRight:
      out.append(fits ? source.substr(from_right) : source);
      return;
    case Function::kLeft:
      out.append(source.substr(0, from_left));
      return;
    case Function::kSplit:
      append_parts(source, token.text, out);
      return;
    case Function::kWildcard:
    case Function::kRandom:
      out.append(source);
      return;
  }
}

void append_random(const DestinationToken& token, Prng& prng, std::string& out) {
  const auto bound = static_cast<uint64_t>(std::abs(int64_t{token.number}));
  out.append(std::to_string(bound == 0 ? 0 : prng.below(bound)));
}

}  // namespace petrel::subject

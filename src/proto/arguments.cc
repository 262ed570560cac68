#include "proto/arguments.h"

namespace petrel::proto {

bool Arguments::is_plain(Slice args) const {
  for (size_t i = 1; i + 1 < count; ++i) {
    const char* const end = part[i].data() + part[i].size();
    if (*end != ' ' || part[i + 1].data() != end + 1) return false;
  }
  return part[count - 1].data() + part[count - 1].size() == args.data() + args.size();
}

Arguments split_arguments(Slice args, bool line_ends_split) {
  const auto separates = [line_ends_split](char c) {
    return is_space(c) || (line_ends_split && (c == '\r' || c == '\n'));
  };
  Arguments result;
  size_t at = 0;
  while (result.count < Arguments::kMax) {
    while (at < args.size() && separates(args[at])) ++at;
    if (at == args.size()) break;
    const size_t begin = at;
    while (at < args.size() && !separates(args[at])) ++at;
    result.part[result.count++] = args.substr(begin, at - begin);
  }
  return result;
}

int64_t parse_size(Slice digits) {
  if (digits.empty() || digits.size() > 9) return -1;
  int64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace petrel::proto

#include "proto/arguments.h"

#include <algorithm>

namespace petrel::proto {

bool Arguments::is_plain(Slice args) const {
  for (size_t i = 1; i + 1 < count; ++i) {
    const char* const end = part[i].data() + part[i].size();
    if (*end != ' ' || part[i + 1].data() != end + 1) return false;
  }
  return part[count - 1].data() + part[count - 1].size() == args.data() + args.size();
}

Arguments split_arguments(Slice args, bool line_ends_split) {
  const Slice separators = line_ends_split ? Slice(" \t\r\n") : Slice(" \t");
  Arguments result;
  size_t at = args.find_first_not_of(separators);
  while (at != Slice::npos && result.count < Arguments::kMax) {
    const size_t end = std::min(args.find_first_of(separators, at), args.size());
    result.part[result.count++] = args.substr(at, end - at);
    at = args.find_first_not_of(separators, end);
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

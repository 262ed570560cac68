#include "petrel/base/check.h"

#include "petrel/base/result.h"

#include <cstdio>
#include <cstdlib>

namespace petrel {

void check_failed(const char* expression, const char* file, int line, const char* state) {
  std::fprintf(stderr, "CHECK failed: %s at %s:%d %s\n", expression, file, line, state);
  std::abort();
}

std::string_view errc_name(Errc code) {
  switch (code) {
    case Errc::kInvalidArgument:
      return "invalid argument";
    case Errc::kProtocolViolation:
      return "protocol violation";
    case Errc::kNotFound:
      return "not found";
    case Errc::kUnsupported:
      return "not supported";
    case Errc::kOutOfRange:
      return "out of range";
    case Errc::kIo:
      return "input/output error";
    case Errc::kCorrupt:
      return "corrupt";
    case Errc::kClosed:
      return "closed";
    case Errc::kTimeout:
      return "timeout";
    case Errc::kNotLeader:
      return "not leader";
    case Errc::kFull:
      return "full";
  }
  return "unknown";
}

}  // namespace petrel

// Go's flag syntax over a table of flags. No library of this distribution reads it: "-x" and "--x"
// are the same, a boolean takes its value only behind "=", parsing ends at the first other word,
// and the messages are those of Go's flag package. Thread: any.
#pragma once

#include "petrel/conf/command_line.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace petrel::conf {

enum class FlagKind : uint8_t { kBool, kInteger, kText };

struct FlagShape {
  std::string_view names;  // aliases behind "|"
  FlagKind kind;
};

struct GoFlags {
  std::vector<FlagSetting> settings = {};
  std::vector<std::string> words = {};  // what follows the flags
  std::string error = {};               // "": all is well
};

GoFlags parse_go_flags(std::span<const FlagShape> shapes, const std::vector<std::string>& args);

}  // namespace petrel::conf

// UTF-8 read the way Go's utf8 package reads it: a wrong byte counts as one character.
// Thread: pure functions, any thread.
#pragma once

#include "petrel/base/block.h"

#include <cstdint>
#include <string>

namespace petrel {

inline constexpr char32_t kReplacementRune = 0xfffd;

struct Rune {
  char32_t code = kReplacementRune;
  uint32_t bytes = 1;
  bool valid = false;  // false: one byte that starts no valid sequence, code is kReplacementRune
};

// The first character of `text`. REQUIRES: text is not empty. Overlong forms, surrogates, values
// above 0x10ffff and cut sequences are not valid.
Rune decode_rune(Slice text);

// Appends the UTF-8 form of `code`; surrogates and values above 0x10ffff become U+FFFD.
void append_rune(std::string& out, char32_t code);

}  // namespace petrel

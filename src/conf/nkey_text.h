// Whether a text is a well-formed nkey: base32 of a prefix, a key and a CRC-16. Nothing is signed
// or verified here.
// Thread: any. Source: spec auth.md 4.
#pragma once

#include <string_view>

namespace petrel::conf {

enum class NkeyKind : unsigned char {
  kOperator = 14 << 3,
  kServer = 13 << 3,
  kCluster = 2 << 3,
  kAccount = 0,
  kUser = 20 << 3,
  kCurve = 23 << 3,
};

bool is_public_nkey(std::string_view text, NkeyKind kind);
bool is_public_nkey(std::string_view text);  // of any kind
bool is_user_seed(std::string_view text);

}  // namespace petrel::conf

// SHA-256 of a text. Thread: any.
#pragma once

#include <string>
#include <string_view>

namespace petrel::conf {

// "sha256:" and 64 hexadecimal digits.
std::string sha256_digest(std::string_view text);

}  // namespace petrel::conf

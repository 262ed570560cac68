// Compares a text with a shape: a 0 stands for any digit, everything else for itself.
#pragma once

#include <algorithm>
#include <string_view>

namespace petrel::server {

inline bool has_shape(std::string_view text, std::string_view shape) {
  return std::equal(text.begin(), text.end(), shape.begin(), shape.end(), [](char is, char should) {
    return should == '0' ? is >= '0' && is <= '9' : is == should;
  });
}

}  // namespace petrel::server

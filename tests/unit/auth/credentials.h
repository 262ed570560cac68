// Keys and JWTs that the public Go modules made (tests/conformance/credentials writes them).
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>

namespace petrel::auth {

inline const std::string& credential(const std::string& name) {
  static const std::map<std::string, std::string> all = [] {
    std::map<std::string, std::string> read;
    std::ifstream file(PETREL_SOURCE_DIR "/tests/unit/auth/credentials.tsv");
    for (std::string line; std::getline(file, line);) {
      const size_t tab = line.find('\t');
      read[line.substr(0, tab)] = line.substr(tab + 1);
    }
    return read;
  }();
  static const std::string none;
  const auto found = all.find(name);
  EXPECT_NE(found, all.end()) << name;
  return found == all.end() ? none : found->second;
}

}  // namespace petrel::auth

// Transcripts: the script of each file is run again and must give the trace that stands in it.
// PETREL_REWRITE=1 writes the traces anew; the difference is then reviewed.
#include "unit/raft/transcript_cluster.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace petrel::raft {
namespace {

std::filesystem::path folder() {
  return std::filesystem::path(PETREL_SOURCE_DIR) / "tests/unit/raft/transcripts";
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(TranscriptTest, EveryTraceIsAsItStandsInItsFile) {
  size_t count = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder())) {
    const std::string expected = read(file.path());
    const std::string trace = TranscriptCluster().run(expected);
    ++count;
    EXPECT_EQ(trace.find("not understood"), std::string::npos) << file.path();
    if (std::getenv("PETREL_REWRITE") != nullptr) {
      std::ofstream(file.path()) << trace;
    } else {
      EXPECT_EQ(trace, expected) << file.path();
    }
  }
  EXPECT_GE(count, 12U);
}

}  // namespace
}  // namespace petrel::raft

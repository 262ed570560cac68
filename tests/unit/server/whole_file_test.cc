#include "server/whole_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace petrel::server {
namespace {

class WholeFileTest : public testing::Test {
 protected:
  WholeFileTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "petrel-whole-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~WholeFileTest() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::filesystem::path folder_;
};

TEST_F(WholeFileTest, IsReplacedAndLeavesNoDraft) {
  ASSERT_TRUE(replace_whole_file(path("a"), std::string(100'000, 'x')));
  ASSERT_TRUE(replace_whole_file(path("a"), "new"));
  EXPECT_EQ(read_whole_file(path("a"), 100), "new");
  EXPECT_FALSE(std::filesystem::exists(path("a.new")));
}

TEST_F(WholeFileTest, IsNotReadBeyondItsLimit) {
  ASSERT_TRUE(replace_whole_file(path("a"), "12345"));
  EXPECT_EQ(read_whole_file(path("a"), 5), "12345");
  EXPECT_EQ(read_whole_file(path("a"), 4), std::nullopt);
  EXPECT_EQ(read_whole_file(path("b"), 4), std::nullopt);
}

TEST_F(WholeFileTest, SaysWhichFileCannotBeWritten) {
  const Status failed = replace_whole_file(path("missing/a"), "1");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().detail, "open " + path("missing/a.new") + ": No such file or directory");
}

}  // namespace
}  // namespace petrel::server

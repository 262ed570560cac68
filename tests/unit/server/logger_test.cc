#include "server/logger.h"

#include "unit/server/text_shape.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace petrel::server {
namespace {

class LoggerTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) / ("logger_" + std::to_string(getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    settings_.file = folder_ / "nats.log";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::string content(const std::filesystem::path& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  std::string log() const { return content(settings_.file); }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      found.push_back(entry.path().filename());
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  static std::string pid() { return "[" + std::to_string(getpid()) + "] "; }

  std::filesystem::path folder_;
  LogSettings settings_;
};

TEST_F(LoggerTest, LinesCarryPidTimeAndLevel) {
  Logger logger;
  ASSERT_TRUE(logger.configure(settings_));
  logger.write(LogLevel::kInfo, "Server is ready");
  const std::string line = log();
  ASSERT_EQ(line.substr(0, pid().size()), pid());
  EXPECT_TRUE(
      has_shape(line.substr(pid().size()), "0000/00/00 00:00:00.000000 [INF] Server is ready\n"))
      << line;
}

TEST_F(LoggerTest, TimeCanBeLeftOutAndEachLevelHasItsLabel) {
  settings_.logtime = false;
  settings_.debug = settings_.trace = true;
  Logger logger;
  ASSERT_TRUE(logger.configure(settings_));
  logger.write(LogLevel::kInfo, "a");
  logger.write(LogLevel::kWarn, "b");
  logger.write(LogLevel::kError, "c");
  logger.write(LogLevel::kFatal, "d");
  logger.write(LogLevel::kDebug, "e");
  logger.write(LogLevel::kTrace, "f %v {}");
  EXPECT_EQ(log(), pid() + "[INF] a\n" + pid() + "[WRN] b\n" + pid() + "[ERR] c\n" + pid() +
                       "[FTL] d\n" + pid() + "[DBG] e\n" + pid() + "[TRC] f %v {}\n");
}

TEST_F(LoggerTest, DebugAndTraceAreDroppedUnlessAskedFor) {
  settings_.logtime = false;
  Logger logger;
  ASSERT_TRUE(logger.configure(settings_));
  logger.write(LogLevel::kDebug, "e");
  logger.write(LogLevel::kTrace, "f");
  EXPECT_EQ(log(), "");
}

TEST_F(LoggerTest, UtcIsTheTimeOfTheLine) {
  setenv("TZ", "UTC-5", 1);
  tzset();
  settings_.logtime_utc = true;
  Logger logger;
  const std::time_t before = std::time(nullptr);
  ASSERT_TRUE(logger.configure(settings_));
  logger.write(LogLevel::kInfo, "x");
  const std::string line = log();
  unsetenv("TZ");
  tzset();
  std::tm moment{};
  ASSERT_NE(strptime(line.c_str() + line.find(' ') + 1, "%Y/%m/%d %H:%M:%S", &moment), nullptr);
  EXPECT_LE(std::abs(timegm(&moment) - before), 5);
}

TEST_F(LoggerTest, TheFileIsAppendedToAndOthersMayNotReadIt) {
  std::ofstream(settings_.file) << "old\n";
  chmod(settings_.file.c_str(), 0600);
  Logger first;
  settings_.logtime = false;
  ASSERT_TRUE(first.configure(settings_));
  first.write(LogLevel::kInfo, "new");
  EXPECT_EQ(log(), "old\n" + pid() + "[INF] new\n");
  settings_.file = folder_ / "fresh.log";
  const mode_t mask = umask(0);
  ASSERT_TRUE(first.configure(settings_));
  umask(mask);
  struct stat status{};
  ASSERT_EQ(stat(settings_.file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST_F(LoggerTest, AFileThatCannotBeOpenedKeepsTheOldOne) {
  settings_.logtime = false;
  Logger logger;
  ASSERT_TRUE(logger.configure(settings_));
  LogSettings bad = settings_;
  bad.file = folder_ / "none" / "x.log";
  const Status status = logger.configure(bad);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().detail,
            "error opening file: open " + bad.file + ": no such file or directory");
  logger.write(LogLevel::kInfo, "still here");
  EXPECT_EQ(log(), pid() + "[INF] still here\n");
}

TEST_F(LoggerTest, ReopenBeginsANewFileAfterTheOldOneWasMoved) {
  settings_.logtime = false;
  Logger logger;
  ASSERT_TRUE(logger.configure(settings_));
  logger.write(LogLevel::kInfo, "before");
  std::filesystem::rename(settings_.file, folder_ / "moved");
  logger.write(LogLevel::kInfo, "meanwhile");
  ASSERT_TRUE(logger.reopen());
  EXPECT_EQ(content(folder_ / "moved"), pid() + "[INF] before\n" + pid() + "[INF] meanwhile\n");
  EXPECT_EQ(log(), pid() + "[INF] File log re-opened\n");
}

TEST_F(LoggerTest, RotatesAfterTheLineThatPassesTheLimitAndNamesTheBackup) {
  settings_.logtime = false;
  settings_.size_limit = 60;
  Logger logger;
  ASSERT_TRUE(logger.configure(settings_));
  logger.write(LogLevel::kInfo, std::string(60, 'x'));
  const std::vector<std::string> found = names();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_TRUE(has_shape(found[1], "nats.log.0000.00.00.00.00.00.000000000")) << found[1];
  EXPECT_EQ(content(folder_ / found[1]), pid() + "[INF] " + std::string(60, 'x') + "\n");
  EXPECT_EQ(log(), pid() + "[INF] Rotated log, backup saved as \"" + (folder_ / found[1]).string() +
                       "\"\r\n");
}

TEST_F(LoggerTest, KeepsSoManyFilesAndTouchesNoOthers) {
  settings_.logtime = false;
  settings_.size_limit = 1000;
  settings_.max_num = 3;
  for (const char* stamp : {"2020.01.01.00.00.00.000000001", "2021.01.01.00.00.00.000000001",
                            "2022.01.01.00.00.00.000000001", "2022.01.01", "gz"}) {
    std::ofstream(settings_.file + "." + stamp) << "old";
  }
  Logger logger;
  ASSERT_TRUE(logger.configure(settings_));
  logger.write(LogLevel::kInfo, std::string(1000, 'x'));
  const std::vector<std::string> found = names();
  ASSERT_EQ(found.size(), 5u);
  EXPECT_EQ(found[0], "nats.log");
  EXPECT_EQ(found[1], "nats.log.2022.01.01");
  EXPECT_EQ(found[2], "nats.log.2022.01.01.00.00.00.000000001");
  EXPECT_EQ(found[4], "nats.log.gz");
  EXPECT_NE(log().find("[INF] Purged log file \"nats.log.2020.01.01.00.00.00.000000001\"\r\n"),
            std::string::npos);
}

TEST_F(LoggerTest, AFileThatIsTooLargeAtStartIsRotatedAtOnce) {
  std::ofstream(settings_.file) << std::string(200, 'o');
  settings_.logtime = false;
  settings_.size_limit = 100;
  Logger logger;
  ASSERT_TRUE(logger.configure(settings_));
  ASSERT_EQ(names().size(), 2u);
  EXPECT_EQ(content(folder_ / names()[1]),
            std::string(200, 'o') + pid() + "[INF] Rotating logfile...\n");
}

TEST(LoggerWithoutFileTest, ReopenSaysThatThereIsNothingToOpen) {
  testing::internal::CaptureStderr();
  Logger logger;
  ASSERT_TRUE(logger.configure({.logtime = false}));
  ASSERT_TRUE(logger.reopen());
  EXPECT_EQ(
      testing::internal::GetCapturedStderr(),
      "[" + std::to_string(getpid()) + "] [INF] File log re-open ignored, not a file logger\n");
}

}  // namespace
}  // namespace petrel::server

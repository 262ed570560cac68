// What the process does with signals, files, arguments and its service manager.
#include "server/advertised.h"
#include "server/argument_redaction.h"
#include "server/available_cpus.h"
#include "server/cancellable_sleep.h"
#include "server/process_files.h"
#include "server/service_notify.h"
#include "server/signal_loop.h"
#include "server/stack_dump.h"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace petrel::server {
namespace {

std::filesystem::path own_folder(const std::string& name) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / (name + std::to_string(getpid()));
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

TEST(AvailableCpusTest, RoundsTheQuotaOfACgroupUp) {
  const std::filesystem::path root = own_folder("cgroup_");
  EXPECT_EQ(cgroup_cpus(root), 0);
  std::ofstream(root / "cpu.max") << "150000 100000\n";
  EXPECT_EQ(cgroup_cpus(root), 2);
  std::ofstream(root / "cpu.max") << "max 100000\n";
  EXPECT_EQ(cgroup_cpus(root), 0);
  std::filesystem::remove(root / "cpu.max");
  std::filesystem::create_directories(root / "cpu");
  std::ofstream(root / "cpu" / "cpu.cfs_quota_us") << "300000\n";
  std::ofstream(root / "cpu" / "cpu.cfs_period_us") << "100000\n";
  EXPECT_EQ(cgroup_cpus(root), 3);
  std::ofstream(root / "cpu" / "cpu.cfs_quota_us") << "-1\n";
  EXPECT_EQ(cgroup_cpus(root), 0);
  std::filesystem::remove_all(root);
}

TEST(AvailableCpusTest, ObeysGomaxprocs) {
  setenv("GOMAXPROCS", "1", 1);
  EXPECT_EQ(default_loop_count(), 1);
  setenv("GOMAXPROCS", "100000", 1);
  const int all = default_loop_count();
  unsetenv("GOMAXPROCS");
  EXPECT_EQ(default_loop_count(), all);
  EXPECT_GE(all, 1);
  EXPECT_LE(all, kLoopsMax);
}

TEST(AdvertisedTest, SplitsHostAndPort) {
  const auto parsed = [](const std::string& text) {
    const auto address = parse_advertised(text, 4222);
    return address ? address->host + " " + std::to_string(address->port) : address.error().detail;
  };
  EXPECT_EQ(parsed("h"), "h 4222");
  EXPECT_EQ(parsed("h:1"), "h 1");
  EXPECT_EQ(parsed("h:-1"), "h 4222");
  EXPECT_EQ(parsed("[::1]:5"), "::1 5");
  EXPECT_EQ(parsed("[::1]"), "::1 4222");
  EXPECT_EQ(parsed("a:b:c"), "address a:b:c: too many colons in address");
  EXPECT_EQ(parsed("a:x"), "strconv.Atoi: parsing \"x\": invalid syntax");
}

TEST(ArgumentRedactionTest, OverwritesSecretsWhereTheyStand) {
  std::string program = "petrel";
  std::string flag = "--pass";
  std::string secret = "a secret that is long";
  std::string token = "--auth=abc";
  std::array<char*, 4> arguments = {program.data(), flag.data(), secret.data(), token.data()};
  redact_process_arguments(4, arguments.data());
  EXPECT_STREQ(arguments[0], "petrel");
  EXPECT_STREQ(arguments[1], "--pass");
  EXPECT_STREQ(arguments[2], "[REDACTED]");
  EXPECT_EQ(secret.find("long"), std::string::npos);
  EXPECT_STREQ(arguments[3], "--auth=[RE");
}

TEST(ProcessFilesTest, PidFileHoldsDigitsForTheOwnerOnly) {
  const std::filesystem::path folder = own_folder("pid_");
  const std::string path = folder / "pid";
  ASSERT_TRUE(write_pid_file(path));
  std::string text;
  std::getline(std::ifstream(path), text, '\0');
  EXPECT_EQ(text, std::to_string(getpid()));
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const Status status = write_pid_file(folder / "none" / "pid");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().detail,
            "open " + (folder / "none" / "pid").string() + ": no such file or directory");
  std::filesystem::remove_all(folder);
}

TEST(ProcessFilesTest, AWildcardHostIsEveryAddress) {
  const std::vector<std::string> urls = listener_urls("nats", "0.0.0.0", 4222);
  EXPECT_NE(std::find(urls.begin(), urls.end(), "nats://127.0.0.1:4222"), urls.end());
  EXPECT_EQ(listener_urls("http", "::1", 1), std::vector<std::string>{"http://[::1]:1"});
}

TEST(ServiceNotifyTest, SpeaksToTheManagersSocket) {
  const std::filesystem::path folder = own_folder("notify_");
  const std::string path = folder / "socket";
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  const auto received = [fd] {
    std::array<char, 256> bytes;
    const ssize_t count = recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
    return count < 0 ? std::string() : std::string(bytes.data(), static_cast<size_t>(count));
  };
  notify_service(ServiceState::kReady);
  EXPECT_EQ(received(), "READY=1\nMAINPID=" + std::to_string(getpid()));
  notify_service(ServiceState::kReloading);
  EXPECT_EQ(received().substr(0, 27), "RELOADING=1\nMONOTONIC_USEC=");
  notify_service(ServiceState::kStopping);
  EXPECT_EQ(received(), "STOPPING=1");
  unsetenv("NOTIFY_SOCKET");
  notify_service(ServiceState::kReady);
  EXPECT_EQ(received(), "");
  close(fd);
  std::filesystem::remove_all(folder);
}

// In a process of its own, because it changes what signals do.
int exit_code_of(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(SignalLoopTest, TakesSignalsInTurnAndCanBeWoken) {
  EXPECT_EQ(exit_code_of([] {
              SignalLoop loop;
              raise(SIGPIPE);  // ignored
              kill(getpid(), SIGHUP);
              if (loop.wait() != SIGHUP) return 1;
              kill(getpid(), SIGUSR2);
              if (loop.wait() != SIGUSR2) return 2;
              std::thread other([&loop] { loop.wake_up(); });
              const int woken = loop.wait();
              other.join();
              return woken == 0 ? 0 : 3;
            }),
            0);
}

TEST(SignalLoopTest, NamesSignalsAsGoDoes) {
  EXPECT_EQ(signal_name(SIGINT), "interrupt");
  EXPECT_EQ(signal_name(SIGTERM), "terminated");
  EXPECT_EQ(signal_name(SIGHUP), "hangup");
  EXPECT_EQ(signal_name(SIGUSR1), "user defined signal 1");
  EXPECT_EQ(signal_name(SIGUSR2), "user defined signal 2");
}

TEST(StackDumpTest, QuitEndsWithTwoAfterTheStacksOfAllThreads) {
  std::array<int, 2> output{};
  ASSERT_EQ(pipe(output.data()), 0);
  const int code = exit_code_of([&output] {
    dup2(output[1], STDERR_FILENO);
    install_stack_dump();
    std::thread([] { pause(); }).detach();
    raise(SIGQUIT);
    return 0;
  });
  close(output[1]);
  std::string text;
  std::array<char, 4096> bytes;
  for (ssize_t count; (count = read(output[0], bytes.data(), bytes.size())) > 0;) {
    text.append(bytes.data(), static_cast<size_t>(count));
  }
  close(output[0]);
  EXPECT_EQ(code, 2);
  EXPECT_EQ(text.substr(0, 13), "SIGQUIT: quit");
  size_t threads = 0;
  for (size_t at = 0; (at = text.find("thread ", at)) != std::string::npos; ++at) ++threads;
  EXPECT_EQ(threads, 2u) << text;
  EXPECT_NE(text.find("  #1 "), std::string::npos);
}

TEST(CancellableSleepTest, IsCutShortAndStaysCut) {
  CancellableSleep sleep;
  EXPECT_TRUE(sleep.sleep_for(Duration::millis(1)));
  std::thread other([&sleep] { sleep.cancel(); });
  EXPECT_FALSE(sleep.sleep_for(Duration::hours(1)));
  other.join();
  EXPECT_FALSE(sleep.sleep_for(Duration::hours(1)));
}

}  // namespace
}  // namespace petrel::server

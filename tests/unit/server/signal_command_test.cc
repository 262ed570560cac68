#include "server/signal_command.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace petrel::server {
namespace {

struct Sent {
  std::vector<std::pair<int, int>> signals;  // pid, signal
  std::string error;
};

Sent send(const conf::SignalRequest& request, std::vector<int> running, int answer = 0) {
  Sent sent;
  const ProcessTable processes{[&] { return running; },
                               [&](int pid, int signal) {
                                 sent.signals.emplace_back(pid, signal);
                                 return answer;
                               }};
  if (const Status status = send_signal_command(request, processes); !status) {
    sent.error = status.error().detail;
  }
  return sent;
}

using Signals = std::vector<std::pair<int, int>>;

TEST(SignalCommandTest, EachCommandIsItsSignal) {
  EXPECT_EQ(send({"stop", ""}, {7}).signals, (Signals{{7, SIGKILL}}));
  EXPECT_EQ(send({"quit", ""}, {7}).signals, (Signals{{7, SIGINT}}));
  EXPECT_EQ(send({"term", ""}, {7}).signals, (Signals{{7, SIGTERM}}));
  EXPECT_EQ(send({"reopen", ""}, {7}).signals, (Signals{{7, SIGUSR1}}));
  EXPECT_EQ(send({"reload", ""}, {7}).signals, (Signals{{7, SIGHUP}}));
  EXPECT_EQ(send({"ldm", ""}, {7}).signals, (Signals{{7, SIGUSR2}}));
}

TEST(SignalCommandTest, APidNeedsNoLookup) {
  EXPECT_EQ(send({"ldm", "42"}, {}).signals, (Signals{{42, SIGUSR2}}));
}

TEST(SignalCommandTest, AStarPicksByTheBeginningOfThePid) {
  EXPECT_EQ(send({"term", "12*"}, {12, 120, 21}).signals, (Signals{{12, SIGTERM}, {120, SIGTERM}}));
  EXPECT_EQ(send({"term", "*"}, {12, 21}).signals, (Signals{{12, SIGTERM}, {21, SIGTERM}}));
}

TEST(SignalCommandTest, SaysWhyNothingWasSent) {
  EXPECT_EQ(send({"reload", ""}, {}).error, "no nats-server processes running");
  // Before the name of the command is looked at.
  EXPECT_EQ(send({"bogus", ""}, {3, 5}).error, "multiple nats-server processes running:\n3\n5");
  EXPECT_EQ(send({"bogus", "3"}, {}).error, "unknown signal \"bogus\"");
  EXPECT_EQ(send({"reload", "x1"}, {}).error, "invalid pid: x1");
  EXPECT_EQ(send({"reload", "9999"}, {}, ESRCH).error, "\nsignal \"reload\" 9999: no such process");
}

TEST(SignalCommandTest, FindsNoServerInThisTest) {
  const std::vector<int> found = system_processes().servers();
  EXPECT_EQ(std::count(found.begin(), found.end(), getpid()), 0);
}

// A process of that name, until it is told to end.
class NamedProcess {
 public:
  explicit NamedProcess(const char* name) : pid_(fork()) {
    if (pid_ != 0) return;
    prctl(PR_SET_NAME, name);
    pause();
    _exit(0);
  }
  ~NamedProcess() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  NamedProcess(const NamedProcess&) = delete;
  NamedProcess& operator=(const NamedProcess&) = delete;

  bool is_found() const {
    const std::vector<int> found = system_processes().servers();
    return std::count(found.begin(), found.end(), pid_) == 1;
  }
  std::string name() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/comm");
    std::string line;
    std::getline(file, line);
    return line;
  }
  int pid() const { return pid_; }
  // The signal that ended it.
  int end() {
    int status = 0;
    waitpid(std::exchange(pid_, 0), &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

 private:
  pid_t pid_;
};

TEST(SignalCommandTest, FindsServersByTheNameOfTheirProcessAndSignalsThem) {
  for (const std::string name : {"nats-server", "petrel", "my-nats-server"}) {
    NamedProcess server(name.c_str());
    while (server.name() != name) std::this_thread::yield();
    EXPECT_TRUE(server.is_found()) << name;
    EXPECT_EQ(system_processes().send(server.pid(), SIGTERM), 0);
    EXPECT_EQ(server.end(), SIGTERM);
  }
  NamedProcess other("petrel-tool");
  while (other.name() != "petrel-tool") std::this_thread::yield();
  EXPECT_FALSE(other.is_found());
}

}  // namespace
}  // namespace petrel::server

#include "server/process_usage.h"

#include "server/system_sources.h"

#include "petrel/conf/command_line.h"

#include <cstdlib>
#include <ctime>
#include <dirent.h>
#include <malloc.h>
#include <memory>
#include <sstream>
#include <unistd.h>

namespace petrel::server {

namespace {

int64_t clock_nanos(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return Duration::seconds(time.tv_sec).ns + time.tv_nsec;
}

std::string read_or_empty(const std::string& path) {
  Result<std::string> content = SystemFiles().read(path);
  return content ? *std::move(content) : std::string();
}

// `12 (name) S ...`; the name may hold anything.
monitor::ThreadView thread_of(const std::string& stat) {
  const size_t begin = stat.find('(');
  const size_t end = stat.rfind(')');
  if (begin == std::string::npos || end == std::string::npos || end + 2 >= stat.size()) return {};
  return {std::strtoull(stat.c_str(), nullptr, 10), stat.substr(begin + 1, end - begin - 1),
          stat[end + 2]};
}

}  // namespace

CpuSample cpu_sample() {
  return {{clock_nanos(CLOCK_MONOTONIC)}, {clock_nanos(CLOCK_PROCESS_CPUTIME_ID)}};
}

monitor::ProcessMemory process_memory() {
  uint64_t size = 0;
  uint64_t resident = 0;
  std::istringstream(read_or_empty("/proc/self/statm")) >> size >> resident;
  const struct mallinfo2 heap = mallinfo2();
  return {resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)), heap.uordblks + heap.hblkhd,
          heap.arena + heap.hblkhd};
}

std::vector<monitor::ThreadView> process_threads() {
  std::vector<monitor::ThreadView> threads;
  const std::string root = "/proc/self/task";
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(root.c_str()), closedir);
  if (directory == nullptr) return threads;
  while (const dirent* entry = readdir(directory.get())) {
    if (entry->d_name[0] == '.') continue;
    threads.push_back(thread_of(read_or_empty(root + "/" + entry->d_name + "/stat")));
  }
  return threads;
}

std::vector<std::string> process_arguments() {
  std::vector<std::string> arguments;
  std::istringstream given(read_or_empty("/proc/self/cmdline"));
  for (std::string argument; std::getline(given, argument, '\0');) arguments.push_back(argument);
  if (arguments.empty()) return arguments;
  const std::string program = arguments.front();
  arguments.erase(arguments.begin());
  arguments = conf::redact_arguments(std::move(arguments));
  arguments.insert(arguments.begin(), program);
  return arguments;
}

}  // namespace petrel::server

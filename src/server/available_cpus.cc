#include "server/available_cpus.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sched.h>
#include <sstream>

namespace petrel::server {

namespace {

int rounded_up(int64_t quota, int64_t period) {
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<int>((quota + period - 1) / period);
}

int64_t number_in(const std::string& path) {
  std::ifstream file(path);
  int64_t value = 0;
  return file >> value ? value : 0;
}

// The cgroup of this process below a mounted hierarchy; in a container it is the root of what is
// seen there.
std::string own_group() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::")) return line.substr(3);
  }
  return "/";
}

int affinity_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(CPU_COUNT(&set), 1);
}

}  // namespace

int cgroup_cpus(const std::string& root) {
  std::ifstream file(root + "/cpu.max");
  std::string quota;
  int64_t period = 0;
  if (file >> quota >> period) {
    return quota == "max" ? 0 : rounded_up(std::atoll(quota.c_str()), period);
  }
  return rounded_up(number_in(root + "/cpu/cpu.cfs_quota_us"),
                    number_in(root + "/cpu/cpu.cfs_period_us"));
}

uint16_t default_loop_count() {
  int count = affinity_cpus();
  for (const std::string& root : {std::string("/sys/fs/cgroup"), "/sys/fs/cgroup" + own_group()}) {
    if (const int quota = cgroup_cpus(root); quota > 0) count = std::min(count, quota);
  }
  if (const char* wanted = std::getenv("GOMAXPROCS"); wanted != nullptr) {
    if (const int cpus = std::atoi(wanted); cpus > 0) count = std::min(count, cpus);
  }
  return static_cast<uint16_t>(std::clamp(count, 1, kLoopsMax));
}

uint16_t loop_count(const conf::Options& options) {
  return options.petrel.loops > 0 ? static_cast<uint16_t>(options.petrel.loops)
                                  : default_loop_count();
}

}  // namespace petrel::server

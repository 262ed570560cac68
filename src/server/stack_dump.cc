#include "server/stack_dump.h"

#include "server/log_target.h"

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <dirent.h>
#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

namespace petrel::server {

namespace {

constexpr int kExitCode = 2;
constexpr int kFramesMax = 64;
constexpr int kWaitSteps = 100;  // of kWaitStepNanos, for a thread to answer
constexpr long kWaitStepNanos = 2'000'000;

std::atomic<int> stacks_written{0};

int stack_signal() {
  return SIGRTMIN + 3;
}

// Only what a signal handler may call.
template <typename... Values>
void print(const char* format, Values... values) {
  std::array<char, 512> text;
  const int size = std::snprintf(text.data(), text.size(), format, values...);
  if (size > 0) write_all(STDERR_FILENO, {text.data(), static_cast<size_t>(size)});
}

_Unwind_Reason_Code print_frame(_Unwind_Context* context, void* count) {
  int& index = *static_cast<int*>(count);
  const uintptr_t address = _Unwind_GetIP(context);
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(address), &info) != 0 && info.dli_fbase != nullptr) {
    const auto base = reinterpret_cast<uintptr_t>(info.dli_fbase);
    print("  #%d %s+0x%zx %s\n", index, info.dli_fname, address - base,
          info.dli_sname != nullptr ? info.dli_sname : "");
  } else {
    print("  #%d 0x%zx\n", index, address);
  }
  return ++index < kFramesMax ? _URC_NO_REASON : _URC_END_OF_STACK;
}

void print_own_stack(int /*signal*/) {
  int index = 0;
  print("thread %ld:\n", syscall(SYS_gettid));
  _Unwind_Backtrace(print_frame, &index);
  stacks_written.fetch_add(1);
}

// One thread after the other, so that their lines do not mix.
void print_all_stacks(int /*signal*/) {
  print("SIGQUIT: quit\n\n");
  const long self = syscall(SYS_gettid);
  DIR* tasks = opendir("/proc/self/task");
  while (const dirent* entry = tasks != nullptr ? readdir(tasks) : nullptr) {
    const long id = std::strtol(entry->d_name, nullptr, 10);
    if (id <= 0 || id == self) continue;
    const int before = stacks_written.load();
    if (syscall(SYS_tgkill, getpid(), id, stack_signal()) != 0) continue;
    for (int step = 0; step < kWaitSteps && stacks_written.load() == before; ++step) {
      const timespec pause{0, kWaitStepNanos};
      nanosleep(&pause, nullptr);
    }
  }
  print_own_stack(0);
  _exit(kExitCode);
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

void install_stack_dump() {
  handle(stack_signal(), print_own_stack);
  handle(SIGQUIT, print_all_stacks);
}

}  // namespace petrel::server

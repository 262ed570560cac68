// SignalLoop: the signals that steer a running server, taken one after the other on the main
// thread.
//
// Owner: run_daemon. Thread: main; wake_up from any.
// Source: spec operations.md section 4.
#pragma once

#include <string>

namespace petrel::server {

class SignalLoop {
 public:
  // Blocks the signals for this thread and those it starts; nothing gets lost from here on.
  SignalLoop();
  ~SignalLoop();
  SignalLoop(const SignalLoop&) = delete;
  SignalLoop& operator=(const SignalLoop&) = delete;

  // The next signal that came, or 0 after wake_up.
  int wait();
  void wake_up();

 private:
  int signal_fd_;
  int event_fd_;
};

// As Go names it: "interrupt", "terminated", "hangup", ...
std::string signal_name(int signal);

}  // namespace petrel::server

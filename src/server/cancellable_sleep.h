// CancellableSleep: waiting on a control thread that another thread can cut short.
//
// Owner: who sleeps. Thread: sleep_for on one thread, cancel on any.
#pragma once

#include "petrel/base/time.h"

namespace petrel::server {

class CancellableSleep {
 public:
  CancellableSleep();
  ~CancellableSleep();
  CancellableSleep(const CancellableSleep&) = delete;
  CancellableSleep& operator=(const CancellableSleep&) = delete;

  // False when it was cancelled, now or earlier.
  bool sleep_for(Duration duration);
  void cancel();

 private:
  int event_fd_;
};

}  // namespace petrel::server

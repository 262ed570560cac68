// Mutex and SharedMutex: the standard ones, annotated so that clang proves what they guard.
// Only the types of tests/tidy/locks.txt hold one; all else posts to the owner's inbox.
// Thread: any.
#pragma once

#include "petrel/base/thread_annotations.h"

#include <mutex>
#include <shared_mutex>

namespace petrel {

class PETREL_CAPABILITY("mutex") Mutex {
 public:
  void lock() PETREL_ACQUIRE() { mutex_.lock(); }
  void unlock() PETREL_RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class PETREL_CAPABILITY("mutex") SharedMutex {
 public:
  void lock() PETREL_ACQUIRE() { mutex_.lock(); }
  void unlock() PETREL_RELEASE() { mutex_.unlock(); }
  void lock_shared() PETREL_ACQUIRE_SHARED() { mutex_.lock_shared(); }
  void unlock_shared() PETREL_RELEASE_SHARED() { mutex_.unlock_shared(); }

 private:
  std::shared_mutex mutex_;
};

class PETREL_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) PETREL_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() PETREL_RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

class PETREL_SCOPED_CAPABILITY WriterLock {
 public:
  explicit WriterLock(SharedMutex& mutex) PETREL_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~WriterLock() PETREL_RELEASE() { mutex_.unlock(); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  SharedMutex& mutex_;
};

class PETREL_SCOPED_CAPABILITY ReaderLock {
 public:
  explicit ReaderLock(SharedMutex& mutex) PETREL_ACQUIRE_SHARED(mutex) : mutex_(mutex) {
    mutex_.lock_shared();
  }
  ~ReaderLock() PETREL_RELEASE_GENERIC() { mutex_.unlock_shared(); }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  SharedMutex& mutex_;
};

}  // namespace petrel

// CurrentConfig: the configuration in force, replaced whole by a reload.
//
// Owner: server. Thread: any. What get() returned stays as it was when a reload replaces it.
#pragma once

#include "petrel/base/mutex.h"
#include "petrel/base/time.h"
#include "petrel/conf/options.h"

#include <memory>

namespace petrel::server {

struct LoadedConfig {
  conf::Options options = {};
  WallTime load_time = {};
};

class CurrentConfig {
 public:
  std::shared_ptr<const LoadedConfig> get() const;
  void replace(conf::Options options, WallTime load_time);

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const LoadedConfig> config_ PETREL_GUARDED_BY(mutex_) =
      std::make_shared<LoadedConfig>();
};

}  // namespace petrel::server

#include "server/config_reload.h"

namespace petrel::server {

std::shared_ptr<const LoadedConfig> CurrentConfig::get() const {
  const MutexLock lock(mutex_);
  return config_;
}

void CurrentConfig::replace(conf::Options options, WallTime load_time) {
  auto config = std::make_shared<LoadedConfig>();
  config->options = std::move(options);
  config->load_time = load_time;
  const MutexLock lock(mutex_);
  config_ = std::move(config);
}

}  // namespace petrel::server

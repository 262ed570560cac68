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
  config->tls = config_->tls;
  config_ = std::move(config);
}

void CurrentConfig::replace_tls(TlsContexts tls) {
  const MutexLock lock(mutex_);
  auto config = std::make_shared<LoadedConfig>(*config_);
  config->tls = std::move(tls);
  config_ = std::move(config);
}

bool CurrentConfig::replace_tls(const std::shared_ptr<const LoadedConfig>& expected,
                                TlsContexts tls) {
  const MutexLock lock(mutex_);
  if (config_ != expected) return false;
  auto config = std::make_shared<LoadedConfig>(*config_);
  config->tls = std::move(tls);
  config_ = std::move(config);
  return true;
}

}  // namespace petrel::server

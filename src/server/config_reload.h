// CurrentConfig: the configuration in force, replaced whole by a reload.
//
// Owner: server. Thread: any. What get() returned stays as it was when a reload replaces it.
#pragma once

#include "petrel/base/mutex.h"
#include "petrel/base/time.h"
#include "petrel/conf/options.h"
#include "petrel/net/tls_context.h"

#include <memory>

namespace petrel::server {

// What listeners shake hands with; null without tls { }.
struct TlsContexts {
  std::shared_ptr<const net::TlsContext> clients = {};
  std::shared_ptr<const net::TlsContext> monitoring = {};  // asks for no client certificate
};

struct LoadedConfig {
  conf::Options options = {};
  WallTime load_time = {};
  TlsContexts tls = {};
};

class CurrentConfig {
 public:
  std::shared_ptr<const LoadedConfig> get() const;
  // The TLS contexts stay.
  void replace(conf::Options options, WallTime load_time);
  void replace_tls(TlsContexts tls);
  // Only if `expected` is still in force; false: it is not.
  bool replace_tls(const std::shared_ptr<const LoadedConfig>& expected, TlsContexts tls);

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const LoadedConfig> config_ PETREL_GUARDED_BY(mutex_) =
      std::make_shared<LoadedConfig>();
};

}  // namespace petrel::server

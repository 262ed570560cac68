// From the tls { } block to what the listener needs: the files' content as a TlsContext, and what
// sessions obey. TlsRateLimit counts handshakes.
//
// Thread: load on the control thread; TlsRateLimit on any.
// Source: spec config.md section 4, protocol.md section 9.
#pragma once

#include "server/config_reload.h"
#include "server/tls_staple.h"

#include "petrel/base/result.h"
#include "petrel/conf/options.h"
#include "petrel/session/session_host.h"

#include <atomic>
#include <cstdint>
#include <memory>

namespace petrel::server {

// None without a tls { } block. Errors: Error::detail is the text for the log.
Result<TlsContexts> load_tls_contexts(const conf::Options& options, Staples& staples, WallTime now);
// Asks again for what is due. True: load_tls_contexts has something new.
Result<bool> refresh_staples(const conf::Options& options, Staples& staples, WallTime now);
std::shared_ptr<const session::SessionTls> make_session_tls(const conf::Options& options);

// At most so many handshakes begin within a second of the first of them.
class TlsRateLimit {
 public:
  void set_limit(int64_t per_second) { limit_.store(per_second, std::memory_order_relaxed); }
  bool admit(int64_t now_ns);
  // Refused since the last call.
  uint64_t take_refused() { return refused_.exchange(0, std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> limit_{0};  // 0: none
  std::atomic<int64_t> end_ns_{0};
  std::atomic<int64_t> count_{0};
  std::atomic<uint64_t> refused_{0};
};

}  // namespace petrel::server

// TlsWatch: looks every second whether the files of tls { } have changed, asks for a report of
// handshakes that were refused, and for new OCSP answers when they are due.
//
// Owner: Server::Impl. Thread: its own, on which the functions of TlsWatchHost are called.
#pragma once

#include "server/cancellable_sleep.h"

#include "petrel/conf/options.h"

#include <string>
#include <thread>

namespace petrel::server {

class TlsWatchHost {
 public:
  virtual ~TlsWatchHost() = default;
  virtual conf::Options watched_options() const = 0;
  virtual void tls_files_changed() = 0;
  virtual void report_refused_handshakes() = 0;
  virtual void look_after_staples() = 0;
};

class TlsWatch {
 public:
  // `seen`: tls_files_signature before the files were loaded.
  TlsWatch(TlsWatchHost& host, std::string seen);
  ~TlsWatch();
  TlsWatch(const TlsWatch&) = delete;
  TlsWatch& operator=(const TlsWatch&) = delete;

 private:
  void watch();

  TlsWatchHost& host_;
  CancellableSleep sleep_;
  std::string seen_;  // what the files looked like
  std::thread thread_;
};

// Differs when one of the files is another one or was written to. "" without tls { }.
std::string tls_files_signature(const conf::Options& options);

}  // namespace petrel::server

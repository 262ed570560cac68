// Staples: the OCSP answers that listeners show with their certificates, as `ocsp` asks for them.
// Answers are kept in memory and, with a store_dir, in files under ocsp/.
//
// Owner: Server::Impl. Thread: one at a time of control and TlsWatch; it blocks while it asks.
// Source: spec auth.md section 7.1.
#pragma once

#include "petrel/base/result.h"
#include "petrel/conf/options.h"
#include "petrel/net/ocsp.h"

#include <functional>
#include <map>
#include <string>

namespace petrel::server {

class Staples {
 public:
  // `say(is_error, text)`.
  using Say = std::function<void(bool, const std::string&)>;
  explicit Staples(Say say) : say_(std::move(say)) {}

  // Gives every identity that needs it its answer. Errors: one that is needed cannot be had, or a
  // certificate may not be used any more.
  Status fill(const conf::Options& options, net::TlsSettings& settings, WallTime now);
  // When the first of the answers is to be asked for again; {}: never.
  WallTime due() const { return due_; }
  // Asks again for what is due. True: something changed, fill() has it.
  bool refresh(const conf::Options& options, const net::TlsSettings& settings, WallTime now);
  // A certificate was revoked, and the mode says that the server must not go on then.
  bool must_stop() const { return must_stop_; }

 private:
  struct Kept {
    net::OcspAnswer answer;
    WallTime due = {};
  };
  Result<net::OcspAnswer> load(const conf::Options& options, const net::TlsSettings& settings,
                               const net::TlsIdentity& identity) const;
  void keep(const conf::Options& options, const net::TlsIdentity& identity, net::OcspAnswer answer,
            WallTime now);
  void update_due();

  const Say say_;
  std::map<std::string, Kept> kept_;  // by digest of the certificate
  WallTime due_ = {};
  bool must_stop_ = false;
};

}  // namespace petrel::server

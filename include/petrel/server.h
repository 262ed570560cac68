// petrel::Server: a whole server in one object, to run as a daemon or inside another program.
// Several may live in one process.
//
// Owner: the caller. Thread: all functions may be called from any one thread at a time; the server
// runs on threads of its own.
// Errors: what nats-server would print, as Status.
#pragma once

#include "petrel/base/result.h"
#include "petrel/conf/options.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace petrel {

enum class LogLevel : uint8_t { kInfo, kWarn, kError, kFatal, kDebug, kTrace };

struct ServerOptions {
  conf::Options options = {};
  // Stands in the name of the ports file.
  std::string executable = "nats-server";
  // Where log lines go (already filtered by level). Not set: nothing is logged. Called from
  // several threads.
  std::function<void(LogLevel, const std::string&)> log = {};
  // Called by reload() when an option of logging changed: opens what has to be opened and returns
  // how to go over to it, which is called once the reload cannot fail any more.
  std::function<Result<std::function<void()>>(const conf::Options&)> prepare_log = {};
  // A client of the system account asks for a reload: whoever owns the server reads the
  // configuration again, calls reload() on its own thread and says how it went. Not set: refused.
  std::function<void(std::function<void(const Status&)>)> request_reload = {};
  // The configuration says that the server must not go on (a certificate was revoked): whoever owns
  // it stops it. Called on a thread that stop() waits for, so it must not call stop() itself.
  std::function<void()> must_stop = {};
};

class Server {
 public:
  // Options::port -1 takes a port of the system's choice.
  static Result<std::unique_ptr<Server>> create(ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Opens the listeners and serves. Returns when clients can connect.
  Status start();
  // Closes everything; idempotent. Returns when all threads have ended.
  void stop();
  // No new clients; those that are here are told, and closed over lame_duck_duration. Returns at
  // once; `done` is called when the last one left, on a thread that stop() waits for: it must not
  // call stop() itself. A second call does nothing.
  void enter_lame_duck(std::function<void()> done);
  bool is_lame_duck() const;
  // Takes over a changed configuration, all of it or (with an error that says why) nothing.
  Status reload(const conf::Options& options);

  // Valid after start(). 0: not listening.
  uint16_t client_port() const;
  uint16_t monitor_port() const;
  const std::string& id() const;
  size_t connection_count() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace petrel

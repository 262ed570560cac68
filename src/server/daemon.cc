#include "server/daemon.h"

#include "server/argument_redaction.h"
#include "server/log_target.h"
#include "server/logger.h"
#include "server/process_memory.h"
#include "server/service_notify.h"
#include "server/signal_command.h"
#include "server/signal_loop.h"
#include "server/stack_dump.h"
#include "server/store_command.h"
#include "server/system_sources.h"

#include "petrel/base/go_quote.h"
#include "petrel/conf/startup.h"
#include "petrel/net/openssl_memory.h"
#include "petrel/server.h"

#include <array>
#include <atomic>
#include <csignal>
#include <ctime>
#include <sstream>
#include <unistd.h>

namespace petrel::server {

namespace {

constexpr int kFailed = 1;

std::string base_name(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

int fail(const std::string& line) {
  write_all(STDERR_FILENO, line + "\n");
  return kFailed;
}

// A failure before there is a log, with the time in front, as nats-server reports those.
int fail_to_log(const std::string& text) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 32> moment{};
  std::strftime(moment.data(), moment.size(), "%Y/%m/%d %H:%M:%S ", &local);
  return fail(moment.data() + text);
}

class Daemon {
 public:
  Daemon(conf::Startup startup, std::string executable)
      : startup_(std::move(startup)), executable_(std::move(executable)) {}

  int run();

 private:
  // Reloads that clients of the system account asked for.
  struct ReloadRequest {
    std::function<void(const Status&)> done;
    std::unique_ptr<ReloadRequest> next;
  };
  void request_reload(std::function<void(const Status&)> done);
  void serve_reload_requests();
  // Has `serve` return. Any thread.
  void end();
  void serve();
  // False when the server is to end.
  bool handle(int signal);
  Status reload();
  Status reload_and_say();
  void reopen_log();

  const conf::Startup startup_;
  const std::string executable_;
  const SystemFiles files_;
  const SystemEnvironment environment_;
  SignalLoop signals_;
  Logger logger_;
  std::atomic<ReloadRequest*> reload_requests_{nullptr};  // newest first, owned
  std::atomic<bool> must_end_{false};
  std::unique_ptr<Server> server_;
};

int Daemon::run() {
  ServerOptions options;
  options.options = startup_.options;
  options.executable = executable_;
  options.log = [this](LogLevel level, const std::string& text) { logger_.write(level, text); };
  options.prepare_log = [this](const conf::Options& now) {
    return logger_.prepare(log_settings(now, executable_));
  };
  options.must_stop = [this] { end(); };
  options.request_reload = [this](std::function<void(const Status&)> done) {
    request_reload(std::move(done));
  };
  auto server = Server::create(std::move(options));
  if (!server) return fail(std::string(conf::kProgram) + ": " + server.error().detail);
  server_ = *std::move(server);
  if (Status status = logger_.configure(log_settings(startup_.options, executable_)); !status) {
    return fail_to_log(status.error().detail);
  }
  if (Status status = server_->start(); !status) {
    logger_.write(LogLevel::kFatal, status.error().detail);
    return kFailed;
  }
  notify_service(ServiceState::kReady);
  release_startup_memory();
  serve();
  notify_service(ServiceState::kStopping);
  server_->stop();
  return 0;
}

void Daemon::serve() {
  while (true) {
    const int signal = signals_.wait();
    if (signal == 0) {
      serve_reload_requests();
      if (must_end_.load()) return;
      continue;
    }
    logger_.write(LogLevel::kInfo, "Trapped " + go_quote(signal_name(signal)) + " signal");
    if (!handle(signal)) return;
  }
}

bool Daemon::handle(int signal) {
  switch (signal) {
    case SIGTERM:
      return server_->is_lame_duck();
    case SIGUSR1:
      reopen_log();
      return true;
    case SIGUSR2:
      server_->enter_lame_duck([this] { end(); });
      return true;
    case SIGHUP:
      static_cast<void>(reload_and_say());
      return true;
    default:
      return false;
  }
}

Status Daemon::reload_and_say() {
  notify_service(ServiceState::kReloading);
  Status status = reload();
  if (!status) {
    logger_.write(LogLevel::kError,
                  "Failed to reload server configuration: " + status.error().detail);
  }
  notify_service(ServiceState::kReady);
  return status;
}

void Daemon::end() {
  must_end_ = true;
  signals_.wake_up();
}

// Any thread.
void Daemon::request_reload(std::function<void(const Status&)> done) {
  auto request = std::make_unique<ReloadRequest>();
  request->done = std::move(done);
  ReloadRequest* before = reload_requests_.load();
  do {
    static_cast<void>(request->next.release());
    request->next.reset(before);
  } while (!reload_requests_.compare_exchange_weak(before, request.get()));
  static_cast<void>(request.release());
  signals_.wake_up();
}

void Daemon::serve_reload_requests() {
  std::unique_ptr<ReloadRequest> requests(reload_requests_.exchange(nullptr));
  if (requests == nullptr) return;
  const Status status = reload_and_say();
  for (const ReloadRequest* request = requests.get(); request != nullptr;
       request = request->next.get()) {
    request->done(status);
  }
}

void Daemon::reopen_log() {
  if (Status status = logger_.reopen(); !status) {
    logger_.write(LogLevel::kError, status.error().detail);
  }
}

Status Daemon::reload() {
  if (startup_.options.config_file.empty()) {
    return Error{Errc::kInvalidArgument,
                 "can only reload config when a file is provided using -c or --config"};
  }
  std::string warnings;
  PETREL_TRY(const conf::Options options,
             conf::load_options({startup_.options.config_file, startup_.flags},
                                {files_, environment_}, warnings));
  std::istringstream lines(warnings);
  for (std::string line; std::getline(lines, line);) logger_.write(LogLevel::kWarn, line);
  return server_->reload(options);
}

}  // namespace

int run_daemon(int argc, char** argv) {
  tune_allocator();
  net::keep_openssl_memory();
  install_stack_dump();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (const std::optional<int> code = run_store_command(arguments)) return *code;
  const SystemFiles files;
  const SystemEnvironment environment;
  conf::Startup startup = conf::start_up(arguments, {files, environment});
  write_all(STDOUT_FILENO, startup.out);
  write_all(STDERR_FILENO, startup.err);
  switch (startup.action) {
    case conf::StartupAction::kEnd:
      return startup.exit_code;
    case conf::StartupAction::kSignal:
      if (Status status = send_signal_command(startup.signal, system_processes()); !status) {
        return fail(std::string(conf::kProgram) + ": " + status.error().detail);
      }
      return 0;
    case conf::StartupAction::kRun:
      break;
  }
  const std::string executable = base_name(argv[0]);
  redact_process_arguments(argc, argv);
  return Daemon(std::move(startup), executable).run();
}

}  // namespace petrel::server

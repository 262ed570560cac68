#include <csignal>
#include <cstdio>

#include "petrel/server.h"

int main() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  petrel::ServerOptions options;
  options.log = [](petrel::LogLevel, const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  if (const char* port = getenv("PETREL_PORT")) options.options.port = atoi(port);
  if (getenv("PETREL_URING")) options.options.petrel.backend = petrel::conf::Backend::kIoUring;
  if (const char* loops = getenv("PETREL_LOOPS")) options.options.petrel.loops = atoi(loops);
  auto server = petrel::Server::create(std::move(options));
  if (!server) return 1;
  if (auto status = (*server)->start(); !status) {
    std::fprintf(stderr, "%s\n", status.error().detail.c_str());
    return 1;
  }
  int signal = 0;
  sigwait(&signals, &signal);
  (*server)->stop();
  return 0;
}

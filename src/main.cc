#include "server/daemon.h"

int main(int argc, char** argv) {
  return petrel::server::run_daemon(argc, argv);
}

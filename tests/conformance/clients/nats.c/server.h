// One process of the server under test, for the checks of the C client. Included once per program.
#pragma once

#include <nats/nats.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 10000

static const char *g_binary;
static char g_why[512];

// The first step of a check that fails ends it; the text is printed with the name of the check.
#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      snprintf(g_why, sizeof g_why, "line %d: %s", __LINE__, #condition);       \
      return false;                                                             \
    }                                                                           \
  } while (0)
#define OK(call)                                                                \
  do {                                                                          \
    natsStatus status_ = (call);                                                \
    if (status_ != NATS_OK) {                                                   \
      snprintf(g_why, sizeof g_why, "line %d: %s: %s", __LINE__, #call, natsStatus_GetText(status_)); \
      return false;                                                             \
    }                                                                           \
  } while (0)

typedef struct {
  pid_t pid;
  int port;
  char url[64];
  FILE *log;
  pthread_t reader;
} Server;

static void *discard(void *log) {
  char line[1024];
  while (fgets(line, sizeof line, log) != NULL) {
  }
  return NULL;
}

static bool server_start(Server *server, const char *config, int port) {
  char path[] = "/tmp/petrel-natsc-XXXXXX", number[16], line[1024];
  int descriptors[2], file = mkstemp(path);
  CHECK(file >= 0 && write(file, config, strlen(config)) == (ssize_t)strlen(config));
  close(file);
  CHECK(pipe(descriptors) == 0);
  snprintf(number, sizeof number, "%d", port);
  server->pid = fork();
  if (server->pid == 0) {
    dup2(descriptors[1], 2);
    close(descriptors[0]);
    execl(g_binary, g_binary, "-a", "127.0.0.1", "-p", number, *config ? "-c" : NULL, path, NULL);
    _exit(127);
  }
  close(descriptors[1]);
  server->log = fdopen(descriptors[0], "r");
  bool ready = false;
  while (!ready && fgets(line, sizeof line, server->log) != NULL) {
    const char *found = strstr(line, "Listening for client connections on ");
    if (found != NULL) server->port = atoi(strrchr(found, ':') + 1);
    ready = strstr(line, "Server is ready") != NULL;
  }
  unlink(path);
  CHECK(ready);
  snprintf(server->url, sizeof server->url, "nats://127.0.0.1:%d", server->port);
  return pthread_create(&server->reader, NULL, discard, server->log) == 0;
}

static void server_stop(Server *server) {
  kill(server->pid, SIGKILL);
  waitpid(server->pid, NULL, 0);
  pthread_join(server->reader, NULL);
  fclose(server->log);
}

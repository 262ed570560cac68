// The idioms of the C client (cnats) against one server binary: checks <server-binary>.
#include "server.h"

#define BCRYPT "$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"

typedef bool (*Check)(Server *server, natsConnection *connection);

// What the callbacks of a connection saw.
static atomic_int g_errors, g_ldm, g_reconnected, g_disconnected, g_closed, g_count;
static char g_error_texts[4][256];

static void on_error(natsConnection *connection, natsSubscription *subscription, natsStatus status, void *closure) {
  (void)subscription, (void)status, (void)closure;
  const char *text = NULL;
  natsConnection_GetLastError(connection, &text);
  int at = atomic_load(&g_errors);
  if (at < 4) snprintf(g_error_texts[at], sizeof g_error_texts[at], "%s", text ? text : "");
  atomic_fetch_add(&g_errors, 1);
}
static void count_up(natsConnection *connection, void *closure) {
  (void)connection;
  atomic_fetch_add((atomic_int *)closure, 1);
}
static void on_message(natsConnection *connection, natsSubscription *subscription, natsMsg *message, void *closure) {
  (void)connection, (void)subscription;
  atomic_fetch_add((atomic_int *)closure, 1);
  natsMsg_Destroy(message);
}
static void on_request(natsConnection *connection, natsSubscription *subscription, natsMsg *message, void *closure) {
  (void)subscription, (void)closure;
  char reply[64];
  snprintf(reply, sizeof reply, "re: %.*s", natsMsg_GetDataLength(message), natsMsg_GetData(message));
  natsConnection_PublishString(connection, natsMsg_GetReply(message), reply);
  natsMsg_Destroy(message);
}

static bool reached(atomic_int *counter, int wanted) {
  for (int waited = 0; waited < WAIT_MS; ++waited) {
    if (atomic_load(counter) >= wanted) return true;
    nats_Sleep(1);
  }
  return false;
}

static natsOptions *quiet_options(void) {
  natsOptions *options = NULL;
  if (natsOptions_Create(&options) != NATS_OK) return NULL;
  natsOptions_SetAllowReconnect(options, false);
  natsOptions_SetErrorHandler(options, on_error, NULL);
  natsOptions_SetLameDuckModeCB(options, count_up, &g_ldm);
  natsOptions_SetDisconnectedCB(options, count_up, &g_disconnected);
  natsOptions_SetReconnectedCB(options, count_up, &g_reconnected);
  natsOptions_SetClosedCB(options, count_up, &g_closed);
  return options;
}

// Runs a check on a fresh server and one connection; the options are destroyed.
static bool with(const char *config, natsOptions *options, Check check) {
  Server server = {0};
  natsConnection *connection = NULL;
  atomic_store(&g_errors, 0), atomic_store(&g_ldm, 0), atomic_store(&g_count, 0);
  atomic_store(&g_reconnected, 0), atomic_store(&g_disconnected, 0), atomic_store(&g_closed, 0);
  CHECK(options != NULL);
  CHECK(server_start(&server, config, -1));
  natsOptions_SetURL(options, server.url);
  natsStatus status = natsConnection_Connect(&connection, options);
  bool good = status == NATS_OK && check(&server, connection);
  if (status != NATS_OK) snprintf(g_why, sizeof g_why, "connect: %s", natsStatus_GetText(status));
  natsConnection_Destroy(connection);
  natsOptions_Destroy(options);
  server_stop(&server);
  return good;
}

static bool connect_options_hold(Server *server, natsConnection *connection) {
  char url[128], id[64];
  int64_t payload = natsConnection_GetMaxPayload(connection);
  CHECK(payload == 1 << 20);
  OK(natsConnection_GetConnectedUrl(connection, url, sizeof url));
  CHECK(strcmp(url, server->url) == 0);
  OK(natsConnection_GetConnectedServerId(connection, id, sizeof id));
  CHECK(strlen(id) == 56);
  CHECK(natsConnection_HasHeaderSupport(connection) == NATS_OK);
  return true;
}
static bool connect_options(void) {
  natsOptions *options = quiet_options();
  natsOptions_SetName(options, "petrel");
  natsOptions_SetVerbose(options, true);
  natsOptions_SetPedantic(options, true);
  return with("", options, connect_options_hold);
}

static bool no_echo_holds(Server *server, natsConnection *connection) {
  (void)server;
  natsSubscription *subscription = NULL;
  OK(natsConnection_Subscribe(&subscription, connection, "foo", on_message, &g_count));
  OK(natsConnection_PublishString(connection, "foo", "x"));
  OK(natsConnection_FlushTimeout(connection, WAIT_MS));
  natsSubscription_Destroy(subscription);
  CHECK(atomic_load(&g_count) == 0);
  return true;
}
static bool no_echo(void) {
  natsOptions *options = quiet_options();
  natsOptions_SetNoEcho(options, true);
  return with("", options, no_echo_holds);
}

static bool publish_subscribe_holds(Server *server, natsConnection *connection) {
  (void)server;
  static const char *const kSubjects[] = {"a.b", "a.*", "a.>"};
  natsSubscription *subscriptions[3];
  char text[16];
  for (int i = 0; i < 3; ++i) OK(natsConnection_SubscribeSync(&subscriptions[i], connection, kSubjects[i]));
  for (int number = 0; number < 500; ++number) {
    snprintf(text, sizeof text, "%d", number);
    OK(natsConnection_PublishString(connection, "a.b", text));
  }
  for (int i = 0; i < 3; ++i) {
    for (int number = 0; number < 500; ++number) {
      natsMsg *message = NULL;
      OK(natsSubscription_NextMsg(&message, subscriptions[i], WAIT_MS));
      snprintf(text, sizeof text, "%d", number);
      CHECK(strcmp(natsMsg_GetData(message), text) == 0);
      natsMsg_Destroy(message);
    }
    natsSubscription_Destroy(subscriptions[i]);
  }
  return true;
}
static bool publish_subscribe(void) { return with("", quiet_options(), publish_subscribe_holds); }

static bool headers_hold(Server *server, natsConnection *connection) {
  (void)server;
  natsSubscription *subscription = NULL;
  natsMsg *sent = NULL, *got = NULL;
  const char *value = NULL, **values = NULL;
  int count = 0;
  OK(natsConnection_SubscribeSync(&subscription, connection, "headers"));
  OK(natsMsg_Create(&sent, "headers", NULL, "body", 4));
  OK(natsMsgHeader_Add(sent, "Key", "one"));
  OK(natsMsgHeader_Add(sent, "Key", "two"));
  OK(natsMsgHeader_Set(sent, "Other", "a: b"));
  OK(natsConnection_PublishMsg(connection, sent));
  OK(natsSubscription_NextMsg(&got, subscription, WAIT_MS));
  OK(natsMsgHeader_Values(got, "Key", &values, &count));
  CHECK(count == 2 && strcmp(values[0], "one") == 0 && strcmp(values[1], "two") == 0);
  OK(natsMsgHeader_Get(got, "Other", &value));
  CHECK(strcmp(value, "a: b") == 0);
  free((void *)values);
  natsMsg_Destroy(sent), natsMsg_Destroy(got), natsSubscription_Destroy(subscription);
  return true;
}
static bool headers(void) { return with("", quiet_options(), headers_hold); }

static bool request_reply_holds(Server *server, natsConnection *connection) {
  (void)server;
  natsSubscription *subscription = NULL;
  char text[16], wanted[24];
  OK(natsConnection_Subscribe(&subscription, connection, "service", on_request, NULL));
  for (int number = 0; number < 100; ++number) {
    natsMsg *reply = NULL;
    snprintf(text, sizeof text, "%d", number), snprintf(wanted, sizeof wanted, "re: %d", number);
    OK(natsConnection_RequestString(&reply, connection, "service", text, WAIT_MS));
    CHECK(strcmp(natsMsg_GetData(reply), wanted) == 0);
    natsMsg_Destroy(reply);
  }
  natsSubscription_Destroy(subscription);
  return true;
}
static bool request_reply(void) { return with("", quiet_options(), request_reply_holds); }
static bool request_reply_old_style(void) {
  natsOptions *options = quiet_options();
  natsOptions_UseOldRequestStyle(options, true);
  return with("", options, request_reply_holds);
}

static bool no_responders_holds(Server *server, natsConnection *connection) {
  (void)server;
  natsMsg *reply = NULL;
  CHECK(natsConnection_RequestString(&reply, connection, "nobody", "", WAIT_MS) == NATS_NO_RESPONDERS);
  return true;
}
static bool no_responders(void) { return with("", quiet_options(), no_responders_holds); }

static bool queue_groups_hold(Server *server, natsConnection *connection) {
  static atomic_int counts[3];
  natsConnection *others[3];
  natsSubscription *subscriptions[3];
  for (int i = 0; i < 3; ++i) {
    atomic_store(&counts[i], 0);
    OK(natsConnection_ConnectTo(&others[i], server->url));
    OK(natsConnection_QueueSubscribe(&subscriptions[i], others[i], "work", "workers", on_message, &counts[i]));
    OK(natsConnection_FlushTimeout(others[i], WAIT_MS));
  }
  for (int number = 0; number < 300; ++number) OK(natsConnection_PublishString(connection, "work", ""));
  OK(natsConnection_FlushTimeout(connection, WAIT_MS));
  for (int waited = 0; waited < WAIT_MS && counts[0] + counts[1] + counts[2] < 300; ++waited) nats_Sleep(1);
  CHECK(counts[0] + counts[1] + counts[2] == 300);
  CHECK(counts[0] > 0 && counts[1] > 0 && counts[2] > 0);
  for (int i = 0; i < 3; ++i) natsSubscription_Destroy(subscriptions[i]), natsConnection_Destroy(others[i]);
  return true;
}
static bool queue_groups(void) { return with("", quiet_options(), queue_groups_hold); }

static bool drain_holds(Server *server, natsConnection *connection) {
  (void)server;
  natsSubscription *subscription = NULL;
  OK(natsConnection_Subscribe(&subscription, connection, "drain", on_message, &g_count));
  for (int number = 0; number < 500; ++number) OK(natsConnection_PublishString(connection, "drain", ""));
  OK(natsConnection_FlushTimeout(connection, WAIT_MS));
  OK(natsConnection_Drain(connection));
  CHECK(reached(&g_closed, 1));
  CHECK(atomic_load(&g_count) == 500);
  natsSubscription_Destroy(subscription);
  return true;
}
static bool drain(void) { return with("", quiet_options(), drain_holds); }

static bool flush_holds(Server *server, natsConnection *connection) {
  (void)server;
  int64_t rtt = 0;
  OK(natsConnection_FlushTimeout(connection, WAIT_MS));
  OK(natsConnection_GetRTT(connection, &rtt));
  CHECK(rtt > 0);
  return true;
}
static bool flush(void) { return with("", quiet_options(), flush_holds); }

static bool auto_unsubscribe_holds(Server *server, natsConnection *connection) {
  (void)server;
  natsSubscription *subscription = NULL;
  natsMsg *message = NULL;
  OK(natsConnection_SubscribeSync(&subscription, connection, "auto"));
  OK(natsSubscription_AutoUnsubscribe(subscription, 2));
  for (int number = 0; number < 5; ++number) OK(natsConnection_PublishString(connection, "auto", ""));
  OK(natsConnection_FlushTimeout(connection, WAIT_MS));
  for (int number = 0; number < 2; ++number) {
    OK(natsSubscription_NextMsg(&message, subscription, WAIT_MS));
    natsMsg_Destroy(message);
  }
  CHECK(natsSubscription_NextMsg(&message, subscription, 50) == NATS_MAX_DELIVERED_MSGS);
  natsSubscription_Destroy(subscription);
  return true;
}
static bool auto_unsubscribe(void) { return with("", quiet_options(), auto_unsubscribe_holds); }

static bool reconnect_holds(Server *server, natsConnection *connection) {
  natsSubscription *subscription = NULL;
  natsMsg *message = NULL;
  int port = server->port;
  OK(natsConnection_SubscribeSync(&subscription, connection, "foo"));
  OK(natsConnection_FlushTimeout(connection, WAIT_MS));
  server_stop(server);
  CHECK(server_start(server, "", port));
  CHECK(reached(&g_reconnected, 1));
  OK(natsConnection_PublishString(connection, "foo", "after"));
  OK(natsSubscription_NextMsg(&message, subscription, WAIT_MS));
  CHECK(strcmp(natsMsg_GetData(message), "after") == 0);
  natsMsg_Destroy(message), natsSubscription_Destroy(subscription);
  return true;
}
static bool reconnect_after_restart(void) {
  natsOptions *options = quiet_options();
  natsOptions_SetAllowReconnect(options, true);
  natsOptions_SetReconnectWait(options, 20);
  natsOptions_SetMaxReconnect(options, -1);
  return with("", options, reconnect_holds);
}

static bool max_payload_holds(Server *server, natsConnection *connection) {
  (void)server;
  static char data[1001];
  CHECK(natsConnection_GetMaxPayload(connection) == 1000);
  CHECK(natsConnection_Publish(connection, "foo", data, 1001) == NATS_MAX_PAYLOAD);
  OK(natsConnection_Publish(connection, "foo", data, 1000));
  OK(natsConnection_FlushTimeout(connection, WAIT_MS));
  return true;
}
static bool max_payload_error(void) { return with("max_payload: 1000", quiet_options(), max_payload_holds); }

static bool permissions_hold(Server *server, natsConnection *connection) {
  (void)server;
  natsSubscription *denied = NULL, *allowed = NULL;
  natsMsg *message = NULL;
  OK(natsConnection_PublishString(connection, "forbidden", ""));
  CHECK(reached(&g_errors, 1));
  CHECK(strstr(g_error_texts[0], "Publish to \"forbidden\"") != NULL);
  OK(natsConnection_SubscribeSync(&denied, connection, "ok.secret"));
  CHECK(reached(&g_errors, 2));
  CHECK(strstr(g_error_texts[1], "Subscription to \"ok.secret\"") != NULL);
  OK(natsConnection_SubscribeSync(&allowed, connection, "ok.>"));
  OK(natsConnection_PublishString(connection, "ok.x", ""));
  OK(natsSubscription_NextMsg(&message, allowed, WAIT_MS));
  natsMsg_Destroy(message), natsSubscription_Destroy(denied), natsSubscription_Destroy(allowed);
  return true;
}
static bool permission_errors(void) {
  natsOptions *options = quiet_options();
  natsOptions_SetUserInfo(options, "a", "b");
  return with(
      "authorization { users: [ { user: a, password: b, permissions: { publish: \"ok.>\", "
      "subscribe: { allow: [\"ok.>\", \"_INBOX.>\"], deny: \"ok.secret\" } } } ] }",
      options, permissions_hold);
}

static bool lame_duck_holds(Server *server, natsConnection *connection) {
  (void)connection;
  CHECK(kill(server->pid, SIGUSR2) == 0);
  CHECK(reached(&g_ldm, 1));
  return true;
}
static bool lame_duck_notice(void) { return with("", quiet_options(), lame_duck_holds); }

static bool refuses(Server *server, const char *user, const char *password, const char *token) {
  natsOptions *options = quiet_options();
  natsConnection *connection = NULL;
  natsOptions_SetURL(options, server->url);
  if (user != NULL) natsOptions_SetUserInfo(options, user, password);
  if (token != NULL) natsOptions_SetToken(options, token);
  natsStatus status = natsConnection_Connect(&connection, options);
  natsConnection_Destroy(connection);
  natsOptions_Destroy(options);
  CHECK(status == NATS_CONNECTION_AUTH_FAILED);
  return true;
}
static bool refuses_tokens(Server *server, natsConnection *connection) {
  OK(natsConnection_FlushTimeout(connection, WAIT_MS));
  return refuses(server, NULL, NULL, "wrong") && refuses(server, NULL, NULL, NULL);
}
static bool refuses_users(Server *server, natsConnection *connection) {
  OK(natsConnection_FlushTimeout(connection, WAIT_MS));
  return refuses(server, "a", "wrong", NULL) && refuses(server, "x", "b", NULL);
}
static bool token(void) {
  natsOptions *options = quiet_options();
  natsOptions_SetToken(options, "secret");
  return with("authorization { token: secret }", options, refuses_tokens);
}
static bool user_and_password(void) {
  natsOptions *options = quiet_options();
  natsOptions_SetUserInfo(options, "a", "b");
  return with("authorization { user: a, password: b }", options, refuses_users);
}
static bool bcrypt_password(void) {
  natsOptions *options = quiet_options();
  natsOptions_SetUserInfo(options, "a", "secret");
  return with("authorization { user: a, password: \"" BCRYPT "\" }", options, refuses_users);
}

#define NAMED(check) {#check, check}

int main(int count, char **arguments) {
  static const struct {
    const char *name;
    bool (*check)(void);
  } kChecks[] = {
      NAMED(connect_options),   NAMED(no_echo),           NAMED(publish_subscribe),
      NAMED(headers),           NAMED(request_reply),     NAMED(request_reply_old_style),
      NAMED(no_responders),     NAMED(queue_groups),      NAMED(drain),
      NAMED(flush),             NAMED(auto_unsubscribe),  NAMED(reconnect_after_restart),
      NAMED(max_payload_error), NAMED(permission_errors), NAMED(lame_duck_notice),
      NAMED(token),             NAMED(user_and_password), NAMED(bcrypt_password),
  };
  int passed = 0, failed = 0;
  if (count != 2) return 2;
  g_binary = arguments[1];
  for (size_t i = 0; i < sizeof kChecks / sizeof kChecks[0]; ++i) {
    if (kChecks[i].check()) {
      ++passed;
      printf("ok   %s\n", kChecks[i].name);
    } else {
      ++failed;
      printf("FAIL %s: %s\n", kChecks[i].name, g_why);
    }
    fflush(stdout);
  }
  nats_Close();
  printf("%d passed, %d failed, 0 skipped\n", passed, failed);
  return failed > 0;
}

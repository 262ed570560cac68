// The JetStream, KV and object idioms of the C client against one server binary:
// jetstream_checks <server-binary>. Objects: this version of the client has none.
#include "server.h"

#define TEXT_MAX 64

typedef bool (*JetStreamCheck)(natsConnection *connection, jsCtx *js);

static bool text_is(natsMsg *message, int number) {
  char expected[TEXT_MAX];
  const int size = snprintf(expected, sizeof expected, "%d", number);
  return natsMsg_GetDataLength(message) == size && memcmp(natsMsg_GetData(message), expected, (size_t)size) == 0;
}

static bool session(const char *folder, JetStreamCheck check) {
  char config[512];
  snprintf(config, sizeof config, "jetstream { store_dir: \"%s\" }\n", folder);
  Server server = {0};
  natsConnection *connection = NULL;
  jsCtx *js = NULL;
  if (!server_start(&server, config, -1)) return false;
  natsOptions *options = NULL;
  if (natsOptions_Create(&options) != NATS_OK) return false;
  natsOptions_SetURL(options, server.url);
  natsOptions_SetAllowReconnect(options, false);
  bool passed = natsConnection_Connect(&connection, options) == NATS_OK &&
                natsConnection_JetStream(&js, connection, NULL) == NATS_OK;
  if (passed) {
    passed = check(connection, js);
  } else {
    snprintf(g_why, sizeof g_why, "no connection");
  }
  jsCtx_Destroy(js);
  natsConnection_Destroy(connection);
  natsOptions_Destroy(options);
  server_stop(&server);
  return passed;
}

static bool make_stream(jsCtx *js, const char *name, const char *subject, int messages) {
  jsStreamConfig config;
  jsStreamConfig_Init(&config);
  config.Name = name;
  config.Subjects = &subject;
  config.SubjectsLen = 1;
  OK(js_AddStream(NULL, js, &config, NULL, NULL));
  for (int i = 0; i < messages; ++i) {
    char subject_of[TEXT_MAX], text[TEXT_MAX];
    snprintf(subject_of, sizeof subject_of, "s.%d", i % 3);
    const int size = snprintf(text, sizeof text, "%d", i);
    OK(js_PublishAsync(js, subject_of, text, size, NULL));
  }
  jsPubOptions wait;
  jsPubOptions_Init(&wait);
  wait.MaxWait = WAIT_MS;
  OK(js_PublishAsyncComplete(js, &wait));
  return true;
}

static bool publishing(natsConnection *connection, jsCtx *js) {
  (void)connection;
  jsPubAck *ack = NULL;
  jsPubOptions options;
  jsErrCode error = 0;
  if (!make_stream(js, "S", "s.>", 20)) return false;
  jsPubOptions_Init(&options);
  options.MsgId = "1";
  options.ExpectLastSeq = 20;
  OK(js_Publish(&ack, js, "s.id", "x", 1, &options, NULL));
  CHECK(ack->Sequence == 21 && !ack->Duplicate);
  jsPubAck_Destroy(ack);
  options.ExpectLastSeq = 0;
  OK(js_Publish(&ack, js, "s.id", "x", 1, &options, NULL));
  CHECK(ack->Sequence == 21 && ack->Duplicate);
  jsPubAck_Destroy(ack);
  jsPubOptions_Init(&options);
  options.ExpectLastSeq = 3;
  CHECK(js_Publish(&ack, js, "s.id", "x", 1, &options, &error) == NATS_ERR);
  CHECK(error == JSStreamWrongLastSequenceErr);
  jsStreamInfo *info = NULL;
  OK(js_GetStreamInfo(&info, js, "S", NULL, NULL));
  CHECK(info->State.Msgs == 21);
  jsStreamInfo_Destroy(info);
  natsMsg *message = NULL;
  OK(js_GetLastMsg(&message, js, "S", "s.1", NULL, NULL));
  CHECK(text_is(message, 19));
  natsMsg_Destroy(message);
  CHECK(js_GetStreamInfo(&info, js, "NONE", NULL, NULL) == NATS_NOT_FOUND);
  OK(js_PurgeStream(js, "S", NULL, NULL));
  OK(js_DeleteStream(js, "S", NULL, NULL));
  return true;
}

static bool pulling(natsConnection *connection, jsCtx *js) {
  (void)connection;
  natsSubscription *sub = NULL;
  if (!make_stream(js, "S", "s.>", 30)) return false;
  OK(js_PullSubscribe(&sub, js, "s.>", "d", NULL, NULL, NULL));
  for (int next = 0; next < 30;) {
    natsMsgList list = {0};
    OK(natsSubscription_Fetch(&list, sub, 7, WAIT_MS, NULL));
    for (int i = 0; i < list.Count; ++i) {
      CHECK(text_is(list.Msgs[i], next++));
      OK(natsMsg_InProgress(list.Msgs[i], NULL));
      OK(natsMsg_AckSync(list.Msgs[i], NULL, NULL));
    }
    natsMsgList_Destroy(&list);
  }
  natsMsgList none = {0};
  CHECK(natsSubscription_Fetch(&none, sub, 1, 200, NULL) == NATS_TIMEOUT);
  natsSubscription_Destroy(sub);
  return true;
}

static bool redelivery(natsConnection *connection, jsCtx *js) {
  (void)connection;
  natsSubscription *sub = NULL;
  natsMsgList list = {0};
  jsMsgMetaData *meta = NULL;
  if (!make_stream(js, "S", "s.>", 2)) return false;
  jsSubOptions options;
  jsSubOptions_Init(&options);
  options.Config.AckPolicy = js_AckExplicit;
  options.Config.MaxDeliver = 2;
  OK(js_PullSubscribe(&sub, js, "s.>", "d", NULL, &options, NULL));
  OK(natsSubscription_Fetch(&list, sub, 2, WAIT_MS, NULL));
  CHECK(list.Count == 2);
  OK(natsMsg_NakWithDelay(list.Msgs[0], 20, NULL));
  OK(natsMsg_Term(list.Msgs[1], NULL));
  natsMsgList_Destroy(&list);
  OK(natsSubscription_Fetch(&list, sub, 1, WAIT_MS, NULL));
  CHECK(text_is(list.Msgs[0], 0));
  OK(natsMsg_GetMetaData(&meta, list.Msgs[0]));
  CHECK(meta->NumDelivered == 2);
  jsMsgMetaData_Destroy(meta);
  OK(natsMsg_Nak(list.Msgs[0], NULL));
  natsMsgList_Destroy(&list);
  CHECK(natsSubscription_Fetch(&list, sub, 1, 300, NULL) == NATS_TIMEOUT);
  natsSubscription_Destroy(sub);
  return true;
}

static bool ordered(natsConnection *connection, jsCtx *js) {
  (void)connection;
  natsSubscription *sub = NULL;
  if (!make_stream(js, "S", "s.>", 300)) return false;
  jsSubOptions options;
  jsSubOptions_Init(&options);
  options.Ordered = true;
  OK(js_SubscribeSync(&sub, js, "s.>", NULL, &options, NULL));
  for (int i = 0; i < 300; ++i) {
    natsMsg *message = NULL;
    OK(natsSubscription_NextMsg(&message, sub, WAIT_MS));
    CHECK(text_is(message, i));
    natsMsg_Destroy(message);
  }
  natsSubscription_Destroy(sub);
  return true;
}

static void count_message(natsConnection *connection, natsSubscription *sub, natsMsg *message, void *closure) {
  (void)connection, (void)sub;
  natsMsg_Ack(message, NULL);
  natsMsg_Destroy(message);
  atomic_fetch_add((atomic_int *)closure, 1);
}

static bool queue_push(natsConnection *connection, jsCtx *js) {
  (void)connection;
  static atomic_int counts[2];
  natsSubscription *subs[2] = {NULL, NULL};
  if (!make_stream(js, "S", "s.>", 0)) return false;
  jsSubOptions options;
  jsSubOptions_Init(&options);
  options.Queue = "workers";
  options.ManualAck = true;
  for (int i = 0; i < 2; ++i) OK(js_Subscribe(&subs[i], js, "s.>", count_message, &counts[i], NULL, &options, NULL));
  for (int i = 0; i < 60; ++i) OK(js_Publish(NULL, js, "s.1", "x", 1, NULL, NULL));
  for (int i = 0; i < WAIT_MS / 10 && atomic_load(&counts[0]) + atomic_load(&counts[1]) < 60; ++i) usleep(10000);
  CHECK(atomic_load(&counts[0]) + atomic_load(&counts[1]) == 60);
  CHECK(atomic_load(&counts[0]) > 0 && atomic_load(&counts[1]) > 0);
  natsSubscription_Destroy(subs[0]);
  natsSubscription_Destroy(subs[1]);
  return true;
}

static bool mirrors_and_sources(natsConnection *connection, jsCtx *js) {
  (void)connection;
  if (!make_stream(js, "S", "s.>", 30)) return false;
  for (int i = 0; i < 2; ++i) {
    jsStreamConfig config;
    jsStreamSource source;
    jsStreamSource *sources = &source;
    jsStreamConfig_Init(&config);
    jsStreamSource_Init(&source);
    source.Name = "S";
    config.Name = i == 0 ? "M" : "A";
    config.AllowDirect = true;
    if (i == 0) {
      config.Mirror = &source;
    } else {
      source.FilterSubject = "s.1";
      config.Sources = &sources;
      config.SourcesLen = 1;
    }
    OK(js_AddStream(NULL, js, &config, NULL, NULL));
    uint64_t count = 0;
    for (int turn = 0; turn < WAIT_MS / 10 && count != (i == 0 ? 30U : 10U); ++turn) {
      jsStreamInfo *info = NULL;
      OK(js_GetStreamInfo(&info, js, config.Name, NULL, NULL));
      count = info->State.Msgs;
      jsStreamInfo_Destroy(info);
      usleep(10000);
    }
    CHECK(count == (i == 0 ? 30U : 10U));
    jsDirectGetMsgOptions last;
    natsMsg *message = NULL;
    jsDirectGetMsgOptions_Init(&last);
    last.LastBySubject = "s.1";
    OK(js_DirectGetMsg(&message, js, config.Name, NULL, &last));
    CHECK(text_is(message, 28));
    natsMsg_Destroy(message);
  }
  return true;
}

static bool watched(kvWatcher *watcher, kvOperation operation, const char *value) {
  kvEntry *entry = NULL;
  do {
    OK(kvWatcher_Next(&entry, watcher, WAIT_MS));
  } while (entry == NULL);  // the initial values are over
  CHECK(kvEntry_Operation(entry) == operation && strcmp(kvEntry_ValueString(entry), value) == 0);
  kvEntry_Destroy(entry);
  return true;
}

static bool key_value(natsConnection *connection, jsCtx *js) {
  (void)connection;
  kvStore *store = NULL;
  kvWatcher *watcher = NULL;
  kvEntry *entry = NULL;
  kvEntryList history = {0};
  kvKeysList keys = {0};
  uint64_t revision = 0;
  kvConfig config;
  kvConfig_Init(&config);
  config.Bucket = "conf";
  config.History = 5;
  OK(js_CreateKeyValue(&store, js, &config));
  OK(kvStore_WatchAll(&watcher, store, NULL));
  OK(kvStore_CreateString(&revision, store, "a", "1"));
  OK(kvStore_UpdateString(NULL, store, "a", "2", revision));
  CHECK(kvStore_UpdateString(NULL, store, "a", "3", revision) != NATS_OK);
  CHECK(kvStore_CreateString(NULL, store, "a", "4") != NATS_OK);
  OK(kvStore_Get(&entry, store, "a"));
  CHECK(strcmp(kvEntry_ValueString(entry), "2") == 0);
  kvEntry_Destroy(entry);
  OK(kvStore_History(&history, store, "a", NULL));
  CHECK(history.Count == 2);
  kvEntryList_Destroy(&history);
  OK(kvStore_Delete(store, "a"));
  CHECK(kvStore_Get(&entry, store, "a") == NATS_NOT_FOUND);
  OK(kvStore_Purge(store, "a", NULL));
  OK(kvStore_Keys(&keys, store, NULL));
  CHECK(keys.Count == 0);
  kvKeysList_Destroy(&keys);
  if (!watched(watcher, kvOp_Put, "1") || !watched(watcher, kvOp_Put, "2")) return false;
  if (!watched(watcher, kvOp_Delete, "") || !watched(watcher, kvOp_Purge, "")) return false;
  kvWatcher_Destroy(watcher);
  kvStore_Destroy(store);
  OK(js_DeleteKeyValue(js, "conf"));
  return true;
}

static bool take(jsCtx *js, int from, int to) {
  natsSubscription *sub = NULL;
  OK(js_PullSubscribe(&sub, js, "s.>", "d", NULL, NULL, NULL));
  while (from < to) {
    natsMsgList list = {0};
    OK(natsSubscription_Fetch(&list, sub, to - from, WAIT_MS, NULL));
    for (int i = 0; i < list.Count; ++i) {
      CHECK(text_is(list.Msgs[i], from++));
      OK(natsMsg_AckSync(list.Msgs[i], NULL, NULL));
    }
    natsMsgList_Destroy(&list);
  }
  natsSubscription_Destroy(sub);
  return true;
}

static bool before_kill(natsConnection *connection, jsCtx *js) {
  (void)connection;
  return make_stream(js, "S", "s.>", 100) && take(js, 0, 40);
}

static bool after_kill(natsConnection *connection, jsCtx *js) {
  (void)connection;
  return take(js, 40, 100);
}

static bool in_folder(JetStreamCheck check, JetStreamCheck then) {
  char folder[] = "/tmp/petrel-natsc-js-XXXXXX", command[TEXT_MAX];
  CHECK(mkdtemp(folder) != NULL);
  const bool passed = session(folder, check) && (then == NULL || session(folder, then));
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command) == 0 && passed;
}

#define NAMED(check) {"jetstream_" #check, check, NULL}

int main(int count, char **arguments) {
  static const struct {
    const char *name;
    JetStreamCheck check, then;
  } kChecks[] = {
      NAMED(publishing), NAMED(pulling),   NAMED(redelivery),          NAMED(ordered),
      NAMED(queue_push), NAMED(key_value), NAMED(mirrors_and_sources), {"jetstream_kill", before_kill, after_kill},
  };
  int passed = 0, failed = 0;
  if (count != 2) return 2;
  g_binary = arguments[1];
  for (size_t i = 0; i < sizeof kChecks / sizeof kChecks[0]; ++i) {
    if (in_folder(kChecks[i].check, kChecks[i].then)) {
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

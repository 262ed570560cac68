import io.nats.client.Connection;
import io.nats.client.Dispatcher;
import io.nats.client.FetchConsumer;
import io.nats.client.IterableConsumer;
import io.nats.client.JetStream;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamManagement;
import io.nats.client.JetStreamSubscription;
import io.nats.client.KeyValue;
import io.nats.client.Message;
import io.nats.client.ObjectStore;
import io.nats.client.OrderedConsumerContext;
import io.nats.client.PublishOptions;
import io.nats.client.PullSubscribeOptions;
import io.nats.client.PushSubscribeOptions;
import io.nats.client.StreamContext;
import io.nats.client.api.AckPolicy;
import io.nats.client.api.ConsumerConfiguration;
import io.nats.client.api.KeyValueConfiguration;
import io.nats.client.api.KeyValueEntry;
import io.nats.client.api.KeyValueOperation;
import io.nats.client.api.KeyValueWatcher;
import io.nats.client.api.Mirror;
import io.nats.client.api.ObjectInfo;
import io.nats.client.api.ObjectMeta;
import io.nats.client.api.ObjectStoreConfiguration;
import io.nats.client.api.OrderedConsumerConfiguration;
import io.nats.client.api.PublishAck;
import io.nats.client.api.RetentionPolicy;
import io.nats.client.api.Source;
import io.nats.client.api.StreamConfiguration;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** The JetStream, KV and object idioms of jnats; the connection's server has a store of its own. */
final class JetStreamChecks {
  private static final long WAIT_SECONDS = 10;

  private static void ensure(boolean condition, String what) {
    if (!condition) throw new AssertionError(what);
  }

  private static void refuses(String what, int code, Attempt attempt) throws Exception {
    try {
      attempt.run();
    } catch (JetStreamApiException refused) {
      ensure(code == 0 || refused.getApiErrorCode() == code, what + ": " + refused.getMessage());
      return;
    }
    throw new AssertionError(what + " is accepted");
  }

  private interface Attempt {
    void run() throws Exception;
  }

  private static String text(Message message) {
    return new String(message.getData(), StandardCharsets.UTF_8);
  }

  private static StreamConfiguration.Builder stream() {
    return StreamConfiguration.builder().name("S").subjects("s.>");
  }

  private static void fill(Connection connection, StreamConfiguration config, int count) throws Exception {
    connection.jetStreamManagement().addStream(config);
    JetStream js = connection.jetStream();
    List<CompletableFuture<PublishAck>> acks = new ArrayList<>();
    for (int i = 0; i < count; ++i) {
      acks.add(js.publishAsync("s." + i % 3, String.valueOf(i).getBytes(StandardCharsets.UTF_8)));
    }
    for (CompletableFuture<PublishAck> ack : acks) ack.get(WAIT_SECONDS, TimeUnit.SECONDS);
  }

  static void publishing(Connection connection) throws Exception {
    fill(connection, stream().build(), 20);
    JetStream js = connection.jetStream();
    JetStreamManagement jsm = connection.jetStreamManagement();
    PublishOptions once = PublishOptions.builder().messageId("1").build();
    PublishAck first = js.publish("s.id", null, once);
    PublishAck again = js.publish("s.id", null, once);
    ensure(again.isDuplicate() && again.getSeqno() == first.getSeqno(), "a second message under one id");
    refuses("a wrong expectation", 10071,
        () -> js.publish("s.id", null, PublishOptions.builder().expectedLastSequence(3).build()));
    ensure(jsm.getStreamInfo("S").getStreamState().getMsgCount() == 21, "not 21 messages");
    ensure("19".equals(new String(jsm.getLastMessage("S", "s.1").getData(), StandardCharsets.UTF_8)), "the last one");
    refuses("an unknown stream", 10059, () -> jsm.getStreamInfo("NONE"));
    ensure(jsm.purgeStream("S").getPurged() == 21, "not everything is purged");
    ensure(jsm.deleteStream("S"), "not deleted");
  }

  static void pulling(Connection connection) throws Exception {
    fill(connection, stream().retentionPolicy(RetentionPolicy.WorkQueue).build(), 60);
    StreamContext stream = connection.getStreamContext("S");
    stream.createOrUpdateConsumer(ConsumerConfiguration.builder().durable("d").build());
    int next = 0;
    try (FetchConsumer batch = stream.getConsumerContext("d").fetchMessages(20)) {
      for (Message message; (message = batch.nextMessage()) != null; ++next) {
        ensure(text(message).equals(String.valueOf(next)), text(message) + " instead of " + next);
        message.ackSync(Duration.ofSeconds(WAIT_SECONDS));
      }
    }
    ensure(next == 20, "fetched " + next);
    JetStreamSubscription sub =
        connection.jetStream().subscribe(null, PullSubscribeOptions.bind("S", "d"));
    for (Message message : sub.fetch(20, Duration.ofSeconds(WAIT_SECONDS))) {
      ensure(text(message).equals(String.valueOf(next++)), text(message) + " out of order");
      message.ackSync(Duration.ofSeconds(WAIT_SECONDS));
    }
    try (IterableConsumer messages = stream.getConsumerContext("d").iterate()) {
      for (; next < 60; ++next) messages.nextMessage(Duration.ofSeconds(WAIT_SECONDS)).ackSync(Duration.ofSeconds(WAIT_SECONDS));
    }
    ensure(next == 60, "got " + next);
    ensure(stream.getStreamInfo().getStreamState().getMsgCount() == 0, "the work queue is not empty");
  }

  static void redelivery(Connection connection) throws Exception {
    fill(connection, stream().build(), 2);
    PullSubscribeOptions options = PullSubscribeOptions.builder().durable("d")
        .configuration(ConsumerConfiguration.builder().ackPolicy(AckPolicy.Explicit).maxDeliver(2).build()).build();
    JetStreamSubscription sub = connection.jetStream().subscribe("s.>", options);
    List<Message> both = sub.fetch(2, Duration.ofSeconds(WAIT_SECONDS));
    both.get(0).inProgress();
    both.get(0).nakWithDelay(20);
    both.get(1).term();
    Message again = sub.fetch(1, Duration.ofSeconds(WAIT_SECONDS)).get(0);
    ensure("0".equals(text(again)) && again.metaData().deliveredCount() == 2, "not redelivered");
    again.nak();
    ensure(sub.fetch(1, Duration.ofMillis(300)).isEmpty(), "delivered too often");
  }

  static void push(Connection connection) throws Exception {
    fill(connection, stream().build(), 300);
    OrderedConsumerContext ordered =
        connection.getStreamContext("S").createOrderedConsumer(new OrderedConsumerConfiguration());
    try (IterableConsumer messages = ordered.iterate()) {
      for (int next = 0; next < 300; ++next) {
        Message message = messages.nextMessage(Duration.ofSeconds(WAIT_SECONDS));
        ensure(message != null && text(message).equals(String.valueOf(next)), "out of order at " + next);
      }
    }
    JetStreamSubscription sub =
        connection.jetStream().subscribe("s.1", PushSubscribeOptions.builder().ordered(true).build());
    for (int next = 1; next < 300; next += 3) {
      Message message = sub.nextMessage(Duration.ofSeconds(WAIT_SECONDS));
      ensure(message != null && text(message).equals(String.valueOf(next)), "out of order at " + next);
    }
    CountDownLatch all = new CountDownLatch(300);
    Dispatcher dispatcher = connection.createDispatcher();
    for (int i = 0; i < 2; ++i) {
      PushSubscribeOptions shared = PushSubscribeOptions.builder().durable("workers").build();
      connection.jetStream().subscribe("s.>", "workers", dispatcher, message -> {
        message.ack();
        all.countDown();
      }, false, shared);
    }
    ensure(all.await(WAIT_SECONDS, TimeUnit.SECONDS), "messages of the queue are missing");
  }

  static void mirrorsAndSources(Connection connection) throws Exception {
    fill(connection, stream().build(), 30);
    JetStreamManagement jsm = connection.jetStreamManagement();
    jsm.addStream(StreamConfiguration.builder().name("M").allowDirect(true)
        .mirror(Mirror.builder().sourceName("S").build()).build());
    jsm.addStream(StreamConfiguration.builder().name("A").allowDirect(true)
        .addSource(Source.builder().sourceName("S").filterSubject("s.1").build()).build());
    for (String name : List.of("M", "A")) {
      long count = name.equals("M") ? 30 : 10;
      for (int i = 0; i < 1000 && jsm.getStreamInfo(name).getStreamState().getMsgCount() != count; ++i) Thread.sleep(10);
      ensure(jsm.getStreamInfo(name).getStreamState().getMsgCount() == count, name + " does not follow");
      ensure("28".equals(new String(jsm.getLastMessage(name, "s.1").getData(), StandardCharsets.UTF_8)), "the last one");
    }
  }

  static void keyValue(Connection connection) throws Exception {
    connection.keyValueManagement().create(KeyValueConfiguration.builder().name("conf").maxHistoryPerKey(5).build());
    KeyValue kv = connection.keyValue("conf");
    BlockingQueue<KeyValueOperation> seen = new LinkedBlockingQueue<>();
    kv.watchAll(new KeyValueWatcher() {
      @Override
      public void watch(KeyValueEntry entry) {
        seen.add(entry.getOperation());
      }

      @Override
      public void endOfData() { }
    });
    long revision = kv.create("a", "1".getBytes(StandardCharsets.UTF_8));
    kv.update("a", "2", revision);
    refuses("an old revision", 10071, () -> kv.update("a", "3", revision));
    refuses("a second create", 0, () -> kv.create("a", "4".getBytes(StandardCharsets.UTF_8)));
    ensure("2".equals(kv.get("a").getValueAsString()), "another value");
    ensure(kv.history("a").size() == 2, "another history");
    kv.delete("a");
    ensure(kv.get("a") == null, "a deleted key is there");
    kv.purge("a");
    for (KeyValueOperation wanted : List.of(KeyValueOperation.PUT, KeyValueOperation.PUT, KeyValueOperation.DELETE,
        KeyValueOperation.PURGE)) {
      KeyValueOperation got = seen.poll(WAIT_SECONDS, TimeUnit.SECONDS);
      ensure(got == wanted, got + " instead of " + wanted);
    }
    ensure(kv.keys().isEmpty(), "keys are left");
    connection.keyValueManagement().delete("conf");
  }

  static void objects(Connection connection) throws Exception {
    connection.objectStoreManagement().create(ObjectStoreConfiguration.builder().name("files").build());
    ObjectStore store = connection.objectStore("files");
    byte[] content = new byte[400000];
    for (int i = 0; i < content.length; ++i) content[i] = (byte) i;
    ObjectInfo info = store.put(ObjectMeta.objectName("blob"), new ByteArrayInputStream(content));
    store.addLink("link", info);
    ByteArrayOutputStream got = new ByteArrayOutputStream();
    store.get("link", got);
    ensure(java.util.Arrays.equals(content, got.toByteArray()), "another object came back");
    ensure(store.getList().size() == 2, "another list");
    store.delete("link");
    store.seal();
    refuses("a sealed store", 0, () -> store.put("more", new byte[1]));
  }

  static void take(Connection connection, int from, int to) throws Exception {
    StreamContext stream = connection.getStreamContext("S");
    try (FetchConsumer batch = stream.getConsumerContext("d").fetchMessages(to - from)) {
      for (Message message; (message = batch.nextMessage()) != null; ++from) {
        ensure(text(message).equals(String.valueOf(from)), text(message) + " instead of " + from);
        message.ackSync(Duration.ofSeconds(WAIT_SECONDS));
      }
    }
    ensure(from == to, "only up to " + from);
  }

  static void beforeKill(Connection connection) throws Exception {
    fill(connection, stream().build(), 100);
    connection.getStreamContext("S").createOrUpdateConsumer(ConsumerConfiguration.builder().durable("d").build());
    take(connection, 0, 40);
  }

  static void afterKill(Connection connection) throws Exception {
    take(connection, 40, 100);
  }

  private JetStreamChecks() { }
}

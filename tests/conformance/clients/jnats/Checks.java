import io.nats.client.Connection;
import io.nats.client.ConnectionListener;
import io.nats.client.Dispatcher;
import io.nats.client.ErrorListener;
import io.nats.client.JetStreamStatusException;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.Subscription;
import io.nats.client.impl.Headers;
import io.nats.client.impl.NatsMessage;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** The idioms of jnats against one server binary: Checks SERVER-BINARY. */
public final class Checks {
  private static final Duration WAIT = Duration.ofSeconds(10);
  private static final String BCRYPT = "$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
  private static String binary;

  /** A check on a fresh server and one connection. */
  private interface Check {
    void run(Connection connection, Server server) throws Exception;
  }

  private interface Scenario {
    void run() throws Exception;
  }

  /** One process of the binary under test. */
  private static final class Server implements AutoCloseable {
    private final Process process;
    private int port;

    Server(String config, int wanted) throws IOException {
      Path path = Files.createTempFile("petrel-java-", ".conf");
      Files.writeString(path, config);
      List<String> command = new ArrayList<>(List.of(binary, "-a", "127.0.0.1", "-p", String.valueOf(wanted)));
      if (!config.isEmpty()) command.addAll(List.of("-c", path.toString()));
      process = new ProcessBuilder(command).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
      BufferedReader log = process.errorReader(StandardCharsets.UTF_8);
      boolean ready = false;
      for (String line; !ready && (line = log.readLine()) != null;) {
        if (line.contains("Listening for client connections on ")) {
          port = Integer.parseInt(line.substring(line.lastIndexOf(':') + 1));
        }
        ready = line.endsWith("Server is ready");
      }
      Files.delete(path);
      if (!ready) throw new IOException("the server does not start");
      Thread reader = new Thread(() -> log.lines().forEach(line -> { }));
      reader.setDaemon(true);
      reader.start();
    }

    String url() {
      return "nats://127.0.0.1:" + port;
    }

    @Override
    public void close() {
      process.destroyForcibly();
      process.onExit().join();
    }
  }

  /** What the listeners of a connection saw. */
  private static final class Seen implements ConnectionListener, ErrorListener {
    final List<String> texts = new ArrayList<>();

    private synchronized void add(String text) {
      texts.add(text);
    }

    synchronized boolean has(String part) {
      return texts.stream().anyMatch(text -> text.toLowerCase().contains(part));
    }

    @Override
    public void connectionEvent(Connection connection, Events event) {
      add("event " + event.name());
    }

    @Override
    public void errorOccurred(Connection connection, String error) {
      add(error);
    }

    @Override
    public void exceptionOccurred(Connection connection, Exception exception) {
      add("exception " + exception);
    }
  }

  private static void ensure(boolean condition, Object text) {
    if (!condition) throw new AssertionError(text);
  }

  private static void eventually(String what, BooleanSupplier condition) throws InterruptedException {
    long end = System.nanoTime() + WAIT.toNanos();
    while (!condition.getAsBoolean()) {
      ensure(System.nanoTime() < end, "no " + what);
      Thread.sleep(1);
    }
  }

  private static Options.Builder options(Seen seen) {
    return new Options.Builder().maxReconnects(0).connectionListener(seen).errorListener(seen);
  }

  private static Options.Builder options() {
    return options(new Seen());
  }

  private static void with(String config, Options.Builder options, Check check) throws Exception {
    try (Server server = new Server(config, -1);
        Connection connection = Nats.connect(options.server(server.url()).build())) {
      check.run(connection, server);
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String text(Message message) {
    ensure(message != null, "no message");
    return new String(message.getData(), StandardCharsets.UTF_8);
  }

  private static void connectOptions(Connection connection, Server server) {
    var info = connection.getServerInfo();
    ensure(info.getMaxPayload() == 1 << 20, info);
    ensure(info.isHeadersSupported() && info.getServerId().length() == 56, info);
    ensure(info.getPort() == server.port && info.getClientId() > 0, info);
    ensure(connection.getMaxPayload() == 1 << 20, connection.getMaxPayload());
  }

  private static void noEcho(Connection connection, Server server) throws Exception {
    Subscription subscription = connection.subscribe("foo");
    connection.publish("foo", bytes("x"));
    connection.flush(WAIT);
    ensure(subscription.nextMessage(Duration.ofMillis(50)) == null, "got an own message");
  }

  private static void publishSubscribe(Connection connection, Server server) throws Exception {
    List<Subscription> subscriptions = new ArrayList<>();
    for (String subject : List.of("a.b", "a.*", "a.>")) subscriptions.add(connection.subscribe(subject));
    for (int number = 0; number < 500; ++number) connection.publish("a.b", bytes(String.valueOf(number)));
    for (Subscription subscription : subscriptions) {
      for (int number = 0; number < 500; ++number) {
        String got = text(subscription.nextMessage(WAIT));
        ensure(got.equals(String.valueOf(number)), got);
      }
    }
  }

  private static void headers(Connection connection, Server server) throws Exception {
    Subscription subscription = connection.subscribe("headers");
    Headers sent = new Headers().add("Key", "one", "two").put("Other", "a: b");
    connection.publish(NatsMessage.builder().subject("headers").headers(sent).data("body").build());
    Message message = subscription.nextMessage(WAIT);
    ensure(text(message).equals("body"), message);
    ensure(List.of("one", "two").equals(message.getHeaders().get("Key")), message.getHeaders().get("Key"));
    ensure("a: b".equals(message.getHeaders().getFirst("Other")), message.getHeaders().get("Other"));
  }

  private static void requestReply(Connection connection, Server server) throws Exception {
    Dispatcher service = connection.createDispatcher(
        request -> connection.publish(request.getReplyTo(), bytes("re: " + text(request))));
    service.subscribe("service");
    for (int number = 0; number < 100; ++number) {
      String reply = text(connection.request("service", bytes(String.valueOf(number)), WAIT));
      ensure(reply.equals("re: " + number), reply);
    }
  }

  private static void noResponders(Connection connection, Server server) throws Exception {
    long begin = System.nanoTime();
    try {
      Message message = connection.request("nobody", null).get(WAIT.toSeconds(), TimeUnit.SECONDS);
      ensure(message.isStatusMessage() && message.getStatus().getCode() == 503, message);
    } catch (CancellationException cancelled) {
      // This is how jnats says it unless it was asked to report the status.
    } catch (ExecutionException failure) {
      ensure(failure.getCause() instanceof JetStreamStatusException, failure);
    }
    ensure(System.nanoTime() - begin < WAIT.toNanos() / 2, "waited for nobody");
  }

  private static void queueGroups(Connection connection, Server server) throws Exception {
    AtomicIntegerArray counts = new AtomicIntegerArray(3);
    List<Connection> others = new ArrayList<>();
    for (int member = 0; member < 3; ++member) {
      final int own = member;
      Connection other = Nats.connect(server.url());
      other.createDispatcher(message -> counts.incrementAndGet(own)).subscribe("work", "workers");
      other.flush(WAIT);
      others.add(other);
    }
    for (int number = 0; number < 300; ++number) connection.publish("work", null);
    connection.flush(WAIT);
    eventually("300 messages", () -> counts.get(0) + counts.get(1) + counts.get(2) >= 300);
    ensure(counts.get(0) + counts.get(1) + counts.get(2) == 300, counts);
    ensure(counts.get(0) > 0 && counts.get(1) > 0 && counts.get(2) > 0, counts);
    for (Connection other : others) other.close();
  }

  private static void drain(Connection connection, Server server) throws Exception {
    AtomicInteger handled = new AtomicInteger();
    connection.createDispatcher(message -> handled.incrementAndGet()).subscribe("drain");
    for (int number = 0; number < 500; ++number) connection.publish("drain", null);
    connection.flush(WAIT);
    ensure(connection.drain(WAIT).get(), "not drained");
    ensure(handled.get() == 500, handled);
    eventually("close", () -> connection.getStatus() == Connection.Status.CLOSED);
  }

  private static void flush(Connection connection, Server server) throws Exception {
    connection.flush(WAIT);
    ensure(connection.RTT().toNanos() > 0, connection.RTT());
  }

  private static void autoUnsubscribe(Connection connection, Server server) throws Exception {
    Subscription subscription = connection.subscribe("auto").unsubscribe(2);
    for (int number = 0; number < 5; ++number) connection.publish("auto", null);
    connection.flush(WAIT);
    text(subscription.nextMessage(WAIT));
    text(subscription.nextMessage(WAIT));
    boolean third;
    try {
      third = subscription.nextMessage(Duration.ofMillis(50)) != null;
    } catch (IllegalStateException ended) {
      third = false;
    }
    ensure(!third, "a third message");
  }

  private static void reconnectAfterRestart() throws Exception {
    Seen seen = new Seen();
    Server first = new Server("", -1);
    try (Connection connection = Nats.connect(options(seen).maxReconnects(-1).server(first.url())
        .reconnectWait(Duration.ofMillis(20)).reconnectJitter(Duration.ofMillis(1)).build())) {
      Subscription subscription = connection.subscribe("foo");
      connection.flush(WAIT);
      first.close();
      try (Server second = new Server("", first.port)) {
        eventually("reconnect", () -> seen.has("event reconnected"));
        eventually("resubscription", () -> seen.has("event resubscribed"));
        connection.publish("foo", bytes("after"));
        ensure(text(subscription.nextMessage(WAIT)).equals("after"), "another message");
        ensure(second.process.isAlive(), "the server has died");
      }
    } finally {
      first.close();
    }
  }

  private static void maxPayloadError(Connection connection, Server server) throws Exception {
    ensure(connection.getMaxPayload() == 1000, connection.getMaxPayload());
    boolean refused = false;
    try {
      connection.publish("foo", new byte[1001]);
    } catch (IllegalArgumentException expected) {
      refused = true;
    }
    ensure(refused, "too much was accepted");
    connection.publish("foo", new byte[1000]);
    connection.flush(WAIT);
  }

  private static void permissionErrors() throws Exception {
    Seen seen = new Seen();
    String config = "authorization { users: [ { user: a, password: b, permissions: { publish: \"ok.>\", "
        + "subscribe: { allow: [\"ok.>\", \"_INBOX.>\"], deny: \"ok.secret\" } } } ] }";
    with(config, options(seen).userInfo("a", "b"), (connection, server) -> {
      connection.publish("forbidden", null);
      eventually("publish violation", () -> seen.has("publish to \"forbidden\""));
      connection.subscribe("ok.secret");
      eventually("subscription violation", () -> seen.has("subscription to \"ok.secret\""));
      Subscription allowed = connection.subscribe("ok.>");
      connection.publish("ok.x", bytes("x"));
      ensure(text(allowed.nextMessage(WAIT)).equals("x"), "another message");
    });
  }

  private static void lameDuckNotice() throws Exception {
    Seen seen = new Seen();
    with("", options(seen), (connection, server) -> {
      CountDownLatch sent = new CountDownLatch(1);
      new ProcessBuilder("kill", "-USR2", String.valueOf(server.process.pid())).start().onExit()
          .thenRun(sent::countDown);
      sent.await();
      eventually("notice", () -> seen.has("event lame_duck"));
    });
  }

  private static Scenario refused(String config, Options.Builder good, Options.Builder... bad) {
    return () -> with(config, good, (connection, server) -> {
      connection.flush(WAIT);
      for (Options.Builder one : bad) {
        String why = "";
        try (Connection wrong = Nats.connect(one.server(server.url()).build())) {
          why = "accepted " + wrong.getStatus();
        } catch (IOException failure) {
          why = String.valueOf(failure.getMessage());
        }
        ensure(why.toLowerCase().contains("authoriz") || why.toLowerCase().contains("authentic"), why);
      }
    });
  }

  private static Scenario plain(Options.Builder options, Check check) {
    return () -> with("", options, check);
  }

  private static Map<String, Scenario> all() {
    Map<String, Scenario> all = new LinkedHashMap<>();
    all.put("connect_options",
        plain(options().connectionName("petrel").verbose().pedantic(), Checks::connectOptions));
    all.put("no_echo", plain(options().noEcho(), Checks::noEcho));
    all.put("publish_subscribe", plain(options(), Checks::publishSubscribe));
    all.put("headers", plain(options(), Checks::headers));
    all.put("request_reply", plain(options(), Checks::requestReply));
    all.put("request_reply_old_style", plain(options().oldRequestStyle(), Checks::requestReply));
    all.put("no_responders", plain(options(), Checks::noResponders));
    all.put("queue_groups", plain(options(), Checks::queueGroups));
    all.put("drain", plain(options(), Checks::drain));
    all.put("flush", plain(options(), Checks::flush));
    all.put("auto_unsubscribe", plain(options(), Checks::autoUnsubscribe));
    all.put("reconnect_after_restart", Checks::reconnectAfterRestart);
    all.put("max_payload_error", () -> with("max_payload: 1000", options(), Checks::maxPayloadError));
    all.put("permission_errors", Checks::permissionErrors);
    all.put("lame_duck_notice", Checks::lameDuckNotice);
    all.put("token", refused("authorization { token: secret }", options().token("secret".toCharArray()),
        options().token("wrong".toCharArray()), options()));
    all.put("user_and_password", refused("authorization { user: a, password: b }", options().userInfo("a", "b"),
        options().userInfo("a", "c"), options().userInfo("x", "b")));
    all.put("bcrypt_password", refused("authorization { user: a, password: \"" + BCRYPT + "\" }",
        options().userInfo("a", "secret"), options().userInfo("a", "wrong")));
    all.put("jetstream_publishing", stored(JetStreamChecks::publishing));
    all.put("jetstream_pulling", stored(JetStreamChecks::pulling));
    all.put("jetstream_redelivery", stored(JetStreamChecks::redelivery));
    all.put("jetstream_push", stored(JetStreamChecks::push));
    all.put("jetstream_mirrors_and_sources", stored(JetStreamChecks::mirrorsAndSources));
    all.put("jetstream_key_value", stored(JetStreamChecks::keyValue));
    all.put("jetstream_objects", stored(JetStreamChecks::objects));
    all.put("jetstream_kill", stored(JetStreamChecks::beforeKill, JetStreamChecks::afterKill));
    return all;
  }

  private interface StreamCheck {
    void run(Connection connection) throws Exception;
  }

  /** Each check on a server of its own, all with one store; every server ends with kill -9. */
  private static Scenario stored(StreamCheck... checks) {
    return () -> {
      Path folder = Files.createTempDirectory("petrel-java-js-");
      for (StreamCheck check : checks) {
        with("jetstream { store_dir: \"" + folder + "\" }", options(), (connection, server) -> check.run(connection));
      }
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) Files.delete(file);
      }
    };
  }

  public static void main(String[] arguments) {
    binary = arguments[0];
    int passed = 0;
    int failed = 0;
    for (Map.Entry<String, Scenario> one : all().entrySet()) {
      try {
        one.getValue().run();
        ++passed;
        System.out.println("ok   " + one.getKey());
      } catch (Throwable failure) {
        ++failed;
        System.out.println("FAIL " + one.getKey() + ": " + failure);
      }
    }
    System.out.println(passed + " passed, " + failed + " failed, 0 skipped");
    System.exit(failed > 0 ? 1 : 0);
  }

  private Checks() { }
}

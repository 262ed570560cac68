// The idioms of the JavaScript clients: javascript_checks.mjs MODULES-FOLDER PACKAGE SERVER-BINARY.
// The two generations of the client, `nats` and `@nats-io/transport-node`, share this interface.
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { runChecks } from "./javascript_runner.mjs";

const [modules, name, binary] = process.argv.slice(2);
const { connect, headers, tokenAuthenticator } = createRequire(join(modules, "index.js"))(name);
const WAIT = 10000;
const BCRYPT = "$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

function within(promise, what) {
  let timer;
  const late = new Promise((_, refuse) => {
    timer = setTimeout(() => refuse(new Error(`no ${what}`)), WAIT);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function start(config = "", port = -1) {
  const path = join(mkdtempSync(join(tmpdir(), "petrel-js-")), "server.conf");
  writeFileSync(path, config);
  const args = ["-a", "127.0.0.1", "-p", String(port), ...(config ? ["-c", path] : [])];
  const child = spawn(binary, args, { stdio: ["ignore", "ignore", "pipe"] });
  const server = { child, port: 0, url: "" };
  const ended = new Promise((done) => child.once("exit", done));
  server.stop = () => {
    child.kill("SIGKILL");
    return ended;
  };
  await within(
    new Promise((ready) => {
      createInterface({ input: child.stderr }).on("line", (line) => {
        const found = line.match(/Listening for client connections on .*:(\d+)/);
        if (found) server.port = Number(found[1]);
        if (line.endsWith("Server is ready")) ready();
      });
    }),
    "start of the server",
  );
  server.url = `127.0.0.1:${server.port}`;
  return server;
}

async function connected(config, options, check) {
  const server = await start(config);
  try {
    const nc = await connect({ servers: server.url, reconnect: false, ...options });
    try {
      await check(nc, server);
    } finally {
      await nc.close();
    }
  } finally {
    await server.stop();
  }
}

const plain = (check, options = {}) => () => connected("", options, check);

async function take(subscription, count) {
  const got = [];
  await within(
    (async () => {
      for await (const message of subscription) {
        got.push(message);
        if (got.length === count) break;
      }
    })(),
    `message ${count}`,
  );
  return got;
}

async function eventually(condition) {
  for (const end = Date.now() + WAIT; Date.now() < end;) {
    if (condition()) return;
    await new Promise((done) => setTimeout(done, 1));
  }
  throw new Error("did not happen in time");
}

function connectOptions(nc, server) {
  assert.equal(nc.getServer(), server.url);
  assert.equal(nc.info.max_payload, 1 << 20);
  assert.equal(nc.info.headers, true);
  assert.equal(nc.info.server_id.length, 56);
  assert.ok(nc.info.client_id > 0);
}

async function noEcho(nc) {
  const seen = [];
  nc.subscribe("foo", { callback: (_, message) => seen.push(message) });
  nc.publish("foo", "x");
  await nc.flush();
  assert.equal(seen.length, 0);
}

async function publishSubscribe(nc) {
  const subscriptions = ["a.b", "a.*", "a.>"].map((subject) => nc.subscribe(subject));
  for (let number = 0; number < 500; number++) nc.publish("a.b", String(number));
  for (const subscription of subscriptions) {
    const got = await take(subscription, 500);
    got.forEach((message, number) => assert.equal(message.string(), String(number)));
  }
}

async function headersArrive(nc) {
  const subscription = nc.subscribe("headers");
  const head = headers();
  head.append("Key", "one");
  head.append("Key", "two");
  head.set("Other", "a: b");
  nc.publish("headers", "body", { headers: head });
  const [message] = await take(subscription, 1);
  assert.deepEqual(message.headers.values("Key"), ["one", "two"]);
  assert.equal(message.headers.get("Other"), "a: b");
  assert.equal(message.string(), "body");
}

const requestReply = (options) => async (nc) => {
  nc.subscribe("service", { callback: (_, message) => message.respond(`re: ${message.string()}`) });
  await nc.flush();
  for (let number = 0; number < 100; number++) {
    const reply = await nc.request("service", String(number), { timeout: WAIT, ...options });
    assert.equal(reply.string(), `re: ${number}`);
  }
};

async function noResponders(nc) {
  const begin = Date.now();
  await assert.rejects(nc.request("nobody", "", { timeout: WAIT }), (error) =>
    /503|no responders/i.test(`${error.code} ${error.message} ${error.cause ?? ""}`));
  assert.ok(Date.now() - begin < WAIT / 2);
}

async function queueGroups(nc, server) {
  const counts = [0, 0, 0];
  const others = [];
  for (const member of counts.keys()) {
    const other = await connect({ servers: server.url });
    other.subscribe("work", { queue: "workers", callback: () => counts[member]++ });
    await other.flush();
    others.push(other);
  }
  for (let number = 0; number < 300; number++) nc.publish("work");
  await nc.flush();
  await eventually(() => counts[0] + counts[1] + counts[2] >= 300);
  await Promise.all(others.map((other) => other.flush()));
  assert.equal(counts[0] + counts[1] + counts[2], 300);
  assert.ok(counts.every((count) => count > 0), String(counts));
  await Promise.all(others.map((other) => other.close()));
}

async function drain(nc) {
  let handled = 0;
  const done = (async () => {
    for await (const _ of nc.subscribe("drain")) handled++;
  })();
  for (let number = 0; number < 500; number++) nc.publish("drain");
  await nc.drain();
  await within(done, "end of the subscription");
  assert.equal(handled, 500);
  assert.ok(nc.isClosed());
}

async function flush(nc) {
  await within(nc.flush(), "flush");
  assert.ok((await nc.rtt()) >= 0);
}

async function autoUnsubscribe(nc) {
  const subscription = nc.subscribe("auto", { max: 2 });
  for (let number = 0; number < 5; number++) nc.publish("auto");
  await nc.flush();
  let count = 0;
  await within(
    (async () => {
      for await (const _ of subscription) count++;
    })(),
    "end of the subscription",
  );
  assert.equal(count, 2);
}

function statuses(nc) {
  const seen = [];
  (async () => {
    for await (const status of nc.status()) seen.push(status);
  })();
  return seen;
}

async function reconnectAfterRestart() {
  let server = await start();
  const nc = await connect({ servers: server.url, reconnectTimeWait: 20, maxReconnectAttempts: -1 });
  try {
    const seen = statuses(nc);
    const subscription = nc.subscribe("foo");
    await nc.flush();
    await server.stop();
    server = await start("", server.port);
    await eventually(() => seen.some((status) => status.type === "reconnect"));
    nc.publish("foo", "after");
    const [message] = await take(subscription, 1);
    assert.equal(message.string(), "after");
  } finally {
    await nc.close();
    await server.stop();
  }
}

const maxPayloadError = () =>
  connected("max_payload: 1000", {}, async (nc) => {
    assert.equal(nc.info.max_payload, 1000);
    assert.throws(() => nc.publish("foo", "x".repeat(1001)), /max_?payload/i);
    nc.publish("foo", "x".repeat(1000));
    await nc.flush();
  });

const PERMISSIONS = `authorization { users: [ { user: a, password: b,
  permissions: { publish: "ok.>", subscribe: { allow: ["ok.>", "_INBOX.>"], deny: "ok.secret" } } } ] }`;

const permissionErrors = () =>
  connected(PERMISSIONS, { user: "a", pass: "b" }, async (nc) => {
    const seen = statuses(nc);
    const text = (status) => JSON.stringify(status) + String(status.error ?? "");
    nc.publish("forbidden");
    await eventually(() => seen.some((status) => /forbidden/.test(text(status))));
    let refused;
    nc.subscribe("ok.secret", { callback: (error) => (refused = error) });
    await eventually(() => refused);
    assert.match(String(refused), /permission/i);
    const allowed = nc.subscribe("ok.>");
    nc.publish("ok.x");
    await take(allowed, 1);
  });

async function lameDuckNotice(nc, server) {
  const seen = statuses(nc);
  server.child.kill("SIGUSR2");
  await eventually(() => seen.some((status) => /^ldm|lameduck/i.test(status.type)));
}

const refused = (config, good, ...bad) => () =>
  connected(config, good, async (nc, server) => {
    await nc.flush();
    for (const options of bad) {
      await assert.rejects(connect({ servers: server.url, reconnect: false, ...options }), (error) =>
        /authorization/i.test(`${error.code} ${error.name} ${error.message}`));
    }
  });

const CHECKS = {
  connect_options: plain(connectOptions, { name: "petrel", verbose: true, pedantic: true }),
  no_echo: plain(noEcho, { noEcho: true }),
  publish_subscribe: plain(publishSubscribe),
  headers: plain(headersArrive),
  request_reply: plain(requestReply({})),
  request_reply_old_style: plain(requestReply({ noMux: true })),
  no_responders: plain(noResponders),
  queue_groups: plain(queueGroups),
  drain: plain(drain),
  flush: plain(flush),
  auto_unsubscribe: plain(autoUnsubscribe),
  reconnect_after_restart: reconnectAfterRestart,
  max_payload_error: maxPayloadError,
  permission_errors: permissionErrors,
  lame_duck_notice: plain(lameDuckNotice),
  token: refused("authorization { token: secret }", { token: "secret" }, { token: "wrong" }, {}),
  token_authenticator: refused("authorization { token: secret }", { authenticator: tokenAuthenticator("secret") }),
  user_and_password: refused("authorization { user: a, password: b }", { user: "a", pass: "b" },
    { user: "a", pass: "c" }, { user: "x", pass: "b" }),
  bcrypt_password: refused(`authorization { user: a, password: "${BCRYPT}" }`, { user: "a", pass: "secret" },
    { user: "a", pass: "wrong" }),
};

await runChecks(CHECKS);

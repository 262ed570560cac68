// The JetStream, KV and object idioms of the JavaScript clients:
// javascript_jetstream_checks.mjs MODULES-FOLDER PACKAGE SERVER-BINARY.
// Generation 2 (`nats`) has them on the connection, generation 3 in packages of their own; both share the rest.
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { runChecks } from "./javascript_runner.mjs";

const [modules, name, binary] = process.argv.slice(2);
const require = createRequire(join(modules, "index.js"));
const { connect } = require(name);
const isOld = name === "nats";
const WAIT = 20000;

const of = isOld ? require(name) : { ...require("@nats-io/jetstream") };
const { AckPolicy, DeliverPolicy, RetentionPolicy } = of;
const clientOf = (nc) => (isOld ? nc.jetstream() : of.jetstream(nc));
const managerOf = (nc) => (isOld ? nc.jetstreamManager() : of.jetstreamManager(nc));
const bucketOf = (nc, bucket, options) =>
  isOld ? nc.jetstream().views.kv(bucket, options) : new (require("@nats-io/kv").Kvm)(nc).create(bucket, options);
const objectsOf = (nc, bucket) =>
  isOld ? nc.jetstream().views.os(bucket) : new (require("@nats-io/obj").Objm)(nc).create(bucket);

const text = (bytes) => new TextDecoder().decode(bytes);
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function start(folder) {
  const path = join(folder, "server.conf");
  writeFileSync(path, `jetstream { store_dir: "${folder}/store" }\n`);
  const child = spawn(binary, ["-a", "127.0.0.1", "-p", "-1", "-c", path], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((done) => child.once("exit", done));
  const server = { url: "", stop: () => (child.kill("SIGKILL"), ended) };
  await new Promise((ready) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      const found = line.match(/Listening for client connections on .*:(\d+)/);
      if (found) server.url = `127.0.0.1:${found[1]}`;
      if (line.endsWith("Server is ready")) ready();
    });
  });
  return server;
}

async function session(folder, use) {
  const server = await start(folder);
  const nc = await connect({ servers: server.url, reconnect: false });
  let timer;
  const late = new Promise((_, refuse) => (timer = setTimeout(() => refuse(new Error("took too long")), WAIT)));
  try {
    await Promise.race([use(nc, clientOf(nc), await managerOf(nc)), late]);
  } finally {
    clearTimeout(timer);
    await server.stop();
    await nc.closed();
  }
}

async function fill(js, jsm, count, options = {}) {
  await jsm.streams.add({ name: "S", subjects: ["s.>"], ...options });
  await Promise.all(Array.from({ length: count }, (_, i) => js.publish(`s.${i % 3}`, String(i))));
}

async function publishing(_, js, jsm) {
  await fill(js, jsm, 20);
  const first = await js.publish("s.id", "x", { msgID: "1", expect: { lastSequence: 20 } });
  const again = await js.publish("s.id", "x", { msgID: "1" });
  assert.equal(again.seq, first.seq);
  assert.equal(again.duplicate, true);
  await assert.rejects(js.publish("s.id", "x", { expect: { lastSequence: 3 } }), /wrong last sequence: 21/);
  const info = await jsm.streams.info("S");
  assert.equal(info.state.messages, 21);
  const message = await jsm.streams.getMessage("S", { last_by_subj: "s.id" });
  assert.equal(text(message.data), "x");
  assert.equal((await jsm.streams.purge("S", { filter: "s.id" })).purged, 1);
  await assert.rejects(jsm.streams.info("NONE"), /stream not found/);
}

async function pulling(_, js, jsm) {
  await fill(js, jsm, 60, { retention: RetentionPolicy.Workqueue });
  await jsm.consumers.add("S", { durable_name: "d", ack_policy: AckPolicy.Explicit });
  const consumer = await js.consumers.get("S", "d");
  let next = 0;
  for await (const message of await consumer.fetch({ max_messages: 20, expires: 5000 })) {
    assert.equal(text(message.data), String(next++));
    assert.equal(await message.ackAck(), true);
  }
  for await (const message of await consumer.consume({ max_messages: 10 })) {
    assert.equal(text(message.data), String(next++));
    await message.ackAck();
    if (next === 60) break;
  }
  assert.equal((await jsm.streams.info("S")).state.messages, 0);
  assert.equal(await consumer.next({ expires: 1000 }), null);
}

async function redelivery(nc, js, jsm) {
  await fill(js, jsm, 2);
  const advisories = nc.subscribe("$JS.EVENT.ADVISORY.CONSUMER.>");
  await jsm.consumers.add("S", { durable_name: "d", ack_policy: AckPolicy.Explicit, ack_wait: 5e9, max_deliver: 2 });
  const consumer = await js.consumers.get("S", "d");
  const first = await consumer.next({ expires: 5000 });
  first.working();
  first.nak(20);
  (await consumer.next({ expires: 5000 })).term("poison");
  const again = await consumer.next({ expires: 5000 });
  assert.equal(text(again.data), "0");
  assert.equal(again.info.deliveryCount, 2);
  again.nak();
  const expected = new Set(["MSG_NAKED", "MSG_TERMINATED", "MAX_DELIVERIES"]);
  const more = consumer.next({ expires: 2000 });
  for await (const advisory of advisories) {
    expected.delete(advisory.subject.split(".")[4]);
    if (expected.size === 0) break;
  }
  assert.equal(await more, null);
}

async function ordered(_, js, jsm) {
  await fill(js, jsm, 300);
  const options = isOld ? { filterSubjects: "s.1" } : { filter_subjects: "s.1" };
  const consumer = await js.consumers.get("S", options);
  let next = 1;
  for await (const message of await consumer.consume()) {
    assert.equal(text(message.data), String(next));
    next += 3;
    if (next > 300) break;
  }
}

async function mirrorsAndSources(_, js, jsm) {
  await fill(js, jsm, 30);
  await jsm.streams.add({ name: "M", mirror: { name: "S" }, allow_direct: true });
  await jsm.streams.add({ name: "A", sources: [{ name: "S", filter_subject: "s.1" }] });
  for (const [stream, count] of [["M", 30], ["A", 10]]) {
    while ((await jsm.streams.info(stream)).state.messages !== count) await pause(20);
  }
  const message = await jsm.direct.getMessage("M", { last_by_subj: "s.1" });
  assert.equal(text(message.data), "28");
}

async function keyValue(nc) {
  const kv = await bucketOf(nc, "conf", { history: 5 });
  const watch = await kv.watch();
  const seen = (async () => {
    const values = [];
    for await (const entry of watch) {
      values.push(`${entry.operation} ${entry.string()}`);
      if (entry.operation === "PURGE") return values;
    }
  })();
  const revision = await kv.create("a", "1");
  await kv.update("a", "2", revision);
  await assert.rejects(kv.update("a", "3", revision), /wrong last sequence/);
  await assert.rejects(kv.create("a", "4"), /wrong last sequence/);
  assert.equal((await kv.get("a")).string(), "2");
  const history = [];
  for await (const entry of await kv.history({ key: "a" })) history.push(entry.string());
  assert.deepEqual(history, ["1", "2"]);
  await kv.delete("a");
  await kv.purge("a");
  assert.deepEqual(await seen, ["PUT 1", "PUT 2", "DEL ", "PURGE "]);
  const keys = [];
  for await (const key of await kv.keys()) keys.push(key);
  assert.deepEqual(keys, []);
  assert.equal(await kv.destroy(), true);
}

async function objects(nc) {
  const store = await objectsOf(nc, "files");
  const watch = await store.watch();
  const content = new Uint8Array(400000).map((_, i) => i);
  const info = await store.putBlob({ name: "blob" }, content);
  assert.equal(info.size, content.length);
  await store.link("link", info);
  assert.deepEqual(await store.getBlob("link"), content);
  const changed = [];
  for await (const change of watch) {
    if (change !== null) changed.push(change.name);
    if (changed.length === 2) break;
  }
  assert.deepEqual(changed, ["blob", "link"]);
  assert.equal((await store.list()).length, 2);
  await store.delete("link");
  assert.equal((await store.seal()).sealed, true);
  await assert.rejects(store.putBlob({ name: "more" }, new Uint8Array(1)));
}

async function push(nc, js, jsm) {
  await fill(js, jsm, 30);
  if (isOld) {
    const { consumerOpts, createInbox } = of;
    const options = consumerOpts().durable("p").manualAck().ackExplicit().deliverTo(createInbox()).queue("q");
    const subs = [await js.subscribe("s.>", options), await js.subscribe("s.>", options)];
    const got = [];
    await Promise.all(subs.map(async (sub) => {
      for await (const message of sub) {
        message.ack();
        got.push(Number(text(message.data)));
        if (got.length === 30) subs.forEach((one) => one.unsubscribe());
      }
    }));
    assert.deepEqual(got.sort((a, b) => a - b), Array.from({ length: 30 }, (_, i) => i));
    return;
  }
  await jsm.consumers.add("S", { durable_name: "p", ack_policy: AckPolicy.Explicit, deliver_subject: "deliver.here",
    deliver_policy: DeliverPolicy.All, idle_heartbeat: 1e9, flow_control: true });
  const consumer = await js.consumers.getPushConsumer("S", "p");
  let next = 0;
  for await (const message of await consumer.consume()) {
    message.ack();
    assert.equal(text(message.data), String(next++));
    if (next === 30) break;
  }
}

// What was acknowledged is there after kill -9, and the consumer goes on behind its acks.
async function killed() {
  const folder = mkdtempSync(join(tmpdir(), "petrel-js-stream-"));
  const take = async (js, from, to) => {
    const consumer = await js.consumers.get("S", "d");
    for await (const message of await consumer.fetch({ max_messages: to - from, expires: 5000 })) {
      assert.equal(text(message.data), String(from++));
      await message.ackAck();
    }
    assert.equal(from, to);
  };
  await session(folder, async (_, js, jsm) => {
    await fill(js, jsm, 100);
    await jsm.consumers.add("S", { durable_name: "d", ack_policy: AckPolicy.Explicit });
    await take(js, 0, 40);
  });
  await session(folder, (_, js) => take(js, 40, 100));
  rmSync(folder, { recursive: true });
}

const stored = (check) => async () => {
  const folder = mkdtempSync(join(tmpdir(), "petrel-js-stream-"));
  await session(folder, check);
  rmSync(folder, { recursive: true });
};

const CHECKS = {
  jetstream_publishing: stored(publishing),
  jetstream_pulling: stored(pulling),
  jetstream_redelivery: stored(redelivery),
  jetstream_ordered: stored(ordered),
  jetstream_push: stored(push),
  jetstream_mirrors_and_sources: stored(mirrorsAndSources),
  jetstream_key_value: stored(keyValue),
  jetstream_objects: stored(objects),
  jetstream_kill: killed,
};

await runChecks(CHECKS);

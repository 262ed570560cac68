// The JavaScript of one article with nats.js 2. Loops that run for ever end when what they wait for was seen.
// Not here: its push subscription without a deliver subject, which the client itself refuses; `dead_letter`, which
// typed clients of nats-server do not know either (docs/jetstream.md); the NestJS transport (requests of core NATS).
import { strict as assert } from "node:assert";
import { createRequire } from "node:module";
import { join } from "node:path";

const { connect, StringCodec, AckPolicy, DeliverPolicy } = createRequire(join(process.env.MODULES, "index.js"))("nats");

const nc = await connect({
  servers: ["nats://nats-1.internal:4222", "nats://nats-2.internal:4222"],
  reconnect: true,
  maxReconnectAttempts: -1,
  reconnectTimeWait: 1000,
});
const js = nc.jetstream();
const sc = StringCodec();
const jsm = await nc.jetstreamManager();
await jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"] });

async function publishOrder(order) {
  const payload = sc.encode(JSON.stringify(order));
  const ack = await js.publish("orders.created", payload, {
    msgID: `order-${order.id}`, // idempotency key
    timeout: 5000,
  });
  console.log(`Persisted to stream ${ack.stream}, seq ${ack.seq}`);
  return ack.seq;
}
const order = { id: "ord-8821", customerId: "cust-4410", total: 149.99 };
assert.equal(await publishOrder(order), 1);
assert.equal(await publishOrder(order), 1);

await jsm.consumers.add("ORDERS", {
  durable_name: "orders-processor",
  ack_policy: AckPolicy.Explicit,
  deliver_policy: DeliverPolicy.All,
  max_deliver: 5,
  ack_wait: 30_000_000_000, // nanoseconds: 30 seconds
  filter_subject: "orders.created",
});

const handled = [];
async function handleOrder(order) {
  handled.push(order.id);
  if (handled.length === 1) throw new Error("not yet");
}
const consumerInfo = await js.consumers.get("ORDERS", "orders-processor");
async function processMessages() {
  const messages = await consumerInfo.fetch({ max_messages: 10, expires: 5000 });
  for await (const msg of messages) {
    try {
      const order = JSON.parse(sc.decode(msg.data));
      await handleOrder(order);
      msg.ack();
    } catch (err) {
      console.error(`Processing failed for seq ${msg.seq}:`, err.message);
      // Negative-acknowledge with a redelivery delay
      msg.nak(300);
    }
  }
}
while (handled.length < 2) {
  await processMessages();
}
assert.deepEqual(handled, ["ord-8821", "ord-8821"]);

await jsm.consumers.add("ORDERS", {
  durable_name: "audit-replay",
  ack_policy: AckPolicy.Explicit,
  deliver_policy: DeliverPolicy.StartTime,
  opt_start_time: new Date("2025-01-15T00:00:00Z").toISOString(),
  filter_subject: "orders.>",
});
const replay = await js.consumers.get("ORDERS", "audit-replay");
assert.equal((await replay.next({ expires: 5000 })).seq, 1);

for (let i = 0; i < 3; ++i) await js.publish("orders.customer.cust-88291", sc.encode(String(i)));
const applied = [];
async function applyEvent(text) {
  applied.push(text);
}
const ordered = await js.consumers.get("ORDERS", {
  ordered: true,
  filter_subject: "orders.customer.cust-88291",
});
const messages = await ordered.consume();
for await (const msg of messages) {
  await applyEvent(sc.decode(msg.data));
  msg.ack();
  if (applied.at(-1) === "2") break;
}
assert.deepEqual(applied.slice(-3), ["0", "1", "2"]);
await nc.close();

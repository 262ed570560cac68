"""The Python code of one article, replicas 3 -> 1. Its max_age is given in nanoseconds where nats-py takes seconds:
the number beyond 64 bits is refused with nats-server's error; in seconds the rest runs."""
import asyncio
import json
import signal

import nats
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StreamConfig

ARTICLE_MAX_AGE = 7 * 24 * 60 * 60 * 1_000_000_000  # 7 days in nanoseconds


def stream_config(max_age):
    return StreamConfig(
        name="ORDERS",
        subjects=["orders.>"],
        retention=RetentionPolicy.LIMITS,
        max_age=max_age,
        max_bytes=10 * 1024 * 1024 * 1024,  # 10 GB
        num_replicas=1,
    )


async def main():
    nc = await nats.connect("nats://localhost:4222")
    js = nc.jetstream()
    # --- Create a stream ---
    try:
        await js.add_stream(stream_config(ARTICLE_MAX_AGE))
        raise AssertionError("a max_age beyond 64 bits is accepted")
    except nats.js.errors.BadRequestError as error:
        assert (error.code, error.err_code) == (400, 10025), error
        assert error.description.startswith("invalid JSON: json: cannot unmarshal number 604800000000000"), error
        assert "max_age of type time.Duration" in error.description, error
    await js.add_stream(stream_config(7 * 24 * 60 * 60))
    # --- Publish ---
    order = {
        "orderId": "ord-7829",
        "totalAmount": 149.99,
        "region": "us-east-1",
    }
    for _ in range(2):
        ack = await js.publish(
            "orders.placed",
            json.dumps(order).encode(),
            headers={"Nats-Msg-Id": "ord-7829-placed"},  # Deduplication
        )
        print(f"Published to {ack.stream}, seq {ack.seq}")
        assert ack.seq == 1
    # --- Subscribe with durable consumer ---
    sub = await js.pull_subscribe(
        "orders.placed",
        durable="order-processor",
        config=ConsumerConfig(
            ack_policy=AckPolicy.EXPLICIT,
            max_deliver=5,
            ack_wait=30,
        ),
    )
    running = True

    def shutdown():
        nonlocal running
        running = False

    loop = asyncio.get_event_loop()
    loop.add_signal_handler(signal.SIGINT, shutdown)
    while running:
        try:
            messages = await sub.fetch(batch=10, timeout=5)
            for msg in messages:
                try:
                    event = json.loads(msg.data.decode())
                    print(f"Processing order {event['orderId']}: "
                          f"${event['totalAmount']}")
                    await process_order(event)
                    await msg.ack()
                except Exception as e:
                    print(f"Processing failed: {e}")
                    await msg.nak()
        except nats.errors.TimeoutError:
            continue  # No messages available, loop back
    await nc.close()
    print("Consumer shut down")


async def process_order(event: dict):
    assert event["orderId"] == "ord-7829"
    signal.raise_signal(signal.SIGINT)


# --- Core NATS: Simple pub/sub and request-reply ---
async def core_nats_example():
    nc = await nats.connect("nats://localhost:4222")
    received = []

    # Subscribe with queue group
    async def handler(msg):
        data = json.loads(msg.data.decode())
        print(f"Received: {data}")
        received.append(data)

    await nc.subscribe("orders.placed", queue="order-processors", cb=handler)

    # Request-reply
    async def validator(msg):
        order = json.loads(msg.data.decode())
        response = {"valid": True, "orderId": order["orderId"]}
        await msg.respond(json.dumps(response).encode())

    await nc.subscribe("orders.validate", cb=validator)
    response = await nc.request(
        "orders.validate",
        json.dumps({"orderId": "ord-7829"}).encode(),
        timeout=2.0,
    )
    print(f"Validation: {response.data.decode()}")
    # Publish
    await nc.publish(
        "orders.placed",
        json.dumps({"orderId": "ord-7829", "total": 149.99}).encode(),
    )
    await asyncio.sleep(1)  # Let the subscriber process
    await nc.close()
    assert len(received) == 1, received


if __name__ == "__main__":
    asyncio.run(main())
    asyncio.run(core_nats_example())

"""The JetStream, KV and object idioms of nats-py: jetstream_checks.py <server-binary>."""
import asyncio
import io
import pathlib
import sys
import tempfile
import time

import nats
from checks import Server
from nats.js import api
from nats.js.errors import (APIError, BadRequestError, BucketNotFoundError, KeyNotFoundError,
                            KeyWrongLastSequenceError, NotFoundError)


def js_server(folder, port=-1):
    return Server(f'jetstream {{ store_dir: "{folder}" }}\n', port)


async def publish_is_acknowledged_and_counted(client, js):
    await js.add_stream(name="ORDERS", subjects=["orders.>"])
    ack = await js.publish("orders.new", b"one", headers={"Nats-Msg-Id": "1"})
    assert (ack.stream, ack.seq, ack.duplicate) == ("ORDERS", 1, None), ack
    again = await js.publish("orders.new", b"one", headers={"Nats-Msg-Id": "1"})
    assert again.seq == 1 and again.duplicate, again
    info = await js.stream_info("ORDERS")
    assert info.state.messages == 1, info.state
    assert await js.find_stream_name_by_subject("orders.new") == "ORDERS"


async def a_wrong_expectation_is_refused(client, js):
    await js.add_stream(name="S", subjects=["s.>"])
    await js.publish("s.1", b"x")
    try:
        await js.publish("s.1", b"x", headers={"Nats-Expected-Last-Sequence": "7"})
    except BadRequestError as error:
        assert error.err_code == 10071 and error.description == "wrong last sequence: 1", error
    else:
        raise AssertionError("accepted")


async def ignored(_):
    """Connections that end with their server are not worth a trace."""


async def unknown_streams_and_consumers_are_told(client, js):
    for call in (js.stream_info("NONE"), js.consumer_info("NONE", "c")):
        try:
            await call
        except NotFoundError as error:
            assert error.err_code == 10059, error
        else:
            raise AssertionError("found")
    try:
        await js.publish("nobody.listens", b"", timeout=2)
    except nats.js.errors.NoStreamResponseError:
        pass
    else:
        raise AssertionError("acknowledged")


async def a_work_queue_is_emptied_by_acks(client, js):
    await js.add_stream(name="WORK", subjects=["work.*"], retention="workqueue")
    for i in range(20):
        await js.publish(f"work.{i % 3}", str(i).encode())
    sub = await js.pull_subscribe("work.*", durable="w")
    seen = []
    while len(seen) < 20:
        for msg in await sub.fetch(7, timeout=5):
            seen.append(int(msg.data))
            await msg.ack_sync()
    assert seen == list(range(20)), seen
    assert (await js.stream_info("WORK")).state.messages == 0


async def nak_redelivers_and_term_does_not(client, js):
    await js.add_stream(name="R", subjects=["r"])
    await js.publish("r", b"first")
    await js.publish("r", b"second")
    sub = await js.pull_subscribe("r", durable="d")
    first, second = await sub.fetch(2, timeout=5)
    await first.nak()
    await second.term()
    again = (await sub.fetch(1, timeout=5))[0]
    assert again.data == b"first" and again.metadata.num_delivered == 2, again.metadata
    await again.ack_sync()
    info = await sub.consumer_info()
    assert info.num_ack_pending == 0 and info.num_pending == 0, info


async def an_empty_stream_lets_a_fetch_time_out(client, js):
    await js.add_stream(name="E", subjects=["e"])
    sub = await js.pull_subscribe("e", durable="d")
    began = time.monotonic()
    try:
        await sub.fetch(1, timeout=0.5)
    except nats.errors.TimeoutError:
        assert 0.3 < time.monotonic() - began < 3
    else:
        raise AssertionError("something came")


async def push_consumers_deliver_and_wait_for_acks(client, js):
    await js.add_stream(name="P", subjects=["p.*"])
    got = asyncio.Queue()

    async def on_message(msg):
        await msg.ack()
        await got.put(msg.data)

    await js.subscribe("p.*", durable="push", cb=on_message, manual_ack=True)
    for i in range(10):
        await js.publish(f"p.{i}", str(i).encode())
    assert [int(await asyncio.wait_for(got.get(), 5)) for _ in range(10)] == list(range(10))


async def a_queue_of_push_subscribers_shares_messages(client, js):
    await js.add_stream(name="Q", subjects=["q"])
    got = []

    async def on_message(msg):
        got.append(int(msg.data))
        await msg.ack()

    for _ in range(3):
        await js.subscribe("q", queue="workers", durable="workers", cb=on_message, manual_ack=True)
    for i in range(30):
        await js.publish("q", str(i).encode())
    for _ in range(100):
        if len(got) == 30:
            break
        await asyncio.sleep(0.05)
    assert sorted(got) == list(range(30)), got


async def ordered_consumers_see_everything_in_order(client, js):
    await js.add_stream(name="O", subjects=["o"])
    for i in range(500):
        await js.publish("o", str(i).encode())
    sub = await js.subscribe("o", ordered_consumer=True)
    assert [int((await sub.next_msg(5)).data) for _ in range(500)] == list(range(500))


async def deliver_policies_begin_where_they_should(client, js):
    await js.add_stream(name="D", subjects=["d.*"])
    for i in range(1, 6):
        await js.publish(f"d.{i % 2}", str(i).encode())

    async def first(policy, **more):
        config = api.ConsumerConfig(deliver_policy=policy, ack_policy=api.AckPolicy.NONE, **more)
        sub = await js.pull_subscribe("d.*", config=config)
        return int((await sub.fetch(1, timeout=5))[0].data)

    assert await first(api.DeliverPolicy.ALL) == 1
    assert await first(api.DeliverPolicy.LAST) == 5
    assert await first(api.DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=3) == 3
    assert await first(api.DeliverPolicy.LAST_PER_SUBJECT, filter_subject="d.*") == 4


async def key_value_keeps_history_and_compares(client, js):
    kv = await js.create_key_value(bucket="conf", history=5)
    assert await kv.put("a", b"1") == 1
    assert await kv.update("a", b"2", last=1) == 2
    entry = await kv.get("a")
    assert (entry.value, entry.revision) == (b"2", 2), entry
    try:
        await kv.update("a", b"3", last=1)
    except KeyWrongLastSequenceError:
        pass
    else:
        raise AssertionError("updated")
    assert await kv.create("b", b"x") == 3
    await kv.delete("b")
    try:
        await kv.get("b")
    except KeyNotFoundError:
        pass
    else:
        raise AssertionError("there")
    try:
        await kv.get("never")
    except KeyNotFoundError:
        pass
    else:
        raise AssertionError("there")
    assert [e.value for e in await kv.history("a")] == [b"1", b"2"]
    assert await kv.keys() == ["a"]
    await kv.purge("a")
    assert len(await kv.history("a")) == 1
    status = await kv.status()
    assert status.bucket == "conf" and status.history == 5


async def key_value_watchers_see_changes(client, js):
    kv = await js.create_key_value(bucket="watched")
    await kv.put("one", b"1")
    watcher = await kv.watchall()
    assert (await watcher.updates(timeout=5)).value == b"1"
    assert await watcher.updates(timeout=5) is None
    await kv.put("two", b"2")
    update = await watcher.updates(timeout=5)
    assert (update.key, update.value) == ("two", b"2")
    await watcher.stop()
    await js.delete_key_value("watched")
    try:
        await js.key_value("watched")
    except BucketNotFoundError:
        pass
    else:
        raise AssertionError("there")


async def objects_come_back_as_they_went(client, js):
    store = await js.create_object_store("files")
    data = bytes(range(256)) * 4096
    info = await store.put("blob", io.BytesIO(data))
    assert info.size == len(data), info
    assert (await store.get("blob")).data == data
    assert [entry.name for entry in await store.list()] == ["blob"]
    await store.delete("blob")
    status = await store.status()
    assert status.bucket == "files"


async def limits_and_purges_hold(client, js):
    await js.add_stream(name="L", subjects=["l.*"], max_msgs_per_subject=2, max_msgs=5)
    for i in range(12):
        await js.publish(f"l.{i % 3}", str(i).encode())
    state = (await js.stream_info("L")).state
    assert (state.messages, state.last_seq) == (5, 12), state
    await js.purge_stream("L", subject="l.1")
    info = await js.stream_info("L", subjects_filter=">")
    assert "l.1" not in info.state.subjects, info.state.subjects
    await js.delete_msg("L", info.state.last_seq)
    try:
        await js.get_msg("L", info.state.last_seq)
    except NotFoundError as error:
        assert error.err_code == 10037, error
    else:
        raise AssertionError("there")


async def mirrors_and_sources_follow(client, js):
    await js.add_stream(name="ORIGIN", subjects=["origin.*"])
    for i in range(10):
        await js.publish("origin.x", str(i).encode())
    await js.add_stream(name="MIRROR", mirror=api.StreamSource(name="ORIGIN"))
    await js.add_stream(name="AGG", sources=[api.StreamSource(name="ORIGIN")])
    await js.publish("origin.x", b"10")
    for name in ("MIRROR", "AGG"):
        for _ in range(100):
            if (await js.stream_info(name)).state.messages == 11:
                break
            await asyncio.sleep(0.05)
        assert (await js.stream_info(name)).state.messages == 11, name
    assert (await js.get_msg("MIRROR", 11)).data == b"10"


async def account_info_counts(client, js):
    await js.add_stream(name="A", subjects=["a"])
    await js.publish("a", b"1234567890")
    info = await js.account_info()
    assert info.streams == 1 and info.storage > 0, info


async def the_same_create_is_fine_and_another_is_not(client, js):
    await js.add_stream(name="C", subjects=["c"])
    await js.add_stream(name="C", subjects=["c"])
    for name, subjects, code in (("C", ["other"], 10058), ("C2", ["c"], 10065)):
        try:
            await js.add_stream(name=name, subjects=subjects)
        except APIError as error:
            assert error.err_code == code, error
        else:
            raise AssertionError("made")


CHECKS = [
    publish_is_acknowledged_and_counted, a_wrong_expectation_is_refused,
    unknown_streams_and_consumers_are_told, a_work_queue_is_emptied_by_acks,
    nak_redelivers_and_term_does_not, an_empty_stream_lets_a_fetch_time_out,
    push_consumers_deliver_and_wait_for_acks, a_queue_of_push_subscribers_shares_messages,
    ordered_consumers_see_everything_in_order, deliver_policies_begin_where_they_should,
    key_value_keeps_history_and_compares, key_value_watchers_see_changes,
    objects_come_back_as_they_went, limits_and_purges_hold, mirrors_and_sources_follow,
    account_info_counts, the_same_create_is_fine_and_another_is_not,
]


async def what_was_acknowledged_survives_kill_9():
    with tempfile.TemporaryDirectory(prefix="petrel-natspy-js-") as folder:
        async with js_server(folder) as server:
            client = await nats.connect(server.url, error_cb=ignored, allow_reconnect=False)
            js = client.jetstream()
            await js.add_stream(name="KEEP", subjects=["keep.*"])
            sub = await js.pull_subscribe("keep.*", durable="d")
            for i in range(300):
                await js.publish(f"keep.{i % 5}", str(i).encode())
            for msg in await sub.fetch(100, timeout=5):
                await msg.ack_sync()
            server.process.kill()
            await server.process.wait()
            await client.close()
        async with js_server(folder) as server:
            client = await nats.connect(server.url, error_cb=ignored, allow_reconnect=False)
            js = client.jetstream()
            state = (await js.stream_info("KEEP")).state
            assert (state.messages, state.last_seq) == (300, 300), state
            sub = await js.pull_subscribe("keep.*", durable="d")
            left = []
            while len(left) < 200:
                left += [int(msg.data) for msg in await sub.fetch(50, timeout=5)]
            assert left == list(range(100, 300)), left
            await client.close()


async def main():
    passed = failed = 0
    for check in [*CHECKS, what_was_acknowledged_survives_kill_9]:
        try:
            if check is what_was_acknowledged_survives_kill_9:
                await asyncio.wait_for(check(), 60)
            else:
                with tempfile.TemporaryDirectory(prefix="petrel-natspy-js-") as folder:
                    async with js_server(pathlib.Path(folder) / "store") as server:
                        client = await nats.connect(server.url, error_cb=ignored, allow_reconnect=False)
                        await asyncio.wait_for(check(client, client.jetstream()), 30)
                        await client.close()
            passed += 1
        except Exception as error:  # one failure must not hide the others
            failed += 1
            print(f"FAIL nats-py {check.__name__}: {type(error).__name__} {error}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    asyncio.run(main())

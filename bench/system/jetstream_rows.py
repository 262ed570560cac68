"""The rows of the JetStream tables: names, goals, and what measures them (jetstream_workloads.py)."""
import jetstream_workloads as js
from workloads import Row

SHAPES = ((1, 1), (1, 256), (64, 1), (64, 16))
SIZES = (16, 128, 1024, 16384)


def _publish_rows():
    goals = {(1, 256): (5, 15), (64, 1): (2, 4)}
    against_always = {(1, 256): (50, 150), (64, 1): (8, 12)}
    kinds = (("file", "file", js.DEFAULT, goals), ("file, nats-server sync_interval: always", "file", js.ALWAYS,
                                                   against_always),
             ("file, Petrel sync_interval: 2m", "file", js.RELAXED, {}), ("memory", "memory", js.DEFAULT, {}))
    rows = []
    for words, storage, mode, musts in kinds:
        for connections, in_flight in SHAPES:
            for size in SIZES:
                must, aim = musts.get((connections, in_flight), (None, None)) if size <= 1024 else (None, None)
                rows.append(Row(f"publish {connections} x {in_flight}, {size} B, {words}",
                                js.publish(mode, connections, in_flight, size, storage), must=must, aim=aim,
                                group="jetstream publish"))
    rows.append(Row("publish 1 x 1, 128 B, file, latency against always", js.publish(js.ALWAYS, 1, 1, 128),
                    "latency", 0.75, None, "µs", "p50", "jetstream publish"))
    return rows


def _consume_rows():
    group = "jetstream consume"
    last = {"deliver_policy": "last_per_subject", "filter_subject": "bench.>"}
    rows = [
        Row("pull with ack, 128 B", js.pull(ack=True), must=4, aim=8, group=group),
        Row("pull without ack, 128 B", js.pull(), must=5, aim=10, group=group),
        Row("pull with ack, 1024 B", js.pull(ack=True, size=1024, messages=200_000), group=group),
        Row("pull without ack, 1024 B", js.pull(size=1024, messages=200_000), group=group),
        Row("ordered replay, 128 B", js.replay(500_000), must=5, aim=10, group=group),
        Row("work queue, publish + ack, 1 x 256, 128 B", js.work_queue, must=3, aim=6, group=group),
    ]
    for in_flight in 1, 64:
        rows.append(Row(f"KV put, 1 x {in_flight}, 1,000 keys", js.kv_put(in_flight), must=2, aim=4, group=group))
        rows.append(Row(f"KV get, 1 x {in_flight}, 1,000 keys", js.kv_get(in_flight), must=2, aim=4, group=group))
    rows += [
        Row("KV watch, put 1 x 64 to update", js.kv_watch_live, group=group),
        Row("KV watch, first values of 100,000 keys", js.replay(100_000, 100_000, **last), group=group),
    ]
    for consumers, messages in (1, 500_000), (10, 50_000), (100, 10_000):
        for loops in 1, 2:
            rows.append(Row(f"{consumers} pull consumers on one stream, {loops} loops",
                            js.pull(consumers, messages=messages, loops=loops), group=group))
    for storage in "memory", "file":
        for words, subjects in ("1 of 1,000 subjects", 1000), ("1,000 of 1 M subjects", 1_000_000):
            measure = js.filtered(subjects, 1_000_000, storage)
            rows += [Row(f"filtered, {words}, {storage}: cost against unfiltered{of}", measure, "absolute", must, aim, "×",
                         figure, group)
                     for of, figure, must, aim in (("", "times", 1.2, 1.05), (" of an equal stream", "equal", None, None))]
    return rows


def _created(what, count, measure, must, aim):
    group = "jetstream resources"
    return [Row(f"create {count:,} {what}: CPU each", measure, group=group, rounds=1),
            Row(f"{count:,} {what}: memory each", measure, "absolute", must, aim, "B", "each", group, rounds=1)]


def _resource_rows():
    rows = []
    for count in 500, 10_000:
        rows += _created("streams", count, js.create(count, js.stream_request), 15 * 1024, 5 * 1024)
    rows += _created("streams with a message each", 10_000, js.create(
        10_000, js.stream_request, then=lambda i: (f"bench.{i}", "x" * 128)), None, None)
    for count in 1_000, 10_000:
        rows += _created("consumers", count, js.create(count, js.consumer_request, js.consumers_stream),
                         5 * 1024, 2 * 1024)
    return rows + _recovery_rows(1_000_000, "1 M")


def _recovery_rows(messages, words):
    group = "jetstream resources"
    killed, stopped = js.recovery(messages, js.KILL), js.recovery(messages, js.TERM)
    return [Row(f"recovery of {words} messages after kill -9", killed, "latency", 0.2, None, "ms", "ms", group, rounds=1),
            Row(f"recovery of {words} messages after a clean stop", stopped, "latency", None, None, "ms", "ms", group,
                rounds=1),
            Row(f"memory with {words} messages after recovery", killed, "absolute", None, None, "B", "rss", group,
                rounds=1),
            Row(f"bytes on disk per message of 128 B, {words} messages", killed, "absolute", None, None, "B", "used",
                group, rounds=1)]


def default_rows():
    return _publish_rows() + _consume_rows() + _resource_rows()


def scale_rows():
    return _recovery_rows(20_000_000, "20 M") + [
        Row("memory per subject, 10 M subjects", js.subjects_memory(10_000_000), "absolute", None, None, "B", "each",
            "jetstream resources", rounds=1)]

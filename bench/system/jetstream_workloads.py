"""JetStream: what is measured, and the goal of each. Rows as in workloads.py."""
import dataclasses
import json
import os
import pathlib
import signal
import tempfile
import time

from jetstream_client import Client
from servers import BenchError, free_port, load, running, spawn, stop, wait_for_info

Mode = dict  # content of the jetstream block by the name of the server
DEFAULT = Mode()
ALWAYS = {"nats-server": "sync_interval: always"}
RELAXED = {"Petrel": "sync_interval: 2m"}

ORDERED = {"ack_policy": "none", "max_deliver": 1, "flow_control": True, "idle_heartbeat": 5_000_000_000,
           "mem_storage": True, "num_replicas": 1, "inactive_threshold": 300_000_000_000}
BUCKET = {"subjects": ["$KV.b.>"], "max_msgs_per_subject": 1, "discard": "new", "deny_delete": True,
          "allow_rollup_hdrs": True, "allow_direct": True, "num_replicas": 1}


def resident(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def block_of(mode, server):
    return mode.get(server.name, "")


def with_loops(server, loops):
    if loops is None:
        return server
    if server.name == "nats-server":
        return dataclasses.replace(server, environment=(("GOMAXPROCS", str(loops)),))
    return dataclasses.replace(server, settings=f"{server.settings} loops: {loops}".strip())


def figures_of(result, pid):
    count = result["delivered"] or result["published"]
    return {"cpu": result["server_cpu_ns"] / count, "rate": count / result["elapsed_ns"] * 1e9,
            "rss": resident(pid), **{name: result[f"{name}_ns"] / 1000 for name in ("p50", "p99", "p999")}}


def expect(what, found, wanted):
    if found != wanted:
        raise BenchError(f"{what}: {found} instead of {wanted}")


def await_equal(what, look, wanted, seconds=20):
    """Waits until look() is `wanted`: answers that nobody waited for are being worked on."""
    end = time.monotonic() + seconds
    while (found := look()) != wanted:
        if time.monotonic() > end:
            raise BenchError(f"{what}: {found} instead of {wanted}")
        time.sleep(0.02)


def fill(bench, port, pid, messages, size=128, subjects=1, subject="bench"):
    load(bench.generator, "jetstream", port, pid,
         {"publishers": 1, "in-flight": 1024, "size": size, "messages": messages, "subjects": subjects,
          "subject": subject})
    with Client(port) as client:
        stream = client.stream_of(subject + (".0" if subjects > 1 else ""))
        expect("messages stored", client.messages(stream), messages)


def publish(mode, connections, in_flight, size, storage="file"):
    def measure(bench, server):
        with running(server, jetstream=block_of(mode, server)) as (pid, port, _), Client(port) as client:
            client.create_stream("S", subjects=["bench"], storage=storage)
            result = load(bench.generator, "jetstream", port, pid,
                          {"publishers": connections, "in-flight": in_flight, "size": size,
                           "seconds": bench.seconds, "warm-up": bench.warm_up})
            expect("messages stored", client.messages("S"), result["published_in_all"])
            return figures_of(result, pid)
    return measure


def kv_put(in_flight):
    def measure(bench, server):
        with running(server, jetstream="") as (pid, port, _), Client(port) as client:
            client.create_stream("KV_b", **BUCKET)
            result = load(bench.generator, "jetstream", port, pid,
                          {"publishers": 1, "in-flight": in_flight, "subject": "$KV.b", "subjects": 1000,
                           "seconds": bench.seconds, "warm-up": bench.warm_up})
            last = client.request("STREAM.INFO.KV_b")["state"]["last_seq"]
            expect("last sequence", last, result["published_in_all"])
            return figures_of(result, pid)
    return measure


def pull(consumers=1, ack=False, size=128, messages=500_000, loops=None):
    def measure(bench, server):
        count = int(messages * min(1, bench.seconds))
        with running(with_loops(server, loops), jetstream="") as (pid, port, _), Client(port) as client:
            client.create_stream("S", subjects=["bench"])
            fill(bench, port, pid, count, size)
            for number in range(consumers):
                client.create_consumer("S", f"C{number}", ack_policy="explicit" if ack else "none",
                                       max_ack_pending=-1)
            result = load(bench.generator, "jetstream", port, pid,
                          {"pullers": consumers, "ack": int(ack), "messages": count})
            if ack:
                await_equal("acknowledgements", lambda: client.consumer("S", "C0")["ack_floor"]["stream_seq"], count)
            return figures_of(result, pid)
    return measure


def replay(messages, subjects=1, **config):
    def measure(bench, server):
        count = int(messages * min(1, bench.seconds))
        with running(server, jetstream="") as (pid, port, _), Client(port) as client:
            client.create_stream("S", subjects=["bench", "bench.>"])
            fill(bench, port, pid, count, subjects=min(subjects, count))
            result = load(bench.generator, "jetstream", port, pid,
                          {"pushed": 1, "messages": count, **push_request("S", config)})
            return figures_of(result, pid)
    return measure


def push_request(stream, config):
    config = {**ORDERED, "deliver_subject": "deliver.{N}", **config}
    return {"create-subject": f"$JS.API.CONSUMER.CREATE.{stream}",
            "create-config": json.dumps({"stream_name": stream, "config": config}, separators=(",", ":"))}


def work_queue(bench, server):
    with running(server, jetstream="") as (pid, port, _), Client(port) as client:
        client.create_stream("S", subjects=["bench"], retention="workqueue")
        client.create_consumer("S", "C", max_ack_pending=-1)
        result = load(bench.generator, "jetstream", port, pid,
                      {"publishers": 1, "in-flight": 256, "pullers": 1, "shared": 1, "ack": 1,
                       "seconds": bench.seconds, "warm-up": bench.warm_up})
        await_equal("messages left in the queue", lambda: client.messages("S"), 0)
        return figures_of(result, pid)


def script_file(folder, requests):
    path = pathlib.Path(folder) / "requests"
    path.write_text("".join(f"{subject}\t{payload}\n" for subject, payload in requests))
    return str(path)


def kv_get(in_flight):
    def measure(bench, server):
        with (running(server, jetstream="") as (pid, port, _), Client(port) as client,
              tempfile.TemporaryDirectory() as folder):
            client.create_stream("KV_b", **BUCKET)
            fill(bench, port, pid, 1000, subjects=1000, subject="$KV.b")
            script = script_file(folder, [(f"$JS.API.DIRECT.GET.KV_b.$KV.b.{i * 617 % 1000:03}", "")
                                          for i in range(1000)])
            result = load(bench.generator, "jetstream", port, pid,
                          {"script": script, "repeat": 1, "in-flight": in_flight, "seconds": bench.seconds,
                           "warm-up": bench.warm_up})
            return figures_of(result, pid)
    return measure


def kv_watch_live(bench, server):
    with running(server, jetstream="") as (pid, port, _), Client(port) as client:
        client.create_stream("KV_b", **BUCKET)
        result = load(bench.generator, "jetstream", port, pid,
                      {"publishers": 1, "in-flight": 64, "subject": "$KV.b", "subjects": 1000, "pushed": 1,
                       "seconds": bench.seconds, "warm-up": bench.warm_up,
                       **push_request("KV_b", {"deliver_policy": "last_per_subject", "filter_subject": "$KV.b.>"})})
        return figures_of(result, pid)


MANY_CONSUMERS = "limits { default_max_consumers: 20000 }"


def create(count, requests_of, before=lambda client: None, then=None):
    """Creates `count` of something; CPU each, and resident memory each."""
    def measure(bench, server):
        made = max(1, count // 20) if bench.quick else count
        with (running(server, jetstream=MANY_CONSUMERS) as (pid, port, _), Client(port) as client,
              tempfile.TemporaryDirectory() as folder):
            client.create_stream("FIRST", subjects=["first"])
            before(client)
            base = resident(pid)
            script = script_file(folder, [requests_of(i) for i in range(made)])
            result = load(bench.generator, "jetstream", port, pid, {"script": script, "in-flight": 16})
            if then:
                load(bench.generator, "jetstream", port, pid,
                     {"script": script_file(folder, [then(i) for i in range(made)]), "in-flight": 64})
            return {**figures_of(result, pid), "each": (resident(pid) - base) / made}
    return measure


def stream_request(i):
    return f"$JS.API.STREAM.CREATE.S{i}", json.dumps({"name": f"S{i}", "subjects": [f"bench.{i}"]})


def consumer_request(i):
    config = {"durable_name": f"C{i}", "ack_policy": "explicit"}
    return f"$JS.API.CONSUMER.CREATE.S.C{i}", json.dumps({"stream_name": "S", "config": config})


def consumers_stream(client):
    client.create_stream("S", subjects=["bench"])


def pull_each(bench, port, pid, client, matches, consumer_of, **options):
    """Server CPU per delivery of 64 consumers with so many messages each."""
    consumers = 64
    for number in range(consumers):
        client.create_consumer("S", f"C{number}", ack_policy="none", **consumer_of(number))
    result = load(bench.generator, "jetstream", port, pid, {"pullers": consumers, "messages": matches, **options})
    return result["server_cpu_ns"] / result["delivered"]


def filtered(subjects, messages, storage):
    """What a delivery of a consumer of 1 in 1,000 costs against one that takes all: of a stream of as many messages, and
    of as many messages of an equal stream, each consumer from another place on."""
    def measure(bench, server):
        count = messages // 10 if bench.quick else messages
        tail = ".>" if subjects > 1000 else ""
        kinds = {"filtered": (count, lambda i: {"filter_subject": f"bench.{i * 15:03}{tail}"}, {}),
                 "small": (count // 1000, lambda i: {}, {}),
                 "equal": (count, lambda i: {"deliver_policy": "by_start_sequence",
                                             "opt_start_seq": 1 + i * (count // 66)},
                           {"batch": count // 4000, "exact": 1})}
        costs = {}
        for kind, (stored, consumer_of, options) in kinds.items():
            with running(server, jetstream="") as (pid, port, _), Client(port) as client:
                client.create_stream("S", subjects=["bench.>"], storage=storage)
                fill(bench, port, pid, stored, subjects=subjects)
                costs[kind] = pull_each(bench, port, pid, client, count // 1000, consumer_of, **options)
        return {"times": costs["filtered"] / costs["small"], "equal": costs["filtered"] / costs["equal"],
                "cpu": costs["filtered"]}
    return measure


def allocated(folder):
    return sum(path.lstat().st_blocks * 512 for path in pathlib.Path(folder).rglob("*"))


def await_messages(port, count, deadline):
    while True:
        try:
            with Client(port) as client:
                if client.messages("S") == count:
                    return
        except (OSError, BenchError):
            pass
        if time.monotonic() > deadline:
            raise BenchError(f"the stream did not have {count} messages again")
        time.sleep(0.002)


def recovery(messages, how):
    """Fills a file stream, ends the server by signal `how`, and times exec to a stream that answers."""
    def measure(bench, server):
        count = messages // 20 if bench.quick else messages
        with tempfile.TemporaryDirectory(prefix="petrel-bench-") as folder:
            port = free_port()
            process, log = spawn(server, folder, port, jetstream="")
            try:
                wait_for_info(process, port, log)
                with Client(port) as client:
                    client.create_stream("S", subjects=["bench"])
                    fill(bench, port, process.pid, count)
                used = allocated(folder + "/store") / count
                os.kill(process.pid, how)
                process.wait(120)
                start = time.monotonic()
                process, log = spawn(server, folder, port, jetstream="")
                await_messages(port, count, start + 300)
                return {"ms": (time.monotonic() - start) * 1000, "used": used, "rss": resident(process.pid)}
            finally:
                stop(process)
    return measure


def subjects_memory(subjects):
    def measure(bench, server):
        with running(server, jetstream="") as (pid, port, _), Client(port) as client:
            client.create_stream("S", subjects=["bench.>"])
            base = resident(pid)
            fill(bench, port, pid, subjects, size=16, subjects=subjects)
            return {"each": (resident(pid) - base) / subjects, "rss": resident(pid)}
    return measure


KILL, TERM = signal.SIGKILL, signal.SIGTERM

"""What is measured, and the goal of each: one row of the table per Row."""
import dataclasses
import os
import subprocess
import sys
import tempfile

from servers import BenchError, command_of, flooding, free_port, load, messages_in, running

KINDS = {
    # kind: (heading of the value, how the goal is read)
    "cpu": ("server CPU ns per message", "nats-server / Petrel, at least"),
    "latency": ("µs", "Petrel / nats-server, at most"),
    "absolute": ("", "at most"),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """A workload. `must` and `aim` are ratios, or bytes for kind "absolute"; None: no goal set."""

    name: str
    measure: object  # function(Bench, Server) -> {figure: value}
    kind: str = "cpu"
    must: float | None = None
    aim: float | None = None
    unit: str = "ns"
    figure: str = "cpu"
    group: str = "throughput"
    rounds: int | None = None  # None: as many as the run has


def compare_counts(bench, monitor_port, published):
    """Without a subscriber the server's own count is the proof; only a quick look goes without it."""
    try:
        counted = messages_in(monitor_port)
    except BenchError as error:
        if not bench.quick:
            raise
        print(f"not proved that 1:0 counts every message: {error}", file=sys.stderr)
        return
    if counted != published:
        raise BenchError(f"the server counted {counted} of {published} messages")


def throughput(**options):
    def measure(bench, server):
        count_at_server = options.get("interest") == "none"
        with running(server, monitor=count_at_server, tls="tls" in options) as (pid, port, monitor_port):
            given = {"seconds": bench.seconds, "warm-up": bench.warm_up, **options}
            result = load(bench.generator, "throughput", port, pid, given)
            if count_at_server:
                compare_counts(bench, monitor_port, result["published_in_all"])
        count = result["delivered"] or result["published"]
        return {"cpu": result["server_cpu_ns"] / count,
                "rate": count / result["elapsed_ns"] * 1e9}
    return measure


def requests(**options):
    def measure(bench, server):
        with running(server) as (pid, port, _):
            given = {"seconds": bench.seconds, "warm-up": bench.warm_up, **options}
            result = load(bench.generator, "requests", port, pid, given)
        return {"cpu": result["server_cpu_ns"] / result["delivered"],
                "rate": result["delivered"] / result["elapsed_ns"] * 1e9,
                **{name: result[f"{name}_ns"] / 1000 for name in ("p50", "p99", "p999")}}
    return measure


TENANTS = """accounts {
  QUIET { users: [ { user: quiet, password: p } ] }
  FLOOD {
    users: [ { user: flood, password: p } ]
    LIMIT
  }
}
"""


def tenant_flood(limit):
    """p99 of a quiet tenant's requests: alone, beside one that publishes all it can, and beside the same flood of
    another server process, which is what the machine and the load generators alone cost."""
    def measure(bench, server):
        has_limit = limit and server.name != "nats-server"
        config = TENANTS.replace("LIMIT", f"petrel {{ rate_limit {{ {limit} }} }}" if has_limit else "")
        quiet = {"seconds": max(bench.seconds, 3 if not bench.quick else 0.3), "warm-up": bench.warm_up,
                 "rate": 1000, "user": "quiet"}
        flood = {"publishers": 4, "subscribers": 10, "size": 128}
        with running(server, config=config) as (pid, port, _), running(server, config=config) as (_, other_port, _):
            def p99():
                return load(bench.generator, "requests", port, pid, quiet)["p99_ns"] / 1000
            alone = p99()
            with flooding(bench.generator, port, "flood", flood):
                flooded = p99()
            with flooding(bench.generator, other_port, "flood", flood):
                elsewhere = p99()
        return {"alone": alone, "flooded": flooded, "elsewhere": elsewhere, "times": flooded / alone,
                "own": flooded / elsewhere}
    return measure


def connects(bench, server):
    with running(server) as (pid, port, _):
        result = load(bench.generator, "connects", port, pid, {"count": 2000 if bench.quick else 8000})
    return {"cpu": result["server_cpu_ns"] / result["count"],
            "rate": result["count"] / result["elapsed_ns"] * 1e9}


def tls_connects(bench, server):
    with running(server, tls=True) as (pid, port, _):
        options = {"count": 200 if bench.quick else 5000, "tls": 1}
        result = load(bench.generator, "connects", port, pid, options)
    return {"cpu": result["server_cpu_ns"] / result["count"],
            "rate": result["count"] / result["elapsed_ns"] * 1e9}


def memory(kind, count, **options):
    def measure(bench, server):
        with running(server, tls="tls" in options) as (pid, port, _):
            result = load(bench.generator, kind, port, pid, {"count": count, **options})
        return {"each": (result["after_bytes"] - result["before_bytes"]) / result["count"]}
    return measure


def idle_cpu(count):
    def measure(bench, server):
        with running(server) as (pid, port, _):
            result = load(bench.generator, "idle-cpu", port, pid, {"count": count, "seconds": 2})
        return {"cpu": result["cpu_ns_per_second"] / 1000}
    return measure


def start(bench, server):
    port = free_port()
    if server.settings:
        raise BenchError("the start is measured with default settings")
    result = load(bench.generator, "start", port, command=command_of(server, port))
    return {"info": result["info_ns"] / 1000, "rss": result["resident_bytes"]}


PERMISSIONS = """authorization {
  users: [ { user: u, password: p,
             permissions: { publish: { allow: ["bench.>", "_INBOX.>"], deny: "bench.secret.>" },
                            subscribe: { allow: ["bench.>", "_INBOX.>"], deny: "bench.secret.>" } } } ]
}
no_auth_user: u
"""


def permissions(bench, server):
    """The cost of a message with permissions, as a multiple of that without; the cheaper of two runs of each."""
    def cost(config):
        with running(server, config=config) as (pid, port, _):
            given = {"seconds": bench.seconds, "warm-up": bench.warm_up, "size": 128}
            result = load(bench.generator, "throughput", port, pid, given)
        return result["server_cpu_ns"] / result["delivered"]
    runs = [(cost(""), cost(PERMISSIONS)) for _ in range(2)]
    plain, checked = (min(side) for side in zip(*runs))
    return {"cpu": checked, "times": checked / plain}


def accounts(count):
    """A start with so many accounts of one user each, and what one of them takes."""
    def begin(bench, server, number):
        text = "".join(f"A{i} {{ users: [ {{ user: u{i}, password: p }} ] }}\n" for i in range(number))
        with tempfile.TemporaryDirectory(prefix="petrel-bench-") as folder:
            port = free_port()
            command = command_of(server, port, folder=folder, config=f"accounts {{\n{text}}}")
            return load(bench.generator, "start", port, command=command)

    def measure(bench, server):
        number = min(count, 1000) if bench.quick else count
        one, many = begin(bench, server, 1), begin(bench, server, number)
        return {"info": many["info_ns"] / 1000,
                "each": (many["resident_bytes"] - one["resident_bytes"]) / (number - 1)}
    return measure


def binary_size(_, server):
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "-o", stripped.name, server.binary], check=True)
        return {"size": os.path.getsize(stripped.name)}


def _core_rows():
    rows = []
    for size, must, aim in (16, 8, 20), (128, 7, 11), (1024, None, None), (16384, None, None):
        rows.append(Row(f"1:0 {size} B", throughput(interest="none", size=size), must=must, aim=aim))
    for size, must, aim in (16, 10, 20), (128, 7, 11), (1024, 2.5, 3.5), (16384, 1.8, 2.7):
        rows.append(Row(f"1:1 {size} B", throughput(size=size), must=must, aim=aim))
    for size, must, aim in (16, 8, 13), (128, 6, 10), (1024, 2, 2.8), (16384, 1.8, 2.8):
        rows.append(Row(f"1:10 {size} B", throughput(subscribers=10, size=size), must=must, aim=aim))
    return rows


def _shape_rows():
    pairs = {"publishers": 1000, "subjects": 1000, "subscribers": 1000, "interest": "own"}
    return [
        Row("1:100 16 B", throughput(subscribers=100), must=6, aim=12),
        Row("queue group of 4, 16 B", throughput(subscribers=4, interest="queue"), must=6, aim=9),
        Row("1:1 headers, 128 B", throughput(headers=1, size=128), must=6, aim=9),
        Row("1000 subjects, one wildcard, 16 B", throughput(subjects=1000), must=6, aim=14),
        Row("10 k subjects, one subscription each, 16 B",
            throughput(subjects=10000, interest="each")),
        Row("4:4 own subjects, 128 B",
            throughput(publishers=4, subjects=4, subscribers=4, interest="own", size=128)),
        Row("1000 active pairs, 16 B", throughput(lockstep=1, **pairs), must=2, aim=3),
        Row("one publisher over 1000 connections, 16 B",
            throughput(**{**pairs, "publishers": 1}), must=1.5, aim=2.5),
    ]


def _latency_rows():
    rows = []
    loops = [("closed, 1 in flight", {"in-flight": 1}, True),
             ("closed, 64 in flight", {"in-flight": 64}, False),
             ("open, 5,000/s", {"rate": 5000}, False),
             ("open, 50,000/s", {"rate": 50000}, False)]
    for name, options, has_goal in loops:
        measure = requests(**options)
        for figure, label in ("p50", "p50"), ("p99", "p99"), ("p999", "p99.9"):
            goal = has_goal and figure != "p999"
            rows.append(Row(f"request-reply {name}: {label}", measure, "latency", 0.65 if goal else None,
                            0.48 if goal else None, "µs", figure, "latency"))
    return rows


def _permission_rows():
    return [Row("1:1 128 B with permissions", permissions, must=6, group="permissions"),
            Row("1:1 128 B: with permissions / without", permissions, "absolute", 1.1, None, "×", "times",
                "permissions")]


def _resource_rows():
    crowd = accounts(100_000)
    return [
        Row("connect, PING, PONG, close: CPU each", connects, unit="ns", group="resources"),
        Row("memory per idle connection", memory("idle-memory", 5000), "absolute", 4096, 1024, "B",
            "each", "resources"),
        Row("memory per subscription", memory("subs-memory", 1_000_000), "absolute", 250, 120, "B",
            "each", "resources"),
        Row("idle CPU, 100 connections: per second", idle_cpu(100), "latency", None, None, "µs", "cpu",
            "resources"),
        Row("start to INFO", start, "latency", 0.5, 0.2, "µs", "info", "resources"),
        Row("RSS at start", start, "absolute", 5_000_000, 2_500_000, "B", "rss", "resources"),
        Row("100,000 accounts: start to INFO", crowd, "latency", 1, None, "µs", "info", "resources", 1),
        Row("100,000 accounts: memory each", crowd, "latency", 1, None, "B", "each", "resources", 1),
        Row("binary size, stripped", binary_size, "absolute", 10_000_000, None, "B", "size", "resources"),
    ]


def _tls_rows():
    return [
        Row("TLS 1:1 128 B", throughput(size=128, tls=1), must=2, group="tls"),
        Row("TLS 1:1 16384 B", throughput(size=16384, tls=1), must=2, group="tls"),
        Row("TLS connect, PING, PONG, close: CPU each", tls_connects, must=2, group="tls"),
        Row("TLS memory per idle connection", memory("idle-memory", 2000, tls=1), "absolute", None, None, "B",
            "each", "tls"),
    ]


def _tenancy_rows():
    free, limited = tenant_flood(""), tenant_flood('messages: 5000, burst: "20ms"')
    rows = []
    for name, measure, must in ("no limit", free, None), ("5,000/s in Petrel", limited, 1.1):
        name = f"tenant_flood, {name}: quiet tenant's"
        rows += [Row(f"{name} p99 alone", measure, "latency", None, None, "µs", "alone", "tenancy"),
                 Row(f"{name} p99 flooded", measure, "latency", None, None, "µs", "flooded", "tenancy"),
                 Row(f"{name} p99, another server flooded", measure, "latency", None, None, "µs", "elsewhere",
                     "tenancy"),
                 Row(f"{name} p99 flooded / alone", measure, "absolute", must, None, "×", "times", "tenancy"),
                 Row(f"{name} p99 flooded / another server flooded", measure, "absolute", None, None, "×", "own",
                     "tenancy")]
    return rows


def default_rows():
    return (_core_rows() + _shape_rows() + _latency_rows() + _permission_rows() + _tenancy_rows() + _resource_rows()
            + _tls_rows())


def scale_rows():
    """How the cost of a message grows with what surrounds it."""
    rows = []
    for count in 1, 1_000, 100_000, 1_000_000, 10_000_000:
        rows.append(Row(f"1000 subjects, wildcard, beside {count:,} subscriptions",
                        throughput(subjects=1000, background=count), group="scale"))
    for count in 10, 100, 1_000, 10_000:
        own = {"subjects": count, "subscribers": count, "interest": "own"}
        rows.append(Row(f"one publisher over {count:,} connections", throughput(**own), group="scale"))
    for count in 5, 50, 500, 5_000:
        own = {"publishers": count, "subjects": count, "subscribers": count, "interest": "own"}
        rows.append(Row(f"active pairs on {2 * count:,} connections", throughput(lockstep=1, **own),
                        group="scale"))
    return rows


def loop_rows():
    """Run once with one loop (GOMAXPROCS=1 for nats-server) and once with two."""
    four = {"publishers": 4, "subjects": 4, "subscribers": 4, "interest": "own"}
    return [Row("1:1 16 B", throughput(), group="loops"),
            Row("1:10 128 B", throughput(subscribers=10, size=128), group="loops"),
            Row("4:4 own subjects, 128 B", throughput(size=128, **four), group="loops")]

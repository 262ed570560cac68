#!/usr/bin/env python3
"""What users of the official Go client see: rates beside nats-server, ./dev bench clients [options].

Each idiom runs on a fresh server, in turns; of several rounds the best of each server counts. The
client takes most of the time: the processor time of the server is beside the rate.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
from servers import ROOT, BenchError, Server, find_nats, running  # noqa: E402

# idiom: (words, must and aim for the server's processor time)
WORKS = {
    "publish-sync": ("synchronous publish, 128 B", None),
    "publish-async": ("asynchronous publish, 256 pending, 128 B", None),
    "fetch": ("fetch of 500 with acks, 128 B", None),
    "consume": ("consume with acks, 128 B", None),
    "ordered": ("ordered consumer, 128 B", None),
    "kv-put": ("KV put, 1,000 keys", 2),
    "kv-get": ("KV get, 1,000 keys", 2),
}
HEADINGS = ("work", "nats-server /s", "Petrel /s", "ratio", "nats-server CPU ns", "Petrel CPU ns", "ratio", "must",
            "verdict")


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench clients", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="only idioms that contain TEXT")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--count", type=int, default=100_000, help="messages of what goes by number")
    parser.add_argument("--petrel", metavar="BIN", default=str(ROOT / "build/release/bin/petrel"))
    parser.add_argument("--nats", metavar="BIN", help="nats-server 2.15.2; default: found")
    parser.add_argument("--client", metavar="BIN", help="the client program; default: built")
    return parser.parse_args()


def build_client():
    cache = pathlib.Path(os.environ.get("PETREL_CACHE", ROOT / "build/cache")) / "bench"
    cache.mkdir(parents=True, exist_ok=True)
    binary = cache / "nats.go"
    done = subprocess.run(["go", "build", "-o", str(binary), "."], cwd=HERE / "nats.go", stdin=subprocess.DEVNULL,
                          env={**os.environ, "GOTOOLCHAIN": "auto"}, check=False)
    if done.returncode != 0:
        raise BenchError("the client program does not build")
    return str(binary)


def measure(options, client, server, work):
    with running(server, jetstream="") as (pid, port, _):
        done = subprocess.run(
            [client, "-url", f"nats://127.0.0.1:{port}", "-pid", str(pid), "-work", work, "-seconds",
             str(options.seconds), "-count", str(options.count)], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise BenchError(f"{work}: {server.name}: {done.stderr.strip()[:300]}")
    found = json.loads(done.stdout)
    return {"rate": found["count"] / found["elapsed_ns"] * 1e9, "cpu": found["server_cpu_ns"] / found["count"]}


def line_of(words, must, nats, petrel):
    cpu_ratio = nats["cpu"] / petrel["cpu"] if petrel["cpu"] else 0
    verdict = "" if must is None else "must" if cpu_ratio >= must else "MISSED"
    return (words, f"{nats['rate']:,.0f}", f"{petrel['rate']:,.0f}", f"{petrel['rate'] / nats['rate']:.2f} ×",
            f"{nats['cpu']:,.0f}", f"{petrel['cpu']:,.0f}", f"{cpu_ratio:.2f} ×",
            "" if must is None else f"≥ {must} × CPU", verdict)


def main():
    options = arguments()
    client = options.client or build_client()
    servers = (Server("nats-server", find_nats(options.nats)), Server("Petrel", options.petrel))
    print("| " + " | ".join(HEADINGS) + " |\n| --- " + "| ---: " * (len(HEADINGS) - 1) + "|", flush=True)
    for work, (words, must) in WORKS.items():
        if options.only and not any(text in work or text in words for text in options.only):
            continue
        rounds = ([], [])
        for _ in range(options.rounds):
            for server, found in zip(servers, rounds):
                found.append(measure(options, client, server, work))
        best = [{"rate": max(one["rate"] for one in found), "cpu": min(one["cpu"] for one in found)}
                for found in rounds]
        print("| " + " | ".join(line_of(words, must, *best)) + " |", flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit(f"bench: {error}")

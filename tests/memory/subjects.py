#!/usr/bin/env python3
"""Fills a file stream with messages of distinct subjects and looks what they cost in memory and whether all are known.

    subjects.py --petrel BIN [--subjects 200000] [--max-memory 16MB] [--rss-max MB] [--asked 300]

Prints the resident memory of the server on the way. Asked before and after a restart: how many subjects there are, how
many a wildcard admits, the last message of some, a listing. Then one in a hundred is purged by filter and a known
subject is published again. Tier 2: `--subjects 10000000 --max-memory 256MB --rss-max 320`. Ends with
"N passed, N failed, N skipped".
"""
import argparse
import json
import pathlib
import random
import socket
import sys
import tempfile
import time

from server import Server

READY = 600
BATCH = 2000
GROUPS = 100
BODY = b"x" * 60


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.settimeout(READY)
        self.file = self.socket.makefile("rb", buffering=1 << 20)
        self.file.readline()
        self.socket.sendall(b'CONNECT {"verbose":false,"headers":true}\r\nSUB r.* 1\r\n')

    def answer(self):
        while line := self.file.readline():
            words = line.split()
            if words[:1] == [b"PING"]:
                self.socket.sendall(b"PONG\r\n")
            elif words[:1] in ([b"MSG"], [b"HMSG"]):
                return json.loads(self.file.read(int(words[-1]) + 2))
        raise ConnectionError("closed")

    def request(self, subject, body=b"{}"):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.socket.sendall(b"PUB %s r.q %d\r\n%s\r\n" % (subject.encode(), len(body), body))
        return self.answer()


def subject_of(number):
    return f"orders.{number % GROUPS}.item-{number}"


def publish(client, begin, end):
    """The last one of each batch is acknowledged."""
    for first in range(begin, end, BATCH):
        last = min(first + BATCH, end) - 1
        parts = [f"PUB {subject_of(n)} {'r.p ' if n == last else ''}{len(BODY)}\r\n".encode() + BODY + b"\r\n"
                 for n in range(first, last + 1)]
        client.socket.sendall(b"".join(parts))
        answer = client.answer()
        if answer.get("seq") != last + 1:
            raise SystemExit(f"not stored: {answer}")


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def expect(self, what, found, wanted):
        if found == wanted:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {what}: {found!r} instead of {wanted!r}", flush=True)


def look(checks, client, options, when):
    began = time.monotonic()
    info = client.request("$JS.API.STREAM.INFO.S")["state"]
    checks.expect(f"{when}: messages", info["messages"], options.subjects)
    checks.expect(f"{when}: subjects", info["num_subjects"], options.subjects)
    listed = client.request("$JS.API.STREAM.INFO.S", {"subjects_filter": "orders.7.>"})
    checks.expect(f"{when}: subjects of a wildcard", listed["total"], len(range(7, options.subjects, GROUPS)))
    wanted = sorted((subject_of(n) for n in range(7, options.subjects, GROUPS)))[:100_000]
    checks.expect(f"{when}: listing", sorted(listed["state"]["subjects"]), wanted)
    chosen = random.Random(1)
    wrong = 0
    for _ in range(options.asked):
        number = chosen.randrange(options.subjects)
        found = client.request("$JS.API.STREAM.MSG.GET.S", {"last_by_subj": subject_of(number)})
        wrong += found.get("message", {}).get("seq") != number + 1
    checks.expect(f"{when}: wrong last messages", wrong, 0)
    missing = client.request("$JS.API.STREAM.MSG.GET.S", {"last_by_subj": "orders.7.nothing"})
    checks.expect(f"{when}: an unknown subject", missing.get("error", {}).get("code"), 404)
    print(f"{when}: asked in {time.monotonic() - began:.1f} s", flush=True)


def change(checks, client, options):
    began = time.monotonic()
    gone = len(range(7, options.subjects, GROUPS))
    purged = client.request("$JS.API.STREAM.PURGE.S", {"filter": "orders.7.>"})
    checks.expect("purged", purged.get("purged"), gone)
    state = client.request("$JS.API.STREAM.INFO.S")["state"]
    checks.expect("subjects after the purge", state["num_subjects"], options.subjects - gone)
    for number in (8, 7, 8):
        client.request(subject_of(number), BODY)
    state = client.request("$JS.API.STREAM.INFO.S", {"subjects_filter": subject_of(8)})["state"]
    checks.expect("messages of a known subject", state["subjects"], {subject_of(8): 3})
    checks.expect("subjects at last", state["num_subjects"], options.subjects - gone + 1)
    checks.expect("purge of everything", client.request("$JS.API.STREAM.PURGE.S").get("purged"),
                  options.subjects - gone + 3)
    checks.expect("subjects at the end", client.request("$JS.API.STREAM.INFO.S")["state"].get("num_subjects", 0), 0)
    print(f"purged in {time.monotonic() - began:.1f} s", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--petrel", required=True)
    parser.add_argument("--subjects", type=int, default=200_000)
    parser.add_argument("--max-memory", default="16MB")
    parser.add_argument("--rss-max", type=float, default=110, help="MB, before and after the restart")
    parser.add_argument("--asked", type=int, default=300)
    parser.add_argument("--oracle", help="not asked: nats-server has no such limit")
    options = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        server = Server(options.petrel, folder, options.max_memory, READY)
        try:
            client = Client(server.port)
            client.request("$JS.API.STREAM.CREATE.S", {"name": "S", "subjects": ["orders.>"], "storage": "file",
                                                      "num_replicas": 1, "max_msgs_per_subject": 5})
            server.report("empty")
            began, marks = time.monotonic(), [options.subjects // 10, options.subjects // 2, options.subjects]
            for begin, end in zip([0] + marks, marks):
                publish(client, begin, end)
                server.report(f"{end} subjects after {time.monotonic() - began:.0f} s")
            look(checks, client, options, "published")
            server.report("asked")
            most = server.memory("VmHWM")
            checks.expect(f"memory of {most:.0f} MB within {options.rss_max:.0f} MB", most <= options.rss_max, True)
            server.stop()
            began = time.monotonic()
            server = Server(options.petrel, folder, options.max_memory, READY)
            server.report(f"started again in {time.monotonic() - began:.1f} s")
            client = Client(server.port)
            look(checks, client, options, "restarted")
            server.report("asked again")
            change(checks, client, options)
            server.report("purged")
            most = server.memory("VmHWM")
            checks.expect(f"memory of {most:.0f} MB within {options.rss_max:.0f} MB", most <= options.rss_max, True)
        finally:
            server.stop()
    print(f"{checks.passed} passed, {checks.failed} failed, 0 skipped")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())

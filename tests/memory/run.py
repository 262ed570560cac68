#!/usr/bin/env python3
"""Fills the duplicate window of a file stream with message ids and looks what they cost and whether all are known.

    run.py --petrel BIN [--ids 200000] [--max-memory 16MB] [--rss-max MB] [--asked 20000] [--max-msgs -1]

Publishes so many messages with distinct Nats-Msg-Id in batches, prints the resident memory of the server on the way,
restarts it, then publishes ids from the whole range once more: each must be answered as a duplicate with the sequence
it had, and the stream must not grow. Tier 2: `--ids 10000000 --max-memory 256MB`. Ends with
"N passed, N failed, N skipped".
"""
import argparse
import json
import pathlib
import socket
import sys
import tempfile
import time

from server import Server

BATCH = 2000


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.settimeout(120)
        self.file = self.socket.makefile("rb", buffering=1 << 20)
        self.file.readline()
        self.socket.sendall(b'CONNECT {"verbose":false,"headers":true}\r\nSUB r.* 1\r\n')

    def answer(self):
        while line := self.file.readline():
            if line.startswith(b"MSG"):
                words = line.split()
                return int(words[1][2:]), self.file.read(int(words[-1]) + 2)[:-2]
            if line.startswith(b"PING"):
                self.socket.sendall(b"PONG\r\n")
        raise ConnectionError("closed")

    def request(self, subject, body):
        body = json.dumps(body).encode()
        self.socket.sendall(b"PUB %s r.0 %d\r\n%s\r\n" % (subject.encode(), len(body), body))
        return json.loads(self.answer()[1])

    def publish(self, numbers):
        """Answers by number."""
        out = []
        for number in numbers:
            header = b"NATS/1.0\r\nNats-Msg-Id: order-%012d\r\n\r\n" % number
            out.append(b"HPUB ids.a r.%d %d %d\r\n%s%08d\r\n" %
                       (number, len(header), len(header) + 8, header, number % 100_000_000))
        self.socket.sendall(b"".join(out))
        return dict(self.answer() for _ in numbers)


def fill(client, server, ids):
    marks = {max(1, ids * part // 10) // BATCH * BATCH for part in (1, 5, 10)}
    begin = time.monotonic()
    for first in range(0, ids, BATCH):
        answers = client.publish(range(first, min(first + BATCH, ids)))
        for number, answer in answers.items():
            if answer != b'{"stream":"IDS","seq":%d}' % (number + 1):
                raise SystemExit(f"message {number}: {answer!r}")
        at = first + BATCH
        if at in marks:
            print(f"{at} ids: {server.memory('VmRSS'):.0f} MB resident, {server.processor_seconds():.0f} s of "
                  f"processor time, {time.monotonic() - begin:.0f} s", flush=True)


def wrong_answers(client, ids, asked):
    step = max(1, ids // asked)
    numbers = list(range(0, ids, step))
    wrong = []
    for first in range(0, len(numbers), BATCH):
        for number, answer in client.publish(numbers[first:first + BATCH]).items():
            if answer != b'{"stream":"IDS","seq":%d,"duplicate": true}' % (number + 1):
                wrong.append((number, answer))
    return len(numbers), wrong


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--petrel", required=True)
    parser.add_argument("--oracle", help="not needed: nats-server keeps every id in memory")
    parser.add_argument("--ids", type=int, default=200_000)
    parser.add_argument("--max-memory", default="16MB")
    parser.add_argument("--rss-max", type=float, default=0)
    parser.add_argument("--max-msgs", type=int, default=-1)
    parser.add_argument("--asked", type=int, default=20_000)
    options = parser.parse_args()
    results = []

    def check(is_good, what):
        results.append(is_good)
        print(("PASS " if is_good else "FAIL ") + what, flush=True)

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        server = Server(options.petrel, folder, options.max_memory)
        client = Client(server.port)
        client.request("$JS.API.STREAM.CREATE.IDS", {
            "name": "IDS", "subjects": ["ids.>"], "storage": "file", "max_msgs": options.max_msgs,
            "duplicate_window": 3_600_000_000_000})
        fill(client, server, options.ids)
        peak = server.memory("VmHWM")
        if options.rss_max:
            check(peak <= options.rss_max, f"at most {peak:.0f} MB resident while {options.ids} ids came")
        runs = list((folder / "store").glob("**/ids-*"))
        check(bool(runs), f"ids lie on disk: {len(runs)} files, {sum(r.stat().st_size for r in runs) >> 20} MB")
        asked, wrong = wrong_answers(client, options.ids, options.asked)
        check(not wrong, f"{asked} ids are known before the restart {wrong[:3]}")
        server.stop()
        begin = time.monotonic()
        errors = list(server.errors)
        server = Server(options.petrel, folder, options.max_memory)
        print(f"restarted in {time.monotonic() - begin:.1f} s, {server.memory('VmRSS'):.0f} MB resident", flush=True)
        client = Client(server.port)
        asked, wrong = wrong_answers(client, options.ids, options.asked)
        check(not wrong, f"{asked} ids are known after the restart {wrong[:3]}")
        state = client.request("$JS.API.STREAM.INFO.IDS", {})["state"]
        check(state["last_seq"] == options.ids, f"the stream ends at {state['last_seq']}")
        check(client.publish([options.ids])[options.ids] == b'{"stream":"IDS","seq":%d}' % (options.ids + 1),
              "a new id is stored")
        if options.rss_max:
            peak = server.memory("VmHWM")
            check(peak <= options.rss_max, f"at most {peak:.0f} MB resident after the restart")
        server.stop()
        errors += server.errors
        check(not errors, f"the server complains of nothing {errors[:3]}")
    print(f"{sum(results)} passed, {results.count(False)} failed, 0 skipped")
    return 0 if all(results) else 1


sys.exit(main())

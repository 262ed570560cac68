#!/usr/bin/env python3
"""Kills the server under load and looks whether everything it acknowledged is still there.

    run.py --petrel BIN [--kills 20] [--seed N] [--disk auto|threads|io_uring]

Each round: publishers write into file streams with acknowledgements, a worker acknowledges messages of a work queue,
then kill -9 at a random moment. After the restart every acknowledged message must be in its stream under its sequence
and with its bytes, in order; what the work queue acknowledged must not come back. Streams and data live on from round
to round. Ends with "N passed, N failed, N skipped": one test per kill.
"""
import argparse
import base64
import json
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

READY = 20
STREAMS = ("A", "B", "C")


class Client:
    """One connection: frames in, frames out."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(30)
        self.file = self.socket.makefile("rb")
        self.file.readline()
        self.send('CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n')

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def publish(self, subject, reply, body):
        self.send(f"PUB {subject} {reply} {len(body)}\r\n".encode() + body + b"\r\n")

    def message(self):
        """(subject, reply, body) of the next message."""
        while line := self.file.readline():
            words = line.decode().split()
            if words and words[0] == "PING":
                self.send("PONG\r\n")
            elif words and words[0] in ("MSG", "HMSG"):
                size = int(words[-1])
                body = self.file.read(size + 2)[:-2]
                given = words[1:-1] if words[0] == "MSG" else words[1:-2]
                return given[0], given[2] if len(given) > 2 else "", body
        raise ConnectionError("closed")

    def request(self, subject, body=b""):
        inbox = f"_R.{random.getrandbits(60)}"
        self.send(f"SUB {inbox} 9\r\n")
        self.publish(subject, inbox, body)
        while True:
            target, _, answer = self.message()
            if target == inbox:
                self.send("UNSUB 9\r\n")
                return json.loads(answer) if answer else {}


class Server:
    def __init__(self, binary, folder, disk):
        config = folder / "server.conf"
        config.write_text(f'jetstream {{ store_dir: "{folder}/store" }}\npetrel {{ disk_backend: {disk} }}\n')
        self.process = subprocess.Popen([binary, "-a", "127.0.0.1", "-p", "-1", "-c", str(config)],
                                        stderr=subprocess.PIPE, text=True)
        self.port, end = 0, time.monotonic() + READY
        while time.monotonic() < end:
            line = self.process.stderr.readline()
            if found := re.search(r"Listening for client connections on .*:(\d+)", line):
                self.port = int(found[1])
            if "Server is ready" in line:
                break
            if not line:
                raise RuntimeError("the server does not start")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Load:
    """What clients do between two kills, and what they were promised over all rounds."""

    def __init__(self):
        self.acked = {name: {} for name in STREAMS}  # sequence to body
        self.done = set()                            # bodies that the work queue acknowledged
        self.number = 0

    def publish(self, port, stream, seed):
        """A window of publishes without an answer, until the connection ends."""
        source = random.Random(seed)
        try:
            client = Client(port)
            client.send(f"SUB _P{stream}.* 1\r\n")
            waiting, sent = {}, 0
            while True:
                while len(waiting) < 64:
                    sent += 1
                    body = f"{stream}-{seed}-{sent}-".encode() + b"x" * source.randrange(0, 2000)
                    waiting[f"_P{stream}.{sent}"] = body
                    client.publish(f"{stream}.{source.randrange(5)}", f"_P{stream}.{sent}", body)
                target, _, answer = client.message()
                answer, body = json.loads(answer), waiting.pop(target)
                if "seq" in answer and "error" not in answer:
                    self.acked[stream][answer["seq"]] = body
        except (OSError, ConnectionError, ValueError):
            return

    def work(self, port, seed):
        """Fills the work queue and acknowledges what it is given, each with an answer."""
        try:
            client = Client(port)
            client.send("SUB _W.* 1\r\n")
            number = 0
            while True:
                for _ in range(8):
                    number += 1
                    client.publish("work", f"_W.p{number}", f"{seed}-{number}".encode())
                client.publish("$JS.API.CONSUMER.MSG.NEXT.WORK.w", "_W.m", b'{"batch":8,"expires":2000000000}')
                acknowledged, open_acks = 0, {}
                while acknowledged < 8:
                    target, reply, body = client.message()
                    if reply.startswith("$JS.ACK"):
                        open_acks[f"_W.a{reply}".replace("$", "").replace(".", "-").replace("_W-", "_W.")] = body
                        client.publish(reply, next(reversed(open_acks)), b"+ACK")
                    elif target in open_acks:
                        self.done.add(open_acks.pop(target))
                        acknowledged += 1
        except (OSError, ConnectionError, ValueError):
            return


def check(client, load):
    """What is wrong after a restart; empty: nothing."""
    for name in STREAMS:
        wanted = load.acked[name]
        state = client.request(f"$JS.API.STREAM.INFO.{name}")["state"]
        if wanted and state["last_seq"] < max(wanted):
            return f"stream {name} ends at {state['last_seq']}, {max(wanted)} was acknowledged"
        some = sorted(wanted)[-300:] + random.sample(sorted(wanted), min(100, len(wanted)))
        for sequence in some:
            answer = client.request(f"$JS.API.STREAM.MSG.GET.{name}", json.dumps({"seq": sequence}).encode())
            data = answer.get("message", {}).get("data", "")
            if base64.b64decode(data) != wanted[sequence]:
                return f"message {sequence} of {name} is not what was acknowledged: {str(answer)[:200]}"
    client.send("SUB _C.* 2\r\n")
    while True:
        client.publish("$JS.API.CONSUMER.MSG.NEXT.WORK.w", "_C.m", b'{"batch":100,"no_wait":true}')
        count = 0
        while True:
            _, reply, body = client.message()
            if not reply.startswith("$JS.ACK"):
                break
            count += 1
            if body in load.done:
                return f"{body} of the work queue was acknowledged and came back"
            client.publish(reply, "", b"+ACK")
        if count == 0:
            return ""


def create(client):
    for name in STREAMS:
        client.request(f"$JS.API.STREAM.CREATE.{name}", json.dumps({"name": name, "subjects": [f"{name}.*"]}).encode())
    client.request("$JS.API.STREAM.CREATE.WORK",
                   b'{"name":"WORK","subjects":["work"],"retention":"workqueue"}')
    client.request("$JS.API.CONSUMER.CREATE.WORK.w", json.dumps({
        "stream_name": "WORK",
        "config": {"durable_name": "w", "name": "w", "ack_policy": "explicit", "ack_wait": 1_000_000_000}}).encode())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--petrel", required=True)
    parser.add_argument("--oracle", help="not needed: nats-server acknowledges before it syncs")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--disk", choices=("auto", "threads", "io_uring"), default="auto")
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    passed, failed, load = 0, 0, Load()
    with tempfile.TemporaryDirectory(prefix="petrel-crash-") as folder:
        server = Server(arguments.petrel, pathlib.Path(folder), arguments.disk)
        create(Client(server.port))
        for kill in range(arguments.kills):
            threads = [threading.Thread(target=load.publish, args=(server.port, name, kill * 10 + i))
                       for i, name in enumerate(STREAMS)]
            threads.append(threading.Thread(target=load.work, args=(server.port, kill)))
            for thread in threads:
                thread.start()
            time.sleep(random.uniform(0.05, 0.6))  # the moment of the kill is what is tried out
            server.kill()
            for thread in threads:
                thread.join()
            server = Server(arguments.petrel, pathlib.Path(folder), arguments.disk)
            if wrong := check(Client(server.port), load):
                print(f"FAIL kill {kill} (seed {arguments.seed}): {wrong}", flush=True)
                failed += 1
                break
            passed += 1
        server.kill()
    total = sum(len(acked) for acked in load.acked.values())
    print(f"{total} acknowledged messages, {len(load.done)} acknowledged deliveries")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

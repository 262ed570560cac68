#!/usr/bin/env python3
"""Asks nats-server what it answers to the requests of cases.py and writes golden.jsonl.

    record.py ORACLE            ask, write golden.jsonl next to this file
    record.py SERVER --compare  ask another server, print where it differs from golden.jsonl

One line per request: group, profile (configuration of server and account), subject, body, and the parts of the answer
that do not change from run to run: "error" or "config". tests/unit/jetstream/api_golden_test.cc plays the lines
against the pure functions.
"""
import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

import cases

HERE = pathlib.Path(__file__).parent
ACCOUNT = "accounts { A: { jetstream: %s, users: [ {user: u, password: p} ] } }"
UNLIMITED = "enabled"
LIMITED = ("{max_memory: 1MB, max_store: 2MB, max_streams: 3, max_consumers: 2, max_ack_pending: 500,"
           " mem_max_stream_bytes: 300000, disk_max_stream_bytes: 1000000, max_bytes_required: true}")
SERVER_LIMITS = "limits: {max_ack_pending: 700, max_request_batch: 250, duplicate_window: \"1m\", default_max_consumers: 3}"
PROFILES = {"plain": (UNLIMITED, ""), "account": (LIMITED, ""), "server": (UNLIMITED, SERVER_LIMITS),
            "lenient": (UNLIMITED, "strict: false")}


def expand(text):
    """`@{x*N}` is x, N times."""
    return re.sub(r"@\{(.+?)\*(\d+)\}", lambda found: found[1] * int(found[2]), text)


class Client:
    """A connection that sends one request at a time."""

    def __init__(self, port):
        self.port = port
        self.connect()

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.file = self.socket.makefile("rb")
        self.file.readline()
        self.send('CONNECT {"user":"u","pass":"p","verbose":false,"headers":true,"no_responders":true}\r\n'
                  "SUB _INBOX.x 1\r\nPING\r\n".encode())
        while self.file.readline() != b"PONG\r\n":
            pass

    def send(self, data):
        self.socket.sendall(data)

    def request(self, subject, body):
        """The JSON of the answer, or None when nobody answers in a second."""
        body = body.encode()
        self.send(f"PUB {subject} _INBOX.x {len(body)}\r\n".encode() + body + b"\r\n")
        self.socket.settimeout(0.7)
        try:
            return self.answer()
        except TimeoutError:
            self.socket.close()
            self.connect()
            return None

    def answer(self):
        while True:
            line = self.file.readline()
            if line == b"PING\r\n":
                self.send(b"PONG\r\n")
            elif line.startswith(b"MSG"):
                size = int(line.split()[-1])
                return self.file.read(size + 2)[:size].decode()
            elif line.startswith(b"HMSG"):
                self.file.read(int(line.split()[-1]) + 2)
                return None


class Server:
    """A server with a profile, in its own folder."""

    def __init__(self, binary, profile):
        self.folder = tempfile.TemporaryDirectory()
        account, limits = PROFILES[profile]
        config = pathlib.Path(self.folder.name, "server.conf")
        config.write_text('listen: "127.0.0.1:-1"\nserver_name: oracle\n' + ACCOUNT % account +
                          f'\njetstream {{ store_dir: "{self.folder.name}/js"\n{limits} }}\n')
        ports = pathlib.Path(self.folder.name, "ports")
        ports.mkdir()
        self.process = subprocess.Popen([binary, "-c", str(config), "--ports_file_dir", str(ports)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.port = self.wait_for_port(ports)

    def wait_for_port(self, ports):
        for _ in range(100):
            for file in ports.iterdir():
                try:
                    return int(json.loads(file.read_text())["nats"][0].rsplit(":", 1)[1])
                except (ValueError, KeyError):
                    pass
            time.sleep(0.1)
        raise SystemExit("the server does not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


def as_go(value):
    """JSON text as Go writes it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("\u2028", "\\u2028")


def facts(answer):
    """The parts of an answer that are the same each time."""
    if answer is None:
        return {"silent": True}
    answer = json.loads(answer)
    found = {key: as_go(answer[key]) for key in ("error", "config") if key in answer}
    return found


def clean(client):
    """Removes every stream, so that groups do not know of each other."""
    for name in json.loads(client.request("$JS.API.STREAM.NAMES", ""))["streams"] or []:
        client.request(f"$JS.API.STREAM.DELETE.{name}", "")


def play(binary):
    lines = []
    for profile in PROFILES:
        server = Server(binary, profile)
        client = Client(server.port)
        for group, wanted, requests in cases.GROUPS:
            if wanted != profile:
                continue
            clean(client)
            for subject, body in requests:
                answer = client.request("$JS.API." + expand(subject), expand(body))
                lines.append({"group": group, "profile": profile, "subject": subject, "body": body,
                              **facts(answer)})
        server.stop()
    return lines


def main():
    lines = play(sys.argv[1])
    path = HERE / "golden.jsonl"
    if "--compare" not in sys.argv:
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        print(len(lines), "requests")
        return
    golden = [json.loads(line) for line in path.read_text().splitlines()]
    wrong = [(want, got) for want, got in zip(golden, lines, strict=True) if want != got]
    for want, got in wrong:
        print(f"{want['group']}: {want['subject']} {want['body'][:200]}")
        for key in sorted(set(want) | set(got)):
            if want.get(key) != got.get(key):
                print(f"  {key}: wanted {want.get(key)}\n  {' ' * len(key)}  got    {got.get(key)}")
    print(len(lines) - len(wrong), "equal,", len(wrong), "differ")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

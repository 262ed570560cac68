#!/usr/bin/env python3
"""The `nats` command line client, the same commands on nats-server and on Petrel, what they print compared.

    check.py --petrel BIN --oracle BIN [--only TEXT]

Needs `nats` on the PATH (or named by NATS_CLI); without it the check is skipped, and says so. Ids, times, sizes of
memory, ports and folders are taken out before comparing. Ends with "N passed, N failed, N skipped".
"""
import argparse
import difflib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

CONFIG = """
server_name: one
listen: "127.0.0.1:%(port)d"
http: "127.0.0.1:%(monitor)d"
jetstream { store_dir: "%(folder)s/store" }
accounts { $SYS { users: [{ user: sys, password: sys }] }, APP { jetstream: enabled, users: [{ user: app, password: app }] } }
"""

# What stands in a line may differ in this only.
NORMAL = [(r"N[A-Z0-9]{55}", "ID"), (r"\d{4}-\d\d-\d\d[ T][\d:.]+Z?", "TIME"), (r"\b\d\d:\d\d:\d\d\b", "TIME"),
          (r"sha256:[0-9a-f]+", "DIGEST"), (r"[\d.]+ ?(ns|ms|µs|s|B|KiB|MiB|GiB)\b", "SIZE"), (r"[─╭╮╰╯│├┤┬┴┼█▏▎▍▌▋▊▉ ]+", " "),
          (r"(cpu=|mem=|subscriptions=|Client ID: |\(|cid:)[\d.]+%?", r"\1N"), (r"CPU Cores: .*", "CPU"),
          (r"Subscriptions: \d+", "Subscriptions"), (r"127\.0\.0\.1:\d+", "ADDRESS"), (r"store/(jetstream|petrel)", "STORE"),
          (r"(?m)^[│ ]*\d+ (NATS CLI)", r"\1"), (r"Digest: .*", "Digest"), (r"Consumers: \d+", "Consumers"), (r"[\d.]+[KM]B(/s)?", "SIZE"),
          (r"(Always sync writes to disk: ).*", r"\1"), (r"'\d+(,\d+)*'", "N")]

# Commands of one account, in an order in which they make sense; "sys: " asks as the system account.
COMMANDS = """
sys: server ping -c 1
sys: server info
sys: server report connections
sys: server report accounts
sys: server report jetstream
sys: server report health
sys: server report routes
sys: server report gateways
sys: server report leafnodes
sys: server report mem
sys: server check connection
sys: server check server --name one
sys: server check meta --expect 1 --lag-critical 1 --seen-critical 1s
sys: server cluster step-down -f
sys: server account purge NOBODY -f
stream add ORDERS --subjects orders.> --storage file --retention limits --discard old --defaults
stream add WORK --subjects work.> --retention work --defaults
pub orders.new hello --count 20 --quiet
pub orders.eu world --quiet
stream info ORDERS
stream ls
stream ls -n
stream report
stream state ORDERS
stream subjects ORDERS
stream get ORDERS 3
stream get ORDERS -S orders.eu
stream view ORDERS 5
stream rmm ORDERS 2 -f
stream purge ORDERS --subject orders.eu -f
stream edit ORDERS --max-msgs 1000 -f
stream find --empty
stream gaps ORDERS
stream backup ORDERS backup --no-progress
consumer add ORDERS PULL --pull --defaults
consumer add ORDERS PUSH --target out.x --deliver all --replay instant --filter orders.> --defaults
consumer ls ORDERS
consumer info ORDERS PULL
consumer next ORDERS PULL --count 3
consumer next ORDERS PULL --no-ack
consumer report ORDERS
consumer pause ORDERS PULL 1h -f
consumer resume ORDERS PULL -f
consumer copy ORDERS PULL PULL2 --max-pending 7
consumer find ORDERS --pull
consumer rm ORDERS PULL2 -f
server check stream --stream ORDERS --msgs-warn 1 --msgs-critical 2
server check consumer --stream ORDERS --consumer PUSH --unprocessed-critical 5
server check jetstream
server check message --stream ORDERS --subject orders.new --age-critical 1s
server check stream --stream ORDERS --format json
server check jetstream --format prometheus
kv add CFG --history 5
kv put CFG a 1
kv put CFG b 2
kv get CFG a --raw
kv create CFG a 3
kv update CFG a 4 1
kv history CFG a
kv ls
kv ls CFG
kv info CFG
kv del CFG b -f
kv purge CFG a -f
kv revert CFG a 1 -f
kv compact CFG -f
server check kv --bucket CFG
object add OBJ
object put OBJ nats.conf --no-progress -f
object ls OBJ
object info OBJ nats.conf
object get OBJ nats.conf -O copy --no-progress -f
object rm OBJ nats.conf -f
object seal OBJ -f
account info
account report connections
account backup all -f
service ls
request nobody x
stream copy ORDERS ORDERS2 --subjects o2.>
stream seal ORDERS2 -f
stream rm ORDERS2 -f
stream rm ORDERS -f
stream restore backup
stream info ORDERS
stream cluster step-down ORDERS
stream rm WORK -f
kv rm CFG -f
sys: server report jetstream
sys: audit gather -o audit.zip --no-server-profiles --no-streams
sys: audit analyze audit.zip
""".strip().splitlines()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Side:
    """A server and the folder its commands run in."""

    def __init__(self, binary, folder, client):
        self.folder, self.client = pathlib.Path(folder), client
        self.port, monitor = free_port(), free_port()
        config = self.folder / "nats.conf"
        config.write_text(CONFIG % {"port": self.port, "monitor": monitor, "folder": folder})
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen([binary, "-c", config], stderr=log, stdout=log)
        deadline = time.monotonic() + 20
        while socket.socket().connect_ex(("127.0.0.1", self.port)) != 0:
            if time.monotonic() > deadline:
                raise SystemExit(f"{binary} does not start")
            time.sleep(0.02)

    def run(self, command):
        rest = command.removeprefix("sys: ")
        name = "sys" if command.startswith("sys: ") else "app"
        arguments = [self.client, "--server", f"nats://127.0.0.1:{self.port}", "--user", name, "--password", name,
                     "--timeout", "3s", *rest.split()]
        done = subprocess.run(arguments, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
                              env={**os.environ, "HOME": str(self.folder), "NO_COLOR": "1"})
        text = done.stdout.replace(str(self.folder), "FOLDER").replace(str(self.port), "PORT")
        for pattern, normal in NORMAL:
            text = re.sub(pattern, normal, text)
        return [line.strip() for line in text.splitlines()] + [f"exit code {done.returncode}"]

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--petrel", required=True)
    parser.add_argument("--oracle", required=True)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    client = os.environ.get("NATS_CLI") or shutil.which("nats")
    if client is None:
        print("SKIP the nats command line client is not here")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    passed = failed = 0
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        oracle, petrel = Side(arguments.oracle, one, client), Side(arguments.petrel, two, client)
        try:
            for command in COMMANDS:
                expected, seen = oracle.run(command), petrel.run(command)
                if sorted(expected) == sorted(seen):
                    passed += 1
                elif arguments.only in command:
                    failed += 1
                    print(f"FAIL nats {command}")
                    print("\n".join(difflib.unified_diff(expected, seen, "nats-server", "petrel", lineterm="", n=0)))
        finally:
            oracle.stop()
            petrel.stop()
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""self_test.py LOAD: the load generator gives a figure for an honest server and none for a broken one."""
import os
import re
import socketserver
import subprocess
import sys
import threading

INFO = b'INFO {"server_id":"X","version":"2.15.2","headers":true,"max_payload":1048576} \r\n'
OPERATION = re.compile(rb"(PUB (\S+) (\d+)|SUB (\S+) (\S+)|CONNECT [^\r]*|PING|PONG)\r\n")


def honest(number, frame):
    return frame


def losing(number, frame):
    return b"" if number == 500 else frame


def doubling(number, frame):
    return frame + frame if number == 500 else frame


def shortening(number, frame):
    return frame[:-3] + b"\r\n" if number == 500 else frame


def renaming(number, frame):
    return frame.replace(b"MSG bench", b"MSG other") if number == 500 else frame


class Server(socketserver.ThreadingTCPServer):
    """Just enough of a server: one subject, literal subscriptions, and a fault in the 500th message."""

    allow_reuse_address, daemon_threads = True, True

    def __init__(self, fault):
        super().__init__(("127.0.0.1", 0), Connection)
        self.fault, self.subscribers, self.count, self.lock = fault, [], 0, threading.Lock()

    def handle_error(self, request, client_address):
        """The generator gives up on a broken server by closing: nothing to report."""

    def publish(self, subject, payload):
        with self.lock:
            self.count += 1
            for wanted, sid, link in self.subscribers:
                if wanted == subject:
                    frame = b"MSG %s %s %d\r\n%s\r\n" % (subject, sid, len(payload), payload)
                    link.sendall(self.fault(self.count, frame))


class Connection(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(INFO)
        pending = b""
        while chunk := self.request.recv(65536):
            pending += chunk
            while (used := self.take(pending)) > 0:
                pending = pending[used:]

    def take(self, pending):
        found = OPERATION.match(pending)
        if not found:
            return 0
        if found.group(2):
            end = found.end() + int(found.group(3))
            if len(pending) < end + 2:
                return 0
            self.server.publish(found.group(2), pending[found.end():end])
            return end + 2
        if found.group(4):
            self.server.subscribers.append((found.group(4), found.group(5), self.request))
        elif found.group(1) == b"PING":
            with self.server.lock:
                self.request.sendall(b"PONG\r\n")
        return found.end()


def measure(load, fault):
    with Server(fault) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = subprocess.run(
            [load, "throughput", "--port", str(server.server_address[1]), "--pid", str(os.getpid()),
             "--seconds", "0.1", "--warm-up", "0.01", "--window", "4000", "--patience", "1"],
            capture_output=True, text=True, timeout=60, check=False)
        server.shutdown()
        return done


def main():
    failures = []
    for fault, words in ((honest, None), (losing, "lost messages"), (doubling, "more messages"),
                         (shortening, ""), (renaming, "another shape")):
        done = measure(sys.argv[1], fault)
        if words is None and done.returncode != 0:
            failures.append(f"an honest server gets no figure: {done.stderr}")
        if words is not None and (done.returncode == 0 or words not in done.stderr):
            failures.append(f"a {fault.__name__} server: exit {done.returncode} {done.stdout} {done.stderr}")
    print("\n".join(failures) or "four broken servers got no figure")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

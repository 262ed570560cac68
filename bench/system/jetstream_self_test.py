#!/usr/bin/env python3
"""jetstream_self_test.py LOAD: clients of streams give a figure for an honest server and none for a broken one."""
import os
import re
import socketserver
import subprocess
import sys
import threading

INFO = b'INFO {"server_id":"X","version":"2.15.2","headers":true,"max_payload":1048576} \r\n'
OPERATION = re.compile(rb"(PUB (\S+) (?:(\S+) )?(\d+)|SUB \S+ (\S+)|CONNECT [^\r]*|PING|PONG)\r\n")
AT = 50  # the message at which a server goes wrong


def frame(subject, payload, reply=b""):
    return b"MSG %s 1 %s%d\r\n%s\r\n" % (subject, reply + b" " if reply else b"", len(payload), payload)


class Honest:
    """Acknowledges what is published, serves pulls with numbered messages."""

    def acknowledge(self, reply, number):
        return frame(reply, b'{"stream":"S","seq":%d}' % number)

    def deliver(self, inbox, number):
        return frame(inbox, b"payload", self.reply(number))

    def reply(self, number):
        return b"$JS.ACK.S.C0.1.%d.%d.0.0" % (number, number)


class Refusing(Honest):
    def acknowledge(self, reply, number):
        return frame(reply, b'{"error":{"code":503}}') if number == AT else super().acknowledge(reply, number)


class AnsweringTwice(Honest):
    def acknowledge(self, reply, number):
        return super().acknowledge(reply, number) * (2 if number == AT else 1)


class Repeating(Honest):
    def deliver(self, inbox, number):
        return super().deliver(inbox, number) * (2 if number == AT else 1)


class Redelivering(Honest):
    def reply(self, number):
        return super().reply(number).replace(b".1.", b".2.", 1) if number == AT else super().reply(number)


class Reordering(Honest):
    def reply(self, number):
        return super().reply(number - 2 if number == AT else number)


class Ending(Honest):
    def deliver(self, inbox, number):
        status = b"NATS/1.0 409 Consumer Deleted\r\n\r\n"
        if number != AT:
            return super().deliver(inbox, number)
        return b"HMSG %s 1 %d %d\r\n%s\r\n" % (inbox, len(status), len(status), status)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads = True, True

    def __init__(self, behaviour):
        super().__init__(("127.0.0.1", 0), Connection)
        self.behaviour = behaviour

    def handle_error(self, request, client_address):
        """The generator gives up on a broken server by closing: nothing to report."""


class Connection(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(INFO)
        self.count, pending = 0, b""
        while chunk := self.request.recv(65536):
            pending += chunk
            while (used := self.take(pending)) > 0:
                pending = pending[used:]

    def take(self, pending):
        found = OPERATION.match(pending)
        if not found:
            return 0
        if not found.group(2):
            if found.group(1) == b"PING":
                self.request.sendall(b"PONG\r\n")
            return found.end()
        end = found.end() + int(found.group(4))
        if len(pending) < end + 2:
            return 0
        if found.group(3):
            self.answer(found.group(2), found.group(3))
        return end + 2

    def answer(self, subject, reply):
        behaviour, out = self.server.behaviour, b""
        is_pull = subject.startswith(b"$JS.API.CONSUMER.MSG.NEXT")
        for _ in range(16 if is_pull else 1):
            if is_pull and self.count == 100:
                break
            self.count += 1
            out += (behaviour.deliver if is_pull else behaviour.acknowledge)(reply, self.count)
        self.request.sendall(out)


def measure(load, behaviour, kind):
    options = {"publish": ["--publishers", "1", "--in-flight", "8"], "pull": ["--pullers", "1", "--batch", "16"]}
    with Server(behaviour) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = subprocess.run(
            [load, "jetstream", "--port", str(server.server_address[1]), "--pid", str(os.getpid()), "--messages",
             "100", *options[kind]], capture_output=True, text=True, timeout=60, check=False)
        server.shutdown()
        return done


def main():
    failures = []
    for kind, behaviour, words in (("publish", Honest(), None), ("pull", Honest(), None),
                                   ("publish", Refusing(), "the server answered"),
                                   ("publish", AnsweringTwice(), "nobody waits for"),
                                   ("pull", Repeating(), "twice or out of order"),
                                   ("pull", Redelivering(), "not the first"),
                                   ("pull", Reordering(), "twice or out of order"),
                                   ("pull", Ending(), "409 Consumer Deleted")):
        done = measure(sys.argv[1], behaviour, kind)
        name = f"{kind}, {type(behaviour).__name__}"
        if words is None and (done.returncode != 0 or "server_cpu_ns" not in done.stdout):
            failures.append(f"{name}: an honest server gets no figure: {done.stderr}")
        if words is not None and (done.returncode == 0 or words not in done.stderr):
            failures.append(f"{name}: exit {done.returncode} {done.stdout} {done.stderr}")
    print("\n".join(failures) or "six broken servers got no figure")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

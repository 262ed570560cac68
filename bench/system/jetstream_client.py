"""A small synchronous client of the JetStream API: sets up what the load generator then uses."""
import itertools
import json
import socket

from servers import BenchError

NUMBERS = itertools.count()  # an inbox of its own for each client: several are open at a time


class Client:
    """One connection; `request` gives the parsed answer and turns an API error into a BenchError."""

    def __init__(self, port, timeout=60):
        self.link_ = socket.create_connection(("127.0.0.1", port), timeout)
        self.lines_ = self.link_.makefile("rb")
        self.number_ = 0
        self.inbox_ = f"_INBOX.setup{next(NUMBERS)}"
        self.lines_.readline()
        self.link_.sendall(b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n'
                           + f"SUB {self.inbox_}.* 1\r\n".encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines_.close()
        self.link_.close()

    def raw(self, subject, payload=b""):
        """(headers, payload) of the answer."""
        self.number_ += 1
        inbox = f"{self.inbox_}.{self.number_}"
        self.link_.sendall(f"PUB {subject} {inbox} {len(payload)}\r\n".encode() + payload + b"\r\n")
        while True:
            words = self.lines_.readline().split()
            if not words:
                raise BenchError(f"the connection ended before the answer to {subject}")
            if words[0] == b"PING":
                self.link_.sendall(b"PONG\r\n")
            elif words[0] == b"-ERR":
                raise BenchError(b" ".join(words).decode())
            elif words[0] in (b"MSG", b"HMSG"):
                body = self.lines_.read(int(words[-1]) + 2)[:-2]
                head = int(words[-2]) if words[0] == b"HMSG" else 0
                if words[1] == inbox.encode():
                    return body[:head], body[head:]

    def request(self, subject, body=None):
        payload = json.dumps(body).encode() if body is not None else b""
        headers, answer = self.raw("$JS.API." + subject, payload)
        if not answer:
            raise BenchError(f"{subject}: {headers[:80]!r}")
        parsed = json.loads(answer)
        if "error" in parsed:
            raise BenchError(f"{subject}: {parsed['error']}")
        return parsed

    def create_stream(self, name, **config):
        return self.request(f"STREAM.CREATE.{name}", {"name": name, **config})

    def create_consumer(self, stream, name, **config):
        given = {"durable_name": name, "ack_policy": "explicit", **config}
        return self.request(f"CONSUMER.CREATE.{stream}.{name}", {"stream_name": stream, "config": given})

    def messages(self, stream):
        return self.request(f"STREAM.INFO.{stream}")["state"]["messages"]

    def stream_of(self, subject):
        return self.request("STREAM.NAMES", {"subject": subject})["streams"][0]

    def consumer(self, stream, name):
        return self.request(f"CONSUMER.INFO.{stream}.{name}")

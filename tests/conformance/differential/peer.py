"""One scripted connection: bytes out, bytes in, nothing hidden but keep-alive PINGs of the server."""
import json
import select
import socket
import ssl
import time

_PING = b"PING\r\n"


class Mismatch(Exception):
    """What came is not what was expected."""


class Peer:
    """A TCP connection that is read only when something is expected, so that it can also be a slow consumer."""

    def __init__(self, host, port, deadline):
        self.deadline = deadline
        self.socket = socket.create_connection((host, port), deadline)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server_port = port
        self.buffer, self.ended, self.info = bytearray(), False, {}

    def start_tls(self, context):
        """A handshake that fails is the end of the stream, as the server's."""
        try:
            self.socket.settimeout(self.deadline)
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        except (OSError, ssl.SSLError):
            self.ended = True

    # --- out ---

    def send(self, data):
        self.socket.settimeout(self.deadline)
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            pass  # the server has hung up; what it said before is still to be read

    def send_split(self, data, size):
        """Sends in pieces, each only when the server has read the one before."""
        for start in range(0, len(data), size):
            self.send(data[start:start + size])
            self._wait_read()

    def _wait_read(self):
        local, v6 = self.socket.getsockname()[1], self.socket.family == socket.AF_INET6
        table = "/proc/net/tcp6" if v6 else "/proc/net/tcp"
        mine, theirs = f":{local:04X}", f":{self.server_port:04X}"
        end = time.monotonic() + self.deadline
        while time.monotonic() < end:
            with open(table, encoding="ascii") as rows:
                for row in rows:
                    words = row.split()
                    if words[1].endswith(theirs) and words[2].endswith(mine):
                        if words[4].split(":")[1] == "00000000":
                            return
                        break
                else:
                    return  # closed
        raise Mismatch("the server does not read")

    # --- in ---

    def receive(self, end):
        """Takes what there is, waiting until `end` at most; False when nothing more comes."""
        if self.ended:
            return False
        is_buffered = isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0
        if not is_buffered and not select.select([self.socket], [], [], max(0.0, end - time.monotonic()))[0]:
            return False
        try:
            data = self.socket.recv(1 << 20)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
            data = b""
        if not data:
            self.ended = True
            return False
        self.buffer += data
        return True

    def answer_pings(self, expected=b""):
        while self.buffer.startswith(_PING) and not expected.startswith(b"PING"):
            del self.buffer[:len(_PING)]
            self.send(b"PONG\r\n")

    def take(self, expected):
        """The bytes that came in place of the expected ones."""
        end, same = time.monotonic() + self.deadline, 0
        while True:
            same = self._agreement(expected, same)
            if same == len(expected):
                return self._cut(same)
            if same < len(self.buffer) and self._drop_ping(same):
                same = max(0, same - len(_PING))
                continue
            if same < len(self.buffer) and not self._cut_ping(same):
                break
            if not self.receive(end):
                break
        self.receive(time.monotonic() + 0.02)
        return bytes(self.buffer) + (b"<EOF>" if self.ended else b"<nothing more>")

    def _agreement(self, expected, same):
        """How many bytes agree, when `same` are known to."""
        size = min(len(expected), len(self.buffer))
        if self.buffer[same:size] == expected[same:size]:
            return size
        return next(at for at in range(same, size) if self.buffer[at] != expected[at])

    def _drop_ping(self, same):
        """Answers and removes a keep-alive PING between messages that explains a difference at `same`."""
        at = self.buffer.find(_PING, max(0, same - len(_PING) + 1), same + len(_PING))
        if at < 0 or at > same or (at > 0 and self.buffer[at - 2:at] != b"\r\n"):
            return False
        del self.buffer[at:at + len(_PING)]
        self.send(b"PONG\r\n")
        return True

    def _cut_ping(self, same):
        """Whether what came ends within such a PING."""
        return any(_PING.startswith(bytes(self.buffer[at:])) for at in range(max(0, same - 5), same + 1)
                   if len(self.buffer) - at < len(_PING))

    def _cut(self, size):
        """The first bytes of what came, taken away."""
        got = bytes(self.buffer[:size])
        del self.buffer[:size]
        return got

    def take_until(self, tail, pings=True):
        """Everything up to and with `tail`."""
        end = time.monotonic() + self.deadline
        while True:
            if pings:
                self.answer_pings(tail)
            at = self.buffer.find(tail)
            if at >= 0:
                return self._cut(at + len(tail))
            if not self.receive(end):
                raise Mismatch(f"no {tail!r} in {bytes(self.buffer[-400:])!r}{'<EOF>' if self.ended else ''}")

    def take_size(self, size):
        end = time.monotonic() + self.deadline
        while len(self.buffer) < size:
            if not self.receive(end):
                raise Mismatch(f"{size} bytes announced, {len(self.buffer)} came")
        return self._cut(size)

    def take_info(self):
        line = self.take_until(b"\r\n")
        if not line.startswith(b"INFO {") or not line.endswith(b"} \r\n"):
            raise Mismatch(f"not an INFO line: {line!r}")
        return json.loads(line[5:])

    def take_message(self):
        """(subject, sid, reply, header, payload) of the next message."""
        line = self.take_until(b"\r\n").decode()
        words = line.split()
        if words[0] not in ("MSG", "HMSG"):
            raise Mismatch(f"not a message: {line!r}")
        sizes = 2 if words[0] == "HMSG" else 1
        head = int(words[-2]) if sizes == 2 else 0
        data = self.take_size(int(words[-1]) + 2)
        reply = words[3] if len(words) - sizes > 3 else ""
        return words[1], words[2], reply, data[:head].decode(), data[head:-2]

    def take_end(self):
        """Everything until the end of the stream, or until the deadline."""
        end = time.monotonic() + self.deadline
        self.answer_pings(b"")
        while self.receive(end):
            self.answer_pings(b"")
        return bytes(self.buffer) + (b"<EOF>" if self.ended else b"<still open>")

    def handshake(self, connect):
        self.info = self.take_info()
        self.send(b"CONNECT " + connect.encode() + b"\r\nPING\r\n")
        return self.barrier(send=False)

    def barrier(self, send=True):
        """What comes before the PONG of a PING: empty when nothing was outstanding."""
        if send:
            self.send(b"PING\r\n")
        got = self.take_until(b"PONG\r\n")
        return got

    def close(self):
        self.socket.close()

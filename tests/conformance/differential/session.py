"""Plays one scenario against one server binary and writes down everything that was seen."""
import base64
import dataclasses
import fnmatch
import hashlib
import http.client
import json
import os
import pathlib
import re
import select
import shlex
import socket
import subprocess
import tempfile
import time

import certificates
import checks
import credentials
import encodings_of_answers as encodings
import normalise
import scenario
import server
from peer import Mismatch, Peer

QUIET = '{"verbose":false,"pedantic":false,"headers":true,"no_responders":true}'


@dataclasses.dataclass
class Seen:
    """What one step expected and saw; `compared` is what the other server must equal."""
    line: int
    assertion: str
    verb: str
    text: str
    observed: object
    compared: object
    source: str  # the text as it stands in the scenario


class Session:
    """One run. Every method step_* is a verb of the language; those that expect return what they saw."""

    crowd = 0        # idle connections beside those of the scenario, so that a server has cause to spread them
    block = ""       # what is added to the configuration file, e.g. petrel { backend: epoll }

    def __init__(self, played, name, binary, deadline):
        self.played, self.name, self.binary, self.deadline = played, name, binary, deadline
        self.peers, self.seen, self.server, self.answer = {}, [], None, None
        self.done, self.udp, self.ports, self.marked, self.cursor = None, None, {}, 0.0, 0
        self.tokens = {}
        self.replies = {}  # of the last request that a connection saw, for @{REPLY:name}
        self.asked = {}  # what an auth callout asked a connection last, for @{NKEY:name} and `answer`

    def run(self):
        """None, or why the scenario failed, as text."""
        with tempfile.TemporaryDirectory(prefix="petrel-diff-") as folder:
            self.folder = folder
            try:
                return self._play()
            finally:
                for peer in self.peers.values():
                    peer.close()
                if self.udp:
                    self.udp.close()
                if self.server:
                    self.server.end()

    def _play(self):
        for token in self.played.tokens:
            self._make_token(*token)
        for name, text in self.played.files.items():
            self._write(name, text)
        if self.block and "server.conf" not in self.played.files:
            self._write("server.conf", "")
        for step in self.played.steps:
            if step.only not in ("", self.name):
                continue
            where = f"{self.played.path}:{step.line}"
            try:
                why = self._one(step)
            except Exception as error:  # whatever a server answers, the other scenarios are still played
                why = f"{type(error).__name__}: {error}"
            if why:
                return f"{where}: {self.played.name}" + (f" [{step.assertion}]" if step.assertion else "") + \
                    f": {step.actor} {step.verb} {step.text[:200]}: {why}"
        if self.server and not self.server.alive() and not any(s.verb in ("exit", "gone") for s in self.played.steps):
            return f"{self.played.path}: {self.played.name}: the server has died: {self.server.raw_log()[-20:]}"
        return None

    def _one(self, step):
        if not self.server and self.played.server and step.verb not in ("listenudp", "write", "sign"):
            self._start()
        text = self._resolve(step.text)
        method = getattr(self, "step_" + {
            ">": "send", ">>": "send_raw", "<": "bytes", "<<": "bytes", "<info": "info", "<msg": "message",
            "<req": "request", "<sys": "system"}.get(step.verb, step.verb if step.verb[0] != ">" else "send_split"), None)
        if method is None:
            return "unknown verb"
        self.source = step.text
        observed = method(dataclasses.replace(step, text=text))
        if step.verb not in scenario.EXPECTING:
            return None
        compared = self._comparable(step.verb, text, observed)
        self.seen.append(Seen(step.line, step.assertion, step.verb, text, observed, compared, step.text))
        return checks.check(step.verb, text, observed)

    def _comparable(self, verb, text, observed):
        """The part of an observation that both servers must share."""
        if verb not in ("<", "<<", "eof", "quiet", "<info", "<msg", "<req", "<sys", "exit"):
            return None  # the expectation says it all, or `http` and `run` are compared as a whole
        if isinstance(observed, bytes):
            if len(observed) > 4000:
                return f"{len(observed)} bytes, sha256 {hashlib.sha256(observed).hexdigest()}"
            return normalise.text(observed.decode("latin-1"), self.folder)
        return observed

    # --- names and files ---

    def _resolve(self, text):
        return re.sub(r"@\{([A-Z]+)(?::?(\w*))\}", self._name, text)

    def _name(self, found):
        name, which = found[1], found[2]
        values = {"DIR": lambda: self.folder, "PORT": lambda: self.server.port(),
                  "MONITOR": lambda: self.server.monitor_port(), "PID": lambda: self.server.process.pid,
                  "ID": lambda: self.server.server_id(), "UDP": lambda: self.udp.getsockname()[1],
                  "CID": lambda: self.peers[which].info["client_id"],
                  "LPORT": lambda: self.peers[which].socket.getsockname()[1],
                  "REPLY": lambda: self.replies[which], "NKEY": lambda: self.asked[which]["user_nkey"],
                  "JWT": lambda: self.tokens[which], "SIG": lambda: self._signature(*which.split("_", 1)),
                  **{kind: lambda kind=kind: credentials.public(kind, which) for kind in credentials.KINDS},
                  "TLS": certificates.folder, "PIN": lambda: certificates.pin(which),
                  "FREE": lambda: self.ports.setdefault(which, server.free_port())}
        return str(values[name]()) if name in values else found[0]

    def _signature(self, actor, name):
        """The nonce that a connection was given, signed by a key."""
        nonce = self.peers[actor].info.get("nonce", "")
        return credentials.url64(credentials.signature(name, nonce.encode()))

    def _make_token(self, name, kind, issuer, claims):
        self.tokens[name] = credentials.token(kind, issuer, json.loads(self._resolve(claims)))

    def step_sign(self, step):
        """`sign NAME KIND ISSUER {claims}`: a JWT, made now."""
        self._make_token(*step.text.split(" ", 3))

    def _write(self, name, text):
        path = pathlib.Path(self.folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        block = self.block if name == "server.conf" else ""
        path.write_text(self._resolve(text) + block, encoding="utf-8")

    def _environment(self):
        return {"PATH": "/usr/bin:/bin", "HOME": self.folder, "TMPDIR": self.folder,
                **{key: self._resolve(value) for key, value in self.played.env.items()}}

    def _start(self):
        args = [self._resolve(arg) for arg in self.played.args]
        if self.block or "server.conf" in self.played.files:
            args += ["-c", "server.conf"]
        if not any(arg in ("-p", "--port") or arg.startswith(("-p=", "--port=")) for arg in args):
            args += ["-a", "127.0.0.1", "-p", "-1"]
        args = [arg for arg in args if arg != "--port=config"]
        if self.played.monitor:
            args += ["-m", "-1"]
        self.server = server.Server(self.binary, args, self.folder, self._environment(), self.played.terminal)
        if not self.server.wait_ready(time.monotonic() + self.deadline, self.ports.get("1", 0)):
            raise Mismatch("the server does not start: " + "\n".join(self.server.raw_log()[-10:]))
        for number in range(self.crowd):
            self.peers[f"crowd {number}"] = Peer(self.played.host, self.server.port() or self.ports["1"],
                                                 self.deadline)

    def step_write(self, step):
        self._write(step.text, step.block)

    def step_rename(self, step):
        old, new = step.text.split()
        os.rename(os.path.join(self.folder, old), os.path.join(self.folder, new))

    def step_remove(self, step):
        os.remove(os.path.join(self.folder, step.text))

    def _until(self, probe):
        """The value of probe() once it is not None, or None at the deadline."""
        end = time.monotonic() + self.deadline
        while (value := probe()) is None and time.monotonic() < end:
            time.sleep(0.005)
        return value

    def _one_file(self, pattern):
        def probe():
            found = sorted(name for name in os.listdir(self.folder) if fnmatch.fnmatch(name, pattern))
            return os.path.join(self.folder, found[0]) if found else None
        path = self._until(probe)
        if path is None:
            raise Mismatch(f"no file {pattern}")
        return path

    def step_filetext(self, step):
        name = step.text.partition(" ")[0]
        path, text = self._one_file(name), ""

        def probe():
            nonlocal text
            text = f"{name} " + pathlib.Path(path).read_text(encoding="utf-8")
            return True if checks.check("filetext", step.text, text) is None else None
        self._until(probe)
        return text

    def step_process(self, _step):
        return pathlib.Path(f"/proc/{self.server.process.pid}/comm").read_text(encoding="utf-8").rstrip("\n")

    def step_filemode(self, step):
        name = step.text.split()[0]
        return f"{name} {os.stat(self._one_file(name)).st_mode & 0o777:o}"

    def step_nofile(self, step):
        self._until(lambda: None if step.text in os.listdir(self.folder) else True)
        return [".", *sorted(os.listdir(self.folder))]

    def step_lists(self, step):
        pattern, wanted = step.text.split()
        count = 0

        def probe():
            nonlocal count
            count = len(fnmatch.filter(os.listdir(self.folder), pattern))
            return count if count == int(wanted) else None
        self._until(probe)
        return f"{pattern} {count}"

    # --- connections ---

    def _peer(self, step):
        return self.peers[step.actor]

    def _connect(self, step, host="127.0.0.1", port=0):
        if port is None:
            raise Mismatch("there is no such port")
        peer = Peer(host, port or self.server.port() or self.ports.get("1", 0), self.deadline)
        old = self.peers.pop(step.actor, None)
        if old:
            old.close()
        self.peers[step.actor] = peer
        return peer

    def step_open(self, step):
        self._connect(step, step.text or "127.0.0.1")

    def step_connect(self, step):
        peer = self._connect(step, step.text or "127.0.0.1")
        peer.info = peer.take_info()

    def step_dial(self, step):
        self._connect(step, port=(self.server.monitor_port() or None) if step.text == "monitor" else int(step.text))

    def step_tls(self, step):
        self._peer(step).start_tls(certificates.client_context(step.text))

    def step_client(self, step):
        got = self._connect(step).handshake(step.text or QUIET)
        if got not in (b"PONG\r\n", b"+OK\r\nPONG\r\n"):
            raise Mismatch(f"before the first PONG: {got!r}")

    def step_many(self, step):
        """`P many N`: connections P1..PN."""
        for number in range(1, int(step.text) + 1):
            self.step_client(dataclasses.replace(step, actor=f"{step.actor}{number}", text=""))

    def step_send(self, step):
        self._peer(step).send(scenario.unescape(step.text) + b"\r\n")

    def step_send_raw(self, step):
        self._peer(step).send(scenario.unescape(step.text))

    def step_send_split(self, step):
        self._peer(step).send_split(scenario.unescape(step.text), int(step.verb[1:]))

    def step_flood(self, step):
        count, _, text = step.text.partition(" ")
        self._peer(step).send(scenario.unescape(text) * int(count))

    def step_push(self, step):
        """`push SUBJECT REPLY BODY`: publishes a request; the size is counted."""
        subject, reply, body = step.text.split(" ", 2)
        self._peer(step).send(f"PUB {subject} {reply} {len(body)}\r\n{body}\r\n".encode())

    def step_close(self, step):
        self._peer(step).close()
        del self.peers[step.actor]

    def step_shut(self, step):
        self._peer(step).socket.shutdown(socket.SHUT_WR)

    def step_small(self, step):
        """A small receive buffer: what a slow consumer has."""
        self._peer(step).socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(step.text or 4096))

    def step_sync(self, step):
        got = self._peer(step).barrier()
        if got != b"PONG\r\n":
            raise Mismatch(f"before the PONG: {got!r}")

    def step_skip(self, step):
        self._peer(step).take_until(scenario.unescape(step.text))

    def step_bytes(self, step):
        return self._peer(step).take(checks.expected_bytes(step.verb, step.text))

    def step_quiet(self, step):
        return self._peer(step).barrier()

    def step_eof(self, step):
        return self._peer(step).take_end()

    def step_info(self, step):
        peer = self._peer(step)
        return normalise.json_document(peer.take_info())

    def _json_payload(self, payload):
        document = json.loads(payload)
        if isinstance(document, dict) and str(document.get("type")).endswith("service_latency"):
            document = normalise.measured(document)
        return normalise.json_document(document)

    def step_message(self, step):
        subject, sid, reply, head, payload = self._peer(step).take_message()
        return {"subject": subject, "sid": sid, "reply": reply, "head": normalise.text(head),
                "body": self._json_payload(payload)}

    def step_system(self, step):
        """`<sys [loose A B] {json}`: an answer or event of the system account, decoded; the values at the paths after
        `loose` are compared by their types."""
        before = step.text[:step.text.index("{")].split()
        subject, _, _, head, payload = self._peer(step).take_message()
        encoding = dict(line.split(": ", 1) for line in head.split("\r\n") if ": " in line).get("Content-Encoding")
        document = json.loads(encodings.decode(encoding, payload))
        if isinstance(document, dict) and "client" in document:
            document = normalise.measured(document)
        seen = {"subject": normalise.text(subject), "head": head, "body": normalise.json_document(document)}
        return loosen(seen, before[1:])

    def step_request(self, step):
        """A request that came to a service: its headers one by one, Nats-Request-Info as JSON."""
        subject, sid, reply, head, payload = self._peer(step).take_message()
        self.replies[step.actor] = reply
        payload = self._asked(step, head, payload)
        seen = {"subject": subject, "sid": sid, "reply": normalise.text(reply), "headers": [],
                "body": normalise.claims(payload.decode("latin-1") if isinstance(payload, bytes) else payload)}
        for line in (head.decode("latin-1") if isinstance(head, bytes) else head).split("\r\n"):
            if line.startswith("Nats-Request-Info: "):
                seen["info"] = normalise.json_document(normalise.measured(json.loads(line.split(": ", 1)[1])))
            elif line:
                seen["headers"].append(normalise.text(line))
        return seen

    def _asked(self, step, head, payload):
        """Remembers what an auth callout asks; `<req CURVE {json}` opens it with that key first."""
        payload = payload if isinstance(payload, bytes) else payload.encode("latin-1")
        name = step.text[:step.text.index("{")].strip()
        if name:
            head = head.decode("latin-1") if isinstance(head, bytes) else head
            found = re.search(r"^Nats-Server-Xkey: (\w+)", head, re.M)
            opened = credentials.unseal(name, found[1], payload) if found else None
            if opened is None:
                raise Mismatch("this is no box for that key")
            payload = opened
        parts = payload.split(b".")
        if payload.startswith(b"eyJ") and len(parts) == 3:
            self.asked[step.actor] = json.loads(base64.urlsafe_b64decode(parts[1] + b"==="))["nats"]
        return payload

    def step_answer(self, step):
        """`answer TOKEN [CURVE [bad]]`: that JWT to what was asked, in a box of that key; `bad`: a broken one."""
        name, *box = step.text.split(" ")
        body = self.tokens[name].encode()
        if box:
            body = credentials.seal(box[0], self.asked[step.actor]["server_id"]["xkey"], body)
            body = body[:-1] + bytes([body[-1] ^ (len(box) > 1)])
        self._peer(step).send(b"PUB %s %d\r\n%s\r\n" % (self.replies[step.actor].encode(), len(body), body))

    def step_spread(self, step):
        """`spread A,B N FRAME`: N frames in all, at least one at each; `?` stands for any byte."""
        names, total, frame = step.text.split(" ", 2)
        pattern, wanted = re.compile(re.escape(scenario.unescape(frame)).replace(b"\\?", b"."), re.S), int(total)
        counts, end = dict.fromkeys(names.split(","), 0), time.monotonic() + self.deadline
        while True:
            for name in counts:
                peer = self.peers[name]
                peer.answer_pings()
                while found := pattern.match(peer.buffer):
                    del peer.buffer[:found.end()]
                    counts[name] += 1
            if sum(counts.values()) >= wanted or time.monotonic() > end:
                return counts
            for ready in select.select([self.peers[name].socket for name in counts], [], [], 0.1)[0]:
                next(self.peers[name] for name in counts if self.peers[name].socket is ready).receive(end)

    # --- HTTP ---

    def _request(self, method, path, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.monitor_port(), timeout=self.deadline)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            body = answer.read().decode()
        finally:
            connection.close()
        self.answer = (answer.status, [f"{k}: {v}" for k, v in answer.getheaders()], body)

    def _document(self):
        return normalise.json_document(json.loads(self.answer[2]))

    def step_http(self, step):
        """`http METHOD PATH [loose A B ...]`: also compared as a whole, but for the paths after `loose`."""
        words = step.text.split()
        loose = words[3:] if words[2:3] == ["loose"] else []
        self._request(words[0], words[1])
        status, headers, body = self.answer
        kind = [line for line in headers if line.lower().startswith(("content-type", "access-control", "location"))]
        try:
            whole = loosen(self._document(), loose)
        except ValueError:
            whole = "" if loose else normalise.text(body, self.folder)
        self.seen.append(Seen(step.line, "", "http", step.text, None, [status, kind, whole], self.source))

    def step_until(self, step):
        """`until PATH json ...`: asks until the check passes."""
        path, _, text = step.text.split(" ", 2)

        def probe():
            self._request("GET", path)
            return True if checks.check("json", text, self._lookup(text)) is None else None
        if self._until(probe) is None:
            raise Mismatch(f"still {self._lookup(text)}")

    def _lookup(self, text):
        document = json.loads(self.answer[2])
        found, value = checks.lookup(document, text.split(" ")[0])
        return {"found": found, "value": value}

    def step_json(self, step):
        seen = self._lookup(step.text)
        return seen

    def step_status(self, _):
        return self.answer[0]

    def step_header(self, _):
        return self.answer[1]

    def step_noheader(self, _):
        return self.answer[1]

    def step_body(self, _):
        return normalise.text(self.answer[2], self.folder)

    # --- the process ---

    def step_signal(self, step):
        self.cursor = len(self.server.raw_log())
        self.server.signal(step.text)

    def step_run(self, step):
        """`run ARG...`: the binary to its end; output and exit code are compared as a whole."""
        done = subprocess.run([self.binary, *shlex.split(step.text)], cwd=self.folder, env=self._environment(),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              timeout=self.deadline * 2)
        out, err = normalise.text(done.stdout, self.folder), normalise.text(done.stderr, self.folder)
        self.done = (done.returncode, out, err)
        # nats-server prints the errors of one file in the random order of its maps.
        lines = sorted(line for line in err.splitlines() if line)
        lines = [line.removeprefix("nats-server: ") for line in lines] if len(lines) > 1 else lines
        self.seen.append(Seen(step.line, "", "run", step.text, None, [done.returncode, out, sorted(lines)],
                              self.source))

    def step_refused(self, step):
        """`refused ARG...`: a start that must end by itself; only exit code and expectations are compared."""
        self.step_run(step)
        self.seen[-1].compared = [self.done[0]]

    def step_err(self, _):
        return self.done[2].splitlines()

    def step_out(self, _):
        return self.done[1].splitlines()

    def step_exit(self, _):
        return self.done[0] if self.done else self.server.wait_exit(self.deadline * 2)

    def step_gone(self, _):
        return self.server.wait_exit(self.deadline * 2)

    def step_pause(self, step):
        """Lets time pass that the server measures: what is to happen then cannot be awaited."""
        time.sleep(int(step.text) / 1000)

    def step_mark(self, _):
        self.marked = time.monotonic()

    def step_took(self, _):
        return time.monotonic() - self.marked

    def _wait_log(self, text, first):
        def matches(line):
            return checks.any_line(text, [normalise.log_line(line, self.folder)]) is not None
        return self.server.wait_line(matches, time.monotonic() + self.deadline, first)

    def step_log(self, step):
        """Somewhere in the log."""
        found = self._wait_log(step.text, 0)
        return normalise.log_line(found[1], self.folder) if found else self.server.log()[-30:]

    def step_lognext(self, step):
        """After the line that was found last, or after the last signal."""
        found = self._wait_log(step.text, self.cursor)
        if not found:
            return self.server.log()[self.cursor:][-30:]
        self.cursor = found[0] + 1
        return normalise.log_line(found[1], self.folder)

    def step_nolog(self, _):
        return self.server.log()

    def step_lines(self, _):
        return self.server.raw_log()

    def step_loglines(self, _):
        return len(self.server.raw_log())

    def step_listenudp(self, _):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))

    def step_udp(self, step):
        """Datagrams until one matches."""
        got, end = [], time.monotonic() + self.deadline
        while time.monotonic() < end and not checks.any_line(step.text, got):
            self.udp.settimeout(max(0.01, end - time.monotonic()))
            try:
                got.append(normalise.text(self.udp.recv(65536).decode(errors="replace").rstrip("\n")))
            except TimeoutError:
                break
        return got


def loosen(document, paths, at=""):
    """The document with the values at the given paths replaced by their types; `*` means all."""
    if "*" in paths:
        return normalise.shape(document)
    if at and at in paths:
        return {"type of": normalise.shape(document)}
    if isinstance(document, dict):
        return {key: loosen(value, paths, f"{at}.{key}" if at else key) for key, value in document.items()}
    if isinstance(document, list):
        return [loosen(value, paths, at) for value in document]
    return document

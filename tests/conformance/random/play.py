"""Plays a sequence of operations on one server and writes down what it answered, operation by operation."""
import base64
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "differential"))

import normalise  # noqa: E402  (of the scripted scenarios)
import server  # noqa: E402
from peer import Mismatch, Peer  # noqa: E402

QUIET = '{"verbose":false,"pedantic":false,"headers":true,"no_responders":true}'
# Answers, republished, deliveries; of some sequences also advisories.
SUBSCRIPTIONS = ("_I.>", "r.>", "d.C", "d.D", "d.E", "$JS.EVENT.ADVISORY.>")
START_SECONDS = 20

_SOURCE = re.compile(r"(Nats-Stream-Source: \S+ \d+ \S+ \S+ \S+) \w{8}\b")
_BODY_LIMIT = 6000


class Patience:
    """How long a run waits: for a first answer, and until nothing more comes."""

    def __init__(self, answer, quiet):
        self.answer, self.quiet = answer, quiet


QUICK, CAREFUL = Patience(0.4, 0.008), Patience(1.5, 0.12)


class Player:
    """One server in its own folder and the connections to it. `wanted` is the transcript of the other server, which
    tells how many messages each operation brings; without it, an operation is over when nothing comes any more."""

    def __init__(self, binary, sequence, patience, wanted=None):
        self.binary, self.sequence, self.patience, self.wanted = binary, sequence, patience, wanted
        self.server, self.peers, self.deliveries, self.names = None, {}, [], {}

    def run(self):
        """[(operation id, {where: [what came]})]"""
        with tempfile.TemporaryDirectory(prefix="petrel-random-") as self.folder:
            try:
                for name, text in self.sequence["files"].items():
                    (pathlib.Path(self.folder) / name).write_text(text.replace("@{DIR}", self.folder), encoding="utf-8")
                if not all("config" in operation for operation in self.sequence["operations"]):
                    self._start()
                return self._play()
            finally:
                self._stop()

    def _stop(self):
        for peer in self.peers.values():
            peer.close()
        self.peers = {}
        if self.server:
            self.server.end()

    def _start(self):
        self.server = server.Server(self.binary, ["-c", "server.conf", "-a", "127.0.0.1", "-p", "-1"], self.folder,
                                    {"PATH": "/usr/bin:/bin", "HOME": self.folder, "TMPDIR": self.folder})
        if not self.server.wait_ready(time.monotonic() + START_SECONDS):
            raise Mismatch("the server does not start: " + "\n".join(self.server.raw_log()[-10:]))
        if self.sequence.get("raw"):
            return
        peer = self._open("A")
        peer.handshake(QUIET)
        subjects = SUBSCRIPTIONS if self.sequence.get("advisories") else SUBSCRIPTIONS[:-1]
        peer.send("".join(f"SUB {subject} {sid + 1}\r\n" for sid, subject in enumerate(subjects)).encode())
        peer.barrier()

    def _open(self, name):
        if name in self.peers:
            self.peers.pop(name).close()
        self.peers[name] = Peer("127.0.0.1", self.server.port(), START_SECONDS)
        return self.peers[name]

    def _play(self):
        seen = []
        for at, operation in enumerate(self.sequence["operations"]):
            wanted = self.wanted[at][1] if self.wanted and at < len(self.wanted) else None
            if "config" in operation:
                seen.append((operation["id"], self._check_config(operation["config"])))
                continue
            if "restart" in operation:
                got = self._restart()
            elif "raw" in operation:
                got = self._raw(operation, wanted)
            else:
                got = self._message(operation, wanted)
            seen.append((operation["id"], got))
            if not self.server.alive():
                seen.append(("died", {"log": self.server.raw_log()[-30:]}))
                break
        return self._renamed(seen)

    def _renamed(self, seen):
        """The transcript without the names that the server made up."""
        acks = {one["id"] for one in self.sequence["operations"] if "ack" in one}
        text = json.dumps([(name, _by_consumer(got, name in acks)) for name, got in seen], ensure_ascii=False)
        for name, stand_in in self.names.items():
            text = text.replace(name, stand_in)
        return json.loads(text)

    def _restart(self):
        self.server.signal("TERM")
        if self.server.wait_exit(START_SECONDS) is None:
            raise Mismatch("the server does not stop")
        self._stop()
        self.deliveries = []
        self._start()
        return {}

    def _check_config(self, text):
        """What -t says of a file, and its exit code."""
        (pathlib.Path(self.folder) / "checked.conf").write_text(text.replace("@{DIR}", self.folder), encoding="utf-8")
        done = subprocess.run([self.binary, "-t", "-c", "checked.conf"], cwd=self.folder, capture_output=True, timeout=20,
                              env={"PATH": "/usr/bin:/bin", "HOME": self.folder}, check=False)
        said = normalise.text((done.stdout + done.stderr).decode(errors="replace"), self.folder).split("\n")
        # nats-server tells several errors in any order, and of its own nil pointers among them.
        return {"exit": [done.returncode], "said": sorted(line for line in said if "nil pointer dereference" not in line)}

    # --- messages of a JetStream sequence ---

    def _message(self, operation, wanted):
        frame = self._frame(operation)
        if frame is None:
            return {"1": ["nothing was delivered"]}
        peer = self.peers["A"]
        peer.send(frame)
        reply = f"_I.{operation['id']}" if operation.get("reply", True) else None
        got, first = {}, time.monotonic() + self.patience.answer
        if wanted is None:
            while reply and not self._has(got, reply, operation.get("end")) and time.monotonic() < first:
                peer.receive(first if not self._has(got, reply) else time.monotonic() + self.patience.answer)
                self._collect(got)
            self._collect(got, barrier=True)
            while peer.receive(time.monotonic() + self.patience.quiet):
                self._collect(got)
        else:
            end, count = time.monotonic() + 2 * self.patience.answer, sum(map(len, wanted.values()))
            while sum(map(len, got.values())) < count and peer.receive(end):
                self._collect(got)
            self._collect(got, barrier=True)
            if sum(map(len, got.values())) != count:
                peer.receive(time.monotonic() + self.patience.quiet)
        self._collect(got)
        return got

    def _has(self, got, reply, end=None):
        """Whether the answer has come; `end`: whether its last message has."""
        mine = [one for one in got.get("1", ()) if one["subject"] == reply]
        return any(re.match(r"NATS/1.0 [45]", one["head"]) for one in mine) if end else bool(mine)

    def _frame(self, operation):
        subject, reply = operation.get("to"), f"_I.{operation['id']}"
        if "ack" in operation:
            if not self.deliveries:
                return None
            subject = sorted(self.deliveries, key=normalise.text)[operation["ack"] % len(self.deliveries)]
        for name, stand_in in self.names.items():
            subject = subject.replace(stand_in, name)
        body = json.dumps(operation["json"]) if "json" in operation else operation.get("body", "")
        reply = operation.get("reply_to", reply if operation.get("reply", True) else "")
        body = body.encode()
        if not operation.get("head"):
            return f"PUB {subject} {reply} {len(body)}\r\n".encode() + body + b"\r\n"
        head = "NATS/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in operation["head"]) + "\r\n"
        head = head.encode()
        return f"HPUB {subject} {reply} {len(head)} {len(head) + len(body)}\r\n".encode() + head + body + b"\r\n"

    def _collect(self, got, barrier=False):
        """Takes whole messages out of the buffer; with a barrier, everything before the PONG."""
        peer = self.peers["A"]
        if barrier:
            peer.send(b"PING\r\n")
        end = time.monotonic() + 5
        while True:
            line, found, _ = bytes(peer.buffer).partition(b"\r\n")
            if found and line == b"PING":
                del peer.buffer[:6]
                peer.send(b"PONG\r\n")
            elif found and line == b"PONG":
                del peer.buffer[:6]
                if barrier:
                    return
            elif found and line.startswith((b"MSG ", b"HMSG ")):
                size = int(line.split()[-1])
                if len(peer.buffer) >= len(line) + size + 4:
                    self._note(got, peer.take_message())
                elif not peer.receive(end):
                    return
            elif found:
                del peer.buffer[:len(line) + 2]
                got.setdefault("line", []).append(line.decode(errors="replace"))
            elif not barrier or not peer.receive(end):
                return

    def _note(self, got, message):
        subject, sid, reply, head, payload = message
        if reply.startswith("$JS.ACK."):
            self.deliveries.append(reply)
        one = {"subject": normalise.text(subject), "reply": normalise.text(reply),
               "head": _SOURCE.sub(r"\1 <id>", normalise.text(head)), "body": self._body(payload)}
        if subject.startswith("_R_") or subject.startswith("_GR_"):
            return
        got.setdefault(sid, []).append(one)

    def _body(self, payload):
        text = payload.decode(errors="replace")
        if not text.startswith(("{", "[")):
            return text[:_BODY_LIMIT]
        try:
            document = json.loads(text)
        except ValueError:
            return normalise.text(text)[:_BODY_LIMIT]
        self._made_up(document)
        return normalise.json_document(_plain(document), ("seq",))

    def _made_up(self, document):
        """Remembers a consumer name that the server made up."""
        name = document.get("name") if isinstance(document, dict) else None
        if isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9]{8}", name) and document.get("stream_name"):
            self.names.setdefault(name, f"<auto{len(self.names)}>")

    # --- bytes of a protocol sequence ---

    def _raw(self, operation, wanted):
        """Sends bytes as they are, then asks every connection for a sign of life. What came on each."""
        if operation.get("open") or operation["c"] not in self.peers or self.peers[operation["c"]].ended:
            peer = self._open(operation["c"])
            peer.info = peer.take_info()
            if not operation.get("open"):
                peer.send(b'CONNECT {"verbose":false,"pedantic":false}\r\n')
                peer.barrier()  # nats-server maps no subject that it reads together with the CONNECT
        for peer in [self.peers.get(operation["c"])] if operation["c"] in self.peers else []:
            peer.send(operation["raw"].encode("latin-1"))
        got = {}
        for name in sorted(self.peers, key=lambda name: name != operation["c"]):
            got[name] = self._alive(self.peers[name], wanted and wanted.get(name))
        return got

    def _alive(self, peer, wanted):
        if peer.ended:
            return []
        peer.send(b"PING\r\n")
        end = time.monotonic() + self.patience.answer
        while not peer.buffer.endswith(b"PONG\r\n") and peer.receive(end):
            peer.answer_pings()
        if wanted and wanted[-1] == "<EOF>":
            while peer.receive(end):
                pass
        data = bytes(peer.buffer) + (b"<EOF>" if peer.ended else b"")
        peer.buffer.clear()
        return _frames(data)


def _by_consumer(got, is_ack):
    """What came, with the deliveries of each consumer by themselves when there are several, or beside the answer to an
    ack: which comes first is left to chance."""
    split = {}
    for sid, messages in got.items():
        consumers = [one["reply"].split(".")[3] if isinstance(one, dict) and one["reply"].startswith("$JS.ACK.") else ""
                     for one in messages]
        for consumer, one in zip(consumers, messages):
            several = is_ack or len(set(consumers) - {""}) > 1
            split.setdefault(f"{sid} {consumer}" if several and consumer else sid, []).append(one)
    return split


def _frames(data):
    """Lines and messages; the messages after the lines and by subscription: which of a connection's subscriptions gets
    a message first is left to chance in nats-server."""
    lines, messages = [], {}
    while data:
        line, _, data = data.partition(b"\r\n")
        if line == b"PING":
            continue
        words = line.split()
        if words and words[0] in (b"MSG", b"HMSG") and words[-1].isdigit():
            size = int(words[-1])
            line, data = line + b"\r\n" + data[:size], data[size + 2:]
            if b"NATS/1.0 503\r\nNats-Subject" in line:  # to any one of those that listen for the reply
                line = line.replace(b" " + words[2] + b" ", b" <sid> ", 1)
                words[2] = b""
            messages.setdefault(words[2], []).append(line)
        else:
            lines.append(line)
    for sid in sorted(messages):
        lines += messages[sid]
    if b"<EOF>" in lines:
        lines.remove(b"<EOF>")
        lines.append(b"<EOF>")
    return [normalise.text(line.decode("latin-1")) for line in lines]


def _plain(document):
    """Stored messages and configurations as text instead of base64, so that the rules apply to them."""
    if isinstance(document, list):
        return [_plain(one) for one in document]
    if not isinstance(document, dict):
        return document
    changed = {}
    for key, value in document.items():
        if key in ("mirror", "sources") and "state" in document:
            continue  # how far an origin was read: a matter of time
        if key == "hdrs" and isinstance(value, str):
            try:
                value = _SOURCE.sub(r"\1 <id>", normalise.text(base64.b64decode(value).decode(errors="replace")))
            except ValueError:
                pass
        changed[key] = _plain(value)
    return changed

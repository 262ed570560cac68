#!/usr/bin/env python3
"""Archives made by nats-server, and archives restored into it.

    record.py ORACLE                 write v2.s2, v1.s2 and expected.json next to this file
    record.py ORACLE --restore FILE  restore an archive, print what the stream holds then
    record.py ORACLE --from BIN      back a stream of another server up, restore it into ORACLE, compare the messages

v2.s2 is what STREAM.SNAPSHOT sends; v1.s2 is the same stream's files in a tar, as older servers sent them (and as
nats-server still restores it, which is checked). tests/unit/jetstream/archive_test.cc reads both.
"""
import importlib.util
import io
import json
import pathlib
import struct
import sys
import tarfile
import time

HERE = pathlib.Path(__file__).parent
_spec = importlib.util.spec_from_file_location("golden", HERE.parent / "api_golden" / "record.py")
sys.path.insert(0, str(HERE.parent / "api_golden"))
golden = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(golden)


class Client(golden.Client):
    """Also publishes with headers and talks the protocols of snapshot and restore."""

    def api(self, subject, body=""):
        return json.loads(self.request("$JS.API." + subject, body if isinstance(body, str) else json.dumps(body)))

    def publish(self, subject, body, header=b"", reply=""):
        if header:
            self.send(f"HPUB {subject} {reply} {len(header)} {len(header) + len(body)}\r\n".encode()
                      + header + body + b"\r\n")
        else:
            self.send(f"PUB {subject} {reply} {len(body)}\r\n".encode() + body + b"\r\n")

    def message(self):
        """(subject, reply, header, body) of the next message."""
        while True:
            words = self.file.readline().split()
            if words[0] == b"PING":
                self.send(b"PONG\r\n")
            elif words[0] == b"MSG":
                payload = self.file.read(int(words[-1]) + 2)[:-2]
                return words[1], words[3] if len(words) == 5 else b"", b"", payload
            elif words[0] == b"HMSG":
                payload = self.file.read(int(words[-1]) + 2)[:-2]
                size = int(words[-2])
                return words[1], words[3] if len(words) == 6 else b"", payload[:size], payload[size:]

    def snapshot(self, stream):
        self.send(b"SUB chunks 2\r\n")
        answer = self.api(f"STREAM.SNAPSHOT.{stream}", {"deliver_subject": "chunks"})
        data = b""
        while True:
            _, reply, header, body = self.message()
            if not body:
                assert b" 204" in header or not header, header
                return answer, data
            data += body
            if reply:
                self.publish(reply.decode(), b"")

    def restore(self, backup, data):
        answer = self.api(f"STREAM.RESTORE.{backup['config']['name']}", backup)
        if "error" in answer:
            return answer
        for at in range(0, len(data), 4096):
            self.publish(answer["deliver_subject"], data[at:at + 4096], reply="_INBOX.x")
            if body := self.message()[3]:
                return json.loads(body)
        self.publish(answer["deliver_subject"], b"", reply="_INBOX.x")
        return json.loads(self.message()[3])


def fill(client):
    """A stream with headers, gaps, an erased message and consumers in the middle of their work."""
    client.api("STREAM.CREATE.ARC", {"name": "ARC", "subjects": ["arc.>"], "max_msgs": 1000,
                                     "allow_msg_ttl": True, "metadata": {"k": "v"}})
    for i in range(1, 41):
        header = b"NATS/1.0\r\nNats-Msg-Id: id%d\r\n\r\n" % i if i % 3 == 0 else b""
        client.publish(f"arc.{i % 7}", b"body %d " % i * (i % 5), header, "_INBOX.x")
        client.message()
    client.publish("arc.large", b"0123456789" * 900, reply="_INBOX.x")
    client.message()
    client.api("STREAM.MSG.DELETE.ARC", {"seq": 30})
    client.api("STREAM.PURGE.ARC", {"filter": "arc.3"})
    client.api("STREAM.MSG.DELETE.ARC", {"seq": 35, "no_erase": True})
    client.api("CONSUMER.CREATE.ARC.work", {"stream_name": "ARC", "config": {
        "durable_name": "work", "ack_policy": "explicit", "filter_subject": "arc.*"}})
    client.api("CONSUMER.CREATE.ARC.idle", {"stream_name": "ARC", "config": {
        "name": "idle", "deliver_policy": "new", "inactive_threshold": 3600 * 10**9}})
    client.publish("$JS.API.CONSUMER.MSG.NEXT.ARC.work", b"5", reply="_INBOX.x")
    replies = [client.message()[1].decode() for _ in range(5)]
    for reply in (replies[0], replies[2]):
        client.publish(reply, b"+ACK")
    client.publish(replies[1], b"-NAK")
    time.sleep(0.5)
    client.publish("$JS.API.CONSUMER.MSG.NEXT.ARC.work", b"1", reply="_INBOX.x")
    client.message()


def content(client, state):
    """Everything the stream holds, as JSON."""
    messages = []
    for seq in range(1, state["last_seq"] + 1):
        answer = client.api("STREAM.MSG.GET.ARC", {"seq": seq})
        if "message" in answer:
            messages.append(answer["message"])
    consumers = {}
    for name in ("work", "idle"):
        info = client.api(f"CONSUMER.INFO.ARC.{name}")
        consumers[name] = {key: info[key] for key in ("delivered", "ack_floor", "num_ack_pending", "num_redelivered")}
        for pair in ("delivered", "ack_floor"):
            consumers[name][pair].pop("last_active", None)
    return {"messages": messages, "consumers": consumers}


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def s2_plain(data):
    """The S2 stream of the bytes, without compression."""
    out = b"\xff\x06\x00\x00S2sTwO"
    for at in range(0, len(data), 60000):
        block = data[at:at + 60000]
        crc = crc32c(block)
        masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
        out += b"\x01" + struct.pack("<I", len(block) + 4)[:3] + struct.pack("<I", masked) + block
    return out


def tar_of(folder):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        names = ["meta.inf", "meta.sum"] + sorted(
            (str(p.relative_to(folder)) for p in folder.glob("msgs/*.blk")),
            key=lambda name: int(name.split("/")[1].split(".")[0]))
        names += sorted(str(p.relative_to(folder)) for p in folder.glob("obs/*/*"))
        for name in names:
            data = (folder / name).read_bytes()
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = len(data), 0o600, 1.5
            info.uname = info.gname = "nats"
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def record(binary):
    server = golden.Server(binary, "plain")
    client = Client(server.port)
    fill(client)
    answer, data = client.snapshot("ARC")
    (HERE / "v2.s2").write_bytes(data)
    expected = {"config": answer["config"], "state": answer["state"], **content(client, answer["state"])}
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    server.process.terminate()
    server.process.wait()
    folder = next(pathlib.Path(server.folder.name).glob("js/**/streams/ARC"))
    (HERE / "v1.s2").write_bytes(s2_plain(tar_of(folder)))
    server.folder.cleanup()
    for name in ("v2.s2", "v1.s2"):
        restore(binary, HERE / name)


def restore(binary, path):
    expected = json.loads((HERE / "expected.json").read_text())
    server = golden.Server(binary, "plain")
    client = Client(server.port)
    answer = client.restore({key: expected[key] for key in ("config", "state")}, path.read_bytes())
    if "error" in answer:
        sys.exit(f"{path}: {answer['error']}")
    found = content(client, answer["state"])
    server.stop()
    for key, value in found.items():
        if value != expected[key]:
            sys.exit(f"{path}: {key} differ: {json.dumps(value)[:500]}\n{json.dumps(expected[key])[:500]}")
    print(path.name, "restored,", len(found["messages"]), "messages")


def move(binary, origin):
    server = golden.Server(origin, "plain")
    client = Client(server.port)
    fill(client)
    answer, data = client.snapshot("ARC")
    before = content(client, answer["state"])
    server.stop()
    target = golden.Server(binary, "plain")
    client = Client(target.port)
    restored = client.restore({key: answer[key] for key in ("config", "state")}, data)
    if "error" in restored:
        sys.exit(f"not restored: {restored['error']}")
    after = content(client, restored["state"])
    target.stop()
    if before["messages"] != after["messages"]:
        sys.exit("messages differ")
    for name, consumer in before["consumers"].items():
        if consumer != after["consumers"][name]:
            sys.exit(f"{name}: {consumer} became {after['consumers'][name]}")
    print(len(data), "bytes restored,", len(after["messages"]), "messages")


if __name__ == "__main__":
    if "--from" in sys.argv:
        move(sys.argv[1], sys.argv[3])
    elif "--restore" in sys.argv:
        restore(sys.argv[1], pathlib.Path(sys.argv[3]))
    else:
        record(sys.argv[1])

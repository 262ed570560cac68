#!/usr/bin/env python3
"""What takes many streams, a restart or a wait: each check is asked of both servers and has to come out the same.

    run.py --petrel BIN [--oracle BIN] [--only TEXT]

Without an oracle only what a check states by itself is looked at. Ends with "N passed, N failed, N skipped".
"""
import argparse
import hashlib
import io
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "archives"))
sys.path.insert(0, str(HERE.parent / "store"))
sys.path.append(str(HERE.parent / "differential"))
import credentials  # noqa: E402
import record  # noqa: E402
from run import Server, expect  # noqa: E402


def frame(subject, body=b"", reply="", header=b""):
    words = f"{subject} {reply}".strip()
    if header:
        return f"HPUB {words} {len(header)} {len(header) + len(body)}\r\n".encode() + header + body + b"\r\n"
    return f"PUB {words} {len(body)}\r\n".encode() + body + b"\r\n"


def headers(**lines):
    text = "".join(f"{key.replace('_', '-')}: {value}\r\n" for key, value in lines.items())
    return b"NATS/1.0\r\n" + text.encode() + b"\r\n"


def answers(client, count):
    return [client.message() for _ in range(count)]


def pages_of_names(binary, folder):
    server = Server(binary, folder)
    client = server.client()
    for i in range(1100):
        client.api(f"STREAM.CREATE.S{i:04}", {"name": f"S{i:04}", "subjects": [f"s.{i}"], "storage": "memory"})
    pages = [client.api("STREAM.NAMES", {"offset": at}) for at in (0, 1024, 1090, 1100, 5000)]
    pages.append(client.api("STREAM.NAMES", {"subject": "s.7"}))
    pages.append(client.api("STREAM.NAMES", {"subject": "s.*", "offset": 1000}))
    lists = [client.api("STREAM.LIST", {"offset": at}) for at in (0, 256, 1024)]
    server.stop()
    expect([len(page["streams"] or []) for page in pages[:3]] == [1024, 76, 10], "sizes of pages")
    expect(pages[0]["total"] == 1100 and pages[0]["limit"] == 1024, pages[0]["total"])
    expect(lists[0]["limit"] == 256 and len(lists[0]["streams"]) == 256, "a page of the list")
    return pages, [([s["config"]["name"] for s in page["streams"]], page["total"], page["offset"], page["limit"])
                   for page in lists]


def pages_of_consumers(binary, folder):
    server = Server(binary, folder)
    client = server.client()
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s"], "storage": "memory"})
    for i in range(300):
        client.api(f"CONSUMER.CREATE.S.c{i:03}", {"stream_name": "S", "config": {
            "durable_name": f"c{i:03}", "ack_policy": "explicit"}})
    names = [client.api("CONSUMER.NAMES.S", {"offset": at}) for at in (0, 299, 400)]
    lists = [client.api("CONSUMER.LIST.S", {"offset": at}) for at in (0, 256, 290)]
    info = client.api("INFO")
    server.stop()
    return [(sorted(page["consumers"] or []), page["total"], page["offset"], page["limit"]) for page in names], \
        [(sorted(c["name"] for c in page["consumers"]), page["total"], page["limit"]) for page in lists], \
        info["consumers"]


def what_a_restart_keeps(binary, folder):
    """File streams with their messages, durables with what they wait for; memory streams go."""
    server = Server(binary, folder)
    client = server.client()
    for name, storage in (("F", "file"), ("M", "memory")):
        client.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [name], "storage": storage})
        client.api(f"CONSUMER.CREATE.{name}.d", {"stream_name": name, "config": {
            "durable_name": "d", "ack_policy": "explicit"}})
        for i in range(20):
            client.publish(name, b"%d" % i, reply="_INBOX.x")
            client.message()
    client.publish("$JS.API.CONSUMER.MSG.NEXT.F.d", b"3", reply="_INBOX.x")
    replies = [reply.decode() for _, reply, _, _ in answers(client, 3)]
    client.publish(replies[0], b"+ACK", reply="_INBOX.x")
    client.message()
    server.stop(signal.SIGKILL)
    server = Server(binary, folder)
    client = server.client()
    state = client.api("STREAM.INFO.F")["state"]
    consumer = client.api("CONSUMER.INFO.F.d")
    gone = client.api("STREAM.INFO.M")["error"]["err_code"]
    server.stop()
    expect(state["messages"] == 20 and state["last_seq"] == 20, state)
    expect(gone == 10059, gone)
    # nats-server writes what a consumer delivered and what was acknowledged a moment later, and a kill in between
    # loses it. Petrel answers an acknowledgement when it is on disk.
    if any(folder.rglob("*.seg")):
        expect(consumer["num_ack_pending"] == 2 and consumer["num_pending"] == 17, consumer)
        expect(consumer["delivered"]["stream_seq"] == 3 and consumer["ack_floor"]["stream_seq"] == 1, consumer)
    return state["messages"]


def compression_keeps_messages(binary, folder):
    sizes, digests = [], []
    for method in ("none", "s2"):
        (folder / method).mkdir()
        server = Server(binary, folder / method)
        client = server.client()
        client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"], "compression": method})
        for i in range(3000):
            client.send(frame(f"s.{i % 7}", b"the same words again and again " * 40, "_INBOX.x"))
        answers(client, 3000)
        found = [client.api("STREAM.MSG.GET.S", {"seq": seq})["message"]["data"] for seq in (1, 1500, 3000)]
        server.stop()
        server = Server(binary, folder / method)
        client = server.client()
        again = [client.api("STREAM.MSG.GET.S", {"seq": seq})["message"]["data"] for seq in (1, 1500, 3000)]
        server.stop()
        expect(found == again, "other messages after a restart")
        expect(found[0] == found[1] == found[2], "other messages than were published")
        digests.append(found)
        sizes.append(sum(path.stat().st_size for path in (folder / method).rglob("*")
                         if path.suffix in (".seg", ".blk")))
    # nats-server leaves the last block as it is.
    is_own = any((folder / "s2").rglob("*.seg"))
    expect(not is_own or sizes[1] < sizes[0] / 2, f"compressed {sizes[1]} of {sizes[0]} bytes")
    return digests


def large_batches(binary, folder):
    server = Server(binary, folder)
    client = server.client()
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s"], "allow_atomic": True})
    out = []
    for count in (1000, 1001):
        for i in range(1, count):
            client.send(frame("s", b"x", "", headers(Nats_Batch_Id=f"b{count}", Nats_Batch_Sequence=i)))
        client.send(frame("s", b"x", "_INBOX.x",
                          headers(Nats_Batch_Id=f"b{count}", Nats_Batch_Sequence=count, Nats_Batch_Commit=1)))
        out.append(json.loads(client.message()[3]))
    out.append(client.api("STREAM.INFO.S")["state"]["messages"])
    server.stop()
    return out


def idle_batches(binary, folder):
    server = Server(binary, folder)
    client = server.client()
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s"], "allow_atomic": True})
    client.send(b"SUB $JS.EVENT.ADVISORY.STREAM.BATCH_ABANDONED.> 3\r\n")
    client.publish("s", b"x", headers(Nats_Batch_Id="b", Nats_Batch_Sequence=1), "_INBOX.x")
    first = client.message()[3]
    client.socket.settimeout(15)
    subject, _, _, body = client.message()
    advisory = json.loads(body)
    client.publish("s", b"x", headers(Nats_Batch_Id="b", Nats_Batch_Sequence=2, Nats_Batch_Commit=1), "_INBOX.x")
    last = json.loads(client.message()[3])
    server.stop()
    return first, subject, {key: advisory[key] for key in ("type", "stream", "batch", "reason")}, last


def slow_receivers_of_backups(binary, folder):
    server = Server(binary, folder)
    client = server.client()
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s"]})
    chance = __import__("random").Random(3)
    for _ in range(40):
        client.publish("s", chance.randbytes(1000), reply="_INBOX.x")
        client.message()
    client.send(b"SUB chunks 2\r\n")
    client.send(frame("$JS.API.STREAM.SNAPSHOT.S", b'{"deliver_subject":"chunks","chunk_size":1024,"window_size":4096}',
                      "_INBOX.x"))
    client.socket.settimeout(15)
    seen = []
    while not seen or not seen[-1][1]:
        subject, reply, header, body = client.message()
        if subject != b"chunks":
            continue
        seen.append((len(body), header.decode(), reply.decode().split(".")[-2:]))
    server.stop()
    return [(size, header.split("\r\n")[0], reply) for size, header, reply in seen]


def backups_wait_for_the_subscription(binary, folder):
    """Clients have one wildcard for all replies, and subscribe to the chunks when the request was answered."""
    server = Server(binary, folder)
    client = server.client()
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s"]})
    client.publish("s", b"x", reply="_INBOX.x")
    client.message()
    client.send(b"SUB _R.mux.* 2\r\n")
    client.send(frame("$JS.API.STREAM.SNAPSHOT.S", b'{"deliver_subject":"_R.mux.chunks"}', "_INBOX.x"))
    client.message()
    client.send(b"SUB _R.mux.chunks 3\r\n")
    seen = sorted((message[0].decode(), len(message[3]) > 0) for message in answers(client, 4))
    server.stop()
    return seen


def audits_of_requests(binary, folder):
    server = Server(binary, folder)
    client = server.client()
    client.send(b"SUB $JS.EVENT.ADVISORY.API 3\r\n")
    out = []
    for subject, body in (("STREAM.CREATE.S", {"name": "S", "subjects": ["s"]}), ("STREAM.INFO.S", ""),
                          ("STREAM.INFO.T", ""), ("STREAM.NAMES", ""), ("INFO", ""), ("STREAM.PURGE.S", {"keep": 1}),
                          ("CONSUMER.CREATE.S.c", {"stream_name": "S", "config": {"durable_name": "c"}}),
                          ("CONSUMER.DELETE.S.c", ""), ("STREAM.DELETE.S", "")):
        text = body if isinstance(body, str) else json.dumps(body)
        client.publish("$JS.API." + subject, text.encode(), reply="_INBOX.x")
        both = sorted((message[0].decode(), message[3]) for message in answers(client, 2))
        audit, answer = json.loads(both[0][1]), both[1][1].decode()
        expect(audit["response"] == answer, f"{subject}: the audit tells another answer")
        out.append((audit["type"], audit["subject"], audit.get("request"), audit["client"]["kind"],
                    audit["client"]["acc"], sorted(audit["client"]), list(audit)))
    server.stop()
    return out


def until(probe, what, seconds=40):
    """What `probe` gives once it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := probe()):
        expect(time.monotonic() < deadline, what)
        time.sleep(0.05)
    return found


def copied(client, stream, count):
    """The messages of a stream that takes from others, once there are so many."""
    until(lambda: client.api(f"STREAM.INFO.{stream}")["state"]["messages"] == count, f"{stream} has not {count}")
    return [client.api(f"STREAM.MSG.GET.{stream}", {"seq": seq})["message"]["data"] for seq in range(1, count + 1)]


def sources_of_work_queues(binary, folder):
    """Their consumer is found again after a restart and goes with the stream; the origin empties behind the copy."""
    server = Server(binary, folder)
    client = server.client()
    client.api("STREAM.CREATE.O", {"name": "O", "subjects": ["o"], "retention": "workqueue"})
    client.api("STREAM.CREATE.T", {"name": "T", "sources": [{"name": "O"}]})
    seen = []
    for i in range(3):
        client.publish("o", b"%d" % i, reply="_INBOX.x")
        client.message()
        seen.append(copied(client, "T", i + 1))
        until(lambda: client.api("STREAM.INFO.O")["state"]["messages"] == 0, "the origin keeps what was copied")
        seen.append(client.api("CONSUMER.NAMES.O")["consumers"])
        server.stop()
        server = Server(binary, folder)
        client = server.client()
    client.api("STREAM.DELETE.T")
    until(lambda: not client.api("CONSUMER.NAMES.O")["consumers"], "the consumer of a deleted stream stays")
    server.stop()
    return seen


def sources_of_another_stream_of_the_name(binary, folder):
    """An origin that was deleted and made anew is taken from its first message."""
    server = Server(binary, folder)
    client = server.client()
    seen = []
    client.api("STREAM.CREATE.T", {"name": "T", "sources": [{"name": "O"}]})
    for turn in range(2):
        client.api("STREAM.CREATE.O", {"name": "O", "subjects": ["o"]})
        for i in range(3 - turn):
            client.publish("o", b"%d.%d" % (turn, i), reply="_INBOX.x")
            client.message()
        if turn == 1:
            server.stop()  # at its start it asks with what it knows of the origin
            server = Server(binary, folder)
            client = server.client()
        seen.append(copied(client, "T", 3 + 2 * turn))
        client.api("STREAM.DELETE.O")
    server.stop()
    return seen


def consumers_in_memory(binary, folder):
    """A consumer whose state is in memory only does not survive a restart, its stream and the others do."""
    server = Server(binary, folder)
    client = server.client()
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s"]})
    for name, in_memory in (("kept", False), ("gone", True)):
        client.api(f"CONSUMER.CREATE.S.{name}", {"stream_name": "S", "config": {
            "durable_name": name, "ack_policy": "explicit", "mem_storage": in_memory}})
    client.publish("s", b"x", reply="_INBOX.x")
    client.message()
    before = client.api("CONSUMER.NAMES.S")["consumers"]
    server.stop()
    server = Server(binary, folder)
    client = server.client()
    after = until(lambda: (names := client.api("CONSUMER.NAMES.S")["consumers"]) != before and names,
                  "the consumer in memory is still there")
    state = client.api("STREAM.INFO.S")["state"]
    server.stop()
    return before, after, state["messages"], state["consumer_count"]


def large_objects(binary, folder):
    """An object of 1 GiB as clients store it: chunks of 128 KiB, many on their way; its digest when it is read."""
    chunk_bytes, count, window = 128 << 10, 8 << 10, 128
    server = Server(binary, folder)
    client = server.client()
    client.api("STREAM.CREATE.OBJ_b", {"name": "OBJ_b", "subjects": ["$O.b.C.>", "$O.b.M.>"], "discard": "new",
                                       "allow_rollup_hdrs": True, "allow_direct": True})
    sent, read = hashlib.sha256(), hashlib.sha256()
    pattern = bytes(range(256)) * (chunk_bytes // 256)
    for i in range(count):
        chunk = i.to_bytes(8, "big") + pattern[8:]
        sent.update(chunk)
        client.send(frame("$O.b.C.one", chunk, "_INBOX.x"))
        if i >= window:
            expect(b'"seq"' in client.message()[3], "a chunk was refused")
    for _ in range(window):
        expect(b'"seq"' in client.message()[3], "a chunk was refused")
    client.api("CONSUMER.CREATE.OBJ_b.c", {"stream_name": "OBJ_b", "config": {"name": "c", "ack_policy": "none"}})
    for _ in range(0, count, window):
        client.publish("$JS.API.CONSUMER.MSG.NEXT.OBJ_b.c", b"%d" % window, reply="_INBOX.x")
        for _ in range(window):
            read.update(client.message()[3])
    server.stop()
    expect(read.digest() == sent.digest(), "another digest")
    return count


def plain_archive(name):
    """The bytes in a recorded archive of chunks that are not compressed."""
    data, out, at = (HERE.parent / "archives" / name).read_bytes(), b"", 10
    while at < len(data):
        size = int.from_bytes(data[at + 1:at + 4], "little")
        out += data[at + 8:at + 4 + size]
        at += 4 + size
    return out


def archive_of_level(level):
    """The recorded archive of version 1 whose consumer needs an API level."""
    source, out = tarfile.open(fileobj=io.BytesIO(plain_archive("v1.s2"))), io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as target:
        for member in source.getmembers():
            data = source.extractfile(member).read()
            if member.name == "obs/work/meta.inf":
                consumer = json.loads(data)
                consumer["metadata"]["_nats.req.level"] = level
                data = json.dumps(consumer).encode()
            member.size, member.pax_headers = len(data), {}
            target.addfile(member, io.BytesIO(data))
    return record.s2_plain(out.getvalue())


def answer_in(client, subject, body, seconds=1.5):
    """The answer and whether it took its time; None: there is none."""
    began = time.monotonic()
    client.publish("$JS.API." + subject, json.dumps(body).encode() if body is not None else b"", reply="_INBOX.x")
    client.socket.settimeout(seconds)
    try:
        _, _, header, payload = client.message()
    except TimeoutError:
        return None, False
    answer = header.decode().split("\r\n")[0] if header else json.loads(payload)
    return answer, time.monotonic() - began >= 0.45


def offline_answers(server, name, consumer):
    """What every request about a stream is told that is kept and not served."""
    out = []
    for subject, body in (
            ("STREAM.NAMES", None), ("STREAM.LIST", None), (f"STREAM.INFO.{name}", None),
            (f"STREAM.INFO.{name}", {"wrong": 1}),
            (f"STREAM.UPDATE.{name}", {"name": name, "subjects": ["arc.>"], "allow_msg_ttl": True}),
            (f"STREAM.CREATE.{name}", {"name": name, "subjects": ["other"]}),
            (f"STREAM.PURGE.{name}", None), (f"STREAM.MSG.DELETE.{name}", {"seq": 1}),
            (f"STREAM.MSG.GET.{name}", {"seq": 1}), (f"STREAM.SNAPSHOT.{name}", {"deliver_subject": "d"}),
            (f"STREAM.RESTORE.{name}", {"config": {"name": name}, "state": {}}),
            ("STREAM.CREATE.OVER", {"name": "OVER", "subjects": ["arc.>"]}),
            (f"CONSUMER.CREATE.{name}.n", {"stream_name": name, "config": {"durable_name": "n"}}),
            (f"CONSUMER.CREATE.{name}.n", {"stream_name": "X", "config": {"durable_name": "n"}}),
            (f"CONSUMER.NAMES.{name}", None), (f"CONSUMER.LIST.{name}", None),
            (f"CONSUMER.LIST.{name}", {"offset": 9}), (f"CONSUMER.INFO.{name}.{consumer}", None),
            (f"CONSUMER.INFO.{name}.{consumer}", {"wrong": 1}), (f"CONSUMER.INFO.{name}.none", None),
            (f"CONSUMER.PAUSE.{name}.{consumer}", {}), (f"CONSUMER.UNPIN.{name}.{consumer}", {"group": "g"}),
            (f"CONSUMER.RESET.{name}.{consumer}", None), (f"CONSUMER.MSG.NEXT.{name}.{consumer}", None),
            (f"DIRECT.GET.{name}", {"seq": 1}), (f"STREAM.LEADER.STEPDOWN.{name}", None),
            (f"CONSUMER.DELETE.{name}.none", None)):
        # A reader that waited in vain cannot be used again.
        answer, is_late = answer_in(server.client(), subject, body)
        if isinstance(answer, dict) and answer.get("streams"):
            answer["streams"] = [s if isinstance(s, str) else s["config"]["name"] for s in answer["streams"]]
        out.append((subject, answer, is_late))
    client = server.client()
    client.publish("arc.1", b"x", reply="_INBOX.x")
    out.append(client.message()[2])
    return out


def after_a_restart(binary, folder, config, data):
    """Restores what needs a higher API level; the next start finds it."""
    server = Server(binary, folder)
    client = server.client()
    client.api("STREAM.CREATE.A", {"name": "A", "subjects": ["a"]})
    restored = client.restore(config, data)
    expect("error" not in restored, restored)
    server.stop()
    return Server(binary, folder)


def streams_of_a_higher_level(binary, folder):
    """Kept, reported, refused in half a second, deleted; and served again by who has the level."""
    expected = json.loads((HERE.parent / "archives" / "expected.json").read_text())
    backup = {key: expected[key] for key in ("config", "state")}
    backup["config"]["metadata"]["_nats.req.level"] = "99"
    data = (HERE.parent / "archives" / "v2.s2").read_bytes()
    server = after_a_restart(binary, folder, backup, data)
    out = offline_answers(server, "ARC", "work")
    is_told = "Detected unsupported stream '$G > ARC': unsupported - required API level: 99, current API level: 5" \
        in server.said()
    server.stop()
    server = Server(binary, folder)
    client = server.client()
    again = answer_in(client, "STREAM.INFO.ARC", None)
    gone = [answer_in(client, f"STREAM.{what}", None) for what in ("DELETE.ARC", "INFO.ARC")]
    server.stop()
    server = Server(binary, folder)
    left = server.client().api("STREAM.NAMES")["streams"]
    server.stop()
    expect(is_told, "the log says nothing")
    expect(again[0]["error"]["err_code"] == 10194 and again[1], again)
    return out, again, gone, left


def consumers_of_a_higher_level(binary, folder):
    """Their stream stops with them."""
    expected = json.loads((HERE.parent / "archives" / "expected.json").read_text())
    backup = {key: expected[key] for key in ("config", "state")}
    server = after_a_restart(binary, folder, backup, archive_of_level("99"))
    out = offline_answers(server, "ARC", "work")
    client = server.client()
    deleted = answer_in(client, "CONSUMER.DELETE.ARC.work", None)
    still = answer_in(client, "STREAM.INFO.ARC", None)
    said = server.said()
    server.stop()
    server = Server(binary, folder)
    served = server.client().api("STREAM.INFO.ARC")
    server.stop()
    # Without the consumer nothing keeps the stream from being served. nats-server says that it is gone and keeps it.
    if any(folder.rglob("*.seg")):
        expect("error" not in served and served["state"]["messages"] == 33, served)
    for line in ("Detected unsupported consumer '$G > ARC > work': unsupported - required API level: 99",
                 "Stopping unsupported stream '$G > ARC'"):
        expect(line in said, said[-2000:])
    return out, deleted, still


ACCOUNTS = """listen: "127.0.0.1:-1"
server_name: one
jetstream { store_dir: "FOLDER/store" }
accounts {
  A { jetstream: enabled, users: [{user: a, password: p}], exports: [
    {service: "$JS.API.CONSUMER.>"}, {service: "$JS.API.STREAM.>"}, {service: "$JS.ACK.>"}, {service: "$JS.FC.>"},
    {stream: "deliver.>"}, {stream: "news.>"}] }
  B { jetstream: enabled, users: [{user: b, password: p}], imports: [
    {service: {account: A, subject: "$JS.API.CONSUMER.>"}, to: "JS.A.API.CONSUMER.>"},
    {service: {account: A, subject: "$JS.API.STREAM.>"}, to: "JS.A.API.STREAM.>"},
    {service: {account: A, subject: "$JS.ACK.>"}}, {service: {account: A, subject: "$JS.FC.>"}},
    {stream: {account: A, subject: "deliver.>"}}, {stream: {account: A, subject: "news.>"}, prefix: "a"}] }
}
"""


def between_accounts(binary, folder):
    """Mirrors and sources of another account's stream, and streams that keep what is imported; also after a restart."""
    def start():
        server = Server.__new__(Server)
        server.folder, server.config = folder, folder / "server.conf"
        server.config.write_text(ACCOUNTS.replace("FOLDER", str(folder)))
        server.log = open(folder / "log", "w+b")
        server.process = subprocess.Popen([binary, "-c", str(server.config)], stdout=server.log, stderr=server.log)
        return server, server.client("a"), server.client("b")

    def contents(b):
        return [b.api(f"STREAM.INFO.{name}")["state"]["messages"] for name in ("MIRROR", "SOURCED", "NEWS")]

    server, a, b = start()
    a.api("STREAM.CREATE.O", {"name": "O", "subjects": ["o.>"]})
    for name, extra in (("MIRROR", {"mirror": {"name": "O", "external": {"api": "JS.A.API", "deliver": "deliver.m"}}}),
                        ("SOURCED", {"sources": [{"name": "O",
                                                  "external": {"api": "JS.A.API", "deliver": "deliver.s"}}]}),
                        ("NEWS", {"subjects": ["a.news.>"], "no_ack": True})):
        expect("error" not in b.api(f"STREAM.CREATE.{name}", {"name": name, **extra}), name)
    seen = []
    for count in (3, 6):
        for i in range(3):
            a.publish("o.1", b"x")
            a.publish("news.today", b"x")
        until(lambda: contents(b) == [count] * 3, "what another account has is not there")
        seen.append(b.api("STREAM.MSG.GET.NEWS", {"seq": count})["message"]["subject"])
        seen.append(b.api("STREAM.MSG.GET.MIRROR", {"seq": count})["message"]["subject"])
        server.stop()
        server, a, b = start()
    server.stop()
    return seen


def health(port):
    """Status and body of /healthz, and the same for what a liveness probe asks."""
    def ask(path):
        with socket.create_connection(("127.0.0.1", port)) as http:
            http.settimeout(10)
            http.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            answer = http.makefile("rb").read()
        return int(answer.split()[1]), answer.split(b"\r\n\r\n", 1)[1]
    return ask("/healthz"), ask("/healthz?js-enabled-only=true")


def health_during_recovery(binary, folder):
    """A file that is a pipe holds the recovery up until somebody writes to it."""
    server = Server(binary, folder)
    client = server.client()
    for name in ("A", "B", "C"):
        client.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [name]})
    server.stop()
    is_petrel = (folder / "store/petrel/streams").is_dir()
    place = folder / ("store/petrel/streams/ffffffffffffffff/stream" if is_petrel
                      else "store/jetstream/$G/streams/D/meta.inf")
    place.parent.mkdir()
    os.mkfifo(place)
    server = Server(binary, folder, http="http: \"127.0.0.1:-1\"\n")
    until(lambda: len(re.findall("Restored 0 messages for stream", server.said())) == 3, "streams are not found")
    port = int(re.search(r"http monitor on 127\.0\.0\.1:(\d+)", server.said())[1])
    is_silent = "Listening for client connections" not in server.said()
    seen = health(port)
    if is_petrel:
        until(lambda: health(port)[0][1] == b'{"status":"unavailable","error":"recovering 3 of 4 streams"}', seen)
        expect([status for status, _ in health(port)] == [503, 503], seen)
        expect("Recovering streams: 4" in server.said(), "the log says nothing of it")
    with open(place, "wb"):
        pass
    server.client()
    place.unlink()
    until(lambda: [status for status, _ in health(port)] == [200, 200] or not is_petrel, "is not healthy afterwards")
    server.stop()
    return is_silent, [status >= 500 for status, _ in seen]


def jwt_accounts_after_a_restart(binary, folder):
    """A stream captures what its account imports, also before anybody of that account connects again."""
    limits = {"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": True, "conn": -1,
              "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1}
    key = {name: credentials.public("ACCOUNT", name) for name in ("sys", "archive", "news")}

    def account(name, **more):
        nats = {"limits": limits if name != "sys" else {**limits, "mem_storage": 0, "disk_storage": 0}, **more}
        return credentials.token("account", "OPERATOR:op", {"sub": key[name], "name": name, "nats": nats})

    def user(name):
        return credentials.token("user", f"ACCOUNT:{name}", {
            "sub": credentials.public("USER", name), "name": name,
            "nats": {"bearer_token": True, "subs": -1, "data": -1, "payload": -1}})

    operator = credentials.token("operator", "OPERATOR:op", {
        "sub": credentials.public("OPERATOR", "op"), "name": "op", "nats": {"system_account": key["sys"]}})
    tokens = {"sys": account("sys"),
              "news": account("news", exports=[{"name": "news", "subject": "news.>", "type": "stream"}]),
              "archive": account("archive", imports=[{"name": "news", "subject": "news.>", "account": key["news"],
                                                      "type": "stream"}])}
    (folder / "jwt").mkdir()
    for name, token in tokens.items():
        (folder / f"jwt/{key[name]}.jwt").write_text(token)
    more = (f'operator: "{operator}"\nsystem_account: {key["sys"]}\nhttp: "127.0.0.1:-1"\n'
            f'resolver: {{ type: full, dir: "{folder}/jwt" }}\n')

    def archived(server):
        port = int(re.search(r"http monitor on 127\.0\.0\.1:(\d+)", server.said())[1])
        path = f"http://127.0.0.1:{port}/jsz?acc={key['archive']}&streams=true"
        try:
            with urllib.request.urlopen(path) as answer:
                detail = json.load(answer).get("account_details") or [{}]
        except urllib.error.HTTPError:
            return None
        return [stream["state"]["messages"] for stream in detail[0].get("stream_detail") or []]

    server = Server(binary, folder, http=more)
    client = server.client(jwt=user("archive"))
    client.api("STREAM.CREATE.NEWS", {"name": "NEWS", "subjects": ["news.>"], "no_ack": True})
    server.client(jwt=user("news")).publish("news.today", b"1")
    until(lambda: archived(server) == [1], "an imported message is not stored")
    server.stop()
    server = Server(binary, folder, http=more)
    publisher = server.client(jwt=user("news"))
    publisher.publish("news.today", b"2")
    until(lambda: archived(server) == [2], "an imported message is not stored after a restart")
    server.stop()


def imports_that_a_reload_adds(binary, folder):
    """A stream captures what its account imports, also when the import is younger than the stream."""
    def accounts(imports):
        return ('accounts {\n'
                '  A { users: [{user: a, password: p}], exports: [{stream: "news.>"}] }\n'
                f'  B {{ users: [{{user: b, password: p}}], jetstream: enabled{imports} }}\n'
                '}\n')

    server = Server(binary, folder, http=accounts(""))
    publisher, owner = server.client("a"), server.client("b")
    owner.api("STREAM.CREATE.NEWS", {"name": "NEWS", "subjects": ["a.>"], "no_ack": True})

    def stored():
        publisher.publish("news.today", b"x")
        return owner.api("STREAM.INFO.NEWS")["state"]["messages"] > 0

    expect(not stored(), "stored without an import")
    text = server.config.read_text()
    server.config.write_text(text.replace(
        accounts(""), accounts(', imports: [{stream: {account: A, subject: "news.>"}, prefix: a}]')))
    server.process.send_signal(signal.SIGHUP)
    until(stored, "the new import is not heard")
    subject = owner.api("STREAM.MSG.GET.NEWS", {"seq": 1})["message"]["subject"]
    server.config.write_text(text)
    server.process.send_signal(signal.SIGHUP)
    until(lambda: server.said().count("Reloaded server configuration") == 2, "no second reload")
    before = owner.api("STREAM.INFO.NEWS")["state"]["messages"]
    stored()
    after = owner.api("STREAM.INFO.NEWS")["state"]["messages"]
    server.stop()
    return subject, before == after


CHECKS = [health_during_recovery, jwt_accounts_after_a_restart, imports_that_a_reload_adds, pages_of_names, pages_of_consumers, what_a_restart_keeps, compression_keeps_messages, large_batches,
          idle_batches, slow_receivers_of_backups, audits_of_requests, sources_of_work_queues,
          sources_of_another_stream_of_the_name, consumers_in_memory, streams_of_a_higher_level,
          consumers_of_a_higher_level, between_accounts, backups_wait_for_the_subscription, large_objects]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--petrel", required=True)
    parser.add_argument("--oracle")
    parser.add_argument("--only", default="")
    parser.add_argument("--golden", action="store_true", help="as without an oracle")
    args = parser.parse_args()
    passed = failed = 0
    for check in CHECKS:
        if args.only not in check.__name__:
            continue
        try:
            seen = []
            for binary in filter(None, (args.petrel, args.oracle)):
                with tempfile.TemporaryDirectory() as folder:
                    seen.append(check(binary, pathlib.Path(folder)))
            expect(len(seen) < 2 or seen[0] == seen[1], f"petrel: {seen[0]}\noracle: {seen[-1]}")
            passed += 1
            print("ok  ", check.__name__)
        except Exception as error:  # noqa: BLE001 - whatever it is, the check failed
            failed += 1
            print("FAIL", check.__name__, "-", type(error).__name__, str(error)[:3000])
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The store directory from outside: restores in both directions, encryption at rest, `petrel check`.

    run.py --petrel BIN [--oracle BIN]

Without an oracle only recorded archives of nats-server are restored. Ends with "N passed, N failed, N skipped".
"""
import argparse
import io
import json
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "archives"))
import record  # noqa: E402

SECRET = b"the-payload-nobody-may-read"


class Server:
    """A server on a port of its own choice with its store in a folder that outlives it."""

    def __init__(self, binary, folder, jetstream="", http=""):
        self.folder = pathlib.Path(folder)
        self.config = self.folder / "server.conf"
        self.config.write_text('listen: "127.0.0.1:-1"\nserver_name: one\n' + http +
                               f'jetstream {{ store_dir: "{self.folder}/store", {jetstream} }}\n')
        self.log = open(self.folder / "log", "w+b")
        self.process = subprocess.Popen([binary, "-c", str(self.config), "--ports_file_dir", str(self.folder)],
                                        stdout=self.log, stderr=self.log)

    def said(self):
        return (self.folder / "log").read_text(errors="replace")

    def client(self, user="", jwt=""):
        """Waits until the server is ready."""
        until = time.monotonic() + 20
        while not (found := re.search(r"client connections on 127\.0\.0\.1:(\d+)", self.said())):
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("no server: " + self.said()[-500:])
            time.sleep(0.02)
        client = record.Client.__new__(record.Client)
        client.port = int(found[1])
        client.socket = socket.create_connection(("127.0.0.1", client.port))
        client.socket.settimeout(10)
        client.file = client.socket.makefile("rb")
        client.file.readline()
        who = f',"user":"{user}","pass":"p"' if user else f',"jwt":"{jwt}"' if jwt else ""
        client.send(f'CONNECT {{"verbose":false,"headers":true,"no_responders":true{who}}}\r\n'.encode()
                    + b"SUB _INBOX.x 1\r\nPING\r\n")
        while client.file.readline() != b"PONG\r\n":
            pass
        return client

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(20)
        self.log.close()


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def wait_for(condition, what, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < deadline, what)
        time.sleep(0.02)


def recorded():
    expected = json.loads((HERE.parent / "archives" / "expected.json").read_text())
    return expected, {key: expected[key] for key in ("config", "state")}


def moved(origin, target, folder):
    """A stream with consumers in the middle of their work goes from one server to the other."""
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    server = Server(origin, folder / "a")
    client = server.client()
    record.fill(client)
    answer, data = client.snapshot("ARC")
    before = record.content(client, answer["state"])
    server.stop()
    server = Server(target, folder / "b")
    client = server.client()
    restored = client.restore({key: answer[key] for key in ("config", "state")}, data)
    expect("error" not in restored, restored)
    after = record.content(client, restored["state"])
    server.stop()
    expect(before == after, f"{before}\nbecame\n{after}")


# --- restores ---

def restores_archives_of_nats_server(binary, folder):
    expected, backup = recorded()
    for name in ("v1.s2", "v2.s2"):
        (folder / name).mkdir()
        server = Server(binary, folder / name)
        client = server.client()
        answer = client.restore(backup, (HERE.parent / "archives" / name).read_bytes())
        expect("error" not in answer, answer)
        server.stop(signal.SIGKILL)
        server = Server(binary, folder / name)
        found = record.content(server.client(), answer["state"])
        server.stop()
        for key, value in found.items():
            expect(value == expected[key], f"{name}: {key}: {value}\ninstead of\n{expected[key]}")


def moves_to_itself(binary, folder):
    moved(binary, binary, folder)


def leaves_nothing_of_a_restore_that_did_not_end(binary, folder):
    _, backup = recorded()
    data = (HERE.parent / "archives" / "v2.s2").read_bytes()
    server = Server(binary, folder)
    client = server.client()
    answer = client.restore(backup, data[:900])
    expect(answer["error"]["err_code"] == 10062, answer)
    expect(client.api("STREAM.INFO.ARC")["error"]["err_code"] == 10059, "a cut archive left a stream")
    answer = client.api("STREAM.RESTORE.ARC", backup)
    client.publish(answer["deliver_subject"], data[:900], reply="_INBOX.x")
    client.message()
    server.stop(signal.SIGKILL)
    server = Server(binary, folder)
    client = server.client()
    expect(client.api("STREAM.INFO.ARC")["error"]["err_code"] == 10059, "half a restore became a stream")
    expect("error" not in client.restore(backup, data), "the name is not free")
    # Files go in the background.
    wait_for(lambda: len(list((folder / "store/petrel/streams").iterdir())) == 1, "files of the first restore are left")
    server.stop()


# --- encryption ---

def publish_secrets(client, count):
    for i in range(count):
        client.publish(f"s.{i % 5}", SECRET + b" %d" % i, b"NATS/1.0\r\nHidden: " + SECRET + b"\r\n\r\n", "_INBOX.x")
        expect(b'"seq"' in client.message()[3], "not stored")


def readable(folder):
    return [str(path) for path in (folder / "store").rglob("*") if path.is_file() and SECRET in path.read_bytes()]


def read_all(client, count):
    for seq in (1, count // 2, count):
        answer = client.api("STREAM.MSG.GET.S", {"seq": seq})
        expect("message" in answer, f"message {seq}: {answer}")


def encrypts_at_rest(binary, folder):
    key = 'key: "first"'
    server = Server(binary, folder, key)
    client = server.client()
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"], "description": SECRET.decode()})
    publish_secrets(client, 300)
    server.stop(signal.SIGKILL)
    expect(not readable(folder), f"readable after a crash: {readable(folder)}")
    server = Server(binary, folder, key)
    read_all(server.client(), 300)
    server.stop()
    expect(not readable(folder), f"readable: {readable(folder)}")


def refuses_wrong_keys(binary, folder):
    server = Server(binary, folder, 'key: "first"')
    client = server.client()
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"]})
    publish_secrets(client, 20)
    server.stop()
    for wrong in ('key: "second"', "strict: true"):
        server = Server(binary, folder, wrong)
        code = server.process.wait(20)
        expect(code != 0, "started with a wrong key")
        expect(re.search(r"key that is not configured|cannot be decrypted|is encrypted", server.said()),
               server.said()[-300:])
        server.log.close()
    server = Server(binary, folder, 'key: "first"')
    read_all(server.client(), 20)
    server.stop()


def rotates_keys(binary, folder):
    server = Server(binary, folder)
    client = server.client()
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"]})
    publish_secrets(client, 100)
    server.stop()
    expect(readable(folder), "nothing to encrypt")
    # From none to one, from one to the next.
    for keys in ('key: "first"', 'key: "second", prev_key: "first", cipher: "aes"'):
        old = set((folder / "store").rglob("*.seg"))
        server = Server(binary, folder, keys)
        client = server.client()
        read_all(client, 100)
        publish_secrets(client, 10)
        until = time.monotonic() + 20
        while old & set((folder / "store").rglob("*.seg")) and time.monotonic() < until:
            client.api("STREAM.INFO.S")
            time.sleep(0.05)
        expect(not old & set((folder / "store").rglob("*.seg")), f"not copied with {keys}")
        expect(not readable(folder), f"still readable with {keys}: {readable(folder)}")
        server.stop()
    server = Server(binary, folder, 'key: "second"')
    client = server.client()
    read_all(client, 120)
    server.stop()


# --- check ---

def check(binary, *args):
    done = subprocess.run([binary, "check", *map(str, args)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def fill_for_check(binary, folder):
    server = Server(binary, folder)
    client = server.client()
    for name, extra in (("PLAIN", {}), ("SMALL", {"compression": "s2"})):
        client.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [f"{name}.>"], **extra})
        for i in range(400):
            client.publish(f"{name}.{i % 9}", b"body %d " % i * 40, reply="_INBOX.x")
            client.message()
        client.api(f"STREAM.MSG.DELETE.{name}", {"seq": 7})
        client.api(f"STREAM.PURGE.{name}", {"filter": f"{name}.3"})
        client.api(f"CONSUMER.CREATE.{name}.c", {"stream_name": name, "config": {"durable_name": "c",
                                                                                "ack_policy": "explicit"}})
    code, text = check(binary, folder / "store")
    expect(code == 2 and "in use" in text, f"looked at a store in use: {code} {text}")
    server.stop()


def finds_nothing_in_a_whole_store(binary, folder):
    fill_for_check(binary, folder)
    code, text = check(binary, folder / "store")
    expect(code == 0 and "everything is whole" in text, f"{code}: {text}")
    expect(re.search(r"stream '\$G > PLAIN', \d+ messages", text), text)
    code, text = check(binary, folder)
    expect(code == 2, f"{code}: {text}")


def finds_flipped_bits(binary, folder):
    fill_for_check(binary, folder)
    chance = random.Random(7)
    files = [path for path in (folder / "store").rglob("*") if path.is_file() and path.stat().st_size
             and (path.suffix == ".seg" or path.name in ("checkpoint", "stream"))]
    flips = 0
    for path in files:
        whole = path.read_bytes()
        for _ in range(20):
            at = chance.randrange(len(whole))
            if whole[at] == 0 and path.suffix == ".seg":
                continue  # room between frames is not looked at
            broken = bytearray(whole)
            broken[at] ^= 1 << chance.randrange(8)
            path.write_bytes(broken)
            code, text = check(binary, folder / "store")
            expect(code == 1 and "DAMAGED" in text or "no whole record" in text,
                   f"{path.name}: bit at {at} of {len(whole)} not found: {text}")
            flips += 1
        path.write_bytes(whole)
    expect(flips > 50, f"only {flips} bits were flipped")


def tells_what_is_lost(binary, folder):
    """One damaged message is named, and only that one is gone."""
    server = Server(binary, folder)
    client = server.client()
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s"]})
    for i in range(50):
        client.publish("s", b"message %04d " % (i + 1) * 40, reply="_INBOX.x")
        client.message()
    server.stop()
    damaged = 0
    for path in (folder / "store").rglob("*.seg"):
        whole = bytearray(path.read_bytes())
        at = whole.find(b"message 0007 " * 40)
        if at >= 0:
            whole[at + 100] ^= 1
            path.write_bytes(whole)
            damaged += 1
    expect(damaged == 1, f"the message was found in {damaged} files")
    server = Server(binary, folder)
    client = server.client()
    for seq in range(1, 51):
        answer = client.api("STREAM.MSG.GET.S", {"seq": seq})
        expect(("message" in answer) == (seq != 7), f"message {seq}: {answer}")
    state = client.api("STREAM.INFO.S")["state"]
    expect(state["lost"]["msgs"] == [7], state)
    expect(state["last_seq"] == 50, state)
    client.publish("s", b"new", reply="_INBOX.x")
    expect(b'"seq":51' in client.message()[3], "nothing is accepted any more")
    expect("damaged" in server.said(), "the log does not say it")
    server.stop()


# --- import ---

def unpacked(folder):
    """The recorded archive of version 1 as the store directory that it was."""
    packed, plain = (HERE.parent / "archives" / "v1.s2").read_bytes(), b""
    at = 10
    while at < len(packed):
        size = int.from_bytes(packed[at + 1:at + 4], "little")
        plain += packed[at + 8:at + 4 + size]
        at += 4 + size
    target = folder / "store/jetstream/$G/streams/ARC"
    target.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        archive.extractall(target)
    return target


def importing(binary, *args):
    done = subprocess.run([binary, "import", *map(str, args)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def imports_a_store_directory(binary, folder):
    expected, _ = recorded()
    unpacked(folder)
    server = Server(binary, folder)
    expect(server.process.wait(20) != 0 and "petrel import" in server.said(), server.said()[-300:])
    server.log.close()
    code, text = importing(binary, folder / "store")
    expect(code == 0 and "33 messages, 2 consumers" in text, f"{code}: {text}")
    before = {path: path.read_bytes() for path in (folder / "store/jetstream").rglob("*") if path.is_file()}
    for how in (signal.SIGKILL, signal.SIGTERM):
        server = Server(binary, folder)
        found = record.content(server.client(), expected["state"])
        server.stop(how)
        for key, value in found.items():
            expect(value == expected[key], f"{key}: {value}\ninstead of\n{expected[key]}")
    expect(before == {path: path.read_bytes() for path in before}, "files of nats-server were changed")
    code, text = importing(binary, folder / "store")
    expect(code == 2 and "already" in text, f"{code}: {text}")


def refuses_to_import_damage(binary, folder):
    target = unpacked(folder)
    for name in ("meta.inf", "msgs/1.blk", "obs/work/meta.inf"):
        whole = (target / name).read_bytes()
        (target / name).write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
        code, text = importing(binary, folder / "store")
        expect(code == 1 and "DAMAGED" in text, f"{name}: {code}: {text}")
        (target / name).write_bytes(whole)
    (target / "meta.key").write_bytes(b"x" * 72)
    code, text = importing(binary, folder / "store")
    expect(code == 1 and "encrypted" in text, f"{code}: {text}")
    expect(importing(binary, folder)[0] == 2, "a folder without streams")


def imports_what_nats_server_left(binary, oracle, folder):
    """Compressed blocks, limits that removed messages, purges, two accounts' worth of streams."""
    server = Server(oracle, folder)
    client = server.client()
    for name, config in (("ZIP", {"compression": "s2"}), ("FEW", {"max_msgs": 50}), ("CUT", {}), ("NONE", {})):
        client.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [f"{name}.>"], **config})
        for i in range(400 if name != "ZIP" else 9000):
            client.publish(f"{name}.{i % 11}", b"words %d " % i * 30, b"NATS/1.0\r\nA: b\r\n\r\n", "_INBOX.x")
            client.message()
    client.api("STREAM.PURGE.CUT", {"filter": "CUT.3"})
    client.api("STREAM.PURGE.CUT", {"seq": 20})
    client.api("STREAM.MSG.DELETE.CUT", {"seq": 400})
    client.api("STREAM.PURGE.NONE")
    names = ("ZIP", "FEW", "CUT", "NONE")
    seen = [[client.api(f"STREAM.INFO.{name}")["state"] for name in names],
            [client.api(f"STREAM.MSG.GET.{name}", {"last_by_subj": f"{name}.5"}) for name in names[:3]],
            [client.api("STREAM.MSG.GET.ZIP", {"seq": seq}) for seq in (1, 4500, 8999)]]
    server.stop()
    code, text = importing(binary, folder / "store")
    expect(code == 0, f"{code}: {text}")
    server = Server(binary, folder)
    client = server.client()
    now = [[client.api(f"STREAM.INFO.{name}")["state"] for name in names],
           [client.api(f"STREAM.MSG.GET.{name}", {"last_by_subj": f"{name}.5"}) for name in names[:3]],
           [client.api("STREAM.MSG.GET.ZIP", {"seq": seq}) for seq in (1, 4500, 8999)]]
    server.stop()
    for states in (seen[0], now[0]):
        for state in states:
            state.pop("last_ts")
    expect(seen == now, f"{seen}\nbecame\n{now}"[:3000])


def recovers_from_a_full_disk(binary, folder):
    """Publishes are refused, purges are not, and what they free can be filled again."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], check=True)
    try:
        server = Server(binary, folder)
        client = server.client()
        client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s"]})

        def is_stored():
            client.publish("s", b"x" * 65536, reply="_INBOX.x")
            answer = json.loads(client.message()[3])
            expect("seq" in answer and answer.get("error", {}).get("err_code", 10023) == 10023, answer)
            return "error" not in answer

        for _ in range(3):
            stored = 0
            while is_stored():
                stored += 1
                expect(stored < 1024, "the disk is never full")
            expect(stored > 100, f"full after {stored} messages")
            expect(client.api("STREAM.PURGE.S")["purged"] >= stored, "another count purged")
            until = time.monotonic() + 20
            while not is_stored():
                expect(time.monotonic() < until, "nothing is stored after a purge")
        server.stop()
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def syncs_before_it_answers(binary, folder):
    """One write and one sync of the same file for each message that is asked about one at a time. With worker threads:
    what io_uring does is no call that can be traced."""
    server = Server(binary, folder, http="petrel { disk_backend: threads }\n")
    client = server.client()
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s"]})
    trace = folder / "trace"
    tracer = subprocess.Popen(["strace", "-f", "-e", "trace=pwrite64,fdatasync", "-o", str(trace), "-p",
                               str(server.process.pid)], stderr=subprocess.PIPE, text=True)
    try:
        expect("attached" in tracer.stderr.readline(), "strace is not attached")
        for _ in range(20):
            client.publish("s", b"x", reply="_INBOX.x")
            expect(b'"seq"' in client.message()[3], "not stored")
    finally:
        tracer.terminate()
        tracer.communicate()
    calls = [(found[1], found[2]) for found in re.finditer(r"(pwrite64|fdatasync)\((\d+)", trace.read_text())]
    pairs = sum(first == ("pwrite64", second[1]) and second[0] == "fdatasync"
                for first, second in zip(calls, calls[1:]))
    server.stop()
    expect(pairs >= 20, f"{pairs} synced writes for 20 messages: {calls}")


CHECKS = [restores_archives_of_nats_server, moves_to_itself, leaves_nothing_of_a_restore_that_did_not_end,
          encrypts_at_rest, refuses_wrong_keys, rotates_keys, imports_a_store_directory, refuses_to_import_damage,
          finds_nothing_in_a_whole_store, finds_flipped_bits, tells_what_is_lost,
          recovers_from_a_full_disk, syncs_before_it_answers]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--petrel", required=True)
    parser.add_argument("--oracle")
    parser.add_argument("--only", default="")
    parser.add_argument("--golden", action="store_true", help="as without an oracle")
    args = parser.parse_args()
    checks = [(check.__name__, lambda folder, check=check: check(args.petrel, folder)) for check in CHECKS]
    both = [("moves_from_nats_server", args.oracle, args.petrel), ("moves_to_nats_server", args.petrel, args.oracle)]
    skipped = 0 if args.oracle else len(both) + 1
    if args.oracle:
        checks.append(("imports_what_nats_server_left",
                       lambda folder: imports_what_nats_server_left(args.petrel, args.oracle, folder)))
        checks += [(name, lambda folder, pair=(a, b): moved(*pair, folder)) for name, a, b in both]
    failed = passed = 0
    for name, run in checks:
        if args.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                run(pathlib.Path(folder))
                passed += 1
                print("ok  ", name)
            except Exception as error:  # noqa: BLE001 - whatever it is, the check failed
                failed += 1
                print("FAIL", name, "-", str(error)[:2000])
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())

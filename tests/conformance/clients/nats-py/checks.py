"""The idioms of nats-py against one server binary: checks.py <server-binary>."""
import asyncio
import contextlib
import pathlib
import re
import signal
import sys
import tempfile

import nats
import tls_checks
from nats import errors

WAIT = 10
BCRYPT = "$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"


class Server:
    """One process of the binary under test."""

    def __init__(self, config="", port=-1):
        self.config, self.port, self.process, self.log = config, port, None, None

    async def __aenter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="petrel-natspy-")
        path = pathlib.Path(self.folder.name) / "server.conf"
        path.write_text(self.config)
        arguments = ["-a", "127.0.0.1", "-p", str(self.port)] + (["-c", str(path)] if self.config else [])
        self.process = await asyncio.create_subprocess_exec(sys.argv[1], *arguments, stderr=asyncio.subprocess.PIPE)
        try:
            await asyncio.wait_for(self._ready(), WAIT)
        except (RuntimeError, asyncio.TimeoutError):
            await self.__aexit__()
            raise
        self.log = asyncio.create_task(self._discard())
        return self

    async def _ready(self):
        while line := (await self.process.stderr.readline()).decode():
            found = re.search(r"Listening for client connections on .*:(\d+)", line)
            if found:
                self.port = int(found[1])
            if line.rstrip().endswith("Server is ready"):
                return
        raise RuntimeError("the server does not start")

    async def _discard(self):
        while await self.process.stderr.readline():
            pass

    async def __aexit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        if self.log:
            await self.log
        self.folder.cleanup()

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"


@contextlib.asynccontextmanager
async def connected(config="", **options):
    """(server, connection)."""
    async with Server(config) as server:
        connection = await nats.connect(server.url, allow_reconnect=False, **options)
        try:
            yield server, connection
        finally:
            if not connection.is_closed:
                await connection.close()


async def eventually(condition):
    async def poll():
        while not condition():
            await asyncio.sleep(0.001)
    await asyncio.wait_for(poll(), WAIT)


async def connect_options():
    async with connected(name="petrel", pedantic=True, verbose=True) as (server, connection):
        assert connection.max_payload == 1 << 20, connection.max_payload
        assert connection.is_connected
        assert connection.connected_url.port == server.port
        assert connection.client_id > 0
        assert connection.connected_server_version.major == 2, connection.connected_server_version


async def no_echo():
    async with connected(no_echo=True) as (_, connection):
        subscription = await connection.subscribe("foo")
        await connection.publish("foo", b"x")
        await connection.flush()
        try:
            await subscription.next_msg(timeout=0.05)
        except errors.TimeoutError:
            return
        raise AssertionError("got an own message")


async def publish_subscribe():
    async with connected() as (_, connection):
        subscriptions = [await connection.subscribe(subject) for subject in ("a.b", "a.*", "a.>")]
        for number in range(500):
            await connection.publish("a.b", str(number).encode())
        for subscription in subscriptions:
            for number in range(500):
                message = await subscription.next_msg(timeout=WAIT)
                assert message.data == str(number).encode(), message


async def headers():
    async with connected() as (_, connection):
        subscription = await connection.subscribe("headers")
        await connection.publish("headers", b"body", headers={"Key": "one", "Other": "a: b"})
        message = await subscription.next_msg(timeout=WAIT)
        assert message.headers == {"Key": "one", "Other": "a: b"}, message.headers
        assert message.data == b"body"


async def _answer(connection):
    async def handler(message):
        await message.respond(b"re: " + message.data)
    await connection.subscribe("service", cb=handler)
    await connection.flush()


async def request_reply():
    async with connected() as (_, connection):
        await _answer(connection)
        for number in range(100):
            reply = await connection.request("service", str(number).encode(), timeout=WAIT)
            assert reply.data == f"re: {number}".encode(), reply


async def request_reply_old_style():
    async with connected() as (_, connection):
        await _answer(connection)
        for number in range(20):
            reply = await connection.request("service", str(number).encode(), timeout=WAIT, old_style=True)
            assert reply.data == f"re: {number}".encode(), reply


async def no_responders():
    async with connected() as (_, connection):
        try:
            await connection.request("nobody", b"", timeout=WAIT)
        except errors.NoRespondersError:
            return
        raise AssertionError("somebody answered")


async def queue_groups():
    async with connected() as (server, connection):
        counts, others = [0, 0, 0], []
        for member in range(3):
            other = await nats.connect(server.url)
            others.append(other)

            async def handler(_, member=member):
                counts[member] += 1
            await other.subscribe("work", queue="workers", cb=handler)
            await other.flush()
        for _ in range(300):
            await connection.publish("work", b"")
        await connection.flush()
        await eventually(lambda: sum(counts) >= 300)
        assert sum(counts) == 300 and all(counts), counts
        for other in others:
            await other.close()


async def drain():
    async with connected() as (_, connection):
        handled = 0

        async def handler(_):
            nonlocal handled
            await asyncio.sleep(0)
            handled += 1
        await connection.subscribe("drain", cb=handler)
        for _ in range(500):
            await connection.publish("drain", b"")
        await connection.flush()
        await connection.drain()
        assert handled == 500, handled
        assert connection.is_closed


async def flush():
    async with connected() as (_, connection):
        await connection.flush(timeout=WAIT)


async def auto_unsubscribe():
    async with connected() as (_, connection):
        got = []

        async def handler(message):
            got.append(message)
        subscription = await connection.subscribe("auto", cb=handler)
        await subscription.unsubscribe(limit=2)
        for _ in range(5):
            await connection.publish("auto", b"")
        await connection.flush()
        await eventually(lambda: len(got) >= 2)
        await connection.flush()
        assert len(got) == 2, got


async def reconnect_after_restart():
    again, lost = asyncio.Event(), asyncio.Event()

    async def reconnected():
        again.set()

    async def disconnected():
        lost.set()

    async def ignored(_):
        pass
    async with Server() as server:
        connection = await nats.connect(server.url, reconnect_time_wait=0.02, max_reconnect_attempts=-1,
                                        reconnected_cb=reconnected, disconnected_cb=disconnected, error_cb=ignored)
        subscription = await connection.subscribe("foo")
        await connection.flush()
    await asyncio.wait_for(lost.wait(), WAIT)
    async with Server(port=server.port):
        await asyncio.wait_for(again.wait(), WAIT)
        await connection.publish("foo", b"after")
        message = await subscription.next_msg(timeout=WAIT)
        assert message.data == b"after"
        await connection.close()


async def max_payload_error():
    async with connected("max_payload: 1000") as (_, connection):
        assert connection.max_payload == 1000
        try:
            await connection.publish("foo", b"x" * 1001)
        except errors.MaxPayloadError:
            await connection.publish("foo", b"x" * 1000)
            await connection.flush()
            return
        raise AssertionError("too much was accepted")


async def permission_errors():
    seen = []

    async def remember(error):
        seen.append(str(error))
    config = """authorization { users: [ { user: a, password: b,
      permissions: { publish: "ok.>", subscribe: { allow: ["ok.>", "_INBOX.>"], deny: "ok.secret" } } } ] }"""
    async with connected(config, user="a", password="b", error_cb=remember) as (_, connection):
        await connection.publish("forbidden", b"")
        await connection.flush()
        await connection.subscribe("ok.secret")
        await connection.flush()
        await eventually(lambda: len(seen) >= 2)
        assert 'publish to "forbidden"' in seen[0].lower(), seen
        assert 'subscription to "ok.secret"' in seen[1].lower(), seen
        allowed = await connection.subscribe("ok.>")
        await connection.publish("ok.x", b"")
        await allowed.next_msg(timeout=WAIT)


async def lame_duck_notice():
    noticed = asyncio.Event()

    async def notice(*_):
        noticed.set()
    async with connected(lame_duck_mode_cb=notice) as (server, _):
        server.process.send_signal(signal.SIGUSR2)
        await asyncio.wait_for(noticed.wait(), WAIT)


async def _refused(config, good, *bad):
    async def ignored(_):
        pass
    async with connected(config, **good) as (server, connection):
        await connection.flush()
        for options in bad:
            try:
                await nats.connect(server.url, allow_reconnect=False, error_cb=ignored, **options)
            except (errors.AuthorizationError, errors.Error) as error:
                assert "authorization violation" in str(error).lower(), error
                continue
            raise AssertionError(f"accepted {options}")


async def token():
    await _refused("authorization { token: secret }", {"token": "secret"}, {"token": "wrong"}, {})


async def user_and_password():
    await _refused("authorization { user: a, password: b }", {"user": "a", "password": "b"},
                   {"user": "a", "password": "c"}, {"user": "x", "password": "b"})


async def bcrypt_password():
    await _refused(f'authorization {{ user: a, password: "{BCRYPT}" }}', {"user": "a", "password": "secret"},
                   {"user": "a", "password": "wrong"})


CHECKS = (connect_options, no_echo, publish_subscribe, headers, request_reply, request_reply_old_style,
          no_responders, queue_groups, drain, flush, auto_unsubscribe, reconnect_after_restart, max_payload_error,
          permission_errors, lame_duck_notice, token, user_and_password, bcrypt_password,
          *tls_checks.checks(connected, (OSError, asyncio.TimeoutError, errors.Error)))


async def main():
    passed = failed = 0
    for check in CHECKS:
        try:
            await asyncio.wait_for(check(), 3 * WAIT)
        except Exception as error:  # a check of any kind that fails is reported, and the next one runs
            failed += 1
            print(f"FAIL {check.__name__}: {type(error).__name__}: {error}", flush=True)
        else:
            passed += 1
            print(f"ok   {check.__name__}", flush=True)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

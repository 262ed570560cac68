"""nkeys, credentials files and bearer tokens with nats-py against one server binary: checks.py <server-binary>."""
import asyncio
import pathlib
import re
import sys
import tempfile

import nats

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "differential"))
import credentials  # noqa: E402 - keys and JWTs made from names

WAIT = 10
OPEN = {"subs": -1, "data": -1, "payload": -1}
LIMITS = {**OPEN, "imports": -1, "exports": -1, "conn": -1, "leaf": -1}


class Server:
    """One process of the binary under test, in a folder of its own."""

    def __init__(self, config):
        self.config, self.url = "max_control_line: 16384\n" + config, ""

    async def __aenter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="petrel-natspy-auth-")
        path = self.file("server.conf", self.config)
        self.process = await asyncio.create_subprocess_exec(
            sys.argv[1], "-a", "127.0.0.1", "-p", "-1", "-c", path, stderr=asyncio.subprocess.PIPE)
        await asyncio.wait_for(self._ready(), WAIT)
        self.log = asyncio.create_task(self.process.stderr.read())
        return self

    def file(self, name, text):
        path = pathlib.Path(self.folder.name) / name
        path.write_text(text)
        return str(path)

    async def _ready(self):
        while line := (await self.process.stderr.readline()).decode():
            if found := re.search(r"Listening for client connections on .*:(\d+)", line):
                self.url = f"nats://127.0.0.1:{found[1]}"
            if line.endswith("Server is ready\n"):
                return
        raise RuntimeError("the server does not start")

    async def __aexit__(self, *_):
        self.process.kill()
        await self.process.wait()
        self.folder.cleanup()


async def let_in(server, **options):
    client = await nats.connect(server.url, allow_reconnect=False, connect_timeout=WAIT, **options)
    received = await client.subscribe("x")
    await client.publish("x", b"hi")
    assert (await received.next_msg(WAIT)).data == b"hi"
    await client.close()


async def refused(server, **options):
    async def ignore(_):
        pass
    try:
        client = await nats.connect(server.url, allow_reconnect=False, connect_timeout=WAIT, error_cb=ignore, **options)
    except Exception as error:  # the client wraps what the server says in several kinds
        assert "authorization violation" in str(error).lower(), error
        return
    await client.close()
    raise AssertionError("was let in")


def operator_config():
    account = {"sub": credentials.public("ACCOUNT", "acc"), "nats": {"limits": LIMITS}}
    operator = credentials.token("operator", "OPERATOR:op", {"sub": credentials.public("OPERATOR", "op")})
    token = credentials.token("account", "OPERATOR:op", account)
    return f"operator: {operator}\nresolver: MEMORY\nresolver_preload: {{ {account['sub']}: {token} }}\n"


def creds(name, signer="acc", **nats_claims):
    claims = {"sub": credentials.public("USER", name), "nats": {**OPEN, **nats_claims}}
    token = credentials.token("user", f"ACCOUNT:{signer}", claims)
    return (f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{credentials.seed_text('USER', name)}\n------END USER NKEY SEED------\n")


async def nkey_seed():
    config = f"authorization {{ users: [ {{ nkey: {credentials.public('USER', 'ann')} }} ] }}"
    async with Server(config) as server:
        await let_in(server, nkeys_seed=server.file("ann.nk", credentials.seed_text("USER", "ann")))
        await refused(server, nkeys_seed=server.file("bob.nk", credentials.seed_text("USER", "bob")))


async def credentials_file():
    async with Server(operator_config()) as server:
        await let_in(server, user_credentials=server.file("ann.creds", creds("ann")))
        await refused(server, user_credentials=server.file("eve.creds", creds("eve", signer="stranger")))


async def permissions():
    async with Server(operator_config()) as server:
        text = creds("ann", pub={"allow": ["ok"]})
        errors = asyncio.Queue()
        client = await nats.connect(server.url, user_credentials=server.file("ann.creds", text), error_cb=errors.put)
        await client.publish("no", b"")
        error = await asyncio.wait_for(errors.get(), WAIT)
        assert "permissions violation for publish" in str(error).lower(), error
        await client.close()


async def main():
    passed = failed = 0
    for check in (nkey_seed, credentials_file, permissions):
        try:
            await check()
            passed += 1
            print(f"ok   {check.__name__}")
        except Exception as error:  # every check is run, whatever the others do
            failed += 1
            print(f"FAIL {check.__name__}: {type(error).__name__}: {error}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(asyncio.run(main()))

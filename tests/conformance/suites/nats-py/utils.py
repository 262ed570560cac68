"""Takes the place of tests/utils.py, which the source archive of nats-py leaves out: servers are processes of the
nats-server in PATH. Test cases that need certificates, keys or configurations of the repository are skipped."""
import asyncio
import functools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

USERS = """
no_auth_user: "foo"
accounts { A { users: [ {user: "foo", password: "foo"}, {user: "bar", password: "bar", permissions: {subscribe: {deny: "foo"}}} ] } }
"""
LIMITS = """
jetstream { domain: "test-domain", max_memory_store: 64MB, max_file_store: 64MB, store_dir: "%s" }
no_auth_user: "foo"
accounts { A { users: [ {user: "foo", password: "bar"} ]
  jetstream { max_mem: 64MB, max_file: 32MB, max_streams: 10, max_consumers: 20, max_ack_pending: 100,
    memory_max_stream_bytes: 2048, store_max_stream_bytes: 4096, max_stream_bytes: true } } }
"""


class NATSD:
    def __init__(self, port=4222, http_port=8222, config="", jetstream=False):
        self.port, self.http_port, self.config, self.jetstream = port, http_port, config, jetstream
        self.folder = tempfile.mkdtemp(prefix="suite-nats-py-")
        self.process = None

    def start(self):
        path = os.path.join(self.folder, "server.conf")
        text = self.config.replace("%s", self.folder + "/store")
        if self.jetstream:
            text += f'jetstream {{ store_dir: "{self.folder}/store" }}\n'
        with open(path, "w") as file:
            file.write(text)
        command = ["nats-server", "-a", "127.0.0.1", "-p", str(self.port), "-m", str(self.http_port), "-c", path]
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        for _ in range(2000):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.01)
        raise RuntimeError("the server does not listen")

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
            self.process = None


class ServerTestCase(unittest.TestCase):
    servers = staticmethod(list)

    def setUp(self):
        super().setUp()
        self.server_pool = self.servers()
        for server in self.server_pool:
            server.start()

    def tearDown(self):
        for server in self.server_pool:
            server.stop()
            shutil.rmtree(server.folder, ignore_errors=True)
        super().tearDown()


def case(name, servers):
    return type(name, (ServerTestCase,), {"servers": staticmethod(servers)})


def auth(user, password):
    return f'authorization {{ user: "{user}", password: "{password}" }}\n'


SingleServerTestCase = case("SingleServerTestCase", lambda: [NATSD()])
SingleJetStreamServerTestCase = case("SingleJetStreamServerTestCase", lambda: [NATSD(jetstream=True)])
SingleJetStreamServerLimitsTestCase = case("SingleJetStreamServerLimitsTestCase", lambda: [NATSD(config=LIMITS)])
NoAuthUserServerTestCase = case("NoAuthUserServerTestCase", lambda: [NATSD(4555, 8555, USERS)])
MultiServerAuthTestCase = case(
    "MultiServerAuthTestCase", lambda: [NATSD(4223, 8223, auth("foo", "bar")), NATSD(4224, 8224, auth("hoge", "fuga"))]
)
MultiServerAuthTokenTestCase = case(
    "MultiServerAuthTokenTestCase",
    lambda: [NATSD(4223 + i, 8223 + i, f'authorization {{ token: "{token}" }}\n')
             for i, token in enumerate(("token", "token", "deadbeef"))],
)


def absent(reason):
    class Absent(unittest.TestCase):
        def setUp(self):
            self.skipTest(reason)

    return Absent


TLSServerTestCase = absent("certificates are not in the archive")
TLSServerHandshakeFirstTestCase = MultiTLSServerAuthTestCase = TLSServerTestCase
NkeysServerTestCase = TrustedServerTestCase = absent("keys are not in the archive")
SingleWebSocketServerTestCase = SingleWebSocketTLSServerTestCase = absent("needs WebSocket")
ClusteringTestCase = ClusteringDiscoveryAuthTestCase = absent("needs a cluster")


def get_config_file(name):
    raise unittest.SkipTest(f"{name} is not in the archive")


def timed(test, seconds):
    @functools.wraps(test)
    def run(*args, **kwargs):
        return asyncio.run(asyncio.wait_for(test(*args, **kwargs), seconds))

    return run


def async_test(test):
    return timed(test, 20)


def async_long_test(test):
    return timed(test, 60)


def async_debug_test(test):
    return timed(test, 60)

"""TLS with nats-py: each mode of the tls { } block, with certificates made for the run."""
import contextlib
import pathlib
import ssl
import subprocess
import tempfile


def _openssl(*words, text=None):
    subprocess.run(["openssl", *words], input=text, text=True, check=True, capture_output=True)


class Authority:
    """Certificates in a folder, all signed by ca.pem."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                 "-subj", "/CN=petrel test", "-keyout", self.path("ca.key"), "-out", self.path("ca.pem"))
        self.issue("server", "/CN=localhost", "DNS:localhost,IP:127.0.0.1")

    def path(self, name):
        return str(self.folder / name)

    def issue(self, name, subject, alternative_names):
        _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
                 "-keyout", self.path(name + ".key"), "-out", self.path(name + ".csr"))
        (self.folder / "extensions").write_text(f"subjectAltName={alternative_names}\n")
        _openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.path("ca.pem"),
                 "-CAkey", self.path("ca.key"), "-CAcreateserial", "-days", "2", "-out", self.path(name + ".pem"),
                 "-extfile", self.path("extensions"))

    def block(self, more=""):
        return (f'tls {{ cert_file: "{self.path("server.pem")}", key_file: "{self.path("server.key")}", '
                f'ca_file: "{self.path("ca.pem")}", {more} }}\n')

    def context(self, certificate=None):
        context = ssl.create_default_context(cafile=self.path("ca.pem"))
        if certificate:
            context.load_cert_chain(self.path(certificate + ".pem"), self.path(certificate + ".key"))
        return context


@contextlib.contextmanager
def authority():
    with tempfile.TemporaryDirectory(prefix="petrel-natspy-tls-") as folder:
        yield Authority(folder)


def checks(connected, refused_error):
    """The checks, around `connected(config, **options)` of checks.py."""

    async def exchange(config, **options):
        async with connected(config, **options) as (_, connection):
            subscription = await connection.subscribe("a.*")
            for size in (0, 1, 16384, 16385, 500_000):
                await connection.publish("a.b", b"x" * size)
                message = await subscription.next_msg(timeout=10)
                assert len(message.data) == size, len(message.data)

    async def refused(config, **options):
        try:
            await exchange(config, connect_timeout=2, **options)
        except refused_error:
            return
        raise AssertionError("was let in")

    async def tls_after_info():
        with authority() as made:
            await exchange(made.block(), tls=made.context())

    async def tls_handshake_first():
        with authority() as made:
            for mode in ("true", "auto"):
                await exchange(made.block(f"handshake_first: {mode}"), tls=made.context(),
                               tls_handshake_first=True)
            await exchange(made.block("handshake_first: auto"), tls=made.context())

    async def tls_mixed_port():
        with authority() as made:
            mixed = made.block() + "allow_non_tls: true\n"
            await exchange(mixed)
            await exchange(mixed, tls=made.context())

    async def tls_verify():
        with authority() as made:
            made.issue("client", "/CN=client", "DNS:client")
            await exchange(made.block("verify: true"), tls=made.context("client"))
            await refused(made.block("verify: true"), tls=made.context())

    async def tls_verify_and_map():
        with authority() as made:
            made.issue("client", "/O=acme/CN=derek", "email:derek@acme.com")
            for user in ("derek@acme.com", "CN=derek,O=acme"):
                users = f'authorization {{ users: [{{ user: "{user}" }}] }}\n'
                await exchange(users + made.block("verify_and_map: true"), tls=made.context("client"))
            await refused("authorization { users: [{ user: somebody }] }\n" + made.block("verify_and_map: true"),
                          tls=made.context("client"))

    return (tls_after_info, tls_handshake_first, tls_mixed_port, tls_verify, tls_verify_and_map)

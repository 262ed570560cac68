"""Certificates for scenarios with TLS, made once for a run: @{TLS} is their folder."""
import atexit
import functools
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import threading

NAMES = {
    # name: (subject, alternative names, signed by)
    "server": ("/O=petrel/CN=localhost", "DNS:localhost,IP:127.0.0.1", "ca"),
    "client": ("/O=acme/OU=ops/CN=derek", "email:derek@acme.com,DNS:derek.acme.com", "ca"),
    "other": ("/O=acme/CN=eve", "DNS:eve.acme.com", "ca"),
    "stranger": ("/O=acme/CN=mallory", "DNS:mallory.acme.com", "strangers"),
}
_LOCK = threading.Lock()
_NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def _openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


@functools.lru_cache(None)
def _made():
    folder = tempfile.mkdtemp(prefix="petrel-certificates-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for authority in "ca", "strangers":
        _openssl(folder, "req", "-x509", *_NEW_KEY, "-days", "3", "-subj", f"/CN={authority}",
                 "-keyout", f"{authority}.key", "-out", f"{authority}.pem")
    for name, (subject, alternatives, signer) in NAMES.items():
        _openssl(folder, "req", "-new", *_NEW_KEY, "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (pathlib.Path(folder) / "extensions").write_text(f"subjectAltName={alternatives}\n", encoding="ascii")
        _openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{signer}.pem", "-CAkey", f"{signer}.key",
                 "-CAcreateserial", "-days", "3", "-extfile", "extensions", "-out", f"{name}.pem")
    return folder


def folder():
    with _LOCK:
        return _made()


def pin(name):
    """SHA-256 of the public key, in hex."""
    key = subprocess.run(f"openssl x509 -in {name}.pem -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum",
                         shell=True, cwd=folder(), check=True, capture_output=True, text=True)
    return key.stdout.split()[0]


def client_context(name):
    context = ssl.create_default_context(cafile=f"{folder()}/ca.pem")
    if name:
        context.load_cert_chain(f"{folder()}/{name}.pem", f"{folder()}/{name}.key")
    return context

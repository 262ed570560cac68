"""Starts and stops the servers under measurement, and calls the load generator."""
import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

NATS_VERSION = "2.15.2"
ROOT = pathlib.Path(__file__).resolve().parents[2]


class BenchError(Exception):
    """A server or the load generator failed; the figure does not exist."""


@dataclasses.dataclass(frozen=True)
class Server:
    """A binary to measure. `settings` is the content of its petrel { } block, if any."""

    name: str
    binary: str
    settings: str = ""
    environment: tuple = ()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find_nats(given):
    """The nats-server to compare with: exactly the version that Petrel matches."""
    places = [given] if given else [
        shutil.which("nats-server"),
        str(ROOT / "build/cache/bin/nats-server"),
        str(pathlib.Path.home() / "go/bin/nats-server"),
    ]
    for place in places:
        if place and os.access(place, os.X_OK):
            answer = subprocess.run([place, "--version"], capture_output=True, text=True, check=False)
            if NATS_VERSION in answer.stdout:
                return place
    raise BenchError(f"nats-server {NATS_VERSION} is not installed; "
                     f"go install github.com/nats-io/nats-server/v2@v{NATS_VERSION}")


def tls_flags(folder):
    """Flags for TLS after INFO, with a fresh certificate of the usual kind (ECDSA, P-256)."""
    certificate, key = folder + "/server.pem", folder + "/server.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost"],
                   check=True, capture_output=True)
    return ["--tls", "--tlscert", certificate, "--tlskey", key]


def command_of(server, port, monitor_port=None, folder=None, tls=False, jetstream=None, config=""):
    command = [server.binary, "-a", "127.0.0.1", "-p", str(port)]
    if monitor_port:
        command += ["-m", str(monitor_port)]
    if tls:
        command += tls_flags(folder)
    blocks = [config] if config else []
    if server.settings:
        blocks.append(f"petrel {{ {server.settings} }}")
    if jetstream is not None:
        blocks.append(f'jetstream {{ store_dir: "{folder}/store"\n {jetstream} }}')
    if blocks:
        path = pathlib.Path(folder) / "bench.conf"
        path.write_text("\n".join(blocks) + "\n")
        command += ["-c", str(path)]
    return command


def wait_for_info(process, port, log, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise BenchError(f"ended with {process.returncode} at start: {log.read_text()[-400:]}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as link:
            if link.recv(4) == b"INFO":
                return
        time.sleep(0.01)
    raise BenchError(f"did not send INFO within {seconds} s")


def spawn(server, folder, port, monitor_port=None, tls=False, jetstream=None, config=""):
    """A server process with its files in `folder`, and its log."""
    log = pathlib.Path(folder) / "log"
    with log.open("a") as sink:
        process = subprocess.Popen(
            command_of(server, port, monitor_port, folder, tls, jetstream, config), stdin=subprocess.DEVNULL,
            stdout=sink, stderr=sink, env={**os.environ, **dict(server.environment)})
    return process, log


def stop(process):
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def complaints(log):
    """Errors and warnings at the end of a server's log."""
    lines = [line for line in log.read_text().splitlines() if "[ERR]" in line or "[WRN]" in line]
    return "".join("\n  its log: " + line for line in lines[-3:])


@contextlib.contextmanager
def running(server, monitor=False, tls=False, jetstream=None, config=""):
    """A fresh server process; yields (pid, port, monitor port or None). `jetstream` is the content of
    its jetstream { } block, None for a server without."""
    with tempfile.TemporaryDirectory(prefix="petrel-bench-") as folder:
        port = free_port()
        monitor_port = free_port() if monitor else None
        process, log = spawn(server, folder, port, monitor_port, tls, jetstream, config)
        try:
            wait_for_info(process, port, log)
            yield process.pid, port, monitor_port
            if process.poll() is not None:
                raise BenchError(f"died with {process.returncode}: {log.read_text()[-400:]}")
        except BenchError as error:
            raise BenchError(f"{error}{complaints(log)}") from error
        finally:
            stop(process)


def messages_in(monitor_port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{monitor_port}/varz", timeout=10) as answer:
            return json.load(answer)["in_msgs"]
    except (OSError, ValueError, KeyError) as error:
        raise BenchError(f"/varz does not count messages: {error}") from error


@contextlib.contextmanager
def flooding(binary, port, user, options):
    """A tenant that publishes without end, until the block is left."""
    words = [binary, "flood", "--port", str(port), "--user", user]
    for name, value in options.items():
        words += [f"--{name}", str(value)]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    try:
        time.sleep(1)  # limits allow a burst first
        yield
        if process.poll() is not None:
            raise BenchError(f"the flood ended with {process.returncode}")
    finally:
        process.kill()
        process.wait()


def load(binary, kind, port, pid=0, options=None, command=()):
    """Runs the load generator once and returns what it measured."""
    words = [binary, kind, "--port", str(port), "--pid", str(pid)]
    for name, value in (options or {}).items():
        words += [f"--{name}", str(value)]
    if command:
        words += ["--", *command]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900,
                          check=False)
    if done.returncode != 0:
        raise BenchError(done.stderr.strip()[:400] or f"load generator exit {done.returncode}")
    return json.loads(done.stdout)
